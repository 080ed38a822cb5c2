"""The message in error bodies of model servers."""

import json

import pytest

from translator.error_messages import find_message, presentable


def read_message(body: bytes) -> str | None:
    """What a client may see of an error body."""
    message = find_message(body)
    return None if message is None else presentable(message)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":"bad tensor"}', "bad tensor"),
        (b'{"error":{"message":"bad tensor","code":7}}', "bad tensor"),
        (b'{"message":"bad tensor"}', "bad tensor"),
        (b'{"detail":"Not Found"}', "Not Found"),
        (
            (
                b'{"detail":[{"type":"missing","loc":["body","inputs",0,"shape"],'
                b'"msg":"Field required","input":{}},{"msg":"another"}]}'
            ),
            "Field required: inputs.0.shape",
        ),
        (b'{"detail":[{"msg":"Field required","loc":["body"]}]}', "Field required"),
        (b'{"detail":[{"msg":"Field required"}]}', "Field required"),
        (b'"bad tensor"', "bad tensor"),
        (b"bad tensor", "bad tensor"),
        (b"  bad tensor \n", "bad tensor"),
        (b'{"error":"first line\\nsecond line"}', "first line"),
        ("kaputt: ✗".encode(), "kaputt: ✗"),
    ],
)
def test_the_sentence_is_found(body: bytes, message: str) -> None:
    assert read_message(body) == message


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("mlserver.errors.InferenceError: bad tensor", "bad tensor"),
        ("builtins.ValueError: bad tensor", "bad tensor"),
        ("ValueError: bad tensor", "bad tensor"),
        ("torch.cuda.OutOfMemory: bad tensor", "bad tensor"),
        ("tensor: bad", "tensor: bad"),
        ("Unknown error: bad tensor", "Unknown error: bad tensor"),
    ],
)
def test_a_python_class_before_the_sentence_is_left_out(given: str, message: str) -> None:
    assert read_message(json.dumps({"error": given}).encode()) == message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{}",
        b"[]",
        b"null",
        b"42",
        b'{"error":null}',
        b'{"error":""}',
        b'{"error":" \\n "}',
        b'{"error":{"code":1}}',
        b'{"detail":[]}',
        b'{"detail":[{"loc":[]}]}',
        b"<html><body>502 Bad Gateway</body></html>",
        b"line one\nline two",
    ],
)
def test_an_unreadable_body_has_no_message(body: bytes) -> None:
    assert read_message(body) is None


@pytest.mark.parametrize(
    "text",
    [
        "Traceback (most recent call last):\n  File \"/srv/model.py\", line 3\nKeyError: 'x'",
        'oops in File "/srv/model.py", line 3',
    ],
)
def test_a_stack_trace_is_never_shown(text: str) -> None:
    assert read_message(text.encode()) is None
    assert read_message(json.dumps({"error": text}).encode()) is None


@pytest.mark.parametrize(
    "text",
    [
        "upstream mlserver-0.seldon-mesh.svc.cluster.local:9000 refused",
        "no route to chat.models.svc",
        "localhost:9000 refused",
        "[::1]:9000 refused",
        "10.0.0.7 refused",
        "see http://wiki/x",
        "cannot open:/mnt/models/x/model.bin",
        "[/mnt/models/x]",
        "`/opt/app/x.py`",
        "~/.cache/x",
        "./x/y is missing",
        r"C:\models\x",
    ],
)
def test_addresses_and_paths_are_never_shown(text: str) -> None:
    assert read_message(json.dumps({"error": text}).encode()) is None


@pytest.mark.parametrize(
    "text",
    [
        "expected 3/4 of the input and/or none, n/a",
        "max_tokens: 4096 exceeded",
        "shape [1:3] of content:8 is wrong",
        "Model chat not found.",
    ],
)
def test_text_similar_to_addresses_is_shown(text: str) -> None:
    assert read_message(json.dumps({"error": text}).encode()) == text


def test_classes_of_wrapped_exceptions_are_not_shown() -> None:
    assert read_message(b'{"error":"RuntimeError: ValueError: bad tensor"}') == "bad tensor"


@pytest.mark.parametrize("length", [499, 500])
def test_a_sentence_of_up_to_500_characters_is_whole(length: int) -> None:
    assert read_message(b"x" * length) == "x" * length


def test_a_longer_one_is_cut() -> None:
    assert read_message(b"x" * 501) == "x" * 499 + "…"


def test_json_nested_too_deeply_is_no_reason_to_fail() -> None:
    assert read_message(b'{"a":\n' + b"[" * 100_000) is None


def test_a_body_of_megabytes_is_read_at_once() -> None:
    assert read_message(b"a" * 10_000_000) == "a" * 499 + "…"


@pytest.mark.parametrize("body", [b"\x0b\x02\x80bad\x03", b"bad\x00", b'{"error":"bad\\u0007"}'])
def test_what_cannot_be_printed_is_never_shown(body: bytes) -> None:
    assert read_message(body) is None


@pytest.mark.parametrize("loc", [None, 5, "body"])
def test_an_invalid_loc_is_omitted(loc: object) -> None:
    assert read_message(json.dumps({"detail": [{"msg": "bad", "loc": loc}]}).encode()) == "bad"
