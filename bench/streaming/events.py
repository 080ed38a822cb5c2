"""The streamed exchange: what the client asks, and the numbered events the model server answers."""

import json
import re

from bench import bodies
from bench.exchange import Exchange

_CHAT = bodies.small_chat()
_ASKED = {**json.loads(_CHAT.openai_request), "stream": True}
_BEFORE, _, _AFTER = _CHAT.oip_response.partition(bodies.CONTENT.encode())

STREAMED = Exchange(
    _CHAT.operation, _CHAT.model, json.dumps(_ASKED).encode(), _CHAT.oip_response, _CHAT.proof
)
"""The small chat, streamed. What the model server answers is one of the events."""

OPENAI_PATH = STREAMED.openai_path
OIP_PATH = f"{STREAMED.oip_path}_stream"

NUMBER = re.compile(rb"#(\d{8})")
"""What an event's content says, in either dialect: the place of the event in its stream."""

DONE = b"data: [DONE]\n\n"
"""The end of an OpenAI stream."""


def event(number: int) -> bytes:
    """An event of the model server's, as all of them just under 500 bytes."""
    return b"data: %b#%08d%b\n\n" % (_BEFORE, number, _AFTER)
