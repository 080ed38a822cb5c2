"""Whole streamed answers from a grammar, in the words of every runtime.

An answer is generated as what is said of each choice, step by step. From it come the events of a
runtime with tensors, or the chunks of a provider, with the faults of providers that are only
compatible; what the client has put together at the end must be what was said.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from tests import oip

Document = dict[str, Any]

WORDS = st.one_of(
    st.sampled_from(["Hel", "lo", " ", "é", "👍", "\u2028", '"\\', "\n\n", "data: [DONE]", "{}"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
)


@dataclass(frozen=True)
class Step:
    """What is new of one choice: text, a refusal, or a piece of its call number ``call``."""

    kind: str
    text: str
    call: int = 0
    begins: bool = False


@dataclass
class Call:
    """A tool call, as much of it as has been said."""

    identity: str
    name: str
    arguments: str = ""


@dataclass
class Said:
    """What has been said of one choice."""

    content: str = ""
    refusal: str = ""
    calls: list[Call] = field(default_factory=list)
    reason: str | None = None


@dataclass
class Answer:
    """A whole answer: whose turn it is, what it says, and how it ends."""

    turns: list[tuple[int, Step]]
    reasons: list[str | None]
    usage: Document | None

    @property
    def said(self) -> list[Said]:
        """What a client must have of each choice in the end."""
        found = [Said() for _ in self.reasons]
        for index, step in self.turns:
            said = found[index]
            if step.kind == "content":
                said.content += step.text
            elif step.kind == "refusal":
                said.refusal += step.text
            else:
                if step.begins:
                    said.calls.append(Call(identity(index, step.call), name(step.call)))
                said.calls[step.call].arguments += step.text
        for said, reason in zip(found, self.reasons, strict=True):
            said.reason = reason or ("tool_calls" if said.calls else "stop")
            for call in said.calls:
                call.arguments = call.arguments or "{}"
        return found


def identity(choice: int, call: int) -> str:
    """The id of a call."""
    return f"call_{choice}_{call}"


def name(call: int) -> str:
    """The name of its function."""
    return f"f{call}"


@st.composite
def _steps(draw: st.DrawFn, *, silent: bool) -> list[Step]:
    steps = [
        Step(draw(st.sampled_from(["content", "content", "refusal"])), draw(WORDS))
        for _ in range(draw(st.integers(0, 4)))
    ]
    pieces = [_arguments(draw, silent=silent) for _ in range(draw(st.integers(0, 3)))]
    steps += [
        Step("call", text, number, begins=place == 0)
        for number, texts in enumerate(pieces)
        for place, text in enumerate(texts)
    ]
    return steps


def _arguments(draw: st.DrawFn, *, silent: bool) -> list[str]:
    """The pieces of a JSON object; or none, of a call that is silent."""
    if silent and draw(st.booleans()):
        return [""] * draw(st.integers(1, 2))
    words = [json.dumps(word)[1:-1] for word in draw(st.lists(WORDS, max_size=3))]
    begin = draw(st.sampled_from([["", '{"a":"'], ['{"a":"']]))
    return [*begin, *words, '"}']


@st.composite
def answers(draw: st.DrawFn, *, silent: bool = False, most: int = 3) -> Answer:
    """Answers of up to ``most`` choices. ``silent``: calls may have no arguments."""
    choices = [draw(_steps(silent=silent)) for _ in range(draw(st.integers(1, most)))]
    order = draw(st.permutations([index for index, said in enumerate(choices) for _ in said]))
    steps = [iter(said) for said in choices]
    turns = [(index, next(steps[index])) for index in order]
    reasons = st.sampled_from([None, "stop", "length", "content_filter"])
    counts = {"prompt_tokens": draw(st.integers(0, 99)), "completion_tokens": 5}
    usage = {**counts, "total_tokens": sum(counts.values())} if draw(st.booleans()) else None
    given = [draw(reasons) for _ in choices]
    for index, step in turns:  # ``stop`` beside calls has tests of its own
        if step.kind == "call" and given[index] == "stop":
            given[index] = "tool_calls"
    return Answer(turns, given, usage)


# The runtimes that answer in tensors.

_ENCODINGS: list[Callable[[Document], str]] = [
    json.dumps,
    lambda call: json.dumps([call]),
    lambda call: json.dumps([json.dumps(call)]),
    lambda call: json.dumps(["", call, None]),
]


@st.composite
def tensor_events(draw: st.DrawFn, answer: Answer) -> list[Document]:
    """The events of a runtime that streams ``answer`` in tensors."""
    encode = draw(st.sampled_from(_ENCODINGS))
    piece = draw(st.sampled_from([_identified, _numbered, _bare]))
    nested = draw(st.booleans())
    events = [_event(answer, index, step, encode, piece) for index, step in answer.turns]
    if not events or draw(st.booleans()):
        events.insert(0, _event(answer, 0, Step("content", ""), encode, piece))
    end = draw(st.sampled_from(events))
    end["outputs"].append(oip.text("finish_reason", *(reason or "" for reason in answer.reasons)))
    if answer.usage is not None:
        counts = {name: answer.usage[name] for name in ("prompt_tokens", "completion_tokens")}
        if draw(st.booleans()):
            events[-1]["outputs"] += [oip.numbers(name, count) for name, count in counts.items()]
        else:
            events[-1]["parameters"] = counts
    if nested:
        for event in events:
            for output in event["outputs"]:
                output["data"] = [[element] for element in output["data"]]
    return events


def _event(
    answer: Answer,
    index: int,
    step: Step,
    encode: Callable[[Document], str],
    piece: Callable[[int, Step], Document],
) -> Document:
    def elements(text: str) -> list[str]:
        return [text if place == index else "" for place in range(len(answer.reasons))]

    document = oip.answer(*elements(step.text if step.kind == "content" else ""))
    if step.kind == "refusal":
        document["outputs"].append(oip.text("refusal", *elements(step.text)))
    if step.kind == "call":
        document["outputs"].append(oip.text("tool_calls", *elements(encode(piece(index, step)))))
    return document


def _identified(choice: int, step: Step) -> Document:
    """A piece of a call that always says which it is of."""
    function = {"name": name(step.call), "arguments": step.text}
    return {"id": identity(choice, step.call), "type": "function", "function": function}


def _numbered(choice: int, step: Step) -> Document:
    """A piece as OpenAI's deltas have it."""
    if step.begins:
        return {"index": step.call, **_identified(choice, step)}
    return {"index": step.call, "function": {"arguments": step.text}}


