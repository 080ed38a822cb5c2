"""A whole chat completion, made of what a model said or of what a provider gave."""

from msgspec import UNSET

from translator.errors import unreadable
from translator.ids import completion_id
from translator.openai.chat import (
    ChatCompletion,
    Choice,
    FunctionCall,
    ResponseMessage,
    Usage,
)
from translator.operations import provider
from translator.operations.base import Response
from translator.operations.chat import tool_calls
from translator.operations.chat.state import finish_reason
from translator.raw_json import encode
from translator.tasks.generation import ChoiceOutput, Output
from translator.tasks.tool_calls import CallPiece
from translator.tasks.usage import TokenCounts


def from_provider(complete: bytes, output: Output, model: str, created: int) -> Response:
    """A provider's completion, which passes as it is but for the fields that it lacks.

    Args:
        complete: the completion as compact JSON.
        output: what held it.
        model: the model as the client named it.
        created: seconds since the epoch.

    Raises:
        UpstreamError: 502, it has no choices.
    """
    required = {
        "id": completion_id(output.id),
        "object": "chat.completion",
        "created": created,
        "model": model,
    }
    return provider.complete(complete, output.model, "choices", required)


def from_output(output: Output, model: str, created: int) -> Response:
    """A completion of what a model said.

    Args:
        output: what it said.
        model: the model as the client named it.
        created: seconds since the epoch.

    Raises:
        UpstreamError: 502, it said nothing.
    """
    choices = output.choices
    if not any(choice.content is not None or not choice.is_silent for choice in choices):
        raise unreadable()
    completion = ChatCompletion(
        id=completion_id(output.id),
        created=created,
        model=model,
        choices=[_choice(index, choice) for index, choice in enumerate(choices)],
        usage=usage_of(output.tokens) or UNSET,
    )
    return Response(encode(completion), output.tokens, output.model)


def usage_of(tokens: TokenCounts) -> Usage | None:
    """OpenAI's object of token counts, or None when one of them is not known."""
    if tokens.prompt is None or tokens.completion is None:
        return None
    return Usage(tokens.prompt, tokens.completion, tokens.prompt + tokens.completion)


def _choice(index: int, said: ChoiceOutput) -> Choice:
    calls = tool_calls.join(said.calls) if said.calls else []
    legacy = said.function_call
    message = ResponseMessage(
        role="assistant",
        content=said.content or (None if calls or legacy or said.refusal else ""),
        refusal=said.refusal,
        tool_calls=calls or UNSET,
        function_call=_function(legacy) if legacy else UNSET,
    )
    reason = finish_reason(said.finish_reason, called=bool(calls), legacy=legacy is not None)
    return Choice(index, message, reason, said.logprobs)


def _function(said: CallPiece) -> FunctionCall:
    return FunctionCall(said.name or "", said.arguments or "{}")
