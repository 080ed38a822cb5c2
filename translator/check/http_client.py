"""HTTP calls with ``urllib``, so that the base installation is enough."""

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
    """One read of a body: when it arrived (seconds after the request) and its size."""

    after: float
    size: int


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole HTTP response. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    reads: tuple[Read, ...] = ()

    @property
    def content_type(self) -> str:
        """The media type without parameters, or an empty string."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def fetch(url: str, timeout: float, body: bytes | None = None) -> Reply:
    """GET ``url``, or POST JSON to it. Returns any status; follows no redirects.

    Args:
        url: http or https.
        timeout: seconds for the connection, for each read and for the whole response.
        body: the JSON to post.

    Raises:
        ProbeError: there was no response, or only a part.
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
                    msg = f"{url}: the response did not end within {timeout:g} s"
                    raise ProbeError(msg)
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, headers, b"".join(pieces), tuple(reads))
    except (OSError, http.client.HTTPException) as error:
        msg = f"{url}: {_reason(error, timeout)}"
        raise ProbeError(msg) from error


def port_of(url: str) -> int:
    """The port of a URL; without one, the default of its scheme."""
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def _reason(error: OSError | http.client.HTTPException, timeout: float) -> str:
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, TimeoutError):
        return f"no response within {timeout:g} s"
    if isinstance(cause, http.client.IncompleteRead):
        return "the response was cut off"
    if isinstance(cause, http.client.RemoteDisconnected | ConnectionResetError | BrokenPipeError):
        return "connection closed without a response"
    if isinstance(cause, http.client.HTTPException):
        return "not an HTTP/1.1 response"
    strerror = cause.strerror if isinstance(cause, OSError) else None
    return f"cannot connect: {strerror or cause}"


# No redirects, no proxies, no exceptions for statuses: the response of this very server counts.
_opener = urllib.request.OpenerDirector()
_opener.add_handler(urllib.request.HTTPHandler())
_opener.add_handler(urllib.request.HTTPSHandler())
