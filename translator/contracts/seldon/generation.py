"""Generation for Seldon's runtimes: messages become the tensors role, content and type.

Both encodings are Seldon's. In a conversation of one message, the tensors have one element per
content part, as plain strings. In a longer one, they have one element per message, each a JSON list
of the message's parts. All other fields are sent verbatim under ``kwargs`` (read by the local
runtime) and ``llm_parameters`` (read by the OpenAI runtime).
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from msgspec import Raw

from translator.contracts.base import Call
from translator.contracts.seldon import outputs
from translator.contracts.seldon.wire import Wire
from translator.oip.request import InputTensor, bytes_tensor
from translator.raw_json import ABSENT, Object, compact, encode, is_null, opening
from translator.tasks.generation import Generation, Message, Output

if TYPE_CHECKING:
    from translator.contracts.settings import ModelSettings

_RARE = ("tool_calls", "tool_call_id", "name", "refusal", "audio", "function_call")
_CHOOSING = ("parallel_tool_calls", "tool_choice")
_RUNTIME = "kwargs"
_ONE_TEXT = '["text"]'

INPUTS = frozenset(("role", "content", "type", *_RARE, "tools", *_CHOOSING))
OUTPUTS = outputs.NAMES
MESSAGE_FIELDS = ("reasoning_content", "reasoning", "reasoning_details", "prefix")
"""Thinking models require their earlier thoughts; a prefix is a message for them to continue."""


def ask(
    wire: Wire, task: Generation, settings: "ModelSettings"
) -> tuple[Call, Callable[[bytes], Output]]:
    """See :data:`~translator.contracts.base.Codec`."""
    inputs = [*_message_tensors(task), *_tool_tensors(task.tools, task.parameters)]
    call = wire.call(inputs, task.parameters, _RUNTIME, settings, stream=task.stream)
    return call, partial(_decode, wire, task.choices, settings)


def _decode(wire: Wire, choices: int, settings: "ModelSettings", body: bytes) -> Output:
    return outputs.read(wire.read(body, settings, OUTPUTS), choices)


def _message_tensors(task: Generation) -> list[InputTensor]:
    messages = task.messages
    if len(messages) == 1:
        contents, types = _parts(messages[0])
    else:
        listed = [_listed_parts(message) for message in messages]
        contents, types = [content for content, _ in listed], [kinds for _, kinds in listed]
    tensors = [
        bytes_tensor("role", [message.role for message in messages]),
        bytes_tensor("content", contents),
        bytes_tensor("type", types),
    ]
    # The rarer fields: one element per message, "" if the message lacks the field. A field that no
    # message has gets no tensor. Seldon's own translator sends only the first two of these.
    if not task.is_plain:
        alone = len(messages) == 1
        rare = zip(*(_rare(message, alone=alone) for message in messages), strict=True)
        tensors += _columns(zip(_RARE, rare, strict=True))
    if task.extra:
        tensors += _columns(task.extra.items())
    return tensors


def _columns(columns: Iterable[tuple[str, Sequence[str]]]) -> list[InputTensor]:
    return [bytes_tensor(name, data) for name, data in columns if any(data)]


def _parts(message: Message) -> tuple[list[str], list[str]]:
    """The payloads and the kinds of a message's parts."""
    if isinstance(message.content, str):
        return [message.content], ["text"]
    return [payload for _, payload in message.content], [kind for kind, _ in message.content]


def _listed_parts(message: Message) -> tuple[str, str]:
    """The same, each as a JSON list."""
    if isinstance(message.content, str):
        return encode((message.content,)).decode(), _ONE_TEXT
    payloads, kinds = _parts(message)
    return _json(payloads), _json(kinds)


def _rare(message: Message, *, alone: bool) -> tuple[str, ...]:
    """The elements of the tensors of :data:`_RARE`."""
    return (
        _tool_calls(message.tool_calls, alone=alone),
        message.tool_call_id,
        message.name,
        message.refusal,
        _text(message.audio),
        _text(message.function_call),
    )


def _tool_calls(calls: Sequence[Raw], *, alone: bool) -> str:
    if not calls:
        return ""
    texts = [_text(call) for call in calls]
    return texts[0] if alone and len(texts) == 1 else _json(texts)


def _tool_tensors(tools: Sequence[Raw], parameters: Object) -> list[InputTensor]:
    if not tools:
        return []  # tool_choice and parallel_tool_calls are then sent as parameters
    tensors = [bytes_tensor("tools", [_text(tool) for tool in tools])]
    for name in _CHOOSING:
        value = parameters.pop(name, None)
        if value is not None and not is_null(value):
            is_text = opening(value) == ord('"')
            text = msgspec.json.decode(value, type=str) if is_text else compact(value)
            tensors.append(bytes_tensor(name, [text]))
    return tensors


def _text(value: Raw) -> str:
    """The compact JSON text of a value, as Seldon sends it; "" if it is null or absent."""
    return "" if value is ABSENT or is_null(value) else compact(value)


def _json(texts: list[str]) -> str:
    return encode(texts).decode()
