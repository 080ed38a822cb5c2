"""Whole chat requests from a grammar, and the way back from tensors to what a client wrote."""

import json
from typing import Any

from hypothesis import strategies as st

Message = dict[str, Any]

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = st.text("abcdefgé_-7", min_size=1, max_size=8)
URLS = st.fixed_dictionaries({"url": TEXTS}, optional={"detail": st.sampled_from(["low", "auto"])})
AUDIO = st.fixed_dictionaries({"data": TEXTS, "format": st.sampled_from(["wav", "mp3"])})
FILES = st.one_of(
    st.fixed_dictionaries({"file_id": TEXTS}),
    st.fixed_dictionaries({"file_data": TEXTS, "filename": TEXTS}),
)


def _part(kind: str, payloads: st.SearchStrategy[Any]) -> st.SearchStrategy[Message]:
    return payloads.map(lambda payload: {"type": kind, kind: payload})


TEXT_PARTS = st.one_of(_part("text", TEXTS), TEXTS)
USER_PARTS = st.one_of(
    TEXT_PARTS,
    _part("image_url", URLS),
    _part("input_audio", AUDIO),
    _part("file", FILES),
)
ASSISTANT_PARTS = st.one_of(TEXT_PARTS, _part("refusal", TEXTS))
FUNCTIONS = st.fixed_dictionaries({"name": NAMES, "arguments": TEXTS})
CALLS = st.one_of(
    st.fixed_dictionaries({"id": TEXTS, "type": st.just("function"), "function": FUNCTIONS}),
    st.fixed_dictionaries({"id": TEXTS, "type": st.just("custom"), "custom": URLS}),
)


def _maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values)


def _content(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(TEXTS, st.lists(parts, max_size=4))


_SYSTEM = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "developer"]), "content": _content(TEXT_PARTS)},
    optional={"name": _maybe(NAMES)},
)
_USER = st.fixed_dictionaries(
    {"role": st.just("user"), "content": _content(USER_PARTS)},
    optional={"name": _maybe(NAMES)},
)
_ASSISTANT = st.fixed_dictionaries(
    {"role": st.just("assistant")},
    optional={
        "content": _maybe(_content(ASSISTANT_PARTS)),
        "refusal": _maybe(TEXTS),
        "name": _maybe(NAMES),
        "audio": _maybe(st.fixed_dictionaries({"id": TEXTS})),
        "tool_calls": _maybe(st.lists(CALLS, max_size=3)),
        "function_call": _maybe(FUNCTIONS),
        "annotations": st.just([]),
        "reasoning_content": _maybe(TEXTS),
        "reasoning_details": _maybe(st.lists(URLS, max_size=2)),
        "prefix": _maybe(st.just(True)),  # noqa: FBT003 -- a value
    },
)
_TOOL = st.fixed_dictionaries(
    {"role": st.just("tool"), "content": _content(TEXT_PARTS), "tool_call_id": NAMES}
)
_FUNCTION = st.fixed_dictionaries(
    {"role": st.just("function"), "content": _maybe(TEXTS), "name": NAMES}
)
MESSAGES = st.one_of(_SYSTEM, _USER, _ASSISTANT, _TOOL, _FUNCTION)
CONVERSATIONS = st.lists(MESSAGES, min_size=1, max_size=5)
"""One message and several are encoded differently, so both have to be common."""

