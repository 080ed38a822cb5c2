"""Which headers are read, set and removed, and why."""

from collections.abc import Mapping
from functools import cache
from typing import Literal, get_args

READ = frozenset(
    {
        ":method",
        ":path",
        ":status",
        "content-encoding",
        "content-length",
        "content-type",
        "traceparent",
        "tracestate",
        "x-request-id",
    }
)
"""All that this program looks at; everything else is passed over unread."""

SELDON_ROUTE = "x-seldon-route"
"""Which candidates of an experiment a client keeps to, by their internal names."""

Credential = Literal[
    "authorization",
    "proxy-authorization",
    "api-key",
    "x-api-key",
    "x-goog-api-key",
    "cookie",
    "openai-organization",
    "openai-project",
]
CREDENTIALS: tuple[Credential, ...] = get_args(Credential)
"""Who a client is, in headers. They may be let through where a model needs them."""

STRIPPED_FROM_REQUEST = (
    # The client's credentials are for this door, not for the model: MLServer copies every header
    # into the parameters of the inference.
    *CREDENTIALS,
    # Seldon's mesh routes, trusts and logs by these; a client must not choose them.
    "seldon-internal-model",
    "seldon-logging",
    SELDON_ROUTE,
    # The body upstream gets is ours, and plain.
    "content-encoding",
    # Triton would take this many bytes of it for JSON and the rest for binary tensors.
    "inference-header-content-length",
    # Conditions and ranges speak about another body than the one upstream would answer with.
    "if-match",
    "if-modified-since",
    "if-none-match",
    "range",
)

STRIPPED_FROM_RESPONSE = (
    # MLServer's CloudEvents headers name internal models and services.
    "ce-datacontenttype",
    "ce-dataschema",
    "ce-endpoint",
    "ce-id",
    "ce-inferenceservicename",
    "ce-modelid",
    "ce-requestid",
    "ce-source",
    "ce-specversion",
    "ce-subject",
    "ce-time",
    "ce-type",
    "seldon-internal-model",
    "x-pipeline-version",
    SELDON_ROUTE,
    # Pipelines hand back whatever headers of this kind the request came with.
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-external-address",
    "x-envoy-internal",
    "x-envoy-original-path",
    "x-forwarded-for",
    "x-forwarded-proto",
    # These describe the body that was translated, not the one the client gets.
    "accept-ranges",
    "content-disposition",
    "content-encoding",
    "content-range",
    "etag",
    "last-modified",
    # Where and how to reach the model server is nothing to the client.
    "location",
    "set-cookie",
    "www-authenticate",
)


NO_CACHE = ("cache-control", "no-cache")
"""On events: whatever stands between must not keep them."""

NO_RETRY = (("x-should-retry", "false"), ("x-envoy-ratelimited", "true"))
"""Nobody should send the request again: not OpenAI's SDKs, which go by the first, and not an Envoy
in front of this one that retries on 5xx, which leaves alone what says to be rate limited."""


@cache
def stripped(names: tuple[str, ...], kept: frozenset[str]) -> tuple[str, ...]:
    """A list of headers to strip, less those that are to be kept."""
    return tuple(name for name in names if name not in kept)


def media_type(headers: Mapping[str, str]) -> str:
    """The content type without its parameters, in lower case; "" when there is none."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def is_json(kind: str) -> bool:
    """Whether a media type is JSON's or one made on top of it."""
    return kind == "application/json" or kind.endswith("+json")


def number(value: str | None) -> int | None:
    """A header's decimal number, or None when it is absent or anything else."""
    return int(value) if value and value.isascii() and value.isdecimal() else None
