"""The states of an exchange, and which may follow which. All transitions are in this table.

::

    IDLE ──request_headers──▶ HELD ──request_body──▶ SENT ──response_headers──▶ RESPONDING ──▶ DONE
      │                        │                      └────────────────────────▶ STREAMING ──▶ DONE
      ├──▶ BYPASSED (not ours) │
      └──▶ DONE (refused) ◀────┘

Trailers on a request that is still HELD say that its body is empty: Envoy shows no body then.
Response headers may come while the request is still HELD: Envoy answers some requests itself, a
body over its buffer limit for one, and shows us its reply as if upstream had sent it.
"""

from enum import IntEnum, auto


class State(IntEnum):
    """Where an exchange stands."""

    IDLE = auto()  # nothing seen yet
    BYPASSED = auto()  # not an OpenAI request: every message is left as it is
    HELD = auto()  # request headers seen; Envoy holds them back until the body is translated
    SENT = auto()  # the translated request is with upstream
    RESPONDING = auto()  # response headers seen; Envoy holds them back until the body is translated
    STREAMING = auto()  # response headers are with the client; events are translated as they come
    DONE = auto()  # the client has its answer, or will get it from Envoy as it is


class Phase(IntEnum):
    """The messages of an exchange."""

    REQUEST_HEADERS = auto()
    REQUEST_BODY = auto()
    REQUEST_TRAILERS = auto()
    RESPONSE_HEADERS = auto()
    RESPONSE_BODY = auto()


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
}
"""What each phase may lead to. A phase that is not here for a state leaves everything as it is."""
