"""The streamed exchange: the request, and the numbered events of the model server."""

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
"""The small chat, streamed. Its response is one of the events."""

OPENAI_PATH = STREAMED.openai_path
OIP_PATH = f"{STREAMED.oip_path}_stream"

NUMBER = re.compile(rb"#(\d{8})")
"""The content of an event, in either API: the number of the event in its stream."""

DONE = b"data: [DONE]\n\n"
"""The end of an OpenAI stream."""


def event(number: int) -> bytes:
    """An event of the model server, just under 500 bytes."""
    return b"data: %b#%08d%b\n\n" % (_BEFORE, number, _AFTER)
