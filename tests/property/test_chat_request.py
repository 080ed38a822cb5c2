"""Chat requests: everything a client says can be read back, parameters to the digit."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.property.conversations import (
    CONVERSATIONS,
    OBJECTS,
    PARAMETERS,
    SPACES,
    TOOLS,
    UNKNOWN,
    VALUES,
    normal,
    read_back,
    taken_apart,
)
from tests.unit.translating import accept
from translator.errors import ClientError
from translator.operations.base import Inference
from translator.operations.chat.operation import CHAT


def tensors(body: bytes) -> dict[str, list[str]]:
    found = {}
    for tensor in json.loads(accept(CHAT, body).request.body)["inputs"]:
        assert tensor["datatype"] == "BYTES"
        assert tensor["shape"] == [len(tensor["data"])]
        assert all(isinstance(element, str) for element in tensor["data"])
        assert tensor["name"] not in found
        found[tensor["name"]] = tensor["data"]
    return found


@given(CONVERSATIONS, st.sampled_from([None, 2]))
def test_every_message_can_be_read_back(messages: list[dict[str, Any]], indent: int | None) -> None:
    document = {"model": "m", "messages": messages}
    body = json.dumps(document, indent=indent, ensure_ascii=bool(indent)).encode()
    assert read_back(tensors(body)) == [*map(normal, messages)]


@given(CONVERSATIONS)
def test_tensors_have_an_element_for_each_message_or_are_left_out(
    messages: list[dict[str, Any]],
) -> None:
    found = tensors(json.dumps({"model": "m", "messages": messages}).encode())
    parts = sum(len(normal(message)["parts"]) for message in messages)
    for name, data in found.items():
        divided = len(messages) == 1 and name in {"content", "type"}
        assert len(data) == (parts if divided else len(messages))
        assert any(data) or name == "content"


@given(CONVERSATIONS, st.sampled_from(["audio", "function_call", "tool_calls", "part"]), OBJECTS)
def test_values_other_than_text_keep_digits_and_order(
    messages: list[dict[str, Any]], where: str, value: str
) -> None:
    special = {
        "audio": f'"audio":{value}',
        "function_call": f'"function_call":{value}',
        "tool_calls": f'"tool_calls":[{value}]',
        "part": f'"content":[{{"type":"file","file":{value}}}]',
    }
    name = {"part": "content"}.get(where, where)
    last = f'{{"role":"assistant",{special[where]}}}'
    for before in ([], messages):
        texts = [*map(json.dumps, before), last]
        body = f'{{"model":"m","messages":[{",".join(texts)}]}}'.encode()
        element = tensors(body)[name][-1]
        [found] = json.loads(element) if before and name in {"content", "tool_calls"} else [element]
        assert taken_apart(found) == taken_apart(value)


@given(PARAMETERS, UNKNOWN, st.integers(0, 9), SPACES)
def test_parameters_survive_digit_for_digit_and_in_order(
    known: dict[str, str], unknown: dict[str, str], place: int, space: str
) -> None:
    parameters = {**known, **unknown}
    pairs = [(json.dumps(name), text) for name, text in parameters.items()]
    own = [('"model"', '"m"'), ('"messages"', '[{"role":"user","content":"x"}]')]
    mixed = [*pairs[:place], *own, *pairs[place:]]
    body = "{" + ",".join(f"{space}{name}:{space}{text}" for name, text in mixed) + "}"
    upstream = accept(CHAT, body.encode()).request.body.decode()
    same = ",".join(
        f"{json.dumps(name, ensure_ascii=False)}:{text}" for name, text in parameters.items()
    )
    assert upstream.endswith(f'"parameters":{{"kwargs":{{{same}}},"llm_parameters":{{{same}}}}}}}')


@given(st.lists(TOOLS, min_size=1, max_size=3))
def test_tools_survive_digit_for_digit_and_in_order(tools: list[str]) -> None:
    body = f'{{"model":"m","messages":[{{"role":"user"}}],"tools":[{",".join(tools)}]}}'
    found = tensors(body.encode())["tools"]
    assert [*map(taken_apart, found)] == [*map(taken_apart, tools)]


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "model",
                "messages",
                "stream",
                "stream_options",
                "tools",
                "tool_choice",
                "n",
                "seed",
                "stop",
                "temperature",
                "logprobs",
                "top_logprobs",
                "response_format",
            ]
        ),
        VALUES,
    )
)
def test_any_values_are_translated_or_refused(parameters: dict[str, str]) -> None:
    own = {"model": '"m"', "messages": '[{"role":"user","content":"x"}]'}
    body = ",".join(f'"{name}":{text}' for name, text in {**own, **parameters}.items())
    result = outcome(f"{{{body}}}".encode())
    if isinstance(result, ClientError):
        assert result.status in {400, 404}
        assert result.message
    else:
        assert result.request.streamed == (parameters.get("stream") == "true")


@given(st.lists(VALUES, max_size=3), st.lists(VALUES, max_size=3))
def test_any_messages_are_translated_or_refused(messages: list[str], parts: list[str]) -> None:
    for text in (
        ",".join(messages),
        f'{{"role":"user","content":[{",".join(parts)}]}}',
        f'{{"role":"user","tool_calls":[{",".join(parts)}]}}',
    ):
        result = outcome(f'{{"model":"m","messages":[{text}]}}'.encode())
        if isinstance(result, ClientError):
            assert result.status == 400
            assert str(result.param).startswith("messages")


def outcome(body: bytes) -> Inference | ClientError:
    try:
        inference = accept(CHAT, body)
    except ClientError as error:
        return error
    assert json.loads(inference.request.body)["inputs"]
    return inference
