"""Streamed chat: any split gives the same output, and the output is what SDKs can accumulate."""

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests import oip
from tests.property.split import PLACES, cut
from tests.unit.events import documents_of, event
from translator.endpoints.chat_stream import ChatStream

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@dataclass
class Call:
    """A tool call of one choice, in as many fragments as it came."""

    identity: str
    name: str
    arguments: str


@st.composite
def answers(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Events of the local runtime: up to three choices, with texts, calls, reasons and counts."""
    count = draw(st.integers(1, 3))
    events = []
    for _ in range(draw(st.integers(1, 6))):
        contents = draw(st.lists(WORDS, min_size=count, max_size=count))
        document = {**oip.answer(*contents), "id": "one"}
        if draw(st.booleans()):
            calls = [
                json.dumps(
                    [
                        {
                            "id": f"c{identity}",
                            "function": {"name": f"f{identity}", "arguments": draw(WORDS)},
                        }
                        for identity in draw(st.lists(st.integers(0, 2), max_size=3))
                    ]
                )
                for _ in range(count)
            ]
            document["outputs"].append(oip.text("tool_calls", *calls))
        if draw(st.booleans()):
            document["parameters"] = {"prompt_tokens": 1, "completion_tokens": 2}
        events.append(document)
    return events


@st.composite
def provided(draw: st.DrawFn) -> dict[str, Any]:
    """An event of the runtime that passes a provider's chunks on."""
    delta: dict[str, Any] = {"content": draw(WORDS)}
    index = draw(st.integers(0, 1))
    reason = draw(st.sampled_from([None, None, "stop", "length"]))
    chunk = {"id": "c", "choices": [{"index": index, "delta": delta, "finish_reason": reason}]}
    text = json.dumps(chunk, indent=draw(st.sampled_from([None, 2])))
    return oip.response(oip.text("output_all", text))


FRAMES = st.one_of(
    answers().map(lambda documents: b"".join(map(event, documents))),
    provided().map(event),
    st.sampled_from(
        [
            b": ping\n\n",
            b"\n",
            b"\r\n",
            b"data: [DONE]\n\n",
            b"data: {}\n\n",
            b"event: x\n",
            b'data: {"error":"oops"}\n\n',
            b"data: garbage\r\n\r\n",
            b"data: {\ndata: }\n\n",
        ]
    ),
    st.binary(max_size=20),
)
STREAMS = st.lists(FRAMES, max_size=6).map(b"".join)


def run(chunks: list[bytes], *, include_usage: bool = False) -> bytes:
    translator = ChatStream("m", 7, include_usage=include_usage)
    # The id of a stream without one is random; a first chunk settles it.
    translator.feed(event({**oip.response(), "id": "one"}))
    return b"".join(map(translator.feed, chunks)) + translator.finish()


@given(STREAMS, PLACES, st.booleans())
def test_any_split_gives_the_same_output(
    stream: bytes,
    places: list[int],
    include_usage: bool,  # noqa: FBT001 -- given by hypothesis
) -> None:
    whole = run([stream], include_usage=include_usage)
    assert run(cut(stream, places), include_usage=include_usage) == whole


@given(STREAMS, PLACES)
def test_the_output_is_always_whole_events_and_one_done(stream: bytes, places: list[int]) -> None:
    documents = documents_of(run(cut(stream, places)))
    assert all(isinstance(document, dict) for document in documents)
    assert all("error" not in document for document in documents[:-1])


@given(answers(), PLACES, st.booleans())
def test_each_choice_begins_once_and_ends_once_and_loses_nothing(
    events: list[dict[str, Any]],
    places: list[int],
    include_usage: bool,  # noqa: FBT001 -- as above
) -> None:
    stream = b"".join(map(event, events))
    chunks = documents_of(run(cut(stream, places), include_usage=include_usage))
    said: defaultdict[int, list[Any]] = defaultdict(list)
    for chunk in chunks:
        assert (chunk["id"], chunk["model"], chunk["created"]) == ("chatcmpl-one", "m", 7)
        assert ("usage" in chunk) is include_usage
        for choice in chunk["choices"]:
            said[choice["index"]].append(choice)
    expected = wanted(events)
    assert set(said) == set(expected)
    for index, choices in said.items():
        deltas = [choice["delta"] for choice in choices]
        content, calls = expected[index]
        assert ["role" in delta for delta in deltas] == [True, *(False for _ in deltas[1:])]
        assert "".join(delta.get("content") or "" for delta in deltas) == content
        assert accumulated(deltas) == calls
        assert [choice["finish_reason"] for choice in choices] == [
            *(None for _ in choices[1:]),
            "tool_calls" if calls else "stop",
        ]


@given(answers())
def test_usage_is_the_last_known_and_comes_last(events: list[dict[str, Any]]) -> None:
    known = any(document["parameters"] for document in events)
    chunks = documents_of(run([b"".join(map(event, events))], include_usage=True))
    assert [chunk["usage"] is not None for chunk in chunks] == [
        *(False for _ in chunks[1:]),
        known,
    ]
    assert (chunks[-1]["choices"] == []) is known


def wanted(events: list[dict[str, Any]]) -> dict[int, tuple[str, list[Call]]]:
    """What was said of each choice, all events together."""
    contents: defaultdict[int, str] = defaultdict(str)
    calls: defaultdict[int, dict[str, Call]] = defaultdict(dict)
    for document in events:
        outputs = {output["name"]: output["data"] for output in document["outputs"]}
        for index, content in enumerate(outputs["content"]):
            contents[index] += content
            for call in json.loads(outputs.get("tool_calls", ["[]"] * 3)[index]):
                name, arguments = call["function"]["name"], call["function"]["arguments"]
                known = calls[index].setdefault(call["id"], Call(call["id"], name, ""))
                known.arguments += arguments
    return {index: (content, [*calls[index].values()]) for index, content in contents.items()}


def accumulated(deltas: list[Any]) -> list[Call]:
    """The calls of one choice, put together as OpenAI's SDKs do it."""
    calls: list[Call] = []
    for delta in deltas:
        for part in delta.get("tool_calls", ()):
            if part["index"] == len(calls):
                assert part["type"] == "function"
                calls.append(Call(part["id"], part["function"]["name"], ""))
            else:
                assert "id" not in part
                assert "name" not in part["function"]
            calls[part["index"]].arguments += part["function"]["arguments"]
    return calls
