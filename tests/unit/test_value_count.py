"""The number of JSON values in a request, which is limited before they are decoded."""

import json
import tracemalloc
from typing import Any

import pytest

from tests.unit.translating import accept
from translator.errors import ClientError
from translator.operations.chat.operation import CHAT
from translator.operations.embeddings.operation import EMBEDDINGS
from translator.value_count import exceeds

HELLO = {"role": "user", "content": "Hello"}
MANY = 100_000


def chat(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [HELLO], **fields}).encode()


def fields(number: int) -> dict[str, int]:
    return {f"{name:x}": 1 for name in range(number)}


@pytest.mark.parametrize(
    "body",
    [
        chat(messages=[{"role": "assistant", "tool_calls": [{}] * MANY}]),
        chat(messages=[{"role": "user", "content": [{"type": "text", "text": ""}] * MANY}]),
        chat(messages=[{"role": "user", "content": [""] * MANY}]),
        chat(messages=[HELLO] * MANY),
        chat(messages=[HELLO | fields(MANY)]),
        chat(messages=[{"role": "user", "content": [{"type": "text", "text": ""} | fields(MANY)]}]),
        chat(tools=[1] * MANY),
        chat(stop=[""] * MANY),
        chat(**fields(MANY)),
        chat(x="a, b\\", y=[[]] * MANY, z="\\"),
    ],
    ids=lambda body: body[37:80].decode(),
)
def test_millions_of_tiny_values_are_refused_before_they_are_decoded(body: bytes) -> None:
    body = body.replace(b", ", b",").replace(b": ", b":")
    tracemalloc.start()
    try:
        with pytest.raises(ClientError, match="too many JSON values") as caught:
            accept(CHAT, body)
        assert tracemalloc.get_traced_memory()[1] < len(body) + 100_000
    finally:
        tracemalloc.stop()
    assert (caught.value.status, caught.value.code) == (400, "too_many_values")


@pytest.mark.parametrize(
    "body",
    [
        chat(messages=[{"role": "user", "content": "1,2,3,4;\\" * MANY}]),
        chat(messages=[{"role": "user", "content": ', ", ' * MANY}]),
        chat(messages=[{"role": "user", "content": "A long text. " * 10}] * 9_999),
        chat(tools=[{"type": "function", "function": {"name": "f"}}] * 10_000),
        chat(x=[1] * 49_990),
    ],
    ids=lambda body: body[37:80].decode(),
)
def test_texts_with_commas_and_long_conversations_are_accepted(body: bytes) -> None:
    assert accept(CHAT, body).request.body


def test_fields_are_counted_where_elements_count_themselves() -> None:
    assert not exceeds(json.dumps([1] * MANY).encode(), 0, b":")
    with pytest.raises(ClientError, match="too many JSON values"):
        accept(EMBEDDINGS, json.dumps({"model": "m", "input": "a", **fields(MANY)}).encode())


@pytest.mark.parametrize("end", [b'"', b"", b",", b"]"])
def test_many_commas_in_what_is_no_json_are_unreadable_json(end: bytes) -> None:
    with pytest.raises(ClientError, match="could not parse the JSON"):
        accept(CHAT, b'{"model":"m","x":[' + b'\\",' * MANY + end)


@pytest.mark.parametrize(("separator", "element"), [(b",", b"0,"), (b":", b'{"":0},')])
def test_the_limit_is_exact(separator: bytes, element: bytes) -> None:
    text = b'[%b"%b"]' % (element * 100, separator * 100)
    assert not exceeds(text, 100, separator)
    assert exceeds(text, 99, separator)


def test_more_values_are_accepted_in_a_large_request() -> None:
    size, most = 500_000, 52_500
    for count in (most, most + 1):
        body = b'{"model":"m","messages":[{"role":"user","content":"a"}],"x":[%b0]}'
        body %= b"0," * (count - 3)
        body += b" " * (size - len(body))
        if count > most:
            with pytest.raises(ClientError, match="at most 52500 are accepted"):
                accept(CHAT, body)
        else:
            assert accept(CHAT, body).request.body