NUMBERS = st.one_of(
    st.sampled_from(["9007199254740993", "1e-7", "1E400", "-0", "0.10", "1.0", "-1.50e+3"]),
    st.integers().map(str),
    st.integers(10**20, 10**60).map(str),
    st.from_regex(r"-?(0|[1-9][0-9]{0,5})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
)
STRINGS = st.builds(json.dumps, TEXTS, ensure_ascii=st.booleans())
KEYS = STRINGS.filter(lambda text: json.loads(text) not in {"name", "type"})
SPACES = st.sampled_from(["", " ", "\n\t", "\r\n"])


@st.composite
def objects(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    """The text of a JSON object with these values."""
    space = draw(SPACES)
    pairs = draw(st.lists(st.tuples(KEYS, values), max_size=3))
    return f"{{{space}{','.join(f'{key}{space}:{value}' for key, value in pairs)}}}"


VALUES = st.recursive(
    st.one_of(NUMBERS, STRINGS, st.sampled_from(["true", "false", "null"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"), objects(inner)
    ),
    max_leaves=6,
)
"""JSON as a client may write it, with numbers that Python cannot hold."""

OBJECTS = objects(VALUES)

_PENALTIES = st.sampled_from(["-2", "-0.50", "0", "1e-7", "2.0", "null"])
_COUNTS = st.sampled_from(["1", "300", "9223372036854775807", "null"])
_FLAGS = st.sampled_from(["true", "false", "null"])
PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "audio": OBJECTS,
        "frequency_penalty": _PENALTIES,
        "functions": st.lists(OBJECTS, max_size=2).map(
            lambda texts: f"[{','.join(_with(text, name='f') for text in texts)}]"
        ),
        "function_call": st.one_of(STRINGS, OBJECTS.map(lambda text: _with(text, name="f"))),
        "logit_bias": OBJECTS,
        "logprobs": _FLAGS,
        "max_completion_tokens": _COUNTS,
        "max_tokens": _COUNTS,
        "metadata": OBJECTS,
        "modalities": st.lists(STRINGS, max_size=2).map(lambda texts: f"[{', '.join(texts)}]"),
        "n": st.integers(1, 128).map(str),
        "parallel_tool_calls": _FLAGS,
        "prediction": OBJECTS,
        "presence_penalty": _PENALTIES,
        "prompt_cache_key": STRINGS,
        "prompt_cache_options": VALUES,
        "reasoning_effort": STRINGS,
        "response_format": OBJECTS.map(lambda text: _with(text, type="json_schema")),
        "seed": st.one_of(st.integers(), st.integers(-(10**60), 10**60)).map(str),
        "service_tier": STRINGS,
        "stop": st.one_of(STRINGS, st.just("[]"), STRINGS.map(lambda text: f"[ {text}]")),
        "store": _FLAGS,
        "stream": _FLAGS,
        "temperature": st.sampled_from(["0", "0.70", "1e-7", "2.0", "null"]),
        "tool_choice": st.one_of(STRINGS, OBJECTS),
        "top_p": st.sampled_from(["0", "0.10", "1.0", "null"]),
        "user": STRINGS,
        "verbosity": STRINGS,
        "web_search_options": OBJECTS,
    },
)
"""Parameters that OpenAI has, as JSON text. Those that need others are not among them."""

UNKNOWN = st.dictionaries(NAMES.map(lambda name: f"x-{name}"), VALUES, max_size=4)


def _with(text: str, **fields: Any) -> str:
    """A JSON object with these fields after its own, so that they count."""
    inside = text[1:-1]
    more = ", ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in fields.items())
    return f"{{{inside}{',' if inside.strip() else ''}{more}}}"


TOOLS = OBJECTS.map(lambda text: _with(_with(text, type="function"), function={"name": "f"}))


def normal(message: Message) -> Message:
    """A message without what makes no difference: nulls, empty things, plain text or one part."""
    content = message.get("content") or ""
    parts = [content] if isinstance(content, str) else content
    rest = {
        name: message[name]
        for name in ("name", "refusal", "audio", "tool_calls", "tool_call_id", "function_call")
        if message.get(name)
    }
    if message.get("reasoning_content"):
        rest["reasoning_content"] = message["reasoning_content"]
    for name in ("reasoning_details", "prefix"):
        if message.get(name) is not None:
            rest[name] = message[name]
    return {
        "role": message["role"],
        "parts": [
            ("text", part) if isinstance(part, str) else (part["type"], part[part["type"]])
            for part in parts
        ],
        **rest,
    }


def read_back(tensors: dict[str, list[str]]) -> list[Message]:
    """The messages in the tensors of a request, as :func:`normal` gives them."""
    roles = tensors["role"]
    alone = len(roles) == 1
    if alone:
        rows = [(tensors["type"], tensors["content"])]
    else:
        rows = [
            (json.loads(kinds), json.loads(contents))
            for kinds, contents in zip(tensors["type"], tensors["content"], strict=True)
        ]
    messages = []
    for index, (role, (kinds, contents)) in enumerate(zip(roles, rows, strict=True)):
        message: Message = {
            "role": role,
            "parts": [
                (kind, text if kind in {"text", "refusal"} else json.loads(text))
                for kind, text in zip(kinds, contents, strict=True)
            ],
        }
        for name in ("name", "refusal", "tool_call_id", "reasoning_content"):
            if text := tensors.get(name, [""] * len(roles))[index]:
                message[name] = text
        for name in ("audio", "function_call", "reasoning_details", "prefix"):
            if text := tensors.get(name, [""] * len(roles))[index]:
                message[name] = json.loads(text)
        if text := tensors.get("tool_calls", [""] * len(roles))[index]:
            calls = json.loads(text)
            message["tool_calls"] = (
                [calls] if isinstance(calls, dict) else [json.loads(call) for call in calls]
            )
        messages.append(message)
    return messages


class Number(str):
    """A number as it was written, which is not the string of the same digits."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and str(self) == str(other)

    __hash__ = str.__hash__


def taken_apart(text: str) -> Any:
    """A JSON text with its numbers as they are written and its keys in their order."""
    return json.loads(
        text, parse_int=Number, parse_float=Number, object_pairs_hook=lambda pairs: ("pairs", pairs)
    )
