"""Extra fields of messages and content parts: which are sent, and which are dropped."""

import json
from typing import Any

import pytest

from tests.unit.translating import HELLO, accept, chat
from translator.contracts.models import Models
from translator.contracts.settings import ContractName, ModelSettings
from translator.errors import ClientError
from translator.operations.base import Inference
from translator.operations.chat.operation import CHAT

CARRIED = ["reasoning_content", "reasoning", "reasoning_details", "prefix"]
CACHE = {"cache_control": {"type": "ephemeral"}}
CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
PIPELINE = ContractName("seldon-pipeline")


def tensors(inference: Inference) -> dict[str, list[str]]:
    inputs = json.loads(inference.request.body)["inputs"]
    assert all(tensor["shape"] == [len(tensor["data"])] for tensor in inputs)
    return {tensor["name"]: tensor["data"] for tensor in inputs}


def sent(*messages: Any, settings: ModelSettings | None = None) -> dict[str, list[str]]:
    return tensors(chat(messages=[*messages], models=Models(settings or ModelSettings())))


def dropped(*messages: Any, settings: ModelSettings | None = None) -> list[str]:
    inference = chat(messages=[*messages], models=Models(settings or ModelSettings()))
    return sorted(inference.dropped)


# --- Those that are sent --------------------------------------------------------------------------


@pytest.mark.parametrize("contract", ["seldon", PIPELINE])
@pytest.mark.parametrize("name", CARRIED)
def test_a_field_that_the_contract_carries_is_a_tensor_with_an_element_per_message(
    contract: str, name: str
) -> None:
    settings = ModelSettings(contract=ContractName(contract))
    calling: dict[str, Any] = {"role": "assistant", "tool_calls": [CALL]}
    messages = [HELLO, {**calling, name: "I \u2026"}, HELLO]
    found = sent(*messages, settings=settings)
    assert found == {**sent(HELLO, calling, HELLO), name: ["", "I \u2026", ""]}
    assert dropped(*messages, settings=settings) == []


@pytest.mark.parametrize("name", CARRIED)
def test_it_is_sent_with_a_message_alone(name: str) -> None:
    assert sent({**HELLO, name: "x"}) == {**sent(HELLO), name: ["x"]}


@pytest.mark.parametrize(
    ("value", "element"),
    [
        ("true", "true"),
        ("false", "false"),
        ("1e-7", "1e-7"),
        ('"a \\"b\\""', 'a "b"'),
        ('"\\ud83d\\ude00"', "\N{GRINNING FACE}"),
        ('[ {"type": "x", "index": 9007199254740993} ]', '[{"type":"x","index":9007199254740993}]'),
        ('{"z": 1.10, "a": " "}', '{"z":1.10,"a":" "}'),
    ],
)
def test_values_other_than_text_are_sent_as_compact_json(value: str, element: str) -> None:
    message = f'{{"role":"assistant","content":"x","reasoning_details":{value}}}'
    body = f'{{"model":"m","messages":[{message},{message}]}}'.encode()
    assert tensors(accept(CHAT, body))["reasoning_details"] == [element] * 2


@pytest.mark.parametrize("value", [None, ""])
def test_there_is_no_tensor_of_a_field_that_no_message_has(value: Any) -> None:
    nothing = dict.fromkeys(CARRIED, value)
    assert sent(HELLO, {**HELLO, **nothing}) == sent(HELLO, HELLO)
    assert dropped(HELLO, {**HELLO, **nothing}) == []


def test_tensors_of_fields_come_after_the_others_in_the_contracts_order() -> None:
    values = dict.fromkeys(reversed(CARRIED), "x")
    names = [*sent({**values, **HELLO}, {**HELLO, "name": "n", "tool_calls": [CALL]})]
    assert names == ["role", "content", "type", "tool_calls", "name", *CARRIED]


def test_settings_add_and_remove_fields() -> None:
    settings = ModelSettings(message_fields=("thinking", "prefix"))
    message = {**HELLO, "reasoning": "a", "prefix": True, "thinking": "b"}
    found = sent(message, settings=settings)
    assert found == {**sent(HELLO), "thinking": ["b"], "prefix": ["true"]}
    assert dropped(message, settings=settings) == ["message.reasoning"]


@pytest.mark.parametrize("contract", ["seldon", PIPELINE])
def test_settings_rename_fields_as_other_inputs(contract: str) -> None:
    settings = ModelSettings(
        contract=ContractName(contract), inputs={"content": "text", "reasoning": "thoughts"}
    )
    found = sent({**HELLO, "reasoning": "a"}, settings=settings)
    assert found == {"role": ["user"], "text": ["Hello!"], "type": ["text"], "thoughts": ["a"]}


