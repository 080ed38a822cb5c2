"""Translates one body without Envoy, for people and for golden files.

It uses the state machine of a live exchange, so the result is exactly what Envoy would get.
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
from translator.operations.events import split
from translator.raw_json import decode_object, encode, raw

Outcome = tuple[Any, bool]
"""A document that msgspec can encode, and whether the translation succeeded."""

_EVENTS = "text/event-stream"
_ERROR_EVENT = 'data: {"error":'


def translate_request(path: str, body: bytes, settings: ExchangeSettings = DEFAULTS) -> Outcome:
    """The upstream request for an OpenAI request body posted to ``path``.

    Returns:
        ``{"method", "path", "headers", "body"}``, or an OpenAI error object and False.
    """
    action = _send(Exchange(settings), path, body, settings)
    if isinstance(action, Respond):
        return Raw(action.body), False
    headers = dict(action.set_headers)
    return {
        "method": headers.pop(":method", _method(path, settings)),
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
    """The client's response for an OIP response.

    Args:
        path: the path of the OpenAI request.
        body: the OIP response, or the whole of an event stream.
        settings: how exchanges are handled.
        request: the OpenAI request body; without it, a minimal one for the model that the URL
            names, else the one that the response names, else the default.
        status: the HTTP status of the response.
        content_type: of the response; by default the one that upstream should send.

    Returns:
        ``{"status", "headers", "body"}``, the body as JSON or, for events, as a string. False when
        a successful response could not be translated. For a bad request, as translate_request.
    """
    exchange = Exchange(settings)
    if request is None:
        streamed = (content_type or "").lower().startswith(_EVENTS)
        request = _example(path, body, settings, streamed=streamed)
    action = _send(exchange, path, request, settings)
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
    return _response(actions, status)


def _send(exchange: Exchange, path: str, body: bytes, settings: ExchangeSettings) -> Action:
    path = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")  # as Envoy shows it
    head = {":method": _method(path, settings), ":path": path, "content-type": "application/json"}
    action = exchange.on_request_headers(head, end_of_stream=not body)
    if isinstance(action, Respond):
        return action
    if exchange.route is None:
        error = _not_openai(path)
        return Respond(error.status, (), error_body(error))
    return exchange.on_request_body(body)


class _Named(msgspec.Struct):
    model_name: str = ""


def _example(path: str, response: bytes, settings: ExchangeSettings, *, streamed: bool) -> bytes:
    """A minimal request that such a response can be for."""
    try:
        route = routes.find(_method(path, settings), path, settings.base_paths)
    except ClientError:
        route = None
    if route is None:
        return b""  # refused later
    try:
        first = next(iter(split(response)), b"") if streamed else response
        named = msgspec.json.decode(first, type=_Named)
    except (msgspec.DecodeError, UnicodeDecodeError):
        named = _Named()
    default = settings.default_model.get(route.operation.name, "model")
    fields = decode_object(route.operation.example)
    fields["model"] = raw(route.model or named.model_name or default)
    return encode(fields | {"stream": raw(streamed)})


def _method(path: str, settings: ExchangeSettings) -> str:
    """The method of the operation at ``path``."""
    try:
        routes.find("POST", path, settings.base_paths)
    except routes.MethodError as error:
        return error.operation.methods[0]
    except ClientError:
        pass  # raised when the exchange routes it
    return "POST"


def _not_openai(path: str) -> ClientError:
    return ClientError(f"Invalid URL (POST {path})", status=404, code="unknown_url")


def _response(actions: list[Action], status: int) -> Outcome:
    headers: dict[str, str] = {}
    text = b""
    for action in actions:
        if isinstance(action, Forward):
            headers |= dict(action.set_headers)
            text += action.body or b""
    shown = int(headers.pop(":status", status))
    if headers.get("content-type", "").startswith(_EVENTS):
        events = text.decode()
        faithful = not any(line.startswith(_ERROR_EVENT) for line in events.split("\n"))
        return {"status": shown, "headers": headers, "body": events}, faithful
    return {"status": shown, "headers": headers, "body": Raw(text)}, shown == status