def _bare(choice: int, step: Step) -> Document:
    """A piece that goes on with the last call unless it has an id."""
    return _identified(choice, step) if step.begins else {"arguments": step.text}


# The runtime that passes on what a provider says.

HEAD: Document = {
    "id": "chatcmpl-9",
    "object": "chat.completion.chunk",
    "created": 1_699_999_999,
    "model": "gpt",
}


NO_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
"""What clients are told where nothing was counted."""

SOME_USAGE = {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1}
"""What a provider may have counted before its end."""


def _part(index: int, delta: Document, reason: str | None = None) -> Document:
    return {"index": index, "delta": delta, "finish_reason": reason, "logprobs": None}


def clean_chunks(answer: Answer, *, include_usage: bool) -> list[Document]:
    """The chunks of a provider as OpenAI sends them."""
    parts = [
        _part(index, {"role": "assistant", "content": None}) for index in range(len(answer.reasons))
    ]
    parts += [
        _part(
            index,
            {"tool_calls": [_numbered(index, step)]}
            if step.kind == "call"
            else {step.kind: step.text},
        )
        for index, step in answer.turns
    ]
    parts += [
        _part(index, {}, reason or ("tool_calls" if said.calls else "stop"))
        for index, (reason, said) in enumerate(zip(answer.reasons, answer.said, strict=True))
    ]
    chunks = [{**HEAD, "choices": [part]} for part in parts]
    if include_usage:
        chunks = [{**chunk, "usage": None} for chunk in chunks]
        if answer.usage is not None:
            chunks.append({**HEAD, "choices": [], "usage": answer.usage})
    return chunks


Fault = Callable[[list[Document]], list[Document]]
"""What a provider gets wrong: good chunks in, the faulty ones out. They may be changed in place."""


def _each_delta(change: Callable[[Document], object]) -> Fault:
    def fault(chunks: list[Document]) -> list[Document]:
        for chunk in chunks:
            for part in chunk["choices"]:
                change(part["delta"])
        return chunks

    return fault


