"""Which headers are read, set and removed, and why."""

from collections.abc import Mapping

READ = frozenset(
    {
        ":method",
        ":path",
        ":status",
        "content-encoding",
        "content-length",
        "content-type",
        "x-request-id",
    }
)
"""All that this program looks at; everything else is passed over unread."""

STRIPPED_FROM_REQUEST = (
    # The client's credentials are for this door, not for the model: MLServer copies every header
    # into the parameters of the inference.
    "authorization",
    "proxy-authorization",
    "api-key",
    "x-api-key",
    "cookie",
    "openai-organization",
    "openai-project",
    # Seldon's mesh routes and trusts by these; a client must not choose them.
    "seldon-internal-model",
    "x-seldon-route",
    # The body upstream gets is ours, and plain.
    "content-encoding",
    # Neither may a range or an ETag of the client's speak about a body that is not the one it gets.
    "if-none-match",
    "range",
)

STRIPPED_FROM_RESPONSE = (
    # MLServer's CloudEvents headers name internal models and services.
    "ce-endpoint",
    "ce-id",
    "ce-inferenceservicename",
    "ce-modelid",
    "ce-requestid",
    "ce-source",
    "ce-specversion",
    "ce-type",
    "seldon-internal-model",
    "x-seldon-route",
    # These describe the body that was translated, not the one the client gets.
    "content-encoding",
    "etag",
)


def media_type(headers: Mapping[str, str]) -> str:
    """The content type without its parameters, in lower case; "" when there is none."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def is_json(kind: str) -> bool:
    """Whether a media type is JSON's or one made on top of it."""
    return kind == "application/json" or kind.endswith("+json")


def number(value: str | None) -> int | None:
    """A header's decimal number, or None when it is absent or anything else."""
    return int(value) if value and value.isascii() and value.isdecimal() else None
