"""Decodes the output tensors of Seldon's runtimes for a conversation, one output per choice.

Whole responses and the events of a stream have the same tensors: role, content, refusal,
tool_calls, reasoning_content (or reasoning), function_call, logprobs and finish_reason. Each has
one element per choice. At least one of role, content and tool_calls is present. The OpenAI runtime
returns ``output_all`` instead, the whole response of its provider.
"""

import msgspec
from msgspec import Raw

from translator import surrogates
from translator.contracts.seldon import token_counts, tool_calls
from translator.contracts.seldon.wire import provided
from translator.errors import unreadable
from translator.oip.response import InferenceResponse
from translator.tasks.generation import MOST_CHOICES, ChoiceOutput, Output, finish_reason
from translator.tasks.tool_calls import MOST_CALLS
from translator.tasks.usage import UNKNOWN
from translator.value_count import MANY, exceeds

_COMMON = frozenset({"role", "content", "type", "tool_calls"})
_REASONING = ("reasoning_content", "reasoning")
_RARE = frozenset({"refusal", *_REASONING, "function_call", "logprobs", "finish_reason"})
_BYTES_PER_VALUE = 5  # of logprobs, for each value beyond MANY; with the bytes of tokens it is 8
NAMES = frozenset({"role", "content", "tool_calls", *_RARE, "output_all", *token_counts.TENSORS})
"""The tensors that are read."""


def read(response: InferenceResponse, choices: int = 1) -> Output:
    """Decode a response, or one event of a stream.

    Args:
        response: the model server's response.
        choices: the number of choices that the client requested.

    Raises:
        UpstreamError: 502, a tensor has an unexpected type, or there are more contents than roles,
            or more than 128 choices.
    """
    provider = provided(response)
    identity, model = response.id or "", response.model_name or ""
    if provider is not None:
        return Output(identity, model, provided=provider)
    tokens, said = token_counts.read(response), _choices(response, choices)
    counts = None if tokens is UNKNOWN else token_counts.read_usage(response) or None
    return Output(identity, model, tokens, said, usage=counts, marked=response.marked)


def _choices(response: InferenceResponse, asked: int) -> list[ChoiceOutput]:
    """One output per choice; empty if the response has none.

    The number of choices is the length of role, else that of content. One role with several content
    elements is one message in several parts, unless the client requested that many choices.
    """
    roles = response.strings("role") or ()
    given = response.strings("content")
    contents = given or []
    calls = response.strings("tool_calls") or ()
    count = len(roles) or len(contents) or min(len(calls), 1)
    if count == 1 and len(contents) == asked:
        count = asked
    if count > MOST_CHOICES or len(calls) > MOST_CALLS:
        raise unreadable()
    called = [tool_calls.read(text) for text in calls]
    if count == 1:
        contents = ["".join(contents)] if given else []
        called = [[call for calls in called for call in calls]]
    elif len(contents) > count:
        raise unreadable()
    nothing = "" if given else None
    outputs = [
        ChoiceOutput(
            contents[index] if index < len(contents) else nothing,
            called[index] if index < len(called) else [],
        )
        for index in range(count)
    ]
    if not _COMMON.issuperset(response.names):
        _read_rare(response, outputs)
    return outputs


def _read_rare(response: InferenceResponse, outputs: list[ChoiceOutput]) -> None:
    """Read the tensors that few runtimes return. Tensors of these names may also be numeric."""
    for output, text in zip(outputs, _texts(response, "refusal"), strict=False):
        output.refusal = text or None
    for name in _REASONING:
        texts = _texts(response, name)
        if len(outputs) == 1:
            texts = ["".join(texts)]
        for output, text in zip(outputs, texts, strict=False):
            output.reasoning = output.reasoning or text or None
    for output, text in zip(outputs, _texts(response, "function_call"), strict=False):
        output.function_call = next(iter(tool_calls.read(text)), None)
    for output, text in zip(outputs, _texts(response, "logprobs"), strict=False):
        output.logprobs = _logprobs(text)
    for output, text in zip(outputs, _texts(response, "finish_reason"), strict=False):
        output.finish_reason = finish_reason(text)


def _texts(response: InferenceResponse, name: str) -> list[str]:
    tensor = response.output(name)
    return tensor.strings() if tensor is not None and tensor.datatype == "BYTES" else []


class _Logprobs(msgspec.Struct):
    content: list[Raw] | None
    refusal: list[Raw] | None = None


def _is_dense(text: str) -> bool:
    try:
        return exceeds(text.encode(), MANY + len(text) // _BYTES_PER_VALUE)
    except (msgspec.DecodeError, RecursionError):
        return True


def _logprobs(text: str) -> Raw | None:
    """OpenAI's object, also from its list of tokens alone; None if the text is neither."""
    if not text or (len(text) > MANY and _is_dense(text)):
        return None
    if text.lstrip().startswith("["):
        text = f'{{"content":{text}}}'
    try:
        compact = msgspec.json.format(surrogates.replace_halves(text), indent=-1)
        return Raw(msgspec.json.encode(msgspec.json.decode(compact, type=_Logprobs)))
    except (msgspec.DecodeError, RecursionError):
        return None
