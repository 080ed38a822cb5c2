"""Calls to the translator, to Envoy, to the model server, and through all of them."""

import asyncio
import socket
import ssl
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from translator import sse
from translator.check.http_client import Reply, fetch, port_of
from translator.check.steps import Finding, ProbeError
from translator.openai.errors import Envelope
from translator.transport.health.client import status
from translator.transport.service import SERVICE
from translator.transport.unary import Failure, NoResponseError

_OK = 200
_BAD_REQUEST = 400
_NOT_FOUND = 404
_QUESTION = [{"role": "user", "content": "Say hello."}]

_HINTS = {
    400: "the model server refuses the request: is this a model of the kind that the option names?",
    401: "a filter before the translator, or the model's provider, requires credentials",
    403: "a filter before the translator, or the model's provider, requires credentials",
    404: "is the model loaded under this name? Does Envoy route to the right server?",
    500: "see the logs of the model server and of the translator for this request",
    502: "the translator cannot read the model server's response; see the model server's log",
    503: "can Envoy reach the model server and the translator? Check the addresses of its clusters",
    504: "time-out: check message_timeout, the route's timeout and the model server",
}


class _Message(Struct):
    role: str


class _Choice(Struct):
    message: _Message


class _Completion(Struct):
    id: str
    object: Literal["chat.completion"]
    choices: Annotated[list[_Choice], Meta(min_length=1)]


class _Vector(Struct):
    embedding: Annotated[list[float], Meta(min_length=1)]


class _Embeddings(Struct):
    object: Literal["list"]
    data: Annotated[list[_Vector], Meta(min_length=1)]


def translator_health(address: str, context: ssl.SSLContext | None, timeout: float) -> Finding:
    """The translator reports that it serves ext_proc.

    Args:
        address: the translator's.
        context: for TLS; None for plain text.
        timeout: seconds.
    """
    try:
        said = asyncio.run(status(address, SERVICE, timeout, context))
    except NoResponseError as error:
        hint = _NO_HEALTH[error.failure].format(address=address)
        return Finding(ok=False, found=f"{address}: {error}", hint=hint)
    if said == "SERVING":
        return Finding(ok=True)
    return Finding(ok=False, found=said, hint="the translator is shutting down: start it again")


_NO_HEALTH = {
    Failure.UNREACHABLE: "start the translator: oip-translator serve --listen {address}",
    Failure.TLS_EXPECTED: "give the TLS settings of serve: --config, or --tls-certificate and "
    "--tls-key",
    Failure.TLS_REFUSED: "does the translator use TLS (tls_certificate)? With tls_client_ca it "
    "requires a certificate that this CA has signed: --tls-certificate and --tls-key",
    Failure.NOT_SERVED: "give the address that oip-translator serve listens on",
    Failure.STATUS: "see the translator's log",
}


def listener_open(envoy: str, timeout: float) -> Finding:
    """Envoy's listener accepts connections."""
    host, port = urlsplit(envoy).hostname or "", port_of(envoy)
    try:
        socket.create_connection((host, port), timeout).close()
    except OSError as error:
        msg = f"{host}:{port}: {error.strerror or error}"
        raise ProbeError(msg) from error
    return Finding(ok=True)


def upstream_health(url: str, path: str, timeout: float) -> Finding:
    """The model server reports that it is live, or ready."""
    reply = fetch(f"{url}/v2/health/{path}", timeout)
    if reply.status == _OK:
        return Finding(ok=True)
    if reply.status == _NOT_FOUND and reply.headers.get("server") == "envoy" and not reply.body:
        return Finding(ok=True, found="a Seldon mesh, which has no health endpoint of its own")
    return Finding(
        ok=False,
        found=f"HTTP {reply.status} from {url}/v2/health/{path}",
        hint="wait until the models are loaded, or see the log of the model server"
        if path == "ready"
        else "is this the HTTP port of an OIP server? gRPC and metrics have other ports",
    )


def error_shape(envoy: str, timeout: float) -> Finding:
    """A bad request gets an OpenAI error."""
    reply = fetch(f"{envoy}/v1/chat/completions", timeout, b"{}")
    error = _json(reply).get("error")
    faults = []
    if reply.status != _BAD_REQUEST:
        faults.append(f"HTTP {reply.status} instead of 400")
    if not isinstance(error, dict) or set(error) != {"message", "type", "param", "code"}:
        faults.append("no OpenAI error object")
    if faults:
        hint = _HINTS[503] if reply.status >= _HINTS_OF_SERVERS else _UNTRANSLATED
        return Finding(ok=False, found=", ".join(faults), hint=hint)
    if not reply.headers.get("x-request-id"):
        return Finding(
            ok=False,
            found="no x-request-id",
            hint="set always_set_request_id_in_response: true, so that clients can report the id",
        )
    return Finding(ok=True)


