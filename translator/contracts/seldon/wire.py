"""OIP requests and responses of Seldon's runtimes, called directly or by a pipeline."""

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
_LONGEST = 20  # characters of a 64-bit integer, true or false
_PACKED = Raw(b'"base64"')


class Wire(msgspec.Struct, frozen=True):
    """How requests reach the runtime, and responses return.

    Attributes:
        parameters: makes the parameters of a request from the client's parameters, the key under
            which the local runtime of the operation reads them, and the model's settings.
        packs: whether outputs without a ``content_type`` are base64.
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
            inputs: the tensors, which are renamed as the settings say.
            parameters: the client's parameters.
            runtime: the key under which the local runtime of this operation reads them.
            settings: the model's settings.
            stream: whether the client requested a stream.
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
        """Decode a response, or one event of a stream, and give its tensors Seldon's names.

        Args:
            body: the body of the response.
            settings: the model's settings.
            outputs: the tensors of the task: only these are renamed.

        Raises:
            UpstreamError: see :func:`translator.oip.response.decode`.
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
    """The content of ``output_all``: a provider's response as JSON text, or None.

    Raises:
        UpstreamError: the tensor is not text.
    """
    texts = response.strings("output_all")
    return (texts[0].strip() or None) if texts else None


def _objects(given: Object, runtime: str, settings: "ModelSettings") -> dict[str, Any]:
    """Parameters as objects, Seldon's extension of OIP, under the keys that its runtimes read."""
    match settings.parameters:
        case "both":
            return {runtime: given, _OPENAI_RUNTIME: given}
        case "local":
            return {runtime: given}
        case _:
            return {_OPENAI_RUNTIME: given}


def _scalars(given: Object, _runtime: str, _settings: "ModelSettings") -> dict[str, Any]:
    """Strings, booleans and integers: the gateway refuses objects and truncates fractions."""
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
