"""A whole chat completion from a model's output."""

from msgspec import UNSET, Raw

from translator import surrogates
from translator.errors import unreadable
from translator.ids import completion_id
from translator.openai.chat import (
    ChatCompletion,
    Choice,
    FunctionCall,
    ResponseMessage,
    Usage,
)
from translator.operations.base import Response
from translator.operations.chat import repair, tool_calls
from translator.operations.chat.state import finish_reason, generation_failed
from translator.raw_json import Object, encode
from translator.tasks.generation import FAILED, ChoiceOutput, Output
from translator.tasks.repair import Repair
from translator.tasks.tool_calls import CallPiece
from translator.tasks.usage import TokenCounts


def from_output(output: Output, model: str, created: int, *, forced: bool = False) -> Response:
    """The completion for a model's output.

    Args:
        output: the output.
        model: the model's name in the client's request.
        created: seconds since the epoch.
        forced: whether the client forced one function.

    Raises:
        UpstreamError: 502, the output is empty, or the generation failed.
    """
    choices = output.choices
    if not any(choice.content is not None or not choice.is_silent for choice in choices):
        raise unreadable()
    repairs: set[Repair] = set()
    completion = ChatCompletion(
        id=completion_id(output.id),
        created=created,
        model=model,
        choices=[
            _choice(index, choice, repairs, forced=forced) for index, choice in enumerate(choices)
        ],
        usage=usage_of(output.usage, output.tokens, repairs),
    )
    body = encode(completion)
    if output.marked:
        repairs.add(Repair.UNICODE)
        body = surrogates.clean(body.decode()).encode()
    return Response(body, output.tokens, output.model, frozenset(repairs))


def usage_of(told: Object | None, tokens: TokenCounts, repairs: set[Repair]) -> Usage | Raw:
    """OpenAI's usage object, with zeros for unknown counts, and the other fields of ``told``."""
    if told:
        return repair.usage(told, tokens, repairs)
    prompt, completion = tokens.prompt or 0, tokens.completion or 0
    return Usage(prompt, completion, prompt + completion)


def _choice(index: int, said: ChoiceOutput, repairs: set[Repair], *, forced: bool) -> Choice:
    calls = tool_calls.join(said.calls, repairs) if said.calls else []
    legacy = said.function_call
    message = ResponseMessage(
        role="assistant",
        content=said.content or (None if calls or legacy or said.refusal else ""),
        refusal=said.refusal,
        reasoning_content=said.reasoning or UNSET,
        tool_calls=calls or UNSET,
        function_call=_function(legacy) if legacy else UNSET,
    )
    word = said.finish_reason
    if word == FAILED:
        repairs.add(Repair.FINISH_REASON)
        if said.is_silent:
            raise generation_failed()
        word = "stop"
    reason = finish_reason(word, called=bool(calls), legacy=legacy is not None, kept=forced)
    if word and reason != word:
        repairs.add(Repair.FINISH_REASON)
    logprobs = repair.logprobs(said.logprobs, repairs) if said.logprobs else None
    return Choice(index, message, reason, logprobs)


def _function(said: CallPiece) -> FunctionCall:
    arguments = surrogates.clean(said.arguments or "{}")
    return FunctionCall(surrogates.clean(said.name or ""), arguments)