# --- Those that are dropped -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "counted"),
    [
        ({"annotations": []}, ["message.annotations"]),
        ({"type": "message", "id": "m1"}, ["message.id", "message.type"]),
        ({"cache_control": {}, "madeup": 1}, ["message.cache_control", "message.other"]),
        ({"annotations": None, "madeup": None}, []),
        ({"audio": {"id": "a"}, "refusal": "No.", "name": "n"}, []),
    ],
)
def test_other_fields_of_messages_are_dropped_and_counted(
    more: dict[str, Any], counted: list[str]
) -> None:
    kept = {name: more[name] for name in ("audio", "refusal", "name") if name in more}
    assert dropped(HELLO, {**HELLO, **more}) == counted
    assert sent(HELLO, {**HELLO, **more}) == sent(HELLO, {**HELLO, **kept})


@pytest.mark.parametrize(
    ("more", "counted"),
    [
        (CACHE, ["part.cache_control"]),
        ({"prompt_cache_breakpoint": {"mode": "explicit"}}, ["part.prompt_cache_breakpoint"]),
        ({**CACHE, "madeup": 0, "role": "x"}, ["part.cache_control", "part.other"]),
        ({"cache_control": None, "madeup": None}, []),
    ],
)
@pytest.mark.parametrize(
    "part", [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "u"}}]
)
@pytest.mark.parametrize("role", ["system", "user", "assistant", "tool"])
def test_other_fields_of_parts_are_dropped_and_counted(
    role: str, part: dict[str, Any], more: dict[str, Any], counted: list[str]
) -> None:
    message = {"role": role, "tool_call_id": "a", "content": ["x", part]}
    extended = {**message, "content": ["x", {**more, **part}]}
    for messages in ((message, extended), (HELLO, message, HELLO, extended)):
        plain = [message if given is extended else given for given in messages]
        assert sent(*messages) == sent(*plain)
        assert dropped(*messages) == counted
        assert dropped(*plain) == []


def test_unknown_names_are_counted_as_one() -> None:
    made_up = {f"x{number}": number for number in range(1000)}
    part = {"type": "text", "text": "x", **made_up}
    messages = [{**HELLO, "content": [part], f"y{number}": 1, **made_up} for number in range(9)]
    assert dropped(*messages) == ["message.other", "part.other"]


def test_fields_within_payloads_and_tools_are_sent_verbatim() -> None:
    image = '{"url":"u","x":{"z":1.10,"a":[]}}'
    tool = '{"type":"function","function":{"name":"f","x":1},"cache_control":{"type":"y"}}'
    call = '{"id":"a","type":"function","function":{"name":"f","arguments":"{}"},"index":0}'
    messages = (
        f'{{"role":"user","content":[{{"type":"image_url","image_url":{image}}}]}},'
        f'{{"role":"assistant","tool_calls":[{call}]}}'
    )
    body = f'{{"model":"m","messages":[{messages}],"tools":[{tool}]}}'.encode()
    inference = accept(CHAT, body)
    found = tensors(inference)
    assert [json.loads(found["content"][0]), found["tools"]] == [[image], [tool]]
    assert json.loads(found["tool_calls"][1]) == [call]
    assert not inference.dropped


# --- Errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        "7",
        '{"content":"x"}',
        '{"role":7}',
        '{"role":"robot"}',
        '{"role":"user","content":7}',
        '{"role":"user","content":"\\ud83d"}',
        '{"role":"user","content":[{"type":"text"}]}',
        '{"role":"tool","content":"x"}',
        '{"role":"assistant","tool_calls":{}}',
        '{"role":"assistant","audio":[]}',
    ],
)
def test_extra_fields_do_not_change_what_is_wrong_with_messages(message: str) -> None:
    extended = (
        message,
        f'{{"x":1,{message[1:]}' if len(message) > 1 else message,
        f'{message[:-1]},"reasoning":[]}}' if len(message) > 1 else message,
    )
    errors = []
    for before in ("", '{"role":"user","content":"x","x":1},'):
        for text in extended:
            with pytest.raises(ClientError) as caught:
                accept(CHAT, f'{{"model":"m","messages":[{before}{text}]}}'.encode())
            error = caught.value
            errors.append((error.message.replace("[1]", "[0]"), error.code))
    assert len({*errors}) == 1


@pytest.mark.parametrize("value", ['"\\ud83d"', "[1,]", "[" * 5000 + "]" * 5000])
@pytest.mark.parametrize("name", ["reasoning", "x"])
def test_extra_fields_that_are_not_json_are_refused(name: str, value: str) -> None:
    body = f'{{"model":"m","messages":[{{"role":"user","{name}":{value}}}]}}'
    with pytest.raises((ClientError, RecursionError)):
        accept(CHAT, body.encode())
