"""Embedding for Seldon's runtimes: the tensor ``input`` in, the tensor ``embedding`` out.

Parameters are sent verbatim under ``embedding_parameters`` (read by the local embeddings runtime)
and ``llm_parameters`` (read by the OpenAI runtime).
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from translator.contracts.base import Call
from translator.contracts.seldon import token_counts
from translator.contracts.seldon.wire import Wire, provided
from translator.errors import ClientError, unreadable
from translator.oip.request import InputTensor, bytes_tensor
from translator.oip.response import InferenceResponse, OutputTensor
from translator.raw_json import encode
from translator.tasks.embedding import Embedding, Vectors

if TYPE_CHECKING:
    from translator.contracts.settings import ModelSettings

_RUNTIME = "embedding_parameters"
_FLOATS = ("FP16", "BF16", "FP32", "FP64")

INPUTS = frozenset({"input"})
OUTPUTS = frozenset({"embedding", "output_all", *token_counts.TENSORS})


def ask(
    wire: Wire, task: Embedding, settings: "ModelSettings"
) -> tuple[Call, Callable[[bytes], Vectors]]:
    """See :data:`~translator.contracts.base.Codec`."""
    call = wire.call([_input(task, settings)], task.parameters, _RUNTIME, settings)
    return call, partial(_decode, wire, settings)


def _input(task: Embedding, settings: "ModelSettings") -> InputTensor:
    if task.texts:
        return bytes_tensor("input", task.texts)
    if settings.token_input == "text":  # noqa: S105 -- tokens of text, no secret
        return bytes_tensor("input", [encode(array).decode() for array in task.tokens])
    length = len(task.tokens[0])
    if any(len(array) != length for array in task.tokens):
        raise ClientError(
            "Invalid 'input': this model takes token arrays of one length only. Send text instead "
            "(in LangChain: OpenAIEmbeddings(check_embedding_ctx_length=False)), or one token "
            "array per request.",
            param="input",
            code="invalid_value",
        )
    tokens = [token for array in task.tokens for token in array]
    return InputTensor("input", [len(task.tokens), length], "INT64", tokens)


def _decode(wire: Wire, settings: "ModelSettings", body: bytes) -> Vectors:
    response = wire.read(body, settings, OUTPUTS)
    model = response.model_name or ""
    provider = provided(response)
    if provider is not None:
        return Vectors(model, provided=provider)
    tensor = _tensor(response)
    count = tensor.shape[0] if len(tensor.shape) > 1 else 1
    tokens = token_counts.read(response, shared_prompt=False)
    return Vectors(model, tokens, count, tensor.rows())


def _tensor(response: InferenceResponse) -> OutputTensor:
    """The tensor of the vectors: the one named ``embedding``, else the only one of floats."""
    named = response.output("embedding")
    if named is not None:
        return named
    floats = [tensor for tensor in response.outputs if tensor.datatype in _FLOATS]
    if len(floats) != 1:
        raise unreadable()
    return floats[0]
