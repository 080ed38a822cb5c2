"""An OIP request and response as Seldon's runtimes have them, straight or through a pipeline."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw

from translator.contracts.base import Call
from translator.oip.request import InferenceRequest, InputTensor, encode
from translator.oip.response import InferenceResponse, decode
from translator.raw_json import Object, opening

if TYPE_CHECKING:
    from translator.contracts.settings import ModelSettings

_OPENAI_RUNTIME = "llm_parameters"
_DONE = b"[DONE]"  # Seldon's runtimes end streams without it; some custom runtimes send it
_LONGEST = 20  # characters of what fits into 64 bits, or is a word
_PACKED = Raw(b'"base64"')


class Wire(msgspec.Struct, frozen=True):
    """The way to a model.

    Attributes:
        parameters: those of a request, given the client's, the key under which the runtime of the
            operation reads them, and the model's settings.
        packs: it encodes what does not say that it is text.
    """

    parameters: Callable[[Object, str, "ModelSettings"], dict[str, Any]]
    packs: bool

    def call(
        self,
        inputs: list[InputTensor],
        parameters: Object,
        runtime: str,
        settings: "ModelSettings",
        *,
        stream: bool = False,
    ) -> Call:
        """An inference request.

        Args:
            inputs: the tensors, which may be renamed.
            parameters: the client's.
            runtime: the key under which the local runtime of this operation reads them.
            settings: the model's.
            stream: the client wants events.
        """
        if settings.inputs:
            for tensor in inputs:
                tensor.name = settings.inputs.get(tensor.name, tensor.name)
        given = (
            {} if settings.parameters == "none" else self.parameters(parameters, runtime, settings)
        )
        streamed = stream and settings.can_stream
        verb = "infer_stream" if streamed else "infer"
        body = encode(InferenceRequest(inputs, given))
        return Call(verb, body, streamed, end_of_stream=_DONE)

    def read(
        self, body: bytes, settings: "ModelSettings", outputs: frozenset[str]
    ) -> InferenceResponse:
        """A response of the model, or one event of it, with its tensors under Seldon's names.

        Args:
            body: of the response.
            settings: the model's.
            outputs: the tensors of the task. Another task may have others of the same name.

        Raises:
            UpstreamError: as :func:`translator.oip.response.decode`.
        """
        response = decode(body)
        if settings.outputs:
            names = {theirs: ours for ours, theirs in settings.outputs.items() if ours in outputs}
            for tensor in response.outputs:
                tensor.name = names.get(tensor.name, tensor.name)
        if self.packs:
            for tensor in response.outputs:
                tensor.parameters = {"content_type": _PACKED, **(tensor.parameters or {})}
        return response


def provided(response: InferenceResponse) -> str | None:
    """What stands in ``output_all``: a provider's own answer, or None where there is none.

    Raises:
        UpstreamError: the output is there but is not text.
    """
    texts = response.strings("output_all")
    return (texts[0].strip() or None) if texts else None


def _objects(given: Object, runtime: str, settings: "ModelSettings") -> dict[str, Any]:
    """Under the keys that Seldon's runtimes read: an object each, which is its extension of OIP."""
    match settings.parameters:
        case "both":
            return {runtime: given, _OPENAI_RUNTIME: given}
        case "local":
            return {runtime: given}
        case _:
            return {_OPENAI_RUNTIME: given}


def _scalars(given: Object, _runtime: str, _settings: "ModelSettings") -> dict[str, Any]:
    """Texts, truth values and whole numbers: the gateway refuses objects and truncates decimals."""
    return {name: value for name, value in given.items() if _is_scalar(value)}


def _is_scalar(value: Raw) -> bool:
    if opening(value) == ord('"'):
        return True
    view = memoryview(value)
    text = bytes(view) if view.nbytes <= _LONGEST else b""
    if text in (b"true", b"false"):
        return True
    return text.lstrip(b"-").isdigit() and -(2**63) <= int(text) < 2**63


MODEL = Wire(_objects, packs=False)
PIPELINE_GATEWAY = Wire(_scalars, packs=True)
