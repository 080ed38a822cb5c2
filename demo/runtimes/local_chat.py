"""The tensors of Seldon's local runtime: `kwargs` in; only role, content and type out."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse
from runtimes.conversation import read_conversation
from runtimes.llama import Llama, chat_llama
from runtimes.tensors import read_parameters, write_strings

GENERATE_KWARGS = frozenset(
    {
        "frequency_penalty",
        "logit_bias",
        "max_completion_tokens",
        "max_tokens",
        "min_p",
        "n",
        "presence_penalty",
        "repeat_penalty",
        "response_format",
        "seed",
        "stop",
        "temperature",
        "top_k",
        "top_p",
    }
)
"""The supported parameters; other fields of an OpenAI request are ignored."""


class LocalChatRuntime(MLModel):
    """Chat completions in the process.

    For n choices, tensors have the shape [n, 1]; each streamed token is a response of shape [1, 1].
    """

    _llama: Llama

    async def load(self) -> bool:
        """Load the model, or share the one of another runtime."""
        self._llama = chat_llama()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Return the whole response to a conversation."""
        completion = await self._llama.chat(_chat_request(payload))
        return self._response([choice["message"] for choice in completion["choices"]])

    async def predict_stream(
        self, payloads: AsyncIterator[InferenceRequest]
    ) -> AsyncIterator[InferenceResponse]:
        """Stream the response to a conversation token by token, without an event at the end."""
        # The tensors have no index of the choice, so only one choice can be streamed.
        request = _chat_request(await anext(payloads)) | {"n": 1}
        async with aclosing(self._llama.stream_chat(request)) as chunks:
            async for chunk in chunks:
                for choice in chunk["choices"]:
                    # The first delta has a role but no content; the last has neither.
                    if choice["delta"].get("role") or choice["delta"].get("content"):
                        yield self._response([choice["delta"]])

    def _response(self, messages: Sequence[dict[str, Any]]) -> InferenceResponse:
        return InferenceResponse(
            model_name=self.name,
            model_version=self.version,
            outputs=[
                write_strings("role", ["assistant"] * len(messages)),
                write_strings("content", [message.get("content") or "" for message in messages]),
                write_strings("type", ["text"] * len(messages)),
            ],
        )


def _chat_request(payload: InferenceRequest) -> dict[str, Any]:
    kwargs = read_parameters(payload, "kwargs")
    request = {name: value for name, value in kwargs.items() if name in GENERATE_KWARGS}
    request |= read_conversation(payload)
    for message in request["messages"]:
        # The model was trained with the older name of this role.
        if message["role"] == "developer":
            message["role"] = "system"
    return request
