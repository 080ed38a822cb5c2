"""``images/generations``: the prompt becomes the tensor prompt; the answer is ``output_all``.

Parameters travel verbatim under ``llm_parameters``, which the OpenAI runtime reads. A runtime
without ``output_all`` may answer with images in a BYTES tensor. No runtime streams images, so a
streamed request is answered with the final event of each image at once.
"""

import time
from dataclasses import dataclass, field

import msgspec
from msgspec import UNSET, Raw, UnsetType

from translator import sse
from translator.endpoints import image_tensors, large_payloads, output_all, token_counts
from translator.endpoints.base import Endpoint, StreamTranslator, WholeAnswer, take_model
from translator.endpoints.model_settings import DEFAULT, DEFAULTS, Models, ModelSettings
from translator.endpoints.stream import only_event
from translator.endpoints.token_counts import TokenCounts
from translator.errors import UpstreamError
from translator.oip import request as oip
from translator.oip.response import InferenceResponse, unreadable
from translator.openai.images import (
    Image,
    ImageCompleted,
    ImagesResponse,
    InputTokensDetails,
    Usage,
)
from translator.openai.parameters import check_images
from translator.openai.request import decode_body, decode_field, empty_string, flag, take

_URL = Raw(b'"url"')
_DATA_URL = ";base64,"


@dataclass(frozen=True, slots=True)
class ImagesInference:
    """An image generation under way. ``as_url``: the client asked for URLs."""

    model: str | None
    as_events: bool = False
    as_url: bool = False
    streamed: bool = False
    settings: ModelSettings = DEFAULT
    created: int = field(default_factory=lambda: int(time.time()))

    def from_oip(self, body: bytes) -> WholeAnswer:
        """See :class:`~translator.endpoints.base.Inference`."""
        body, payloads = large_payloads.set_aside(body, large_payloads.IN_IMAGES)
        answer = self._translate(self.settings.decode(body))
        return answer._replace(body=large_payloads.put_back(answer.body, payloads))

    def from_events(self, body: bytes) -> WholeAnswer:
        """See :class:`~translator.endpoints.base.Inference`."""
        return self.from_oip(only_event(body))

    def stream(self, _limit: int | None = None) -> StreamTranslator:
        """Images are never streamed by upstream."""
        raise NotImplementedError

    def _translate(self, response: InferenceResponse) -> WholeAnswer:
        complete = output_all.read(response)
        if complete is not None:
            whole = output_all.complete(complete, response, "data", {"created": self.created})
            if self.as_events:
                return whole._replace(body=_events(_decode(complete), self.created))
            return whole
        as_url = self.as_url and not self.as_events
        images = image_tensors.read(response, as_url=as_url)
        tokens = token_counts.read(response)
        answer = ImagesResponse(images, self.created, usage=_usage(tokens))
        body = _events(answer, self.created) if self.as_events else msgspec.json.encode(answer)
        return WholeAnswer(body, tokens, response.model_name or "")


def to_oip(
    body: bytes, url_model: str | None, models: Models = DEFAULTS
) -> tuple[bytes, ImagesInference]:
    """Translate a request body. See :class:`~translator.endpoints.base.Endpoint`."""
    fields = decode_body(body)
    model = take_model(fields, url_model, required=False)
    prompt: str = decode_field(take(fields, "prompt"), str, "prompt")
    if not prompt:
        raise empty_string("prompt")
    check_images(fields)
    settings = models.of(model)
    as_url = fields.get("response_format") == _URL
    inference = ImagesInference(
        model, as_events=flag(fields, "stream"), as_url=as_url, settings=settings
    )
    tensor = oip.bytes_tensor("prompt", [prompt])
    return settings.encode([tensor], fields, "llm_parameters"), inference


def _usage(tokens: TokenCounts) -> Raw | UnsetType:
    prompt, completion = tokens
    if prompt is None or completion is None:
        return UNSET
    details = InputTokensDetails(text_tokens=prompt)
    return Raw(msgspec.json.encode(Usage(prompt, completion, prompt + completion, details)))


def _decode(complete: bytes) -> ImagesResponse:
    try:
        return msgspec.json.decode(complete, type=ImagesResponse)
    except msgspec.DecodeError as error:
        raise unreadable() from error


def _events(answer: ImagesResponse, created: int) -> bytes:
    if not answer.data:
        raise unreadable()
    return b"".join(
        sse.encode(
            msgspec.json.encode(
                ImageCompleted(
                    b64_json=_base64(image),
                    created_at=int(answer.created or created),
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
        message = "The model returned a link to an image, which cannot be streamed."
        raise UpstreamError(message, repeats=True)
    return data


def _inference(model: str | None, _streamed: bool) -> ImagesInference:  # noqa: FBT001 -- signature
    return ImagesInference(model)


IMAGES = Endpoint("images/generations", to_oip, _inference)
