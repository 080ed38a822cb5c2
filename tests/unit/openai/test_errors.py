"""Errors as OpenAI's error object."""

import json

import pytest

from tests.unit.events import data_of
from translator.errors import ClientError, InternalError, TranslatorError, UpstreamError
from translator.openai.errors import error_body
from translator.operations.base import OPENAI

ERRORS = [
    (
        ClientError("no", param="messages[0].role", code="invalid_value"),
        {
            "message": "no",
            "type": "invalid_request_error",
            "param": "messages[0].role",
            "code": "invalid_value",
        },
    ),
    (
        UpstreamError('ein "Fehler"\nin zwei Zeilen ✓'),
        {
            "message": 'ein "Fehler"\nin zwei Zeilen ✓',
            "type": "server_error",
            "param": None,
            "code": "upstream_error",
        },
    ),
    (
        InternalError(),
        {
            "message": "The server had an error while processing your request.",
            "type": "server_error",
            "param": None,
            "code": "internal_error",
        },
    ),
    (
        ClientError("no", status=404),
        {"message": "no", "type": "invalid_request_error", "param": None, "code": None},
    ),
    (
        ClientError("not UTF-8: \udcff"),
        {"message": "not UTF-8: ?", "type": "invalid_request_error", "param": None, "code": None},
    ),
]


@pytest.mark.parametrize(("error", "inside"), ERRORS)
def test_the_body_has_all_four_fields_and_nothing_else(
    error: TranslatorError, inside: dict[str, str | None]
) -> None:
    assert json.loads(error_body(error)) == {"error": inside}


@pytest.mark.parametrize("error", [error for error, _ in ERRORS])
def test_the_event_holds_the_body_on_one_line(error: TranslatorError) -> None:
    assert data_of(OPENAI.error_event(error)) == [error_body(error)]