def _each_part(change: Callable[[Document], object]) -> Fault:
    def fault(chunks: list[Document]) -> list[Document]:
        for chunk in chunks:
            for part in chunk["choices"]:
                change(part)
        return chunks

    return fault


def _each_call(change: Callable[[Document, int, int], object]) -> Fault:
    """``change`` is given the piece, its choice and its number."""

    def fault(chunks: list[Document]) -> list[Document]:
        for chunk in chunks:
            for part in chunk["choices"]:
                for call in part["delta"].get("tool_calls", ()):
                    change(call, part["index"], call["index"])
        return chunks

    return fault


def _each_chunk(change: Callable[[Document, int], object]) -> Fault:
    def fault(chunks: list[Document]) -> list[Document]:
        for place, chunk in enumerate(chunks):
            change(chunk, place)
        return chunks

    return fault


def _repeat_all_of_a_call(call: Document, choice: int, number: int) -> None:
    call |= {"id": identity(choice, number), "type": "function"}
    call["function"]["name"] = name(number)


def _number(number: int | None) -> Callable[[Document, int, int], None]:
    def change(call: Document, choice: int, own: int) -> None:
        _repeat_all_of_a_call(call, choice, own)
        if number is None:
            del call["index"]
        else:
            call["index"] = number

    return change


def _only_content(chunks: list[Document]) -> list[Document]:
    """Without the chunks that only say the role."""
    return [
        chunk
        for chunk in chunks
        if not any(part["delta"].get("content", "") is None for part in chunk["choices"])
    ] or chunks


def _after_the_finish(chunks: list[Document]) -> list[Document]:
    """Every finish twice, and an empty delta after it."""
    more = [
        {**chunk, "choices": [_part(part["index"], delta, reason)]}
        for chunk in chunks
        for part in chunk["choices"]
        if part["finish_reason"]
        for delta, reason in (({}, "stop"), ({"content": ""}, None))
    ]
    return [
        *[chunk for chunk in chunks if chunk["choices"]],
        *more,
        *[chunk for chunk in chunks if not chunk["choices"]],
    ]


def _usage_early(chunks: list[Document]) -> list[Document]:
    return [
        *[chunk for chunk in chunks if not chunk["choices"]],
        *[chunk for chunk in chunks if chunk["choices"]],
    ]


def _together(chunks: list[Document]) -> list[Document]:
    """Neighbours of different choices in one chunk."""
    found: list[Document] = []
    for chunk in chunks:
        known = [part["index"] for part in found[-1]["choices"]] if found else []
        own = [part["index"] for part in chunk["choices"]]
        if known and own and not set(known) & set(own):
            found[-1]["choices"] += chunk["choices"]
        else:
            found.append(chunk)
    return found


def _drop_an_empty_delta(part: Document) -> None:
    if not part.get("delta"):
        part.pop("delta", None)
        part.pop("message", None)  # alone, it would be the whole message


