"""Error answers from upstream, in OpenAI's words."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from translator.exchange.upstream_errors import from_response


@pytest.mark.parametrize("status", [0, 100, 200, 204, 301, 304, 399, 600, 999])
@pytest.mark.parametrize("body", [b"", b'{"error":"x"}', b'{"error":{"message":"x"}}'])
def test_what_is_no_error_status_becomes_a_bad_gateway(status: int, body: bytes) -> None:
    error = from_response(status, body, "m")
    assert (error.status, error.type, error.code) == (502, "server_error", "upstream_error")
    assert error.message == "The model server's response is neither a result nor an error."


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
    501: (SERVER, "not_implemented", "The model server does not support this."),
    502: (SERVER, "bad_gateway", "The model server could not be reached."),
    503: (SERVER, "service_unavailable", "The model server is overloaded or not ready yet."),
    504: (SERVER, "gateway_timeout", "The model server did not respond in time."),
    505: (SERVER, "internal_error", "The model server failed."),
    599: (SERVER, "internal_error", "The model server failed."),
}
# Answers of model servers and proxies, and whether a client may see what they say at all.
SAYING = [
    (b'{"error":"bad tensor"}', "bad tensor", True),
    (b'{"error":"mlserver.errors.InferenceError: bad tensor"}', "bad tensor", True),
    (b'{"detail":"Method Not Allowed"}', "Method Not Allowed", True),
    (
        b'{"detail":[{"type":"missing","loc":["body","inputs"],"msg":"Field required"}]}',
        "Field required: inputs",
        True,
    ),
    (b"step1 : tensor is missing", "step1 : tensor is missing", False),
    (b'data: {"error":"bad tensor"}\n\n', "bad tensor", True),  # Triton, to a stream
    (b'{"error":"[request id: 7f-1] bad tensor"}', "bad tensor", True),
    (b"[request id: <id_unknown>] bad tensor", "bad tensor", False),
]


@pytest.mark.parametrize("status", SILENT)
@pytest.mark.parametrize("body", [b"", b"{}", b'{"error":"10.0.0.7 died"}'])
def test_every_status_is_kept_and_says_something(status: int, body: bytes) -> None:
    error = from_response(status, body, "m")
    assert error.status == status
    assert (error.type, error.code, error.message) == SILENT[status]
    assert error.param is None


@pytest.mark.parametrize("status", [status for status in SILENT if status != 404])
@pytest.mark.parametrize(("body", "message", "public"), SAYING)
def test_what_upstream_says_is_said_with_the_type_and_code_of_its_status(
    status: int, body: bytes, message: str, *, public: bool
) -> None:
    error = from_response(status, body, "m")
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
    assert from_response(status, text, "m").message == SILENT[status][2]


@pytest.mark.parametrize("status", SILENT)
@pytest.mark.parametrize("body", [b"", b'{"error":"x"}', b'{"error":{"message":"x"}}'])
def test_only_what_a_server_cannot_do_at_all_repeats(status: int, body: bytes) -> None:
    assert from_response(status, body, "m").repeats is (status in (501, 505))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"error":"Model chat_1 not found"}',
        b'{"detail":"Not Found"}',
        b"no healthy upstream",
    ],
)
@pytest.mark.parametrize(("model", "name"), [("chat", "`chat`"), (None, "that you requested")])
def test_a_404_is_a_model_that_does_not_exist(body: bytes, model: str | None, name: str) -> None:
    error = from_response(404, body, model)
    assert (error.status, error.code) == (404, "model_not_found")
    assert error.message == f"The model {name} does not exist or you do not have access to it."


@pytest.mark.parametrize("status", SILENT)
def test_an_error_of_openais_form_passes_with_its_own_fields(status: int) -> None:
    inside = {"message": "x", "type": "t", "code": "c", "param": "p"}
    error = from_response(status, json.dumps({"error": inside}).encode(), "m")
    assert (error.status, error.message) == (status, "x")
    assert (error.type, error.code, error.param) == ("t", "c", "p")


@pytest.mark.parametrize("status", [status for status in SILENT if status != 404])
@pytest.mark.parametrize("rest", [{}, {"type": None, "param": None}, {"innererror": {"x": 1}}])
def test_what_an_openai_error_leaves_out_is_filled(status: int, rest: dict[str, Any]) -> None:
    body = json.dumps({"error": {"message": "x", **rest}}).encode()
    error = from_response(status, body, "m")
    assert (error.message, error.param) == ("x", None)
    assert (error.type, error.code) == SILENT[status][:2]


def test_an_openai_error_about_something_else_than_a_model_is_not_found() -> None:
    error = from_response(404, b'{"error":{"message":"no such file"}}', "m")
    assert (error.message, error.code) == ("no such file", "not_found")


def test_a_code_that_is_a_number_becomes_text() -> None:
    assert from_response(400, b'{"error":{"message":"x","code":7}}', "m").code == "7"


@pytest.mark.parametrize("field", ["type", "code", "param"])
def test_an_error_object_with_a_field_of_a_wrong_type_is_still_read(field: str) -> None:
    body = json.dumps({"error": {"message": "bad tensor", field: {"a": 1}}}).encode()
    error = from_response(400, body, "m")
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
    error = from_response(status, body, "m")
    assert error.status == status
    assert error.message in ("The model server refused the request.", "The model server failed.")


def test_the_meshs_name_of_a_model_becomes_the_clients() -> None:
    error = from_response(400, b'{"error":"Model m_12 is not ready yet."}', "m")
    assert error.message == "Model m is not ready yet."


def test_an_error_object_that_is_not_utf_8_keeps_its_status() -> None:
    error = from_response(400, b'{"error":{"message":"\xff"}}', "m")
    assert (error.status, error.message) == (400, "The model server refused the request.")


def test_a_models_name_is_no_pattern_and_no_template() -> None:
    model = r"a\1.(b"
    body = json.dumps({"error": f"Model {model}_3 is not ready yet."}).encode()
    error = from_response(400, body, model)
    assert (error.status, error.message) == (400, f"Model {model} is not ready yet.")


def test_envoys_word_for_its_own_limit_is_put_as_openai_puts_it() -> None:
    error = from_response(429, b"local_rate_limited", "m")
    assert error.message == "Rate limit reached. Please try again later."
    assert (error.type, error.code) == ("requests", "rate_limit_exceeded")


FORMS = [
    lambda error: {"error": error},
    lambda error: [{"error": error}],  # Google
    lambda error: {"object": "error"} | error,  # vLLM, Mistral
]


@pytest.mark.parametrize("form", FORMS)
def test_an_error_object_is_read_in_every_form(form: Callable[[Any], Any]) -> None:
    inside = {"message": "Unknown name 'foo'.", "type": "t", "code": 7, "param": "p"}
    error = from_response(400, json.dumps(form(inside)).encode(), "m")
    assert (error.status, error.message) == (400, "Unknown name 'foo'.")
    assert (error.type, error.code, error.param) == ("t", "7", "p")


@pytest.mark.parametrize("form", FORMS)
def test_a_code_that_is_null_stays_null(form: Callable[[Any], Any]) -> None:
    error = from_response(422, json.dumps(form({"message": "x", "code": None})).encode(), "m")
    assert (error.status, error.code) == (422, None)


@pytest.mark.parametrize("status", [400, 500, 502])
@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"code": "model_not_found"}, 404),
        ({"code": 429}, 429),
        ({"code": "429"}, 429),
        ({"code": 400, "status": "RESOURCE_EXHAUSTED"}, 400),
        ({"status": "RESOURCE_EXHAUSTED"}, 429),
        ({"type": "rate_limit_error", "code": None}, 429),
    ],
)
def test_a_status_that_only_the_object_tells_is_the_clients(
    status: int, fields: dict[str, Any], told: int
) -> None:
    error = from_response(status, json.dumps({"error": {"message": "x"} | fields}).encode(), "m")
    assert error.status == (told if told != 400 else status)


@pytest.mark.parametrize("status", [400, 401, 403, 500])
@pytest.mark.parametrize(
    "fields",
    [
        {"code": "invalid_api_key", "type": "invalid_request_error"},
        {"code": 401},
        {"type": "permission_error"},
        {"status": "UNAUTHENTICATED", "code": None},
        {"message": "API key not valid. Please pass a valid API key.", "code": 400},
    ],
)
def test_a_provider_that_refuses_the_models_key_is_no_fault_of_the_client(
    status: int, fields: dict[str, Any]
) -> None:
    inside = {"message": "Incorrect key sk-1...9."} | fields
    error = from_response(status, json.dumps({"error": inside}).encode(), "m")
    assert (error.status, error.type, error.code) == (
        502,
        "server_error",
        "upstream_authentication",
    )
    assert "key" not in error.message.lower()
    assert error.repeats


@pytest.mark.parametrize("status", [400, 413, 500])
@pytest.mark.parametrize("form", [*FORMS, lambda error: {"error": error["message"]}])
def test_a_request_that_is_too_long_for_the_model_has_openais_code(
    status: int, form: Callable[[Any], Any]
) -> None:
    message = "The decoder prompt (length 9000) is longer than the maximum model length of 8192."
    error = from_response(status, json.dumps(form({"message": message, "code": 400})).encode(), "m")
    assert (error.status, error.type) == (400, "invalid_request_error")
    assert (error.code, error.message) == ("context_length_exceeded", message)
