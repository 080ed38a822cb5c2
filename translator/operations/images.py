"""``images/generations``: OpenAI's request to a task, and images to OpenAI's object or events.

Runtimes do not stream images, so the response to a streamed request has only the final event of
each image.
"""

import time
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec import UNSET, Raw, UnsetType

from translator import sse
from translator.coerce import coerce
from translator.errors import ClientError, UpstreamError, unreadable
from translator.openai.images import (
    AUTO,
    CHOICES,
    Image,
    ImageCompleted,
    ImagesResponse,
    InputTokensDetails,
    StrictImagesResponse,
    Usage,
)
from translator.openai.parameters import check_images
from translator.openai.request import decode_body, decode_field, empty_string, flag, take
from translator.operations import large_values, provider
from translator.operations.base import Inference, Operation, Response, only, take_model
from translator.operations.wording import wording_of
from translator.raw_json import NULL, decode_object, encode, is_null, is_present, raw
from translator.tasks.drawing import FORMATS, Drawing, DrawnImage, DrawnImages
from translator.tasks.model import Target
from translator.tasks.repair import Repair
from translator.tasks.usage import TokenCounts, of_usage

_EVENT_FIELDS = ("background", "output_format", "quality", "size")
_URL = Raw(b'"url"')
_DATA_URL = ";base64,"
_DOOMSDAY = 2**53
_HEAD = 8  # characters of base64 hold the first 6 bytes


def accept(body: bytes, target: Target) -> Inference:
    """Read a request. See :class:`~translator.operations.base.Operation`."""
    fields = decode_body(body)
    name = take_model(fields, target, required=False)
    prompt: str = decode_field(take(fields, "prompt"), str, "prompt")
    if not prompt:
        raise empty_string("prompt")
    check_images(fields)
    as_events = flag(fields, "stream")
    as_url = fields.get("response_format") == _URL
    if as_events and as_url:  # refused before the model is called
        message = "Images cannot be streamed as URLs: 'response_format' must be 'b64_json'."
        raise ClientError(message, param="response_format", code="invalid_value")
    asked = {name: text for name in _EVENT_FIELDS if (text := _text(fields.get(name)))}
    request, decode = target.model(name).draw(Drawing(prompt, fields))
    translate = _Translation(decode, as_events, as_url, int(time.time()), asked)
    wording = wording_of(body, "prompt")
    return Inference(name, request, translate.complete, as_events=as_events, wording=wording)


def _text(value: Raw | None) -> str:
    return "" if is_null(value) else str(msgspec.json.decode(value or NULL))


class _Translation(msgspec.Struct, frozen=True):
    """Translates the response.

    Attributes:
        decode: decodes the response.
        as_events: whether the client requested events.
        as_url: whether the client requested URLs.
        created: seconds since the epoch.
        asked: the request's fields that describe the images, such as ``size``.
    """

    decode: Callable[[bytes], DrawnImages]
    as_events: bool
    as_url: bool
    created: int
    asked: Mapping[str, str]

    def complete(self, responses: Sequence[bytes]) -> Response:
        """See :class:`~translator.operations.base.Inference`."""
        body, values = large_values.extract(only(responses), large_values.IN_IMAGES)
        response = self._translate(self.decode(body))
        return response._replace(body=large_values.restore(response.body, values))

    def _translate(self, drawn: DrawnImages) -> Response:
        if drawn.provided is not None:
            required = {"created": self.created}
            whole = provider.complete(provider.read(drawn.provided), drawn.model, "data", required)
            complete, repairs = _repair(whole.body, self.created)
            whole = whole._replace(body=complete, repairs=repairs)
            if self.as_events:
                events = _events(_decode(complete), self.created, self.asked)
                return whole._replace(body=events)
            return whole
        images = [_image(image, as_url=self.as_url) for image in drawn.images]
        answer = ImagesResponse(images, self.created, usage=_usage(drawn.tokens))
        body = _events(answer, self.created, self.asked) if self.as_events else encode(answer)
        return Response(body, drawn.tokens, drawn.model)


