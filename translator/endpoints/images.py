"""``images/generations``: the prompt becomes the tensor prompt; the answer is ``output_all``.

Parameters travel verbatim under ``llm_parameters``, which the OpenAI runtime reads. No runtime
streams images, so a streamed request is answered with the final event of each image at once.
"""

from dataclasses import dataclass

import msgspec

from translator import sse
from translator.endpoints import output_all
from translator.endpoints.base import Endpoint, StreamTranslator, take_model
from translator.errors import UpstreamError
from translator.oip import request as oip
from translator.oip.response import decode, unreadable
from translator.openai.images import Image, ImageCompleted, ImagesResponse
from translator.openai.request import decode_body, decode_field, flag, take

_DATA_URL = ";base64,"


@dataclass(frozen=True, slots=True)
class ImagesInference:
    """An image generation under way. ``as_events``: the client asked for a stream."""

    model: str | None
    as_events: bool = False
    streamed: bool = False

    @property
    def media_type(self) -> str:
        """See :class:`~translator.endpoints.base.Inference`."""
        return "text/event-stream" if self.as_events else "application/json"

    def from_oip(self, body: bytes) -> bytes:
        """See :class:`~translator.endpoints.base.Inference`."""
        complete = output_all.read(decode(body))
        if complete is None:
            raise unreadable()
        return _events(complete) if self.as_events else complete

    def stream(self) -> StreamTranslator:
        """Images are never streamed by upstream."""
        raise NotImplementedError


def to_oip(body: bytes, url_model: str | None) -> tuple[bytes, ImagesInference]:
    """Translate a request body. See :class:`~translator.endpoints.base.Endpoint`."""
    fields = decode_body(body)
    model = take_model(fields, url_model, required=False)
    prompt: str = decode_field(take(fields, "prompt"), str, "prompt")
    request = oip.InferenceRequest(
        [oip.bytes_tensor("prompt", [prompt])], {"llm_parameters": fields}
    )
    return oip.encode(request), ImagesInference(model, as_events=flag(fields, "stream"))


def _events(complete: bytes) -> bytes:
    try:
        answer = msgspec.json.decode(complete, type=ImagesResponse)
    except msgspec.DecodeError as error:
        raise unreadable() from error
    return b"".join(
        sse.encode(
            msgspec.json.encode(
                ImageCompleted(
                    b64_json=_base64(image),
                    created_at=answer.created,
                    background=answer.background,
                    output_format=answer.output_format,
                    quality=answer.quality,
                    size=answer.size,
                    usage=answer.usage,
                )
            )
        )
        for image in answer.data
    )


def _base64(image: Image) -> str:
    if image.b64_json:
        return image.b64_json
    head, marker, data = (image.url or "").partition(_DATA_URL)
    if not (marker and head.startswith("data:")):
        raise UpstreamError("The model returned a link to an image, which cannot be streamed.")
    return data


def _inference(model: str | None, _streamed: bool) -> ImagesInference:  # noqa: FBT001 -- signature
    return ImagesInference(model)


IMAGES = Endpoint("images/generations", to_oip, _inference)
