"""Instructor: typed answers, by tools and by JSON, at once and streamed."""

import instructor
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from tests import oip
from tests.clients import wire
from tests.e2e.upstream import Upstream

MESSAGES = [{"role": "user", "content": "Ada is 36."}]
SAID = '{"name": "Ada", "age": 36}'
ADA = {"name": "Ada", "age": 36}


class Person(BaseModel):
    """What answers are parsed into."""

    name: str
    age: int


class Verdict(BaseModel):
    """What a real model is made to answer with."""

    right: bool


def client(url: str, mode: instructor.Mode) -> instructor.Instructor:
    return instructor.from_openai(OpenAI(base_url=url, api_key="none", max_retries=0), mode=mode)


MODES = [instructor.Mode.TOOLS, instructor.Mode.JSON, instructor.Mode.JSON_SCHEMA]


@pytest.mark.parametrize("mode", MODES)
def test_a_typed_answer(url: str, upstream: Upstream, mode: instructor.Mode) -> None:
    if mode is instructor.Mode.TOOLS:
        upstream.answer(wire.called(wire.call("call_1", SAID, name="Person")))
    else:
        upstream.answer(oip.answer(SAID))
    person = client(url, mode).chat.completions.create(
        model="chat", messages=MESSAGES, response_model=Person, max_retries=0
    )
    assert person.model_dump() == ADA


@pytest.mark.parametrize("mode", MODES)
def test_a_typed_answer_as_it_comes(url: str, upstream: Upstream, mode: instructor.Mode) -> None:
    parts = SAID[:9], SAID[9:]
    if mode is instructor.Mode.TOOLS:
        upstream.stream(*(wire.called(wire.call("c", part, name="Person")) for part in parts))
    else:
        upstream.stream(*(oip.answer(part) for part in parts))
    *_, person = client(url, mode).chat.completions.create_partial(
        model="chat", messages=MESSAGES, response_model=Person, max_retries=0
    )
    assert person.model_dump() == ADA


async def test_an_asynchronous_client(url: str, upstream: Upstream) -> None:
    upstream.answer(wire.called(wire.call("call_1", SAID, name="Person")))
    async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as plain:
        person = await instructor.from_openai(plain).chat.completions.create(
            model="chat", messages=MESSAGES, response_model=Person, max_retries=0
        )
    assert person.model_dump() == ADA


def test_an_answer_that_does_not_fit_is_asked_for_again(url: str, upstream: Upstream) -> None:
    upstream.answer(wire.called(wire.call("call_1", '{"name": "Ada"}', name="Person")))
    upstream.answer(wire.called(wire.call("call_2", SAID, name="Person")))
    person = client(url, instructor.Mode.TOOLS).chat.completions.create(
        model="chat", messages=MESSAGES, response_model=Person, max_retries=1
    )
    assert person.model_dump() == ADA
    assert wire.tensors(upstream)["role"] == ["user", "assistant", "tool"]


def test_a_real_model_answers_in_a_type(model_url: str) -> None:
    verdict = client(model_url, instructor.Mode.JSON_SCHEMA).chat.completions.create(
        model="chatgpt",
        messages=MESSAGES,
        response_model=Verdict,
        max_retries=0,
        max_tokens=40,
        temperature=0,
    )
    assert isinstance(verdict, Verdict)
