"""The models: the settings of each, and the encoding of tasks for it."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from translator.contracts import addressing
from translator.contracts.addressing import PIPELINE
from translator.contracts.base import Codec, Contract
from translator.contracts.registry import CONTRACTS
from translator.contracts.settings import ContractName, ModelSettings
from translator.errors import ClientError
from translator.tasks.drawing import Drawing, DrawnImages
from translator.tasks.embedding import Embedding, Vectors
from translator.tasks.generation import Generation, Output
from translator.tasks.model import Asked, Tokenizer, UpstreamRequest

T = TypeVar("T")
S = TypeVar("S")

_SELDON_PIPELINE = ContractName("seldon-pipeline")


class Models(msgspec.Struct, frozen=True):
    """The settings of all models.

    Attributes:
        default: settings of the models that are not in ``by_name``.
        by_name: settings by model name.
        seldon_mesh: whether upstream is a Seldon mesh, in which names that end in ``.pipeline`` are
            pipelines.
        tokenizers: the tokenizers that the settings name, by file.
    """

    default: ModelSettings = ModelSettings()
    by_name: Mapping[str, ModelSettings] = {}
    seldon_mesh: bool = False
    tokenizers: Mapping[str, Tokenizer] = {}

    def of(self, model: str, *, is_pipeline: bool = False) -> ModelSettings:
        """The settings of a model.

        Args:
            model: the name in the request.
            is_pipeline: whether the URL is that of a pipeline.
        """
        named = self.by_name.get(model)
        if not (is_pipeline or (self.seldon_mesh and model.endswith(PIPELINE))):
            return named or self.default
        if named is None:  # the settings may have the pipeline's other name
            bare = model.removesuffix(PIPELINE)
            named = self.by_name.get(f"{bare}{PIPELINE}") or self._pipeline_called(bare)
        return msgspec.structs.replace(named or self.default, contract=_SELDON_PIPELINE)

    def _pipeline_called(self, name: str) -> ModelSettings | None:
        named = self.by_name.get(name)
        return named if named is not None and named.contract == _SELDON_PIPELINE else None


class Target(msgspec.Struct, frozen=True):
    """The models, and what the URL selects. See :class:`translator.tasks.model.Target`.

    Attributes:
        models: the settings of all models.
        model_in_url: the model in the URL, or None.
        version: the version in the URL, or None.
        is_pipeline: whether the URL is that of a pipeline.
        default_model: the operation's model for requests that name none, or None.
        url_decides: whether to use the model in the URL whatever the body says.
    """

    models: Models = Models()
    model_in_url: str | None = None
    version: str | None = None
    is_pipeline: bool = False
    default_model: str | None = None
    url_decides: bool = False

    def model(self, name: str) -> "ServedModel":
        """See :class:`translator.tasks.model.Target`."""
        settings = self.models.of(name, is_pipeline=self.is_pipeline)
        tokenizer = self.models.tokenizers[settings.tokenizer] if settings.tokenizer else None
        return ServedModel(name, settings, self.version, self.models.seldon_mesh, tokenizer)


class ServedModel(msgspec.Struct, frozen=True):
    """A model with its contract. See :class:`translator.tasks.model.Model`.

    Attributes:
        name: the name in the request.
        settings: the settings of this model.
        version: the version in the URL, or None.
        seldon_mesh: whether upstream is a Seldon mesh.
        tokenizer: the tokenizer in its settings, or None.
    """

    name: str
    settings: ModelSettings
    version: str | None
    seldon_mesh: bool
    tokenizer: Tokenizer | None

    def generate(self, task: Generation) -> Asked[Output]:
        """See :class:`translator.tasks.model.Model`."""
        contract = CONTRACTS[self.settings.contract]
        return self._ask(contract, contract.generate, task)

    def embed(self, task: Embedding) -> Asked[Vectors]:
        """See :class:`translator.tasks.model.Model`."""
        contract = CONTRACTS[self.settings.contract]
        return self._ask(contract, contract.embed, task)

    def draw(self, task: Drawing) -> Asked[DrawnImages]:
        """See :class:`translator.tasks.model.Model`."""
        contract = CONTRACTS[self.settings.contract]
        return self._ask(contract, contract.draw, task)

    def _ask(self, contract: Contract, codec: Codec[T, S] | None, task: T) -> Asked[S]:
        if codec is None:
            raise ClientError(
                f"The model '{self.name}' does not support this operation.",
                param="model",
                code="unsupported_operation",
            )
        call, decode = codec(task, self.settings)
        path = addressing.path(self.name, call.verb, self.version, seldon_mesh=self.seldon_mesh)
        routed_by = self.name
        if contract.mesh_suffix:
            routed_by = addressing.mesh_name(self.name, contract.mesh_suffix)
        headers = (("seldon-model", routed_by), *call.headers)
        request = UpstreamRequest(
            path, call.body, call.streamed, headers, end_of_stream=call.end_of_stream
        )
        return request, decode
