"""The one chat completion that was asked for, from however many responses a runtime gives.

Mostly that is one, and it is the answer. Some runtimes stream whatever they are asked: their events
go through the translation of a stream, which puts them in order, and the chunks are then added up.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Raw

from translator.endpoints import chat_answer, chat_chunk, output_all
from translator.endpoints.base import WholeAnswer
from translator.endpoints.chat_stream import ChatStream
from translator.endpoints.model_settings import DEFAULT, ModelSettings
from translator.oip.response import is_present, unreadable
from translator.openai.request import is_null

_Object = dict[str, Raw]
_decode_object = msgspec.json.Decoder(_Object).decode
_decode_list = msgspec.json.Decoder(list[Raw]).decode
_encode = msgspec.json.Encoder().encode

_NULL, _EMPTY = Raw(b"null"), Raw(b"[]")


def gather(
    responses: Sequence[bytes],
    model: str | None,
    created: int,
    choices: int = 1,
    settings: ModelSettings = DEFAULT,
) -> WholeAnswer:
    """The chat completion that OIP responses add up to.

    Args:
        responses: the whole answer, or each event of it.
        model: the model as the client named it, or None for the server's own name.
        created: seconds since the epoch.
        choices: how many the client asked for.
        settings: the model's.

    Raises:
        UpstreamError: 502, there is an error in them, or no answer.
    """
    if len(responses) == 1:
        response = settings.decode(responses[0])
        complete = output_all.read(response)
        if complete is None:
            return chat_answer.from_tensors(response, model, created, choices)
        if not chat_chunk.is_chunk(complete):
            return chat_answer.from_provider(complete, response, model, created)
    stream = ChatStream(model, created, include_usage=True, choices=choices, settings=settings)
    try:
        answer = _add_up(stream.collect(responses))
    except msgspec.ValidationError as error:
        raise unreadable() from error
    return WholeAnswer(answer, stream.tokens, stream.answered_by)


def _add_up(chunks: list[bytes]) -> bytes:
    answer: _Object = {}
    sums: dict[int, _Sum] = {}
    for chunk in chunks:
        fields = _decode_object(chunk)
        for raw in _decode_list(fields.pop("choices")):
            choice = _decode_object(raw)
            index = msgspec.json.decode(choice["index"], type=int)
            sums.setdefault(index, _Sum()).add(choice)
        answer |= {name: value for name, value in fields.items() if is_present(value)}
    head = {name: answer.pop(name) for name in ("id", "object", "created", "model")}
    head["object"] = _raw("chat.completion")
    head["choices"] = _raw([_choice(total.value()) for _, total in sorted(sums.items())])
    return _encode(head | answer)


def _choice(choice: _Object) -> _Object:
    message = {"role": _raw("assistant"), "content": _NULL, "refusal": _NULL}
    message |= _decode_object(choice.pop("delta"))
    if "tool_calls" in message:
        calls = [_decode_object(call) for call in _decode_list(message["tool_calls"])]
        message["tool_calls"] = _raw([_call(call) for call in calls])
    if not is_present(message["content"]):
        acts = "tool_calls" in message or "function_call" in message
        message["content"] = _NULL if acts or is_present(message["refusal"]) else _raw("")
    logprobs = choice.get("logprobs", _NULL)
    if not is_null(logprobs):
        logprobs = _raw({"content": _NULL, "refusal": _NULL} | _decode_object(logprobs))
    index, reason = choice.pop("index"), choice.pop("finish_reason")
    return choice | {
        "index": index,
        "message": _raw(message),
        "finish_reason": reason,
        "logprobs": logprobs,
    }


def _call(call: _Object) -> _Object:
    call.pop("index", None)
    if "function" in call:
        function = _decode_object(call["function"])
        function = {name: function[name] for name in ("name", "arguments") if name in function}
        if not is_present(function.get("arguments", _NULL)):
            function["arguments"] = _raw("{}")
        call["function"] = _raw(function)
    return call


class _Sum:
    """What the pieces of one object add up to, each value kept as JSON text until it is read.

    Texts are joined, lists continued, objects added up in turn, and so are those objects in lists
    that have an index; anything else is as its last piece says.
    """

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._lists: dict[str, list[Raw]] = {}
        self._numbered: dict[str, dict[int, _Sum]] = {}
        self._objects: dict[str, _Sum] = {}
        self._rest: _Object = {}

    def add(self, fields: _Object) -> None:
        """Take the next piece."""
        for name, raw in fields.items():
            match memoryview(raw)[:1].tobytes():
                case b'"':
                    text = msgspec.json.decode(raw, type=str)
                    self._texts.setdefault(name, []).append(text)
                case b"[":
                    self._continue(name, _decode_list(raw))
                case b"{":
                    self._objects.setdefault(name, _Sum()).add(_decode_object(raw))
                case _:
                    self._rest[name] = raw

    def value(self) -> _Object:
        """The whole object."""
        numbered = {
            name: [item.value() for _, item in sorted(items.items())]
            for name, items in self._numbered.items()
        }
        return (
            self._rest
            | {name: _raw("".join(texts)) for name, texts in self._texts.items()}
            | {name: _raw(items) for name, items in (self._lists | numbered).items()}
            | {name: _raw(item.value()) for name, item in self._objects.items()}
        )

    def _continue(self, name: str, items: list[Raw]) -> None:
        if not items:
            self._rest[name] = _EMPTY
        for item in items:
            fields = _decode_object(item) if memoryview(item)[0] == ord("{") else {}
            if "index" in fields:
                number = msgspec.json.decode(fields["index"], type=int)
                self._numbered.setdefault(name, {}).setdefault(number, _Sum()).add(fields)
            else:
                self._lists.setdefault(name, []).append(item)


def _raw(value: object) -> Raw:
    return Raw(_encode(value))
