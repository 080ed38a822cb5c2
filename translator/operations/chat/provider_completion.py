"""A provider's whole completion: as it is where it is in order, else repaired."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from translator.errors import unreadable
from translator.ids import call_id, completion_id
from translator.operations.base import Response
from translator.operations.chat import repair
from translator.operations.chat.state import finish_reason, generation_failed
from translator.raw_json import (
    NULL,
    Object,
    decode_list,
    decode_object,
    decode_objects,
    encode,
    is_null,
    is_present,
    raw,
    text_or_none,
)
from translator.tasks.generation import FAILED, Output
from translator.tasks.repair import Repair
from translator.tasks.usage import TokenCounts, of_usage

_OBJECT = "chat.completion"

_Text = Annotated[str, msgspec.Meta(min_length=1)]
_Count = Annotated[int, msgspec.Meta(ge=0)]


class _Function(msgspec.Struct):
    name: str
    arguments: str


class _Custom(msgspec.Struct):
    name: str
    input: str


class _Call(msgspec.Struct):
    id: _Text
    type: Literal["function", "custom"]
    function: _Function | UnsetType = UNSET
    custom: _Custom | UnsetType = UNSET

    @property
    def is_whole(self) -> bool:
        payload = self.function if self.type == "function" else self.custom
        return payload is not UNSET and (self.type == "custom" or self._has_arguments)

    @property
    def _has_arguments(self) -> bool:
        return self.function is not UNSET and bool(self.function.arguments)


class _Message(msgspec.Struct):
    role: Literal["assistant"]
    content: str | None
    tool_calls: list[_Call] | None = None
    function_call: _Function | None = None


class _Choice(msgspec.Struct):
    index: int
    message: _Message
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter", "function_call"]
    logprobs: Any = None


class _Usage(msgspec.Struct):
    prompt_tokens: _Count
    completion_tokens: _Count
    total_tokens: _Count


class _Completion(msgspec.Struct):
    """What every field is that strictly typed clients read."""

    id: _Text
    object: Literal["chat.completion"]
    created: int
    model: _Text
    choices: Annotated[list[_Choice], msgspec.Meta(min_length=1)]
    usage: _Usage
    service_tier: Literal["auto", "default", "flex", "scale", "priority", "fast"] | None = None

    @property
    def is_in_order(self) -> bool:
        """Whether it is what OpenAI would have sent."""
        for position, choice in enumerate(self.choices):
            calls = choice.message.tool_calls or ()
            if not (
                choice.index == position
                and all(call.is_whole for call in calls)
                and len({call.id for call in calls}) == len(calls)
                and repair.are_logprobs_in_order(choice.logprobs)
            ):
                return False
        return True


_decode = msgspec.json.Decoder(_Completion).decode


def from_provider(complete: bytes, output: Output, model: str, created: int) -> Response:
    """A provider's completion: as it is where it is in order, else repaired.

    Args:
        complete: the completion as compact JSON.
        output: what held it.
        model: the model as the client named it.
        created: seconds since the epoch.

    Raises:
        UpstreamError: 502, it has no choices, or the generation failed.
    """
    try:
        view = _decode(complete)
    except msgspec.ValidationError:
        view = None
    if view is not None and view.is_in_order:
        tokens = TokenCounts(view.usage.prompt_tokens, view.usage.completion_tokens)
        return Response(complete, tokens, view.model)
    required = {
        "id": completion_id(output.id),
        "object": _OBJECT,
        "created": created,
        "model": model,
    }
    try:
        return _repair(decode_object(complete), output.model, required)
    except msgspec.ValidationError as error:
        raise unreadable() from error


def _repair(fields: Object, model: str, required: dict[str, Any]) -> Response:
    if not is_present(fields.get("choices", NULL)):
        raise unreadable()
    choices = decode_objects(fields["choices"])
    if not choices:
        raise unreadable()
    repairs: set[Repair] = set()
    given = {name: repair.decoded(fields.get(name, NULL)) for name in required}
    told = text_or_none(given["model"])
    head = {
        "id": repair.identity(given["id"]) or required["id"],
        "object": _OBJECT,
        "created": repair.time(given["created"]) or required["created"],
        "model": told or required["model"],
    }
    if any(
        given[name] != value or type(given[name]) is not type(value) for name, value in head.items()
    ):
        repairs.add(Repair.HEAD)
        fields |= {name: raw(value) for name, value in head.items()}
    if repair.drop_service_tier(fields):
        repairs.add(Repair.HEAD)
    fields["choices"] = raw(
        [_repair_choice(choice, position, repairs) for position, choice in enumerate(choices)]
    )
    counts = fields.get("usage", NULL)
    tokens = of_usage(counts)
    fields["usage"] = repair.usage_of(counts, tokens)
    if fields["usage"] is not counts:
        repairs.add(Repair.USAGE)
    return Response(encode(fields), tokens, told or model, frozenset(repairs))


def _repair_choice(choice: Object, position: int, repairs: set[Repair]) -> Object:
    given = choice.get("message", NULL)
    message = {} if is_null(given) else decode_object(given)
    items = message.get("tool_calls", NULL)
    made = _calls([] if is_null(items) else decode_list(items))
    repaired = repair.message(message, made)
    if repaired.get("tool_calls", NULL) != items:
        repairs.add(Repair.TOOL_CALL)
    if any(repaired[name] != message.get(name) for name in ("role", "content")):
        repairs.add(Repair.MESSAGE)
    called, legacy = bool(made), is_present(repaired.get("function_call", NULL))
    spoke = called or legacy or is_present(repaired["content"])
    said = repair.decoded(choice.get("finish_reason", NULL))
    word = repair.reason(said)
    if word == FAILED:
        if not spoke:
            raise generation_failed()
        word = "stop"
    reason = finish_reason(word, called=called, legacy=legacy, kept=True)
    if reason != said:
        repairs.add(Repair.FINISH_REASON)
    logprobs = choice.get("logprobs", NULL)
    if not repair.are_logprobs_in_order(repair.decoded(logprobs)):
        repairs.add(Repair.LOGPROBS)
        logprobs = repair.logprobs(logprobs)
    fixed = {
        "index": raw(position),
        "message": raw(repaired),
        "finish_reason": raw(reason),
        "logprobs": logprobs,
    }
    if fixed["index"] != choice.get("index"):
        repairs.add(Repair.HEAD)
    return {"index": fixed["index"]} | choice | fixed


def _calls(items: list[Raw]) -> list[tuple[str, bool]]:
    """An id of its own for each call of a message, and whether it is of a custom tool."""
    taken: set[str] = set()
    made = []
    for item in items:
        fields = decode_object(item)
        given = text_or_none(repair.decoded(fields.get("id", NULL)))
        own_id = call_id() if given is None or given in taken else given
        taken.add(own_id)
        made.append((own_id, is_present(fields.get("custom", NULL))))
    return made
