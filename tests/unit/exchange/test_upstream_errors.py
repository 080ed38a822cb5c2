"""Error answers from upstream, in OpenAI's words."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from translator.exchange.upstream_errors import from_response

JSON = "application/json"
TEXT = "text/plain"


@pytest.mark.parametrize("status", [0, 100, 200, 204, 301, 304, 399, 600, 999])
@pytest.mark.parametrize("body", [b"", b'{"error":"x"}', b'{"error":{"message":"x"}}'])
def test_what_is_no_error_status_becomes_a_bad_gateway(status: int, body: bytes) -> None:
    error = from_response(status, JSON, body, "m")
    assert (error.status, error.type, error.code) == (502, "server_error", "upstream_error")
    assert error.message == "The model server answered with neither a result nor an error."


INVALID = "invalid_request_error"
SERVER = "server_error"
# What is said of each status when upstream itself says nothing.
SILENT = {
    400: (INVALID, "bad_request", "The model server refused the request."),
    401: (INVALID, "unauthorized", "The model server asked for credentials."),
    402: (INVALID, "bad_request", "The model server refused the request."),
    403: (INVALID, "permission_denied", "The model server denied access."),
    404: (
        INVALID,
        "model_not_found",
        "The model `m` does not exist or you do not have access to it.",
    ),
    405: (INVALID, "bad_request", "The model server refused the request."),
    408: (INVALID, "request_timeout", "The model server gave up waiting for the request."),
    409: (INVALID, "conflict", "The model server is in a state that forbids this request."),
    413: (INVALID, "request_too_large", "The request is too large."),
    418: (INVALID, "bad_request", "The model server refused the request."),
    422: (INVALID, "unprocessable_entity", "The model server could not process the request."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached. Please try again later."),
    499: (INVALID, "request_cancelled", "The request was cancelled."),
    500: (SERVER, "internal_error", "The model server failed."),
    501: (SERVER, "not_implemented", "The model server cannot do this."),
    502: (SERVER, "bad_gateway", "The model server could not be reached."),
    503: (SERVER, "service_unavailable", "The model server is overloaded or not ready yet."),
    504: (SERVER, "gateway_timeout", "The model server did not answer in time."),
    505: (SERVER, "internal_error", "The model server failed."),
    599: (SERVER, "internal_error", "The model server failed."),
}
# Answers of model servers and proxies, and whether a client may see what they say at all.
SAYING = [
    (JSON, b'{"error":"bad tensor"}', "bad tensor", True),
    (JSON, b'{"error":"mlserver.errors.InferenceError: bad tensor"}', "bad tensor", True),
    (JSON, b'{"detail":"Method Not Allowed"}', "Method Not Allowed", True),
    (
        JSON,
        b'{"detail":[{"type":"missing","loc":["body","inputs"],"msg":"Field required"}]}',
        "Field required: inputs",
        True,
    ),
    (TEXT, b"step1 : tensor is missing", "step1 : tensor is missing", False),
    ("", b'{"error":"bad tensor"}', "bad tensor", False),
]


@pytest.mark.parametrize("status", SILENT)
@pytest.mark.parametrize(
    ("kind", "body"), [("", b""), (TEXT, b""), (JSON, b"{}"), (JSON, b'{"error":"10.0.0.7 died"}')]
)
def test_every_status_is_kept_and_says_something(status: int, kind: str, body: bytes) -> None:
    error = from_response(status, kind, body, "m")
    assert error.status == status
    assert (error.type, error.code, error.message) == SILENT[status]
    assert error.param is None


@pytest.mark.parametrize("status", [status for status in SILENT if status != 404])
@pytest.mark.parametrize(("kind", "body", "message", "public"), SAYING)
def test_what_upstream_says_is_said_with_the_type_and_code_of_its_status(
    status: int, kind: str, body: bytes, message: str, *, public: bool
) -> None:
    error = from_response(status, kind, body, "m")
    shown = public or status < 500
    assert error.message == (message if shown else SILENT[status][2])
    assert (error.status, error.type, error.code) == (status, *SILENT[status][:2])


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize(
    "text",
    [
        b"Internal Server Error",
        b"no healthy upstream",
        b"upstream request timeout",
        b"upstream connect error or disconnect/reset before headers. reset reason: overflow",
    ],
)
def test_what_a_proxy_says_is_not_repeated(status: int, text: bytes) -> None:
    assert from_response(status, TEXT, text, "m").message == SILENT[status][2]


@pytest.mark.parametrize("status", SILENT)
@pytest.mark.parametrize("body", [b"", b'{"error":"x"}', b'{"error":{"message":"x"}}'])
def test_only_what_a_server_cannot_do_at_all_repeats(status: int, body: bytes) -> None:
    assert from_response(status, JSON, body, "m").repeats is (status in (501, 505))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("", b""),
        (JSON, b'{"error":"Model chat_1 not found"}'),
        (JSON, b'{"detail":"Not Found"}'),
        (TEXT, b"no healthy upstream"),
    ],
)
@pytest.mark.parametrize(("model", "name"), [("chat", "`chat`"), (None, "that you requested")])
def test_a_404_is_a_model_that_does_not_exist(
    kind: str, body: bytes, model: str | None, name: str
) -> None:
    error = from_response(404, kind, body, model)
    assert (error.status, error.code) == (404, "model_not_found")
    assert error.message == f"The model {name} does not exist or you do not have access to it."


@pytest.mark.parametrize("status", SILENT)
@pytest.mark.parametrize("content_type", [JSON, TEXT, ""])
def test_an_error_of_openais_form_passes_with_its_own_fields(
    status: int, content_type: str
) -> None:
    inside = {"message": "x", "type": "t", "code": "c", "param": "p"}
    error = from_response(status, content_type, json.dumps({"error": inside}).encode(), "m")
    assert (error.status, error.message) == (status, "x")
    assert (error.type, error.code, error.param) == ("t", "c", "p")


@pytest.mark.parametrize("status", [status for status in SILENT if status != 404])
@pytest.mark.parametrize(
    "rest", [{}, {"type": None, "code": None, "param": None}, {"innererror": {"x": 1}}]
)
def test_what_an_openai_error_leaves_out_is_filled(status: int, rest: dict[str, Any]) -> None:
    body = json.dumps({"error": {"message": "x", **rest}}).encode()
    error = from_response(status, JSON, body, "m")
    assert (error.message, error.param) == ("x", None)
    assert (error.type, error.code) == SILENT[status][:2]


def test_an_openai_error_about_something_else_than_a_model_is_not_found() -> None:
    error = from_response(404, JSON, b'{"error":{"message":"no such file"}}', "m")
    assert (error.message, error.code) == ("no such file", "not_found")


def test_a_code_that_is_a_number_becomes_text() -> None:
    assert from_response(400, JSON, b'{"error":{"message":"x","code":7}}', "m").code == "7"


@pytest.mark.parametrize("field", ["type", "code", "param"])
def test_an_error_object_with_a_field_of_a_wrong_type_is_still_read(field: str) -> None:
    body = json.dumps({"error": {"message": "bad tensor", field: {"a": 1}}}).encode()
    error = from_response(400, JSON, body, "m")
    assert (error.message, error.code, error.param) == ("bad tensor", "bad_request", None)


@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize(
    "message",
    [
        'Traceback (most recent call last):\n  File "/opt/x.py", line 1',
        "dial tcp 10.0.0.3:8080: connect: connection refused",
        "no such file: /opt/models/x",
        "GET http://minio.storage/x failed",
        "",
    ],
)
@pytest.mark.parametrize("form", [lambda text: text, lambda text: {"message": text}])
def test_the_inside_of_a_cluster_is_never_shown(
    status: int, message: str, form: Callable[[str], object]
) -> None:
    body = json.dumps({"error": form(message)}).encode()
    error = from_response(status, "application/json", body, "m")
    assert error.status == status
    assert error.message in ("The model server refused the request.", "The model server failed.")


def test_the_meshs_name_of_a_model_becomes_the_clients() -> None:
    error = from_response(400, "application/json", b'{"error":"Model m_12 is not ready yet."}', "m")
    assert error.message == "Model m is not ready yet."


def test_an_error_object_that_is_not_utf_8_keeps_its_status() -> None:
    error = from_response(400, "application/json", b'{"error":{"message":"\xff"}}', "m")
    assert (error.status, error.message) == (400, "The model server refused the request.")


def test_a_models_name_is_no_pattern_and_no_template() -> None:
    model = r"a\1.(b"
    body = json.dumps({"error": f"Model {model}_3 is not ready yet."}).encode()
    error = from_response(400, "application/json", body, model)
    assert (error.status, error.message) == (400, f"Model {model} is not ready yet.")


def test_envoys_word_for_its_own_limit_is_put_as_openai_puts_it() -> None:
    error = from_response(429, TEXT, b"local_rate_limited", "m")
    assert error.message == "Rate limit reached. Please try again later."
    assert (error.type, error.code) == ("requests", "rate_limit_exceeded")
