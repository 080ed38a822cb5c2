"""The models that can be asked: the settings of each, and how a task reaches it."""

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
    """The settings of all models: a default, and those of the ones that differ, by name.

    Attributes:
        default: of the models that are not named.
        by_name: of the others.
        seldon_mesh: upstream is a Seldon mesh, where a name may say that it is a pipeline's.
        tokenizers: all that the settings name, by their files.
    """

    default: ModelSettings = ModelSettings()
    by_name: Mapping[str, ModelSettings] = {}
    seldon_mesh: bool = False
    tokenizers: Mapping[str, Tokenizer] = {}

    def of(self, model: str, *, is_pipeline: bool = False) -> ModelSettings:
        """The settings of a model.

        Args:
            model: as the client calls it.
            is_pipeline: it is known to be a pipeline.
        """
        named = self.by_name.get(model)
        if not (is_pipeline or (self.seldon_mesh and model.endswith(PIPELINE))):
            return named or self.default
        if named is None:  # perhaps under the other name that a pipeline has
            bare = model.removesuffix(PIPELINE)
            named = self.by_name.get(f"{bare}{PIPELINE}") or self._pipeline_called(bare)
        return msgspec.structs.replace(named or self.default, contract=_SELDON_PIPELINE)

    def _pipeline_called(self, name: str) -> ModelSettings | None:
        named = self.by_name.get(name)
        return named if named is not None and named.contract == _SELDON_PIPELINE else None


class Target(msgspec.Struct, frozen=True):
    """What a request goes to. See :class:`translator.tasks.model.Target`.

    Attributes:
        models: all there are.
        model_in_url: None where the URL names none.
        version: of the model; None where the URL names none.
        is_pipeline: the URL says that the name is a pipeline's.
        default_model: of the operation, for requests that name no model; None where there is none.
    """

    models: Models = Models()
    model_in_url: str | None = None
    version: str | None = None
    is_pipeline: bool = False
    default_model: str | None = None

    def model(self, name: str) -> "ServedModel":
        """See :class:`translator.tasks.model.Target`."""
        settings = self.models.of(name, is_pipeline=self.is_pipeline)
        tokenizer = self.models.tokenizers[settings.tokenizer] if settings.tokenizer else None
        return ServedModel(name, settings, self.version, self.models.seldon_mesh, tokenizer)


class ServedModel(msgspec.Struct, frozen=True):
    """A model behind its contract. See :class:`translator.tasks.model.Model`.

    Attributes:
        name: as the client calls it.
        settings: its own.
        version: the one that the URL names, or None.
        seldon_mesh: it is reached through one.
        tokenizer: the one that its settings name, or None.
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
                f"The model '{self.name}' cannot do this: choose another operation or model.",
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
