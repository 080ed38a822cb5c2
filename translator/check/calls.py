"""Calls to the running parts: the translator, Envoy, the model server, and through all of them."""

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
from translator.transport.unary import Failure, NoAnswerError

_OK = 200
_BAD_REQUEST = 400
_NOT_FOUND = 404
_QUESTION = [{"role": "user", "content": "Say hello."}]

_HINTS = {
    400: "the model server refuses the request: is this model of the kind that you named it as?",
    401: "something before the translator asks for credentials, or the model's provider does",
    403: "something before the translator asks for credentials, or the model's provider does",
    404: "is the model loaded, and spelt like this? And is Envoy before the right server?",
    500: "see the logs of the model server and of the translator for this request",
    502: "see the logs of the model server; its answer makes no sense to the translator",
    503: "can Envoy reach the model server and the translator? See the addresses in its clusters",
    504: "it takes too long: see message_timeout, the route's timeout and the model server",
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
    """It serves ext_proc, by its own account.

    Args:
        address: where it listens.
        context: for TLS; None for plain text.
        timeout: seconds.
    """
    try:
        said = asyncio.run(status(address, SERVICE, timeout, context))
    except NoAnswerError as error:
        hint = _NO_HEALTH[error.failure].format(address=address)
        return Finding(ok=False, found=f"{address}: {error}", hint=hint)
    if said == "SERVING":
        return Finding(ok=True)
    return Finding(ok=False, found=said, hint="it is shutting down: start it")


_NO_HEALTH = {
    Failure.UNREACHABLE: "start it: oip-translator serve --listen {address}",
    Failure.TLS_EXPECTED: "say how serve does TLS: by --config, or --tls-certificate and --tls-key",
    Failure.TLS_REFUSED: "has it TLS at all (tls_certificate)? If it has tls_client_ca, show it a "
    "certificate that this authority has signed: --tls-certificate and --tls-key",
    Failure.NOT_SERVED: "give the address that oip-translator serve listens on",
    Failure.STATUS: "see the translator's log",
}


def listener_open(envoy: str, timeout: float) -> Finding:
    """Something listens where clients connect."""
    host, port = urlsplit(envoy).hostname or "", port_of(envoy)
    try:
        socket.create_connection((host, port), timeout).close()
    except OSError as error:
        msg = f"{host}:{port}: {error.strerror or error}"
        raise ProbeError(msg) from error
    return Finding(ok=True)


def upstream_health(url: str, path: str, timeout: float) -> Finding:
    """The model server says that it is live, or ready."""
    reply = fetch(f"{url}/v2/health/{path}", timeout)
    if reply.status == _OK:
        return Finding(ok=True)
    if reply.status == _NOT_FOUND and reply.headers.get("server") == "envoy" and not reply.body:
        return Finding(ok=True, found="a Seldon mesh; it has no health of its own, only models")
    return Finding(
        ok=False,
        found=f"HTTP {reply.status} from {url}/v2/health/{path}",
        hint="wait until its models are loaded, or see its log"
        if path == "ready"
        else "is this the HTTP port of an OIP server? gRPC and metrics have others",
    )


def error_shape(envoy: str, timeout: float) -> Finding:
    """A bad request is refused as OpenAI refuses it."""
    reply = fetch(f"{envoy}/v1/chat/completions", timeout, b"{}")
    error = _json(reply).get("error")
    faults = []
    if reply.status != _BAD_REQUEST:
        faults.append(f"HTTP {reply.status} where 400 was due")
    if not isinstance(error, dict) or set(error) != {"message", "type", "param", "code"}:
        faults.append("no OpenAI error object")
    if faults:
        hint = _HINTS[503] if reply.status >= _HINTS_OF_SERVERS else _UNTRANSLATED
        return Finding(ok=False, found=", ".join(faults), hint=hint)
    if not reply.headers.get("x-request-id"):
        return Finding(
            ok=False,
            found="no x-request-id",
            hint="set always_set_request_id_in_response: true, so that clients can quote it",
        )
    return Finding(ok=True)


_HINTS_OF_SERVERS = 500
_UNTRANSLATED = "the request did not meet the translator: is the filter on for /v1? See envoy/"


def chat(envoy: str, model: str, timeout: float) -> Finding:
    """A chat completion comes back."""
    return _judge(_ask(envoy, model, timeout), _Completion, "a chat.completion")


def embeddings(envoy: str, model: str, timeout: float) -> Finding:
    """A vector comes back."""
    reply = _post(f"{envoy}/v1/embeddings", {"model": model, "input": "Hello"}, timeout)
    return _judge(reply, _Embeddings, "a list of embeddings")


def chat_stream(envoy: str, model: str, timeout: float, *, whole: bool = False) -> Finding:
    """A stream of events comes back, in its form; how it arrived is told, but is no fault.

    Args:
        envoy: the listener's URL.
        model: its name.
        timeout: seconds.
        whole: by its settings the model is asked without a stream, so that all comes at once.
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
            found=f"{len(events)} events with content-length: they were held back to the last",
            hint="set allow_mode_override: true; see that nothing before Envoy buffers answers",
        )
    for chunk in chunks:
        if b'"error"' in chunk and (message := _message(chunk)):
            return Finding(ok=False, found=f"an error event: {message}", hint=_HINTS[500])
    if last != b"[DONE]" or b"[DONE]" in chunks or not chunks:
        return _odd(
            f"{events.count(b'[DONE]')} [DONE] in {len(events)} events, where the last was due"
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
    """A short answer, if the model can be told to be short: not every one knows ``max_tokens``."""
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
