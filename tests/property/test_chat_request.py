"""Chat requests: every text arrives, every parameter survives to the digit."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from translator.endpoints.chat import to_oip

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ROLES = st.sampled_from(["system", "developer", "user", "assistant", "tool"])
PARTS = st.one_of(
    TEXTS.map(lambda text: {"type": "text", "text": text}),
    TEXTS.map(lambda url: {"type": "image_url", "image_url": {"url": url, "detail": "low"}}),
    TEXTS,
)
CALLS = st.builds(
    lambda identity, name, arguments: {
        "id": identity,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    },
    TEXTS,
    TEXTS,
    TEXTS,
)
MESSAGES = st.fixed_dictionaries(
    {"role": ROLES},
    optional={
        "content": st.one_of(st.none(), TEXTS, st.lists(PARTS, max_size=3)),
        "tool_calls": st.one_of(st.none(), st.lists(CALLS, max_size=3)),
        "tool_call_id": st.one_of(st.none(), TEXTS),
        "name": st.one_of(st.none(), TEXTS),
    },
)
CONVERSATIONS = st.lists(MESSAGES, min_size=1, max_size=4)

NUMBERS = st.one_of(
    st.sampled_from(["9007199254740993", "1e-7", "1E400", "-0", "0.10", "1.0", "-1.50e+3"]),
    st.integers().map(str),
    st.integers(10**20, 10**60).map(str),
    st.from_regex(r"-?(0|[1-9][0-9]{0,5})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
)
STRINGS = TEXTS.map(json.dumps)
SPACES = st.sampled_from(["", " ", "\n\t"])


@st.composite
def objects(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    space = draw(SPACES)
    pairs = draw(st.lists(st.tuples(STRINGS, values), max_size=3))
    return f"{{{space}{','.join(f'{key}{space}:{value}' for key, value in pairs)}}}"


VALUES = st.recursive(
    st.one_of(NUMBERS, STRINGS, st.sampled_from(["true", "false", "null"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"), objects(inner)
    ),
    max_leaves=6,
)
KNOWN = {"model", "messages", "stream", "stream_options", "tools"}
PARAMETERS = st.dictionaries(TEXTS.filter(lambda name: name not in KNOWN), VALUES, max_size=5)


def tensors(body: bytes) -> dict[str, list[str]]:
    found = {}
    for tensor in json.loads(body)["inputs"]:
        assert tensor["datatype"] == "BYTES"
        assert tensor["shape"] == [len(tensor["data"])]
        assert all(isinstance(element, str) for element in tensor["data"])
        assert tensor["name"] not in found
        found[tensor["name"]] = tensor["data"]
    return found


def parts_of(message: dict[str, Any]) -> list[tuple[str, Any]]:
    content = message.get("content") or ""
    parts = [content] if isinstance(content, str) else content
    return [
        ("text", part) if isinstance(part, str) else (part["type"], part[part["type"]])
        for part in parts
    ]


def read_parts(contents: list[str], types: list[str]) -> list[tuple[str, Any]]:
    return [
        (kind, content if kind == "text" else json.loads(content))
        for kind, content in zip(types, contents, strict=True)
    ]


@given(CONVERSATIONS, st.sampled_from([None, 2]))
def test_every_text_can_be_read_back(messages: list[dict[str, Any]], indent: int | None) -> None:
    document = {"model": "m", "messages": messages}
    body = json.dumps(document, indent=indent, ensure_ascii=bool(indent)).encode()
    found = tensors(to_oip(body, None)[0])
    contents, types = found["content"], found["type"]
    assert found["role"] == [message["role"] for message in messages]
    if len(messages) == 1:
        assert read_parts(contents, types) == parts_of(messages[0])
    else:
        rows = zip(map(json.loads, contents), map(json.loads, types), strict=True)
        assert [read_parts(*row) for row in rows] == [*map(parts_of, messages)]


@given(CONVERSATIONS)
def test_what_few_messages_have_can_be_read_back(messages: list[dict[str, Any]]) -> None:
    found = tensors(to_oip(json.dumps({"model": "m", "messages": messages}).encode(), None)[0])
    nothing = ["" for _ in messages]
    for name in ("tool_call_id", "name"):
        assert found.get(name, nothing) == [message.get(name) or "" for message in messages]
    calls = [message.get("tool_calls") or [] for message in messages]
    read = [json.loads(text) if text else [] for text in found.get("tool_calls", nothing)]
    if len(messages) == 1 and len(calls[0]) == 1:
        assert read == calls[0]
    else:
        assert [[json.loads(call) for call in row] for row in read] == calls
    assert set(found) <= {"role", "content", "type", "tool_calls", "tool_call_id", "name"}


@given(PARAMETERS, st.integers(0, 5), SPACES)
def test_parameters_survive_digit_for_digit_and_in_order(
    parameters: dict[str, str], place: int, space: str
) -> None:
    pairs = [(json.dumps(name), text) for name, text in parameters.items()]
    own = [('"model"', '"m"'), ('"messages"', '[{"role":"user","content":"x"}]')]
    mixed = [*pairs[:place], *own, *pairs[place:]]
    body = "{" + ",".join(f"{space}{name}:{space}{text}" for name, text in mixed) + "}"
    upstream = to_oip(body.encode(), None)[0].decode()
    same = ",".join(
        f"{json.dumps(name, ensure_ascii=False)}:{text}" for name, text in parameters.items()
    )
    assert upstream.endswith(f'"parameters":{{"kwargs":{{{same}}},"llm_parameters":{{{same}}}}}}}')


@given(st.lists(VALUES, min_size=1, max_size=3))
def test_tools_survive_digit_for_digit_and_in_order(tools: list[str]) -> None:
    body = f'{{"model":"m","messages":[{{"role":"user"}}],"tools":[{",".join(tools)}]}}'
    found = tensors(to_oip(body.encode(), None)[0])["tools"]
    for sent, received in zip(tools, found, strict=True):
        assert taken_apart(received or "null") == taken_apart(sent)


def taken_apart(text: str) -> Any:
    """A JSON text with its numbers as they are written and its keys in their order."""
    return json.loads(
        text, parse_int=Number, parse_float=Number, object_pairs_hook=lambda pairs: ("pairs", pairs)
    )


class Number(str):
    """A number as it was written, which is not the string of the same digits."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and str(self) == str(other)

    __hash__ = str.__hash__
