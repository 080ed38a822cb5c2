"""Translation without Envoy: what becomes of one body, for people and for golden files.

It goes the way of a live exchange, through the same state machine, so it shows what Envoy would be
told and not what a second implementation thinks.
"""

from typing import Any

import msgspec
from msgspec import Raw

from translator.errors import ClientError
from translator.exchange import routes
from translator.exchange.actions import Action, Forward, Respond
from translator.exchange.exchange import Exchange
from translator.exchange.settings import DEFAULTS, ExchangeSettings
from translator.openai.errors import error_body
from translator.raw_json import decode_object, encode, raw

Outcome = tuple[Any, bool]
"""A document that msgspec can encode, and whether the translation succeeded."""

_EVENTS = "text/event-stream"
_ERROR_EVENT = 'data: {"error":'


def translate_request(path: str, body: bytes, settings: ExchangeSettings = DEFAULTS) -> Outcome:
    """What upstream gets for an OpenAI request body posted to ``path``.

    Returns:
        ``{"method", "path", "headers", "body"}``, or an OpenAI error object and False.
    """
    action = _send(Exchange(settings), path, body)
    if isinstance(action, Respond):
        return Raw(action.body), False
    headers = dict(action.set_headers)
    return {
        "method": headers.pop(":method", _method(path)),
        "path": headers.pop(":path"),
        "headers": headers,
        "body": Raw(action.body or b"null"),
    }, True


def translate_response(  # noqa: PLR0913 -- each is one fact about the exchange
    path: str,
    body: bytes,
    settings: ExchangeSettings = DEFAULTS,
    *,
    request: bytes | None = None,
    status: int = 200,
    content_type: str | None = None,
) -> Outcome:
    """What the client gets for an OIP response.

    Args:
        path: the path of the OpenAI request.
        body: the OIP response, or the whole of an event stream.
        settings: how exchanges are handled.
        request: the OpenAI request body; without it, the smallest that there is, which names the
            model of the URL, or else the one that the response names.
        status: upstream's HTTP status.
        content_type: upstream's; by default what upstream should have sent.

    Returns:
        ``{"status", "headers", "body"}``, the body as JSON or, for events, as a string. False when
        a successful answer could not be translated. For a request at fault, as translate_request.
    """
    exchange = Exchange(settings)
    if request is None:
        streamed = (content_type or "").lower().startswith(_EVENTS)
        request = _example(path, body, streamed=streamed)
    action = _send(exchange, path, request)
    if isinstance(action, Respond):
        return Raw(action.body), False
    streamed = exchange.inference is not None and exchange.inference.stream is not None
    head = {
        ":status": str(status),
        "content-type": content_type or (_EVENTS if streamed else "application/json"),
    }
    first = exchange.on_response_headers(head, end_of_stream=not body)
    actions = [first]
    if body:
        actions.append(exchange.on_response_body(body, end_of_stream=True))
    return _answer(actions, status)


def _send(exchange: Exchange, path: str, body: bytes) -> Action:
    path = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")  # as Envoy shows it
    head = {":method": _method(path), ":path": path, "content-type": "application/json"}
    action = exchange.on_request_headers(head, end_of_stream=not body)
    if isinstance(action, Respond):
        return action
    if exchange.route is None:
        error = _not_openai(path)
        return Respond(error.status, (), error_body(error))
    return exchange.on_request_body(body)


class _Named(msgspec.Struct):
    model_name: str = "model"


def _example(path: str, response: bytes, *, streamed: bool) -> bytes:
    """The smallest request that such a response may be the answer to."""
    try:
        route = routes.find(_method(path), path)
    except ClientError:
        route = None
    if route is None:
        return b""  # refused all the same
    try:
        named = msgspec.json.decode(response, type=_Named)
    except (msgspec.DecodeError, UnicodeDecodeError):
        named = _Named()
    fields = decode_object(route.operation.example)
    fields["model"] = raw(route.model or named.model_name)
    return encode(fields | {"stream": raw(streamed)})


def _method(path: str) -> str:
    """The method by which something is asked for there."""
    try:
        routes.find("POST", path)
    except routes.MethodError as error:
        return error.operation.methods[0]
    except ClientError:
        pass  # told when it is asked for
    return "POST"


def _not_openai(path: str) -> ClientError:
    return ClientError(f"Invalid URL (POST {path})", status=404, code="unknown_url")


def _answer(actions: list[Action], status: int) -> Outcome:
    headers: dict[str, str] = {}
    text = b""
    for action in actions:
        if isinstance(action, Forward):
            headers |= dict(action.set_headers)
            text += action.body or b""
    answered = int(headers.pop(":status", status))
    if headers.get("content-type", "").startswith(_EVENTS):
        events = text.decode()
        faithful = not any(line.startswith(_ERROR_EVENT) for line in events.split("\n"))
        return {"status": answered, "headers": headers, "body": events}, faithful
    return {"status": answered, "headers": headers, "body": Raw(text)}, answered == status
