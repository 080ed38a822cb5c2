"""The HTTP calls of steps, by plain ``urllib``, so that the base installation can make them."""

import http.client
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.error import URLError
from urllib.parse import urlsplit

from translator.check.steps import ProbeError

_PIECE = 65536


class Read(NamedTuple):
    """One piece of a body: when it was there (seconds after the request) and its size."""

    after: float
    size: int


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response, read to its end. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    reads: tuple[Read, ...] = ()

    @property
    def content_type(self) -> str:
        """The media type without its parameters, or an empty string."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def fetch(url: str, timeout: float, body: bytes | None = None) -> Reply:
    """GET ``url``, or POST JSON to it. Every status is a reply; redirects are not followed.

    Args:
        url: http or https.
        timeout: seconds for the connection, for each pause and for the whole answer.
        body: the JSON to post.

    Raises:
        ProbeError: there was no answer, or not all of it.
    """
    head = {} if body is None else {"content-type": "application/json"}
    request = urllib.request.Request(url, body, head)  # noqa: S310 -- the opener knows HTTP only
    started = time.monotonic()
    pieces, reads = [], []
    try:
        with _opener.open(request, timeout=timeout) as response:
            while piece := response.read1(_PIECE):
                after = time.monotonic() - started
                pieces.append(piece)
                reads.append(Read(after, len(piece)))
                if after > timeout:
                    msg = f"{url} was still answering after {timeout:g} s"
                    raise ProbeError(msg)
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, headers, b"".join(pieces), tuple(reads))
    except (OSError, http.client.HTTPException) as error:
        msg = f"{url} {_reason(error, timeout)}"
        raise ProbeError(msg) from error


def port_of(url: str) -> int:
    """The port of a URL, by its scheme where it names none."""
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def _reason(error: OSError | http.client.HTTPException, timeout: float) -> str:
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, TimeoutError):
        return f"did not answer in {timeout:g} s"
    if isinstance(cause, http.client.IncompleteRead):
        return "cut its answer off"
    if isinstance(cause, http.client.RemoteDisconnected | ConnectionResetError | BrokenPipeError):
        return "closed the connection without an answer"
    if isinstance(cause, http.client.HTTPException):
        return "does not speak HTTP/1.1"
    strerror = cause.strerror if isinstance(cause, OSError) else None
    return f"cannot be reached: {strerror or cause}"


# No redirects, no proxies, no exceptions for statuses: what this very server says is what counts.
_opener = urllib.request.OpenerDirector()
_opener.add_handler(urllib.request.HTTPHandler())
_opener.add_handler(urllib.request.HTTPSHandler())