def _repair(answer: bytes, created: int) -> tuple[bytes, frozenset[Repair]]:
    """A provider's response with the types of OpenAI's SDKs, and the kinds of repairs.

    Raises:
        UpstreamError: 502, it has something else than images.
    """
    try:
        _decode_strict(answer)
    except msgspec.ValidationError:
        fields = decode_object(answer)
        repairs = {Repair.HEAD}
        if is_present(usage := fields.get("usage", NULL)):
            fields["usage"] = whole = _whole_usage(usage)
            repairs = {Repair.HEAD if whole == usage else Repair.USAGE}
        fields["created"] = raw(_time(fields["created"]) or created)
        fitted, _ = coerce(encode(fields), StrictImagesResponse)
        if not _decode_strict(fitted).data:  # not images
            raise unreadable() from None
        return bytes(fitted), frozenset(repairs)
    return answer, frozenset()


_decode_strict = msgspec.json.Decoder(StrictImagesResponse).decode


def _time(value: Raw) -> int | None:
    number = msgspec.json.decode(value)
    is_number = isinstance(number, int | float) and not isinstance(number, bool)
    return int(number) if is_number and 0 < number < _DOOMSDAY else None


def _image(drawn: DrawnImage, *, as_url: bool) -> Image:
    if drawn.base64 and as_url:
        return Image(url=f"data:image/{_format(drawn.base64)};base64,{drawn.base64}")
    if drawn.base64 or as_url:
        return Image(drawn.base64 or None, drawn.url or None)
    data = _data_of(drawn.url)
    return Image(b64_json=data) if data else Image(url=drawn.url)


def _data_of(url: str) -> str:
    """The base64 in a ``data:`` URL; "" for any other URL."""
    head, _, data = url.partition(_DATA_URL)
    return data if head.startswith("data:") else ""


def _format(encoded: str) -> str:
    """The image's format by its first bytes; ``png`` if unknown (browsers detect it themselves)."""
    return _known_format(encoded) or "png"


def _known_format(encoded: str) -> str:
    try:
        head = b64decode(encoded[:_HEAD])
    except ValueError:  # a token of large_values, or not base64
        return ""
    return next((name for magic, name in FORMATS.items() if head.startswith(magic)), "")


def _usage(tokens: TokenCounts) -> Raw | UnsetType:
    prompt, completion = tokens
    if prompt is None or completion is None:
        return UNSET
    details = InputTokensDetails(text_tokens=prompt, image_tokens=0)
    return Raw(encode(Usage(prompt, completion, prompt + completion, details)))


def _decode(complete: bytes) -> ImagesResponse:
    try:
        return msgspec.json.decode(complete, type=ImagesResponse)
    except msgspec.DecodeError as error:
        raise unreadable() from error


def _events(answer: ImagesResponse, created: int, asked: Mapping[str, str]) -> bytes:
    if not answer.data:
        raise unreadable()
    events = []
    for image in answer.data:
        data = _base64(image)
        completed = ImageCompleted(
            b64_json=data,
            created_at=int(answer.created or created),
            background=_choice("background", answer.background, asked) or AUTO,
            output_format=_output_format(data, answer.output_format, asked),
            quality=_choice("quality", answer.quality, asked) or AUTO,
            size=answer.size or asked.get("size") or AUTO,
            usage=_whole_usage(answer.usage),
        )
        events.append(sse.encode(encode(completed)))
    return b"".join(events)


def _choice(name: str, told: str | UnsetType | None, asked: Mapping[str, str]) -> str:
    """The server's value of an image's field, else the client's; "" if neither is valid."""
    said = (told or "", asked.get(name, ""))
    return next((word for word in said if word in CHOICES[name]), "")


def _output_format(data: str, told: str | UnsetType | None, asked: Mapping[str, str]) -> str:
    known = _known_format(data)
    if told not in CHOICES["output_format"] and known in CHOICES["output_format"]:
        return known
    return _choice("output_format", told, asked) or "png"


def _whole_usage(usage: Raw | UnsetType) -> Raw:
    """The server's object if it has all counts, else an object with zeros for the missing ones."""
    given = NULL if usage is UNSET else usage
    try:
        msgspec.json.decode(given, type=Usage)
    except msgspec.ValidationError:
        prompt, completion = (count or 0 for count in of_usage(given))
        fields = Usage(prompt, completion, prompt + completion, InputTokensDetails(prompt, 0))
        return raw(fields)
    return Raw(bytes(given))


def _base64(image: Image) -> str:
    data = image.b64_json or _data_of(image.url or "")
    if not data:
        message = "The model returned a link to an image, which cannot be streamed."
        raise UpstreamError(message, repeats=True)
    return data


IMAGES = Operation("images/generations", "generate_content", accept, example=b'{"prompt":"x"}')
