"""The exception tree."""

import pytest

from translator.errors import ClientError, InternalError, TranslatorError, UpstreamError


@pytest.mark.parametrize(
    ("error", "status", "kind", "code", "repeats"),
    [
        (ClientError("m"), 400, "invalid_request_error", None, False),
        (ClientError("m", status=413), 413, "invalid_request_error", None, False),
        (UpstreamError("m"), 502, "server_error", "upstream_error", False),
        (UpstreamError("m", repeats=True), 502, "server_error", "upstream_error", True),
        (
            UpstreamError("m", status=422, type="invalid_request_error", code=None),
            422,
            "invalid_request_error",
            None,
            False,
        ),
        (InternalError(), 500, "server_error", "internal_error", True),
    ],
)
def test_every_error_has_a_status_and_a_type_and_says_whether_it_repeats(
    error: TranslatorError, status: int, kind: str, code: str | None, *, repeats: bool
) -> None:
    assert isinstance(error, TranslatorError)
    assert (error.status, error.type, error.code) == (status, kind, code)
    assert error.param is None
    assert error.repeats is repeats


@pytest.mark.parametrize("kind", [ClientError, UpstreamError])
def test_param_and_code_are_kept(kind: type[ClientError | UpstreamError]) -> None:
    error = kind("a sentence", param="messages[0]", code="invalid_type")
    assert (error.message, error.param, error.code) == ("a sentence", "messages[0]", "invalid_type")
    assert str(error) == "a sentence"


def test_an_internal_error_says_nothing_of_its_cause() -> None:
    assert InternalError().message == "The server had an error while processing your request."
