"""The headers that are read, set and removed, and why."""

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import ClassVar, Self

READ = frozenset(
    {
        ":method",
        ":path",
        ":status",
        "content-encoding",
        "content-length",
        "content-type",
        "origin",
        "traceparent",
        "tracestate",
        "transfer-encoding",
        "x-request-id",
    }
)
"""The headers that are read; all others are ignored."""

SELDON_ROUTE = "x-seldon-route"
"""The candidates of an experiment, by internal name; a client that sends it stays with them."""

CREDENTIALS = (
    "authorization",
    "proxy-authorization",
    "api-key",
    "x-api-key",
    "x-goog-api-key",
    "x-openai-api-key",
    "anthropic-api-key",
    "ocp-apim-subscription-key",
    "x-auth-token",
    "x-forwarded-access-token",
    "cookie",
    "openai-beta",
    "openai-organization",
    "openai-project",
)
"""The usual headers with a client's credentials, or about its account. Envoy's routes of plain OIP
remove these; Envoy knows them by name only."""

# No header of HTTP, tracing, Envoy, OIP or Seldon has such a name, so nothing that a model server
# or a mesh needs is lost. "key" alone would be too wide: "idempotency-key", "sec-websocket-key".
_ENDS_OF_CREDENTIALS = (
    "authorization",
    "api-key",
    "api_key",
    "apikey",
    "access-key",
    "subscription-key",
    "token",
    "secret",
    "password",
    "cookie",
)
_START_OF_OPENAIS = "openai-"


@lru_cache(maxsize=256)  # Envoy's limit on headers, 60 KiB, bounds each
def is_credential(name: str) -> bool:
    """Whether a header of this name has a client's credentials, or is about its account."""
    return name.endswith(_ENDS_OF_CREDENTIALS) or name.startswith(_START_OF_OPENAIS)


class Credential(str):
    """The name of a header with credentials, which settings can forward to the model server."""

    __slots__ = ()
    allowed: ClassVar[str] = f"{', '.join(CREDENTIALS)}, or others with such endings"

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read it. Raises ValueError."""
        name = str(value)
        if not (_NAME.fullmatch(name) and is_credential(name)):
            raise ValueError(cls.allowed)
        return cls(name)


class ResponseHeader(str):
    """The name of a header that settings can let pass from the model server to clients."""

    __slots__ = ()
    allowed: ClassVar[str] = "names in lower case, except of headers that describe the body"

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read it. Raises ValueError."""
        name = str(value)
        if not _NAME.fullmatch(name) or name in _OF_UPSTREAM_BODY:
            raise ValueError(cls.allowed)
        return cls(name)


_NAME = re.compile("[a-z0-9_-]+")

STRIPPED_FROM_REQUEST = (
    # The client's credentials are not for the model: MLServer copies every header into the
    # parameters of the inference.
    *CREDENTIALS,
    # Seldon's mesh routes, trusts and logs by these; clients must not set them.
    "seldon-internal-model",
    "seldon-logging",
    SELDON_ROUTE,
    # The upstream body is the translated one, uncompressed.
    "content-encoding",
    # Triton would read this many bytes as JSON and the rest as binary tensors.
    "inference-header-content-length",
    # Conditions and ranges are about the client's response body, not the upstream one.
    "if-match",
    "if-modified-since",
    "if-none-match",
    "range",
)

PASSED_TO_CLIENT = frozenset(
    {
        ":status",
        # Of the body; the translator sets them.
        "content-length",
        "content-type",
        # The translator sets them on every response.
        "openai-processing-ms",
        "openai-version",
        "x-request-id",
        # When and whether to retry.
        "ratelimit",
        "ratelimit-policy",
        "retry-after",
        "retry-after-ms",
        "x-envoy-overloaded",
        "x-envoy-ratelimited",
        "x-should-retry",
        # About caches and browsers; without information about the server.
        "cache-control",
        "strict-transport-security",
        "vary",
        "x-content-type-options",
        # Envoy's; it replaces or removes most of these itself.
        "connection",
        "date",
        "keep-alive",
        "server",
        "transfer-encoding",
        "x-envoy-attempt-count",
        "x-envoy-upstream-service-time",
    }
)
"""The headers of a response that pass to the client, besides those of rate limits. All others are
removed: they can name internal models and addresses, set cookies, or describe the body before its
translation."""

_RATE_LIMITS = ("x-ratelimit-", "ratelimit-")

UNREAD = PASSED_TO_CLIENT - READ
"""Headers of a response that need not be read, because they pass and nothing depends on them."""

_OF_UPSTREAM_BODY = frozenset(
    {
        "accept-ranges",
        "content-disposition",
        "content-encoding",
        "content-range",
        "etag",
        "last-modified",
    }
)
"""These describe the body before its translation."""


@lru_cache(maxsize=256)  # a server has few combinations of headers
def unlisted(names: tuple[str, ...], kept: frozenset[str]) -> tuple[str, ...]:
    """The headers of a response to remove: those that neither a list nor the settings let pass."""
    passed = PASSED_TO_CLIENT | kept
    return tuple(name for name in names if name not in passed and not name.startswith(_RATE_LIMITS))


NO_CACHE = ("cache-control", "no-cache")
"""On event streams: proxies must not cache them."""

NO_BUFFERING = ("x-accel-buffering", "no")
"""On event streams: tells nginx, which by default buffers responses, to send each event at once."""

NO_RETRY = (("x-should-retry", "false"), ("x-envoy-ratelimited", "true"))
"""Tell clients not to retry: OpenAI's SDKs read the first header; an Envoy before this one that
retries on 5xx does not retry responses with the second."""


_KNOWN = READ.union(CREDENTIALS)


def unusual_credentials(names: Iterable[str], kept: frozenset[str]) -> tuple[str, ...]:
    """The headers of a request with credentials whose names are in no list."""
    return tuple(
        name for name in names if name not in _KNOWN and is_credential(name) and name not in kept
    )


@cache
def stripped(names: tuple[str, ...], kept: frozenset[str]) -> tuple[str, ...]:
    """The headers to strip, without those to keep."""
    return tuple(name for name in names if name not in kept)


def media_type(headers: Mapping[str, str]) -> str:
    """The content type without parameters, in lower case; "" if there is none."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def is_json(kind: str) -> bool:
    """Whether a media type is JSON or based on it."""
    return kind == "application/json" or kind.endswith("+json")


def number(value: str | None) -> int | None:
    """A header's decimal number; None if it is absent or not a number."""
    return int(value) if value and value.isascii() and value.isdecimal() else None
