"""Error answers from upstream, in OpenAI's words."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from translator.exchange.upstream_errors import from_answer

JSON = "application/json"
TEXT = "text/plain"


@pytest.mark.parametrize("status", [0, 100, 200, 204, 301, 304, 399, 600, 999])
@pytest.mark.parametrize("body", [b"", b'{"error":"x"}', b'{"error":{"message":"x"}}'])
def test_what_is_no_error_status_becomes_a_bad_gateway(status: int, body: bytes) -> None:
    error = from_answer(status, JSON, body, "m")
    assert (error.status, error.type) == (502, "server_error")
    assert error.message == "The model server answered with neither a result nor an error."


@pytest.mark.parametrize(
    ("status", "kind", "body", "message"),
    [
        (400, JSON, b'{"error":"bad tensor"}', "bad tensor"),
        (400, JSON, b'{"error":"mlserver.errors.InferenceError: bad tensor"}', "bad tensor"),
        (
            422,
            JSON,
            b'{"detail":[{"type":"missing","loc":["body","inputs"],"msg":"Field required"}]}',
            "Field required: inputs",
        ),
        (405, JSON, b'{"detail":"Method Not Allowed"}', "Method Not Allowed"),
        (400, TEXT, b"step1 : tensor is missing", "step1 : tensor is missing"),
        (500, JSON, b'{"error":"builtins.ValueError: boom"}', "boom"),
        (500, TEXT, b"Internal Server Error", "The model server failed."),
        (500, "", b'{"error":"10.0.0.7 said no"}', "The model server failed."),
        (500, JSON, b'{"error":"Traceback (most recent call last):"}', "The model server failed."),
        (400, TEXT, b"", "The model server refused the request."),
        (408, "", b"", "The model server gave up waiting for the request."),
        (413, "", b"", "The request is too large."),
        (422, "", b"", "The model server could not process the request."),
        (429, "", b"", "Rate limit reached. Please try again later."),
        (418, "", b"", "The model server failed."),
        (
            503,
            TEXT,
            b"upstream connect error or disconnect/reset before headers",
            "The model server is overloaded or not ready yet.",
        ),
        (504, TEXT, b"upstream request timeout", "The model server did not answer in time."),
        (599, "", b"", "The model server failed."),
    ],
)
def test_status_and_sentence_are_kept(status: int, kind: str, body: bytes, message: str) -> None:
    error = from_answer(status, kind, body, "m")
    assert (error.status, error.message) == (status, message)
    assert error.type == ("server_error" if status >= 500 else "invalid_request_error")


@pytest.mark.parametrize(
    ("status", "code"),
    [(413, "request_too_large"), (429, "rate_limit_exceeded"), (400, None), (503, None)],
)
def test_some_statuses_have_a_code(status: int, code: str | None) -> None:
    assert from_answer(status, JSON, b"{}", "m").code == code


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
    error = from_answer(404, kind, body, model)
    assert (error.status, error.code) == (404, "model_not_found")
    assert error.message == f"The model {name} does not exist or you do not have access to it."


@pytest.mark.parametrize(
    ("inside", "kind", "code", "param"),
    [
        (
            {"message": "x", "type": "t", "code": "c", "param": "p"},
            "t",
            "c",
            "p",
        ),
        ({"message": "x"}, None, None, None),
        ({"message": "x", "type": None, "param": None, "code": 7}, None, "7", None),
    ],
)
@pytest.mark.parametrize("status", [401, 404, 503])
@pytest.mark.parametrize("content_type", [JSON, TEXT])
def test_an_error_of_openais_form_passes_as_it_is(
    inside: dict[str, Any],
    kind: str | None,
    code: str | None,
    param: str | None,
    status: int,
    content_type: str,
) -> None:
    error = from_answer(status, content_type, json.dumps({"error": inside}).encode(), "m")
    assert (error.status, error.message) == (status, "x")
    of_its_class = "server_error" if status >= 500 else "invalid_request_error"
    assert error.type == (kind or of_its_class)
    assert (error.code, error.param) == (code, param)


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
    error = from_answer(status, "application/json", body, "m")
    assert error.status == status
    assert error.message in ("The model server refused the request.", "The model server failed.")


def test_the_meshs_name_of_a_model_becomes_the_clients() -> None:
    error = from_answer(400, "application/json", b'{"error":"Model m_12 is not ready yet."}', "m")
    assert error.message == "Model m is not ready yet."


def test_an_error_object_that_is_not_utf_8_keeps_its_status() -> None:
    error = from_answer(400, "application/json", b'{"error":{"message":"\xff"}}', "m")
    assert (error.status, error.message) == (400, "The model server refused the request.")


def test_a_models_name_is_no_pattern_and_no_template() -> None:
    model = r"a\1.(b"
    body = json.dumps({"error": f"Model {model}_3 is not ready yet."}).encode()
    error = from_answer(400, "application/json", body, model)
    assert (error.status, error.message) == (400, f"Model {model} is not ready yet.")