_HINTS_OF_SERVERS = 500
_UNTRANSLATED = "the request did not pass the filter: is it enabled for /v1? See envoy/gateway.yaml"


def chat(envoy: str, model: str, timeout: float) -> Finding:
    """A chat request gets a chat completion."""
    return _judge(_ask(envoy, model, timeout), _Completion, "a chat.completion")


def embeddings(envoy: str, model: str, timeout: float) -> Finding:
    """An embeddings request gets a vector."""
    reply = _post(f"{envoy}/v1/embeddings", {"model": model, "input": "Hello"}, timeout)
    return _judge(reply, _Embeddings, "a list of embeddings")


def chat_stream(envoy: str, model: str, timeout: float, *, whole: bool = False) -> Finding:
    """A streamed request gets well-formed events. When they arrived is reported, but not judged.

    Args:
        envoy: the listener's URL.
        model: the name of the model.
        timeout: seconds.
        whole: by its settings the model is called without a stream, so all events come at once.
    """
    reply = _ask(envoy, model, timeout, stream=True)
    if reply.status != _OK:
        return _refused(reply)
    if reply.content_type != "text/event-stream":
        return _odd(f"content-type is {reply.content_type or 'absent'}, not text/event-stream")
    decoder = sse.Decoder()
    events = [*decoder.feed(reply.body), *decoder.finish()]
    *chunks, last = events or [b""]
    if "content-length" in reply.headers and not whole:
        return Finding(
            ok=False,
            found=f"{len(events)} events with content-length: they were buffered until the last",
            hint="set allow_mode_override: true; no proxy before Envoy may buffer responses",
        )
    for chunk in chunks:
        if b'"error"' in chunk and (message := _message(chunk)):
            return Finding(ok=False, found=f"an error event: {message}", hint=_HINTS[500])
    if last != b"[DONE]" or b"[DONE]" in chunks or not chunks:
        return _odd(
            f"{events.count(b'[DONE]')} [DONE] in {len(events)} events; the last one must be [DONE]"
        )
    return Finding(ok=True, found=_arrival(reply, len(chunks)))


def _arrival(reply: Reply, events: int) -> str:
    first, last = reply.reads[0], reply.reads[-1]
    if first is last:
        return f"{events} events in one read of {first.size} bytes, after {first.after:.2f} s"
    sizes = [read.size for read in reply.reads]
    return (
        f"{events} events in {len(sizes)} reads of {min(sizes)} to {max(sizes)} bytes, "
        f"the first after {first.after:.2f} s, the last {last.after - first.after:.2f} s later"
    )


def _ask(envoy: str, model: str, timeout: float, **more: bool) -> Reply:
    """Ask for a short response; ask without ``max_tokens`` if the model refuses it."""
    url, body = f"{envoy}/v1/chat/completions", {"model": model, "messages": _QUESTION, **more}
    reply = _post(url, {**body, "max_tokens": 20}, timeout)
    return _post(url, body, timeout) if reply.status == _BAD_REQUEST else reply


def _post(url: str, body: Any, timeout: float) -> Reply:
    return fetch(url, timeout, msgspec.json.encode(body))


def _judge(reply: Reply, wanted: type[Struct], what: str) -> Finding:
    if reply.status != _OK:
        return _refused(reply)
    try:
        msgspec.json.decode(reply.body, type=wanted)
    except ValueError as error:
        return _odd(f"not {what}: {error}")
    return Finding(ok=True)


def _odd(found: str) -> Finding:
    return Finding(ok=False, found=found, hint=_UNTRANSLATED)


def _refused(reply: Reply) -> Finding:
    message = _message(reply.body)
    hint = _HINTS.get(reply.status, "") if message else _UNTRANSLATED
    return Finding(ok=False, found=f"HTTP {reply.status} {message}".strip(), hint=hint)


def _message(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=Envelope).error.message
    except ValueError:
        return ""


def _json(reply: Reply) -> dict[str, Any]:
    try:
        return msgspec.json.decode(reply.body, type=dict[str, Any])
    except ValueError:
        return {}
