"""Decodes the tensors of a conversation to the messages and tools of an OpenAI chat request.

With one message, the elements of `content` and `type` are its parts. With several, each message has
one element: its only part as plain text, or all its parts as a JSON list of strings. The same
applies to `tool_calls`.
"""

from typing import Any

from mlserver.errors import InferenceError
from mlserver.types import InferenceRequest
from runtimes.tensors import parse_json, read_strings, require_strings


def read_conversation(request: InferenceRequest) -> dict[str, Any]:
    """Read the tensors of a chat request.

    Args:
        request: the inference request, with tensors role, content, type and optionally
            tool_calls, tool_call_id, tools, tool_choice and parallel_tool_calls.

    Returns:
        The fields `messages`, `tools`, `tool_choice` and `parallel_tool_calls` of an OpenAI
        request, the last three only if they have a tensor.

    Raises:
        InferenceError: a tensor is missing or invalid, or its length does not match the number
            of messages.
    """
    conversation: dict[str, Any] = {"messages": _messages(request)}
    if tools := read_strings(request, "tools"):
        conversation["tools"] = [parse_json(tool, "tools") for tool in tools]
    if choice := read_strings(request, "tool_choice"):
        mode = choice[0]  # a word such as "auto", or the JSON of a function
        is_object = mode.startswith("{")
        conversation["tool_choice"] = parse_json(mode, "tool_choice") if is_object else mode
    if parallel := read_strings(request, "parallel_tool_calls"):
        conversation["parallel_tool_calls"] = parse_json(parallel[0], "parallel_tool_calls")
    return conversation


def _messages(request: InferenceRequest) -> list[dict[str, Any]]:
    roles = require_strings(request, "role")
    calls = read_strings(request, "tool_calls")
    # An assistant that only calls tools may come without content.
    contents = read_strings(request, "content") if calls else require_strings(request, "content")
    types = read_strings(request, "type") or ["text"] * len(contents)
    call_ids = read_strings(request, "tool_call_id") or [""] * len(roles)

    parts = _by_message(contents, types, len(roles))
    calls = calls or [""] * len(roles)
    calls_by_message = [calls] if len(roles) == 1 else [[call] for call in calls]
    if not len(roles) == len(parts) == len(calls_by_message) == len(call_ids):
        raise InferenceError(
            f"{len(roles)} roles do not match {len(parts)} contents, "
            f"{len(calls_by_message)} tool_calls and {len(call_ids)} tool_call_ids"
        )
    columns = zip(roles, parts, calls_by_message, call_ids, strict=True)
    return [_message(*column) for column in columns]


def _message(
    role: str, parts: list[tuple[str, str]], calls: list[str], call_id: str
) -> dict[str, Any]:
    message: dict[str, Any] = {"role": role, "content": _content(parts)}
    if tool_calls := [call for element in calls for call in _calls(element)]:
        message["tool_calls"] = tool_calls
    if call_id:
        message["tool_call_id"] = call_id
    return message


def _by_message(
    contents: list[str], types: list[str], n_messages: int
) -> list[list[tuple[str, str]]]:
    """Group (type, value) parts by message."""
    if len(contents) != len(types):
        raise InferenceError(f"{len(contents)} contents do not match {len(types)} types")
    if n_messages == 1:
        return [list(zip(types, contents, strict=True))]
    return [_listed_parts(kind, value) for kind, value in zip(types, contents, strict=True)]


def _listed_parts(kind: str, value: str) -> list[tuple[str, str]]:
    # A type that begins with "[" is a JSON list. A text may begin with "[" too.
    if not kind.startswith("["):
        return [(kind, value)]
    kinds, values = parse_json(kind, "type"), parse_json(value, "content")
    are_strings = isinstance(values, list) and all(isinstance(item, str) for item in kinds + values)
    if not are_strings or len(kinds) != len(values):
        raise InferenceError(f"content {value!r} does not match type {kind!r}")
    return list(zip(kinds, values, strict=True))


def _content(parts: list[tuple[str, str]]) -> str | list[dict[str, Any]]:
    """The content of a message: a string if it is one text, else a list of OpenAI content parts."""
    match parts:
        case []:
            return ""
        case [("text", text)]:
            return text
    as_text = ("text", "refusal")
    return [
        {"type": kind, kind: value if kind in as_text else parse_json(value, "content")}
        for kind, value in parts
    ]


def _calls(element: str) -> list[Any]:
    """Parse one tool call or a JSON list of them, each an object or the JSON text of one."""
    if not element:
        return []
    value = parse_json(element, "tool_calls")
    calls = value if isinstance(value, list) else [value]
    return [parse_json(call, "tool_calls") if isinstance(call, str) else call for call in calls]
