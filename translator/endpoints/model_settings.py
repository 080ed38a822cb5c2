"""What differs from model to model and no request tells."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw

from translator.oip.request import InferenceRequest, InputTensor, encode
from translator.oip.response import InferenceResponse, decode

TokenInput = Literal["int64", "text"]
Parameters = Literal["both", "openai", "local", "none"]
Kind = Literal["model", "pipeline"]
Input = Literal[
    "role",
    "content",
    "type",
    "tool_calls",
    "tool_call_id",
    "name",
    "refusal",
    "audio",
    "function_call",
    "tools",
    "parallel_tool_calls",
    "tool_choice",
    "input",
    "prompt",
]
Output = Literal[
    "role",
    "content",
    "refusal",
    "tool_calls",
    "function_call",
    "logprobs",
    "finish_reason",
    "embedding",
    "image",
    "output_all",
    "usage",
    "prompt_tokens",
    "completion_tokens",
]


class ModelSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of one model. What each says is what its documentation says."""

    token_input: Annotated[
        TokenInput,
        Meta(
            description="how token arrays reach an embeddings model: `int64` as an INT64 tensor of "
            "shape [n, length], which all arrays of a request must fill; `text` as the JSON text "
            "of each"
        ),
    ] = "int64"  # noqa: S105 -- tokens of text, no secret
    parameters: Annotated[
        Parameters,
        Meta(
            description="under which key parameters are sent: `openai` for llm_parameters, `local` "
            "for kwargs (embeddings: embedding_parameters), `both`, or `none` for no parameters"
        ),
    ] = "both"
    kind: Annotated[
        Kind,
        Meta(
            description="what the name stands for in a Seldon mesh; a `pipeline` is asked without "
            "a stream and gets only parameters that are text, truth values or whole numbers"
        ),
    ] = "model"
    streams: Annotated[
        bool,
        Meta(
            description="whether the model server has infer_stream; without it a streamed request "
            "is asked whole, and the answer is streamed all at once"
        ),
    ] = True
    inputs: Annotated[
        dict[Input, str],
        Meta(description="what the model calls its input tensors, by Seldon's names for them"),
    ] = {}
    outputs: Annotated[
        dict[Output, str],
        Meta(description="what the model calls its output tensors, by Seldon's names for them"),
    ] = {}
    ask_usage: Annotated[
        bool,
        Meta(
            description="ask for the token counts of every stream, as with "
            "stream_options.include_usage; clients see them only if they asked themselves"
        ),
    ] = False
    max_messages: Annotated[
        int, Meta(ge=1, description="the most messages that a conversation may have")
    ] = 10_000
    max_inputs: Annotated[
        int, Meta(ge=1, description="the most texts or token arrays in an embeddings request")
    ] = 2048

    def __post_init__(self) -> None:
        """Refuse names of tensors that cannot be told apart. Raises ValueError."""
        for field, names in (("inputs", self.inputs.items()), ("outputs", self.outputs.items())):
            together = [theirs for ours, theirs in names if ours not in _ALONE]
            if not all(theirs for _, theirs in names) or len(set(together)) < len(together):
                msg = f"{field} must name each tensor once"
                raise ValueError(msg)

    @property
    def can_stream(self) -> bool:
        """Whether the model can be asked for a stream. No pipeline can."""
        return self.streams and self.kind == "model"

    def mesh_name(self, model: str) -> str:
        """What a Seldon mesh routes by: the name, with a suffix where it is not a model's."""
        is_bare = self.kind == "pipeline" and not model.endswith((_PIPELINE, _EXPERIMENT))
        return model + _PIPELINE if is_bare else model

    def encode(self, inputs: list[InputTensor], fields: Mapping[str, Raw], local: str) -> bytes:
        """The body of an inference request.

        Args:
            inputs: the tensors, which may be renamed.
            fields: those of the OpenAI request that become parameters.
            local: the key under which the local runtime of this operation reads them.
        """
        if self.inputs:
            names = {str(ours): theirs for ours, theirs in self.inputs.items()}
            for tensor in inputs:
                tensor.name = names.get(tensor.name, tensor.name)
        return encode(InferenceRequest(inputs, self._parameters(fields, local)))

    def decode(self, body: bytes) -> InferenceResponse:
        """An answer of the model, or one event of it, with its tensors under Seldon's names.

        Raises:
            UpstreamError: as :func:`translator.oip.response.decode`.
        """
        response = decode(body)
        if self.outputs:
            names = {theirs: ours for ours, theirs in self.outputs.items()}
            for tensor in response.outputs:
                tensor.name = names.get(tensor.name, tensor.name)
        if self.kind == "pipeline":  # its gateway packs all that does not say that it is text
            for tensor in response.outputs:
                tensor.parameters = {"content_type": _PACKED, **(tensor.parameters or {})}
        return response

    def _parameters(self, fields: Mapping[str, Raw], local: str) -> Mapping[str, Any]:
        if self.parameters == "none":
            return {}
        if self.kind == "pipeline":  # its gateway refuses objects, and cuts numbers off
            return {name: raw for name, raw in fields.items() if _is_plain(raw)}
        keys = {"both": (local, "llm_parameters"), "openai": ("llm_parameters",), "local": (local,)}
        return dict.fromkeys(keys[self.parameters], fields)


_ALONE = frozenset({"input", "prompt", "embedding", "image"})  # in an operation with no others
_PIPELINE, _EXPERIMENT = ".pipeline", ".experiment"
_PACKED = Raw(b'"base64"')


def _is_plain(raw: Raw) -> bool:
    view = memoryview(raw)  # a text may be long
    if view[0] == ord('"'):
        return True
    value = bytes(view) if view.nbytes <= _LONGEST else b""
    if value in (b"true", b"false"):
        return True
    return value.lstrip(b"-").isdigit() and -(2**63) <= int(value) < 2**63


_LONGEST = 20  # characters of what fits into 64 bits, or is a word


class Models(msgspec.Struct, frozen=True):
    """The settings of all models: a default, and those of the ones that differ, by name.

    In a Seldon mesh a name may say by itself that it is a pipeline's.

    Attributes:
        default: of the models that are not named.
        by_name: of the others.
        seldon_mesh: upstream is a Seldon mesh.
        pipelines: whatever is named is a pipeline.
    """

    default: ModelSettings = ModelSettings()
    by_name: Mapping[str, ModelSettings] = {}
    seldon_mesh: bool = False
    pipelines: bool = False

    def of(self, model: str) -> ModelSettings:
        """The settings of the model that a client calls ``model``."""
        named = self.by_name.get(model)
        if not (self.pipelines or (self.seldon_mesh and model.endswith(_PIPELINE))):
            return named or self.default
        if named is None:  # perhaps under the other name that a pipeline has
            bare = model.removesuffix(_PIPELINE)
            named = self.by_name.get(f"{bare}{_PIPELINE}") or self._pipeline_called(bare)
        return msgspec.structs.replace(named or self.default, kind="pipeline")

    def _pipeline_called(self, name: str) -> ModelSettings | None:
        named = self.by_name.get(name)
        return named if named is not None and named.kind == "pipeline" else None

    def as_pipelines(self) -> "Models":
        """The same for a request whose URL says that it is a pipeline's."""
        return msgspec.structs.replace(self, pipelines=True)


DEFAULT = ModelSettings()
"""Of a model where nothing is set."""

DEFAULTS = Models()
"""All models alike."""
