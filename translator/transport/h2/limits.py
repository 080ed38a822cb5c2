"""Limits on a peer. Envoy comes near none of them; each stops a malicious peer."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one connection.

    Attributes:
        streams: how many may be open, told by SETTINGS; more are refused, which a client may try
            again. Twice the exchanges that are served by default, as those that are too many get an
            answer.
        header_block: bytes of one header block as it is sent, with its CONTINUATION frames. Envoy's
            call has some 200 bytes, and 60 KiB is what Envoy takes of anybody.
        continuations: frames of one header block after the first, so that a block that never ends
            is not waited for (CVE-2024-27316 and its like).
        message: bytes of one gRPC message. What Envoy buffers comes in one, and the limits on
            bodies, far below this, have answers of their own. A stream holds one at most.
        window: bytes that a stream may send before they are dealt with. A message may be larger; as
            long as its call can take it the window is opened again. Below 65,535 a client must have
            read our SETTINGS before it sends.
        connection_window: the same for all streams together, above 65,535. Bytes are dealt with as
            they come, but for those of a stream whose answers its client does not read.
        useless: frames in a row of ten seconds that bring nothing forward: PING, SETTINGS,
            PRIORITY, empty DATA, trailers and resets of streams that are closed (CVE-2019-9511 to
            9518).
        settings: SETTINGS in ten seconds, however useful the rest is: each may be work for every
            stream. gRPC's clients send some as they learn what their network can take.
        wasted: streams in ten seconds that their peer takes back before one message has been
            answered (CVE-2023-44487), or that had to be refused or reset (CVE-2025-8671). Envoy
            resets each stream as it is done with it, but then it has had its answers.
        greeting: seconds until the preface and SETTINGS have come.
        idle: seconds that a connection may be without streams and silent; Envoy's own limit is an
            hour too, and it asks for health every few seconds.
    """

    streams: int = 20_000
    header_block: int = 64 * 1024
    continuations: int = 16
    message: int = 1024 * MIB
    window: int = 4 * MIB
    connection_window: int = 64 * MIB
    useless: int = 1000
    settings: int = 300
    wasted: int = 10_000
    greeting: float = 10.0
    idle: float = 3600.0


DEFAULTS = Limits()
"""The default limits."""

PERIOD = 10.0
"""Seconds after which the counts of useless frames and wasted streams are reset."""
