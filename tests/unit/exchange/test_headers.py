"""Which headers are read, and how."""

import pytest

from translator.exchange.headers import (
    CREDENTIALS,
    PASSED_TO_CLIENT,
    READ,
    STRIPPED_FROM_REQUEST,
    Credential,
    ResponseHeader,
    is_credential,
    is_json,
    media_type,
    number,
    stripped,
    unlisted,
)


@pytest.mark.parametrize("name", ["authorization", "cookie", "x-api-key", "api-key"])
def test_credentials_are_not_even_read(name: str) -> None:
    assert name not in READ


@pytest.mark.parametrize(
    "name",
    [
        *CREDENTIALS,
        "x-rapidapi-key",
        "x_api_key",
        "apikey",
        "x-subscription-key",
        "x-amz-security-token",
        "x-client-secret",
        "x-password",
        "x-authorization",
    ],
)
def test_credentials_are_known_by_their_names(name: str) -> None:
    assert is_credential(name)
    assert Credential.parse(name) == name


NEEDED = [
    *sorted(READ),
    *(name for name in STRIPPED_FROM_REQUEST if name not in CREDENTIALS),
    "accept",
    "accept-encoding",
    "baggage",
    "b3",
    "content-length",
    "expect",
    "grpc-timeout",
    "host",
    "idempotency-key",
    "sec-websocket-key",
    "seldon-model",
    "te",
    "user-agent",
    "x-b3-traceid",
    "x-envoy-original-path",
    "x-forwarded-for",
    "x-max-tokens",
    "inference-header-content-length",
]


@pytest.mark.parametrize("name", NEEDED)
def test_what_servers_and_meshes_need_is_no_credential(name: str) -> None:
    assert not is_credential(name)
    with pytest.raises(ValueError, match="authorization, "):
        Credential.parse(name)


@pytest.mark.parametrize("name", ["X-Api-Key", "a b-token", "", "x:token"])
def test_a_credential_is_a_name_as_envoy_knows_it(name: str) -> None:
    with pytest.raises(ValueError, match="authorization, "):
        Credential.parse(name)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("application/json", "application/json"),
        ("Application/JSON; charset=utf-8", "application/json"),
        (" text/event-stream ;x", "text/event-stream"),
        ("", ""),
    ],
)
def test_a_media_type_has_no_parameters_and_no_capitals(value: str, kind: str) -> None:
    assert media_type({"content-type": value}) == kind


def test_no_content_type_is_an_empty_one() -> None:
    assert media_type({}) == ""


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("application/json", True),
        ("application/vnd.api+json", True),
        ("text/json", False),
        ("application/jsonl", False),
        ("multipart/form-data", False),
        ("", False),
    ],
)
def test_json_and_what_is_made_on_top_of_it(kind: str, *, expected: bool) -> None:
    assert is_json(kind) is expected


@pytest.mark.parametrize("name", [*STRIPPED_FROM_REQUEST, *sorted(PASSED_TO_CLIENT - {":status"})])
def test_names_are_as_envoy_knows_them(name: str) -> None:
    assert name == name.lower().strip()
    assert not name.startswith(":")


@pytest.mark.parametrize(
    "name", ["authorization", "cookie", "api-key", "seldon-internal-model", "x-seldon-route"]
)
def test_credentials_and_what_the_mesh_trusts_do_not_go_upstream(name: str) -> None:
    assert name in STRIPPED_FROM_REQUEST


INSIDE = [
    "ce-modelid",
    "content-encoding",
    "location",
    "openai-organization",
    "refresh",
    "set-cookie",
    "www-authenticate",
    "x-envoy-original-path",
    "x-powered-by",
    "x-seldon-route",
]
FOR_CLIENTS = [
    "content-type",
    "x-request-id",
    "openai-version",
    "openai-processing-ms",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
    "x-ratelimit-remaining-requests",
]


@pytest.mark.parametrize("kept", [frozenset(), frozenset({"x-seldon-route", "x-unheard-of"})])
def test_only_listed_headers_of_a_response_pass(kept: frozenset[str]) -> None:
    removed = unlisted((*INSIDE, *FOR_CLIENTS), kept)
    assert removed == tuple(name for name in INSIDE if name not in kept)


@pytest.mark.parametrize("name", ["X-Cost", "content-encoding", "a b", "", ":status"])
def test_a_response_header_that_cannot_pass(name: str) -> None:
    with pytest.raises(ValueError, match="lower case"):
        ResponseHeader.parse(name)
    assert ResponseHeader.parse("x-cost") == "x-cost"


def test_what_is_kept_is_not_stripped_and_all_else_is() -> None:
    names = STRIPPED_FROM_REQUEST
    assert stripped(names, frozenset()) == names
    kept = frozenset({"x-seldon-route", "x-unheard-of"})
    assert stripped(names, kept) == tuple(name for name in names if name != "x-seldon-route")
    assert len(stripped(names, kept)) == len(names) - 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [("12", 12), ("0", 0), ("", None), (None, None), ("-1", None), ("1.5", None), ("²", None)],
)
def test_a_number_is_decimal_digits(value: str | None, expected: int | None) -> None:
    assert number(value) == expected
