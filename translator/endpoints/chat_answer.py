"""The whole answer to a chat completion, from ``output_all`` or from tensors."""

from uuid import uuid4

import msgspec
from msgspec import UNSET

from translator.endpoints import chat_tensors, output_all, token_counts, tool_calls
from translator.endpoints.base import WholeAnswer
from translator.endpoints.chat_state import finish_reason
from translator.endpoints.chat_tensors import Answer
from translator.endpoints.token_counts import TokenCounts
from translator.endpoints.tool_calls import CallPiece
from translator.oip.response import InferenceResponse, unreadable
from translator.openai.chat import AnswerMessage, ChatCompletion, Choice, FunctionCall, Usage


def from_provider(
    complete: bytes, response: InferenceResponse, model: str | None, created: int
) -> WholeAnswer:
    """A provider's completion, which passes as it is but for the fields that it lacks.

    Args:
        complete: the completion as compact JSON.
        response: the response that held it.
        model: the model as the client named it, or None for the server's own name.
        created: seconds since the epoch.

    Raises:
        UpstreamError: 502, it has no choices.
    """
    required = {
        "id": completion_id(response),
        "object": "chat.completion",
        "created": created,
        "model": model or response.model_name or "",
    }
    return output_all.complete(complete, response, "choices", required)


def from_tensors(
    response: InferenceResponse, model: str | None, created: int, choices: int = 1
) -> WholeAnswer:
    """A chat completion made of the tensors of the local runtime.

    Args:
        response: the OIP response.
        model: the model as the client named it, or None for the server's own name.
        created: seconds since the epoch.
        choices: how many the client asked for.

    Raises:
        UpstreamError: 502, there is no answer in the response.
    """
    answers = chat_tensors.read(response, choices)
    if not answers or (
        all(answer.is_silent for answer in answers) and not response.strings("content")
    ):
        raise unreadable()
    tokens = token_counts.read(response)
    completion = ChatCompletion(
        id=completion_id(response),
        created=created,
        model=model or response.model_name or "",
        choices=[_choice(index, answer) for index, answer in enumerate(answers)],
        usage=usage_of(tokens) or UNSET,
    )
    return WholeAnswer(msgspec.json.encode(completion), tokens, response.model_name or "")


def usage_of(tokens: TokenCounts) -> Usage | None:
    """OpenAI's object of token counts, or None when one of them is not known."""
    if tokens.prompt is None or tokens.completion is None:
        return None
    return Usage(tokens.prompt, tokens.completion, tokens.prompt + tokens.completion)


def _choice(index: int, answer: Answer) -> Choice:
    calls = tool_calls.join(answer.calls)
    legacy = answer.function_call
    message = AnswerMessage(
        role="assistant",
        content=answer.content or (None if calls or legacy or answer.refusal else ""),
        refusal=answer.refusal,
        tool_calls=calls or UNSET,
        function_call=_function(legacy) if legacy else UNSET,
    )
    reason = finish_reason(answer.finish_reason, called=bool(calls), legacy=legacy is not None)
    return Choice(index, message, reason, answer.logprobs)


def _function(said: CallPiece) -> FunctionCall:
    return FunctionCall(said.name or "", said.arguments or "{}")


def completion_id(response: InferenceResponse) -> str:
    """``chatcmpl-`` and the OIP response's id, or one of our own where it has none."""
    identity = response.id or uuid4().hex
    return identity if identity.startswith("chatcmpl-") else f"chatcmpl-{identity}"
