"""Steps, one after the other, each passed, failed or skipped; and the HTTP calls they make."""

import http.client
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.error import URLError
from urllib.parse import urlsplit

import msgspec

_PIECE = 65536


class ProbeError(Exception):
    """A call got no answer that could be read. The message says what happened instead."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. ``found`` may be empty where there is nothing worth telling."""

    ok: bool
    found: str = ""
    hint: str = ""


class Result(msgspec.Struct, frozen=True):
    """What became of one step.

    Attributes:
        name: the step's.
        ok: None where it was skipped.
        found: what was found, or why it was skipped.
        hint: how to put it right, where it failed.
    """

    name: str
    ok: bool | None
    found: str | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to test.

    Attributes:
        name: what it is called, once in a list.
        check: finds out; may raise ProbeError.
        hint: what to do when ``check`` raised.
        missing: the first option that it needs and that was not given, or None.
        needs: names of earlier steps; when one of them failed, there is no point in this one.
    """

    name: str
    check: Callable[[], Finding]
    hint: str = ""
    missing: str | None = None
    needs: tuple[str, ...] = ()


def run_steps(steps: Iterable[Step]) -> list[Result]:
    """Take the steps in their order.

    One that was skipped for want of an option stops nothing that needs it; one that failed, or was
    skipped because another failed, does.
    """
    results = []
    broken: dict[str, str] = {}  # a step that stops its dependants: the step that failed
    for step in steps:
        cause = next((broken[name] for name in step.needs if name in broken), None)
        if step.missing:
            result = Result(step.name, None, f"{step.missing} was not given")
        elif cause:
            broken[step.name] = cause
            result = Result(step.name, None, f'"{cause}" failed')
        else:
            result = _take(step)
            if not result.ok:
                broken[step.name] = step.name
        results.append(result)
    return results


def _take(step: Step) -> Result:
    try:
        finding = step.check()
    except ProbeError as error:
        finding = Finding(ok=False, found=str(error), hint=step.hint)
    return Result(
        step.name,
        finding.ok,
        printable(finding.found) or None,
        None if finding.ok else finding.hint or None,
    )


def printable(text: str, limit: int = 300) -> str:
    """``text`` from elsewhere, on one line and without what a terminal would act on."""
    line = "".join(sign if sign.isprintable() else " " for sign in text)
    return line if len(line) <= limit else f"{line[:limit]}..."


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
