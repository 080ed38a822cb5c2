"""Errors in the forms of providers."""

import json
from typing import Any

import pytest

from tests import oip
from tests.unit.translating import chat
from translator.errors import UpstreamError

AUTHENTICATION = (502, "upstream_authentication")


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        # Google's list.
        (
            [{"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED"}}],
            (429, "429"),
        ),
        # A code and no sentence.
        ({"error": {"code": "model_not_found"}}, (404, "model_not_found")),
        ({"error": {"code": 404, "message": None}}, (404, "404")),
        # A status that is a number.
        ({"error": {"message": "slow", "status": 429}}, (429, "upstream_error")),
        # DeepSeek: the type says more than the code.
        (
            {
                "error": {
                    "message": "no",
                    "type": "authentication_error",
                    "code": "invalid_request_error",
                }
            },
            AUTHENTICATION,
        ),
    ],
)
def test_a_provider_error_is_recognized(document: Any, expected: tuple[int, str]) -> None:
    for response in (oip.provided(document), document):
        with pytest.raises(UpstreamError) as caught:
            chat().complete([json.dumps(response).encode()])
        assert (caught.value.status, caught.value.code) == expected


def test_an_empty_error_beside_choices_is_none() -> None:
    document = {"error": {}, "choices": [{"message": {"content": "Hi"}}]}
    assert b"Hi" in chat().complete([json.dumps(oip.provided(document)).encode()]).body
