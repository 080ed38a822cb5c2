"""Limits on a peer. Envoy comes near none of them; each stops a malicious peer."""

from dataclasses import dataclass

from translator.transport.service import MESSAGE, MIB, STREAMS


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one connection.

    Attributes:
        streams: open streams, as announced in SETTINGS; further ones are refused, and can be
            retried.
        header_block: bytes of a header block, encoded with its CONTINUATION frames, and decoded
            with 32 bytes for each field, so that it has at most 500 fields. Envoy's block has 10 to
            20 fields and about 200 bytes; gRPC's limit is the same.
        continuations: CONTINUATION frames of one header block (CVE-2024-27316 and similar).
        message: bytes of one gRPC message. A stream holds at most one.
        incomplete: bytes of the incomplete messages of all streams together. It has room for five
            bodies of the default limit that arrive at the same time, or for one message of the
            largest size. The call that exceeds it ends with RESOURCE_EXHAUSTED.
        window: bytes that a stream may send before they are consumed. A larger message extends it
            while the message arrives. It is small, so that not many events of a stream are queued
            here. Values below 65,535 apply only when the client has read our SETTINGS.
        connection_window: the same for all streams together; above 65,535. It is small too, because
            queued data delays new messages on the connection.
        useless: useless frames in ten seconds that no useful ones offset: PING, SETTINGS, PRIORITY,
            empty DATA, trailers and resets of closed streams, more WINDOW_UPDATE than two for each
            DATA frame sent (CVE-2019-9511 to 9518).
        settings: SETTINGS frames in ten seconds. Useful frames do not offset them, because each can
            change every stream. gRPC's clients send some when they adapt to the network.
        wasted: streams in ten seconds that the peer resets before the first reply (CVE-2023-44487),
            or that have to be refused or reset (CVE-2025-8671). Envoy resets its streams too, but
            after replies.
        greeting: seconds until preface and SETTINGS must have arrived.
        idle: seconds until a connection without streams and input is closed. Envoy's own limit is
            also an hour, and its health checks come every few seconds.
    """

    streams: int = STREAMS
    header_block: int = 16 * 1024
    continuations: int = 16
    message: int = MESSAGE
    incomplete: int = 320 * MIB
    window: int = 65_536
    connection_window: int = MIB
    useless: int = 1000
    settings: int = 300
    wasted: int = 10_000
    greeting: float = 10.0
    idle: float = 3600.0


DEFAULTS = Limits()
"""The default limits."""

PERIOD = 10.0
"""Seconds after which the counts of useless frames and wasted streams are reset."""
