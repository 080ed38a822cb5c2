"""The tensors of a chat answer, read into one :class:`Answer` per choice.

Whole answers and the events of a stream have the same tensors: role, content, refusal, tool_calls,
function_call, logprobs and finish_reason. Each has one element per choice; all but one of role,
content and tool_calls may be missing.
"""

import msgspec
from msgspec import Raw

from translator.endpoints import tool_calls
from translator.endpoints.tool_calls import CallPiece
from translator.oip.response import InferenceResponse, unreadable
from translator.openai.chat import FINISH_REASONS

# Why a model stopped, in the words of others: the OIP generate API, and what servers took over from
# other vendors. Clients refuse words that OpenAI does not have.
_FINISH_REASONS = {
    "eos_token": "stop",
    "stop_sequence": "stop",
    "end_turn": "stop",
    "max_tokens": "length",
    "max_length": "length",
    "tool_use": "tool_calls",
    **{reason: reason for reason in FINISH_REASONS},
}


_COMMON = frozenset({"role", "content", "type", "tool_calls"})


def openai_reason(word: str) -> str:
    """OpenAI's word for why a model stopped; "" if it did not say, ``stop`` for an unknown one."""
    return _FINISH_REASONS.get(word.lower(), "stop") if word else ""


class Answer(msgspec.Struct):
    """What a response says of one choice: all of it, or what is new in a stream."""

    content: str
    calls: list[CallPiece]
    function_call: CallPiece | None = None
    refusal: str | None = None
    logprobs: Raw | None = None
    finish_reason: str = ""

    @property
    def is_silent(self) -> bool:
        """Whether it says nothing at all."""
        return not (self.content or self.calls or self.function_call or self.refusal)


def read(response: InferenceResponse, choices: int = 1) -> list[Answer]:
    """One answer per choice; empty if the response holds none.

    The length of role says how many choices there are, else that of content. One role with
    several content elements is one message in several parts, unless that many choices were asked
    for.

    Args:
        response: the answer of the model server, or one event of it.
        choices: how many the client asked for.

    Raises:
        UpstreamError: 502, a tensor is not what its name says, or there are contents without roles.
    """
    roles = response.strings("role") or ()
    contents = response.strings("content") or []
    called = [tool_calls.read(text) for text in response.strings("tool_calls") or ()]
    count = len(roles) or len(contents) or min(len(called), 1)
    if count == 1 and len(contents) == choices:
        count = choices
    if count == 1:
        contents = ["".join(contents)]
        called = [[call for calls in called for call in calls]]
    elif len(contents) > count:
        raise unreadable()
    answers = [
        Answer(
            content=contents[index] if index < len(contents) else "",
            calls=called[index] if index < len(called) else [],
        )
        for index in range(count)
    ]
    if not _COMMON.issuperset(response.names):
        _read_rest(response, answers)
    return answers


def _read_rest(response: InferenceResponse, answers: list[Answer]) -> None:
    """What few runtimes give. Any of these may be another's numeric tensor of the same name."""
    for answer, text in zip(answers, _texts(response, "refusal"), strict=False):
        answer.refusal = text or None
    for answer, text in zip(answers, _texts(response, "function_call"), strict=False):
        answer.function_call = next(iter(tool_calls.read(text)), None)
    for answer, text in zip(answers, _texts(response, "logprobs"), strict=False):
        answer.logprobs = _logprobs(text)
    for answer, text in zip(answers, _texts(response, "finish_reason"), strict=False):
        answer.finish_reason = openai_reason(text)


def _texts(response: InferenceResponse, name: str) -> list[str]:
    tensor = response.output(name)
    return tensor.strings() if tensor is not None and tensor.datatype == "BYTES" else []


class _Logprobs(msgspec.Struct):
    content: list[Raw] | None
    refusal: list[Raw] | None = None


def _logprobs(text: str) -> Raw | None:
    """OpenAI's object, or its list of tokens alone; None for what is neither."""
    if not text:
        return None
    if text.lstrip().startswith("["):
        text = f'{{"content":{text}}}'
    try:
        return Raw(msgspec.json.encode(msgspec.json.decode(text, type=_Logprobs)))
    except (msgspec.DecodeError, RecursionError):
        return None
