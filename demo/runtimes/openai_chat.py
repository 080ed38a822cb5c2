"""The tensors of Seldon's OpenAI runtime, among them `output_all` with the provider's JSON.

The provider is llama.cpp's OpenAI-compatible HTTP server, called with OpenAI's own client.
"""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from mlserver import MLModel
from mlserver.errors import MLServerError
from mlserver.types import InferenceRequest, InferenceResponse
from openai import APIStatusError, AsyncOpenAI, DefaultAsyncHttpxClient
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from runtimes.conversation import read_conversation
from runtimes.llama import MODEL_NAME, chat_llama
from runtimes.tensors import read_parameters, write_strings

OWN_PARAMETERS = frozenset({"messages", "model", "stream"})
"""The fields that this runtime sets itself; parameters with these names are ignored."""


class OpenAIChatRuntime(MLModel):
    """Chat completions of a provider.

    For n choices, tensors have the shape [n, 1]; `output_all` is always [1, 1], JSON indented by 2.
    """

    _client: AsyncOpenAI

    async def load(self) -> bool:
        """Start the provider, unless another runtime has started it, and connect to it."""
        llama = chat_llama()
        self._client = AsyncOpenAI(
            base_url=llama.base_url,
            api_key=llama.api_key,
            max_retries=0,
            # A proxy set in the environment could not reach our loopback interface.
            http_client=DefaultAsyncHttpxClient(trust_env=False),
        )
        return True

    async def unload(self) -> bool:
        """Disconnect from the provider."""
        await self._client.close()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Return the provider's completion for a conversation."""
        body = _provider_body(payload)
        body.pop("stream_options", None)
        try:
            completion = await self._client.chat.completions.create(
                model=MODEL_NAME, messages=body.pop("messages"), extra_body=body
            )
        except APIStatusError as error:
            raise _as_mlserver_error(error) from error
        return self._response(completion, [choice.message.content for choice in completion.choices])

    async def predict_stream(
        self, payloads: AsyncIterator[InferenceRequest]
    ) -> AsyncIterator[InferenceResponse]:
        """Stream the provider's chunks for a conversation, one response per chunk."""
        body = _provider_body(await anext(payloads))
        try:
            stream = await self._client.chat.completions.create(
                model=MODEL_NAME, messages=body.pop("messages"), stream=True, extra_body=body
            )
        except APIStatusError as error:
            raise _as_mlserver_error(error) from error
        async with stream:  # the provider stops generating when it is closed
            async for chunk in stream:
                yield self._response(chunk, [choice.delta.content for choice in chunk.choices])

    def _response(
        self, answer: ChatCompletion | ChatCompletionChunk, contents: list[str | None]
    ) -> InferenceResponse:
        texts = [content or "" for content in contents] or [""]  # the usage chunk has no choices
        return InferenceResponse(
            model_name=self.name,
            model_version=self.version,
            outputs=[
                write_strings("role", ["assistant"] * len(texts)),
                write_strings("content", texts),
                write_strings("type", ["text"] * len(texts)),
                write_strings("output_all", [answer.to_json(indent=2)]),
            ],
        )


def _provider_body(payload: InferenceRequest) -> dict[str, Any]:
    """The provider's request body, with all parameters unchanged, known or not."""
    parameters = read_parameters(payload, "llm_parameters")
    body = {name: value for name, value in parameters.items() if name not in OWN_PARAMETERS}
    return body | read_conversation(payload)


def _as_mlserver_error(error: APIStatusError) -> MLServerError:
    """Translate a provider's error for MLServer: 400 if the request is invalid, else 502."""
    message = error.body.get("message") if isinstance(error.body, dict) else None
    status = HTTPStatus.BAD_GATEWAY if error.response.is_server_error else HTTPStatus.BAD_REQUEST
    return MLServerError(str(message or error.message), status)
