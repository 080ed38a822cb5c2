"""The states of an exchange and all their transitions.

::

    IDLE ──request_headers──▶ HELD ──request_body──▶ SENT ──response_headers──▶ RESPONDING ──▶ DONE
      │                        │                      └────────────────────────▶ STREAMING ──▶ DONE
      ├──▶ BYPASSED (not ours) │
      └──▶ DONE (refused) ◀────┘

Trailers on a request that is still HELD mean that it has no body: Envoy then sends none.
Response headers may come while the request is still HELD: Envoy responds to some requests itself,
such as a body over its buffer limit, and sends its local reply through the response phases.
"""

from enum import IntEnum, auto


class State(IntEnum):
    """The state of an exchange."""

    IDLE = auto()  # nothing seen yet
    BYPASSED = auto()  # plain OIP: only credentials are removed
    HELD = auto()  # request headers seen; Envoy holds them back until the body is translated
    SENT = auto()  # the translated request is with upstream
    RESPONDING = auto()  # response headers seen; Envoy holds them back until the body is translated
    STREAMING = auto()  # response headers are with the client; events are translated as they come
    DONE = auto()  # the response is complete, or Envoy sends the rest unchanged


class Phase(IntEnum):
    """The messages of an exchange."""

    REQUEST_HEADERS = auto()
    REQUEST_BODY = auto()
    REQUEST_TRAILERS = auto()
    RESPONSE_HEADERS = auto()
    RESPONSE_BODY = auto()
    RESPONSE_TRAILERS = auto()


# IntEnum, because the table is asked twice for every message and an int hashes faster than a name.
TRANSITIONS: dict[tuple[State, Phase], frozenset[State]] = {
    (State.IDLE, Phase.REQUEST_HEADERS): frozenset({State.BYPASSED, State.HELD, State.DONE}),
    (State.HELD, Phase.REQUEST_BODY): frozenset({State.SENT, State.DONE}),
    (State.HELD, Phase.REQUEST_TRAILERS): frozenset({State.DONE}),
    (State.HELD, Phase.RESPONSE_HEADERS): frozenset({State.RESPONDING, State.DONE}),
    (State.SENT, Phase.RESPONSE_HEADERS): frozenset(
        {State.RESPONDING, State.STREAMING, State.DONE}
    ),
    (State.RESPONDING, Phase.RESPONSE_BODY): frozenset({State.DONE}),
    (State.STREAMING, Phase.RESPONSE_BODY): frozenset({State.STREAMING, State.DONE}),
    (State.STREAMING, Phase.RESPONSE_TRAILERS): frozenset({State.DONE}),
}
"""The allowed transitions. A phase that is not listed for a state changes nothing."""
