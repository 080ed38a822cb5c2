"""Generated identifiers, in OpenAI's forms."""

from uuid import uuid4

_COMPLETION = "chatcmpl-"
_CALL_LENGTH = 24


def request_id() -> str:
    """An id for a request without one."""
    return f"req_{uuid4().hex}"


def completion_id(given: str = "") -> str:
    """An id for a chat completion, from the id of the model server's response if it has one."""
    identity = given or uuid4().hex
    return identity if identity.startswith(_COMPLETION) else _COMPLETION + identity


def call_id() -> str:
    """An id for a tool call without one."""
    return f"call_{uuid4().hex[:_CALL_LENGTH]}"