FAULTS: dict[str, Fault] = {
    "role repeated": _each_delta(lambda delta: delta.update(role="assistant")),
    "role missing": _each_delta(lambda delta: delta.pop("role", None)),
    "role null": _each_delta(lambda delta: delta.update(role=None)),
    "role empty": _each_delta(lambda delta: delta.update(role="")),
    "no chunk for the role": _only_content,
    "calls named again": _each_call(_repeat_all_of_a_call),
    "names again": _each_call(
        lambda call, _, number: call["function"].update(name=name(number)),
    ),
    "calls without a type": _each_call(lambda call, _choice, _number: call.pop("type", None)),
    "ids of calls empty": _each_call(
        lambda call, _choice, _number: call.update(id=call.get("id", "")),
    ),
    "ids change": _each_chunk(lambda chunk, place: chunk.update(id=f"chatcmpl-{place}")),
    "times change": _each_chunk(lambda chunk, place: chunk.update(created=place + 1)),
    "times in decimals": _each_chunk(lambda chunk, place: chunk.update(created=place + 1.5)),
    "no ids": _each_chunk(lambda chunk, _: chunk["choices"] and chunk.pop("id")),
    "no object": _each_chunk(lambda chunk, _: chunk.pop("object")),
    "no model": _each_chunk(lambda chunk, _: chunk.pop("model")),
    "no finish": lambda chunks: [
        chunk for chunk in chunks if all(part["finish_reason"] is None for part in chunk["choices"])
    ],
    "finish reasons empty": _each_part(
        lambda part: part.update(finish_reason=part["finish_reason"] or ""),
    ),
    "talks on": _after_the_finish,
    "counts along": _each_chunk(
        lambda chunk, _: chunk["choices"] and chunk.update(usage=SOME_USAGE),
    ),
    "counts at first": _usage_early,
    "no null usage": _each_chunk(
        lambda chunk, _: chunk.pop("usage") if chunk.get("usage", 1) is None else None,
    ),
    "messages along": _each_part(
        lambda part: part.update(message={"role": "assistant", "content": "so far"}),
    ),
    "more fields": _each_chunk(lambda chunk, place: chunk.update(x_provider={"place": place})),
    "several choices in one": _together,
    "calls from 1": _each_call(lambda call, _, number: call.update(index=number + 1)),
    "calls all 0": _each_call(_number(0)),
    "calls without an index": _each_call(_number(None)),
    "nothing more in the finish": _each_part(_drop_an_empty_delta),
}
"""The faults of providers by name, in the order in which they add up; none may be seen by a client.

Of those that miscount the calls there can be only one.
"""
_MISCOUNTED = {"calls from 1", "calls all 0", "calls without an index"}


@st.composite
def faulty_chunks(
    draw: st.DrawFn, answer: Answer, *, include_usage: bool
) -> tuple[list[Document], set[str]]:
    """The chunks of a provider that is only compatible, and what it gets wrong."""
    names = draw(st.sets(st.sampled_from(sorted(FAULTS.keys() - _MISCOUNTED)), max_size=4))
    names |= draw(st.sets(st.sampled_from(sorted(_MISCOUNTED)), max_size=1))
    if names >= {"no finish", "no chunk for the role"}:  # nothing is left of a silent choice
        assume({index for index, _ in answer.turns} == set(range(len(answer.reasons))))
    chunks = clean_chunks(answer, include_usage=include_usage)
    for name, fault in FAULTS.items():
        if name in names:
            chunks = fault(chunks)
    return chunks, names


# The bytes on the wire.


@st.composite
def framed(draw: st.DrawFn, documents: list[Document]) -> bytes:
    """An event stream of these documents in any of the ways servers write one."""
    ending = draw(st.sampled_from([b"\n", b"\r\n", b"\r"]))
    lines = [b"\xef\xbb\xbf: begin"] if draw(st.booleans()) else []
    indent = draw(st.sampled_from([None, 1]))
    ascii_only = draw(st.booleans())
    for document in documents:
        if noise := draw(st.sampled_from([None, None, b": ping", b"event: message", b"retry: 1"])):
            lines.append(noise)
        text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
        lines += [b"data: " + line.encode() for line in text.split("\n")]
        lines.append(b"")
        if draw(st.sampled_from([False, False, True])):
            lines += [b"data:", b""]
    if draw(st.booleans()):
        lines += [b"data: [DONE]", b""]
    end = draw(st.sampled_from([ending, b""]))
    return ending.join(lines) + end


# What a client makes of it.


def accumulated(chunks: list[Document]) -> dict[int, Said]:
    """The choices of a stream, put together as OpenAI's SDKs do it."""
    found: dict[int, Said] = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            said = found.setdefault(choice["index"], Said())
            delta = choice["delta"]
            said.content += delta.get("content") or ""
            said.refusal += delta.get("refusal") or ""
            for piece in delta.get("tool_calls") or ():
                function = piece["function"]
                if piece["index"] == len(said.calls):
                    said.calls.append(Call(piece["id"], function["name"]))
                said.calls[piece["index"]].arguments += function["arguments"]
            said.reason = choice["finish_reason"] or said.reason
    return found


def of_completion(completion: Document) -> dict[int, Said]:
    """The choices of a whole answer."""
    return {
        choice["index"]: Said(
            choice["message"]["content"] or "",
            choice["message"].get("refusal") or "",
            [
                Call(call["id"], call["function"]["name"], call["function"]["arguments"])
                for call in choice["message"].get("tool_calls") or ()
            ],
            choice["finish_reason"],
        )
        for choice in completion["choices"]
    }
