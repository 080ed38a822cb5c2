"""The headers of each kind of response to clients."""

from translator.errors import OverloadedError, TranslatorError
from translator.exchange.actions import Headers
from translator.exchange.headers import NO_BUFFERING, NO_CACHE, NO_RETRY

_EVENTS = "text/event-stream; charset=utf-8"
_JSON = "application/json"


def of_stream(common: Headers) -> Headers:
    """The headers of a stream; ``common`` are the headers of every response."""
    return (("content-type", _EVENTS), NO_CACHE, NO_BUFFERING, *common)


def of_whole(body: bytes, common: Headers, *, events: bool) -> Headers:
    """The headers of a whole response: JSON, or all events at once."""
    kind = _EVENTS if events else _JSON
    headers = (("content-type", kind), ("content-length", str(len(body))), *common)
    return (*headers, NO_CACHE) if events else headers


def of_error(error: TranslatorError, body: bytes, common: Headers) -> Headers:
    """The headers of an error, with those about retries."""
    headers = of_whole(body, common, events=False)
    if error.repeats:
        headers += NO_RETRY
    if isinstance(error, OverloadedError):
        headers += (("retry-after", str(error.retry_after)),)
    return headers
