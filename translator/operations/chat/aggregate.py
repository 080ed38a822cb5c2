"""Aggregates the responses of a runtime to one chat completion.

Normally there is one response. Some runtimes stream even if no stream was requested: their events
pass through the translation of a stream, which repairs them, and the chunks are then aggregated.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Raw

from translator.errors import unreadable
from translator.openai.chat_parts import MessageParts
from translator.operations.base import Response
from translator.operations.chat import completion, repair
from translator.operations.chat.chunks import ChatChunks
from translator.operations.chat.provider import read_provided
from translator.operations.chat.provider_completion import in_order
from translator.operations.events import collect
from translator.raw_json import (
    NULL,
    Object,
    decode_list,
    decode_object,
    encode,
    is_null,
    is_present,
    opening,
    raw,
)
from translator.tasks.generation import Output
from translator.tasks.repair import Repair

_EMPTY = Raw(b"[]")
_THOUGHTS = ("reasoning_content", "reasoning", "thinking", "summary")
_GROWING = frozenset(
    ("content", "refusal", "text", *_THOUGHTS, "arguments", "input", "data", "transcript")
)
"""The texts that grow with each event; any other value is repeated, or sent once."""


def aggregate(
    outputs: Sequence[Output], model: str, created: int, *, forced: bool = False
) -> Response:
    """Aggregate outputs to a chat completion.

    Args:
        outputs: the output of the whole response, or of each of its events.
        model: the model's name in the client's request.
        created: seconds since the epoch.
        forced: whether the client forced one function.

    Raises:
        UpstreamError: 502, there is an error in them, or no output.
    """
    if len(outputs) == 1:
        [output] = outputs
        if output.provided is None:
            return completion.from_output(output, model, created, forced=forced)
        complete, marked = read_provided(output.provided)
        as_it_is = None if marked else in_order(complete)
        if as_it_is is not None:
            return as_it_is
    chunks = ChatChunks(model, created, include_usage=True, forced=forced, whole=True)
    try:
        events = [event for output in outputs for event in chunks.write(output)]
        if len(outputs) == 1 and not chunks.has_begun:
            raise unreadable()
        repairs: set[Repair] = set()
        answer = _add_up(events + collect(chunks, ()), repairs)
    except msgspec.ValidationError as error:
        raise unreadable() from error
    return Response(answer, chunks.tokens, chunks.model, chunks.repairs | repairs)


def _add_up(chunks: list[bytes], repairs: set[Repair]) -> bytes:
    answer: Object = {}
    sums: dict[int, _Sum] = {}
    for chunk in chunks:
        fields = decode_object(chunk)
        fields.pop("obfuscation", None)  # hides the length of a chunk
        for item in decode_list(fields.pop("choices")):
            choice = decode_object(item)
            index = msgspec.json.decode(choice["index"], type=int)
            sums.setdefault(index, _Sum()).add(choice)
        for name, value in fields.items():
            if name not in answer or not is_null(value):
                answer[name] = value
    head = {name: answer.pop(name) for name in ("id", "object", "created", "model")}
    head["object"] = raw("chat.completion")
    head["choices"] = raw([_choice(total.value(), repairs) for _, total in sorted(sums.items())])
    return encode(head | answer)


def _choice(choice: Object, repairs: set[Repair]) -> Object:
    message = {"role": raw("assistant"), "content": NULL, "refusal": NULL}
    message |= decode_object(choice.pop("delta"))
    for name in ("tool_calls", "function_call"):
        if is_null(message.get(name, _EMPTY)):  # an SDK's dump has null for absent fields
            del message[name]
    if "tool_calls" in message:
        calls = [decode_object(call) for call in decode_list(message["tool_calls"])]
        message["tool_calls"] = raw([_call(call) for call in calls])
    if not is_present(message["content"]):
        acts = "tool_calls" in message or "function_call" in message
        message["content"] = NULL if acts or is_present(message["refusal"]) else raw("")
    logprobs = choice.get("logprobs", NULL)
    if not is_null(logprobs):
        logprobs = raw({"content": NULL, "refusal": NULL} | decode_object(logprobs))
    index, reason = choice.pop("index"), choice.pop("finish_reason")
    return choice | {
        "index": index,
        "message": repair.fit(raw(message), MessageParts, repairs),
        "finish_reason": reason,
        "logprobs": logprobs,
    }


def _call(call: Object) -> Object:
    call.pop("index", None)
    if "function" in call:
        function = decode_object(call["function"])
        function = {name: function[name] for name in ("name", "arguments") if name in function}
        if not is_present(function.get("arguments", NULL)):
            function["arguments"] = raw("{}")
        call["function"] = raw(function)
    return call


class _Sum:
    """The aggregate of the pieces of one object. Values stay JSON text until they are read.

    Growing texts are joined, lists are concatenated, and objects are aggregated recursively, as are
    objects in lists with the same index and type. Of other values the last is used.
    """

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._lists: dict[str, list[Raw]] = {}
        self._numbered: dict[str, dict[int, list[_Sum]]] = {}
        self._objects: dict[str, _Sum] = {}
        self._rest: Object = {}

    def add(self, fields: Object) -> None:
        """Add the next piece."""
        for name, value in fields.items():
            match chr(opening(value)):
                case '"' if name in _GROWING:
                    text = msgspec.json.decode(value, type=str)
                    self._texts.setdefault(name, []).append(text)
                case "[":
                    self._continue(name, decode_list(value))
                case "{":
                    self._objects.setdefault(name, _Sum()).add(decode_object(value))
                case _ if not is_null(value) or name not in self._rest:
                    self._rest[name] = value

    def is_of(self, kind: Raw | None) -> bool:
        """Whether a piece of that type continues it."""
        own = self._rest.get("type")
        return kind is None or own is None or own == kind

    def value(self) -> Object:
        """The whole object."""
        numbered = {
            name: [item.value() for _, same in sorted(items.items()) for item in same]
            for name, items in self._numbered.items()
        }
        return (
            self._rest
            | {name: raw("".join(texts)) for name, texts in self._texts.items()}
            | {name: raw(items) for name, items in (self._lists | numbered).items()}
            | {name: raw(item.value()) for name, item in self._objects.items()}
        )

    def _continue(self, name: str, items: list[Raw]) -> None:
        if not items:
            self._rest[name] = _EMPTY
        for item in items:
            fields = decode_object(item) if opening(item) == ord("{") else {}
            if "index" in fields:
                number = msgspec.json.decode(fields["index"], type=int)
                same = self._numbered.setdefault(name, {}).setdefault(number, [])
                if not same or not same[-1].is_of(fields.get("type")):
                    same.append(_Sum())
                same[-1].add(fields)
            else:
                self._lists.setdefault(name, []).append(item)
