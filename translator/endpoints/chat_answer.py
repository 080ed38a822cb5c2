"""The answer to a chat completion, from ``output_all`` or from the tensors of the local runtime."""

from typing import Any
from uuid import uuid4

import msgspec
from msgspec import UNSET

from translator.endpoints import output_all
from translator.oip.response import InferenceResponse, decode, unreadable
from translator.openai.chat import (
    AnswerMessage,
    ChatCompletion,
    Choice,
    FunctionCall,
    ToolCall,
    Usage,
)

# The names under which runtimes give token counts: as a tensor or as a response parameter.
_PROMPT_TOKENS = ("prompt_tokens", "num_input_tokens", "input_tokens")
_COMPLETION_TOKENS = ("completion_tokens", "num_output_tokens", "output_tokens")
_MOST_DIGITS = 18  # of a count, in 64 bits
_COUNTS = frozenset(_PROMPT_TOKENS + _COMPLETION_TOKENS)


def translate(body: bytes, model: str | None, created: int) -> bytes:
    """Translate a whole OIP response into a chat completion.

    Args:
        body: the OIP response as JSON.
        model: the model as the client named it, or None for the server's own name.
        created: seconds since the epoch.

    Raises:
        UpstreamError: 502, there is no answer in the response.
    """
    response = decode(body)
    complete = output_all.read(response)
    if complete is not None:
        return complete
    messages = read_messages(response)
    if not messages:
        raise unreadable()
    reasons = response.strings("finish_reason") or []
    completion = ChatCompletion(
        id=completion_id(response),
        created=created,
        model=model or response.model_name or "",
        choices=[
            Choice(index, message, finish_reason(reasons, index, called=bool(message.tool_calls)))
            for index, message in enumerate(messages)
        ],
        usage=read_usage(response) or UNSET,
    )
    return msgspec.json.encode(completion)


def read_messages(response: InferenceResponse) -> list[AnswerMessage]:
    """One message per choice from the tensors role, content and tool_calls; empty if there is none.

    The length of role says how many choices there are, else that of content. One role with
    several content elements is one message in several parts.
    """
    roles = response.strings("role") or []
    contents = response.strings("content") or []
    called = [read_tool_calls(text) for text in response.strings("tool_calls") or []]
    count = len(roles) or len(contents) or min(len(called), 1)
    if count == 1:
        contents = ["".join(contents)]
        called = [[call for calls in called for call in calls]]
    messages = []
    for index in range(count):
        calls = called[index] if index < len(called) else []
        content = contents[index] if index < len(contents) else ""
        messages.append(
            AnswerMessage(
                role=(roles[index] if index < len(roles) else "") or "assistant",
                content=None if calls and not content else content,
                tool_calls=calls or UNSET,
            )
        )
    return messages


def read_tool_calls(text: str) -> list[ToolCall]:
    """The tool calls in one element of the tensor ``tool_calls``.

    No runtime documents the encoding, so each is understood: a JSON object, a JSON list of
    objects, a JSON list of JSON strings, null or "".

    Raises:
        UpstreamError: 502, it is none of these.
    """
    if not text:
        return []
    try:
        document = msgspec.json.decode(text)
        items = document if isinstance(document, list) else [document]
        items = [
            msgspec.json.decode(item) if item and isinstance(item, str) else item for item in items
        ]
    except (msgspec.DecodeError, RecursionError) as error:
        raise unreadable() from error
    return [_tool_call(item) for item in items if item not in (None, "")]


def _tool_call(item: Any) -> ToolCall:
    match item:
        case {"function": {"name": str(name), **function}}:
            arguments = function.get("arguments")
        case {"name": str(name), **function}:  # the bare function, as some templates emit it
            arguments = function.get("arguments")
        case _:
            raise unreadable()
    if not isinstance(arguments, str):
        arguments = "{}" if arguments is None else msgspec.json.encode(arguments).decode()
    identity = item.get("id")
    return ToolCall(
        id=identity if isinstance(identity, str) and identity else f"call_{uuid4().hex[:24]}",
        type="function",
        function=FunctionCall(name, arguments),
    )


def read_usage(response: InferenceResponse) -> Usage | None:
    """The token counts in a response under any of their known names, or None."""
    if not response.parameters and _COUNTS.isdisjoint(response.names):
        return None
    prompt = _count(response, _PROMPT_TOKENS)
    completion = _count(response, _COMPLETION_TOKENS)
    if prompt is None or completion is None:
        return None
    return Usage(prompt, completion, prompt + completion)


def _count(response: InferenceResponse, names: tuple[str, ...]) -> int | None:
    for name in names:
        tensor = response.output(name)
        raw = tensor.data if tensor else (response.parameters or {}).get(name)
        if raw is not None:
            digits = bytes(raw).strip(b'[]" \t\r\n')
            if digits.isdigit() and len(digits) <= _MOST_DIGITS:
                return int(digits)
    return None


def finish_reason(given: list[str], index: int, *, called: bool) -> str:
    """Why choice ``index`` ended: as the runtime says, else by whether it called a tool."""
    if index < len(given) and given[index]:
        return given[index]
    return "tool_calls" if called else "stop"


def completion_id(response: InferenceResponse) -> str:
    """``chatcmpl-`` and the OIP response's id, or one of our own where it has none."""
    identity = response.id or uuid4().hex
    return identity if identity.startswith("chatcmpl-") else f"chatcmpl-{identity}"
