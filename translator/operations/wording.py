"""Completes errors of the model server with facts of the client's request."""

import re
from functools import cache
from itertools import islice

import msgspec

from translator import context_length
from translator.error_messages import presentable
from translator.errors import TranslatorError, UpstreamError

# A URL in JSON, in which slashes may be escaped. It ends at characters that end it in a sentence.
_URL = re.compile(rb"https?:(?:\\?/){2}[^\s\"\\<>'`]{1,2000}(?:\\/[^\s\"\\<>'`]{1,2000})*")
_MOST = 100  # URLs of a request that are kept
_FEW = 32  # slashes


class Wording(msgspec.Struct, frozen=True):
    """Facts of a request that errors of the model server need.

    Attributes:
        field: the field of the request with the model's input.
        urls: the URLs in the request, which errors may therefore contain.
    """

    field: str
    urls: frozenset[str] = frozenset()

    def apply(self, error: TranslatorError) -> None:
        """Set the ``param`` of a context length error, and show a message with known URLs."""
        if error.code == context_length.CODE and error.param is None:
            error.param = self.field
        if isinstance(error, UpstreamError) and error.withheld and self.urls:
            error.message = presentable(error.withheld, self.urls) or error.message


def wording_of(body: bytes, field: str) -> Wording:
    """The wording for a request.

    Args:
        body: the body of the request, JSON.
        field: see :class:`Wording`.
    """
    if not _may_hold_url(body):
        return _without_urls(field)
    found = islice(_URL.finditer(body), _MOST)
    urls = (match[0].replace(b"\\", b"").decode(errors="replace") for match in found)
    return Wording(field, frozenset(url.rstrip(".,;:!?)]}") for url in urls))


_without_urls = cache(Wording)


def _may_hold_url(body: bytes) -> bool:
    """Whether to search for URLs.

    Most bodies have few slashes, and a search for one byte takes a tenth of the time of a search
    for three.
    """
    at = -1
    for _ in range(_FEW):
        at = body.find(b"/", at + 1)
        if at < 0:
            return False
        if body[at - 1 : at] in (b":", b"\\"):
            return True
    return b"://" in body or rb":\/\/" in body
