"""The identifiers that this program gives out, each in OpenAI's form."""

from uuid import uuid4

_COMPLETION = "chatcmpl-"
_CALL_LENGTH = 24


def request_id() -> str:
    """For a request whose client gave none."""
    return f"req_{uuid4().hex}"


def completion_id(given: str = "") -> str:
    """For a chat completion: the id of the model server's response, if it has one."""
    identity = given or uuid4().hex
    return identity if identity.startswith(_COMPLETION) else _COMPLETION + identity


def call_id() -> str:
    """For a tool call to which the runtime gave none."""
    return f"call_{uuid4().hex[:_CALL_LENGTH]}"
