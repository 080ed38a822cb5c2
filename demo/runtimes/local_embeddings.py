"""The tensors of Seldon's local embeddings runtime: `input` in, `embedding` out, no usage."""

from itertools import chain

from mlserver import MLModel
from mlserver.types import Datatype, InferenceRequest, InferenceResponse, ResponseOutput, TensorData
from runtimes.llama import Llama, embedding_llama
from runtimes.tensors import require_strings


class LocalEmbeddingsRuntime(MLModel):
    """Embeddings in the process.

    For n texts, the output is one FP64 tensor of shape [n, d], flat and row-major; its rows have
    length 1.
    """

    _llama: Llama

    async def load(self) -> bool:
        """Load the model in embedding mode."""
        self._llama = embedding_llama()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Embed the texts of tensor `input`."""
        vectors = await self._llama.embed(require_strings(payload, "input"))
        embedding = ResponseOutput(
            name="embedding",
            shape=[len(vectors), len(vectors[0])],
            datatype=Datatype.FP64,
            data=TensorData(root=list(chain.from_iterable(vectors))),
        )
        return InferenceResponse(
            model_name=self.name, model_version=self.version, outputs=[embedding]
        )
