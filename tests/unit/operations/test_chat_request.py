"""Chat completion requests, and the tensors that they become."""

import inspect
import json
import tracemalloc
from typing import Any

import pytest
from openai.resources.chat.completions import Completions

from tests import oip
from tests.unit.events import documents_of
from tests.unit.translating import HELLO, accept, chat, complete
from translator.contracts.models import Models
from translator.contracts.settings import ModelSettings
from translator.errors import ClientError
from translator.operations.base import Inference
from translator.operations.chat.operation import CHAT

TOOL = {"type": "function", "function": {"name": "f"}}
# A value for every parameter of chat.completions.create that becomes no tensor, as a client may
# write it.
PARAMETERS = {
    "audio": '{"voice":"alloy","format":"wav"}',
    "frequency_penalty": "-0.50",
    "function_call": '{"name":"f"}',
    "functions": '[{"name":"f","parameters":{"z":1,"a":2}}]',
    "logit_bias": '{"50256":-100,"3":1e1}',
    "logprobs": "true",
    "max_completion_tokens": "17",
    "max_tokens": "300",
    "metadata": '{"z":"1","a":"2"}',
    "modalities": '["text","audio"]',
    "moderation": '{"input":"auto"}',
    "n": "3",
    "parallel_tool_calls": "false",
    "prediction": '{"type":"content","content":"x"}',
    "presence_penalty": "1e-7",
    "prompt_cache_key": '"k"',
    "prompt_cache_options": '{"ttl":"1h"}',
    "prompt_cache_retention": '"24h"',
    "reasoning_effort": '"low"',
    "response_format": '{"type":"json_schema","json_schema":{"name":"s","schema":{"z":1,"a":2}}}',
    "safety_identifier": '"x"',
    "seed": "9223372036854775808",
    "service_tier": '"auto"',
    "stop": '[".","\\u00e9"]',
    "store": "false",
    "stream": "true",
    "stream_options": '{"include_usage":true,"include_obfuscation":false}',
    "temperature": "0.10",
    "tool_choice": '"auto"',
    "tools": "[]",
    "top_logprobs": "5",
    "top_p": "1.0",
    "user": '"Ad\\u00e4"',
    "verbosity": '"low"',
    "web_search_options": '{"search_context_size":"low"}',
}


def translate(*messages: Any, **more: Any) -> dict[str, Any]:
    document = json.loads(chat(messages=[*messages], **more).request.body)
    assert isinstance(document, dict)
    return document


def tensors(*messages: Any, **more: Any) -> dict[str, list[str]]:
    """The data of every tensor, each of which must be flat, one-dimensional BYTES."""
    inputs = translate(*messages, **more)["inputs"]
    for tensor in inputs:
        assert set(tensor) == {"name", "shape", "datatype", "data"}
        assert tensor["datatype"] == "BYTES"
        assert tensor["shape"] == [len(tensor["data"])]
        assert all(isinstance(element, str) for element in tensor["data"])
    return {tensor["name"]: tensor["data"] for tensor in inputs}


def parameters_of(fields: str) -> str:
    """The JSON text of the parameters of a request with these fields."""
    body = f'{{"model":"m","messages":[{json.dumps(HELLO)}],{fields}}}'
    _, _, found = asked(body.encode()).decode().partition('"parameters":')
    return found.removesuffix("}")


def refused(*messages: Any, **more: Any) -> ClientError:
    with pytest.raises(ClientError) as caught:
        translate(*messages, **more)
    assert caught.value.status == 400
    return caught.value


def asked(body: bytes) -> bytes:
    """What the model server gets for a request."""
    return accept(CHAT, body).request.body


def tells_usage(inference: Inference) -> bool:
    """Whether a client that gets events is told the token counts."""
    counts = {"prompt_tokens": 7, "completion_tokens": 5}
    answer = complete(inference, {**oip.answer("Hi"), "parameters": counts})
    return inference.as_events and "usage" in documents_of(answer)[-1]


def test_one_message_becomes_plain_strings() -> None:
    assert translate(HELLO, max_tokens=300) == {
        "inputs": [
            {"name": "role", "shape": [1], "datatype": "BYTES", "data": ["user"]},
            {"name": "content", "shape": [1], "datatype": "BYTES", "data": ["Hello!"]},
            {"name": "type", "shape": [1], "datatype": "BYTES", "data": ["text"]},
        ],
        "parameters": {"kwargs": {"max_tokens": 300}, "llm_parameters": {"max_tokens": 300}},
    }


def test_one_message_in_parts_gives_an_element_for_each() -> None:
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "u", "detail": "low"}},
        {"type": "refusal", "refusal": "no"},
        "a bare string",
    ]
    assert tensors({"role": "user", "content": parts}) == {
        "role": ["user"],
        "content": ["What is this?", '{"url":"u","detail":"low"}', "no", "a bare string"],
        "type": ["text", "image_url", "refusal", "text"],
    }


def test_several_messages_become_json_lists_of_their_parts() -> None:
    parts = [{"type": "text", "text": 'a "quoted" é'}, {"type": "text", "text": "b"}]
    assert tensors({"role": "developer", "content": "Be brief."}, {**HELLO, "content": parts}) == {
        "role": ["developer", "user"],
        "content": ['["Be brief."]', '["a \\"quoted\\" é","b"]'],
        "type": ['["text"]', '["text","text"]'],
    }


@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant", "tool", "function"])
def test_every_role_of_openai_is_known(role: str) -> None:
    message = {"role": role, "content": "x", "tool_call_id": "c"}
    assert tensors(message)["role"] == [role]


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant"},
        {"role": "assistant", "content": None},
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": []},
    ],
)
def test_a_message_without_content_has_an_empty_text(message: dict[str, Any]) -> None:
    assert tensors(message) == {"role": ["assistant"], "content": [""], "type": ["text"]}
    assert tensors(HELLO, message)["content"] == ['["Hello!"]', '[""]']


def test_tool_calls_of_a_conversation_are_lists_of_json_texts() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    compact = '{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}'
    found = tensors(
        HELLO,
        {"role": "assistant", "tool_calls": [call, call]},
        {"role": "tool", "content": "3", "tool_call_id": "c1"},
    )
    assert json.loads(found["tool_calls"][1]) == [compact, compact]
    assert (found["tool_calls"][0], found["tool_calls"][2]) == ("", "")
    assert found["tool_call_id"] == ["", "", "c1"]


def test_a_single_call_of_a_single_message_stands_alone() -> None:
    message = {"role": "assistant", "tool_calls": [{"id": "c1"}]}
    assert tensors(message)["tool_calls"] == ['{"id":"c1"}']
    assert tensors(HELLO, message)["tool_calls"] == ["", '["{\\"id\\":\\"c1\\"}"]']


def test_two_calls_of_a_single_message_share_its_element() -> None:
    found = tensors({"role": "assistant", "tool_calls": [{"id": "a"}, {"id": "b"}]})
    assert [json.loads(text) for text in found["tool_calls"]] == [['{"id":"a"}', '{"id":"b"}']]


@pytest.mark.parametrize(
    ("name", "value", "element"),
    [
        ("name", "Ada", "Ada"),
        ("refusal", "no", "no"),
        ("tool_call_id", "c1", "c1"),
        ("audio", {"id": "a1"}, '{"id":"a1"}'),
        ("function_call", {"name": "f"}, '{"name":"f"}'),
    ],
)
def test_what_few_messages_have_is_a_tensor_of_one_element_per_message(
    name: str, value: Any, element: str
) -> None:
    message = {"role": "assistant", "content": "x", name: value}
    assert tensors(message)[name] == [element]
    assert tensors(HELLO, message)[name] == ["", element]


@pytest.mark.parametrize(
    "empty",
    [
        {"tool_calls": None, "tool_call_id": None, "name": None, "refusal": None},
        {"audio": None, "function_call": None},
        {"tool_calls": []},
        {"tool_call_id": "", "name": "", "refusal": ""},
        {"annotations": [], "anything": {"else": 1}},
    ],
)
def test_what_is_null_makes_no_tensor(empty: dict[str, Any]) -> None:
    assert set(tensors({**HELLO, **empty})) == {"role", "content", "type"}
    assert set(tensors(HELLO, {**HELLO, **empty})) == {"role", "content", "type"}


def test_what_one_message_has_says_nothing_of_the_others() -> None:
    found = tensors(
        {"role": "system", "content": "x"},
        {**HELLO, "name": "Ada"},
        {"role": "assistant", "tool_calls": [TOOL], "audio": {"id": "a"}, "refusal": "no"},
        {"role": "tool", "tool_call_id": "c", "content": "y"},
        {"role": "assistant", "function_call": {"name": "g", "arguments": "{}"}},
    )
    assert {name: [bool(text) for text in data] for name, data in found.items()} == {
        "role": [True, True, True, True, True],
        "content": [True, True, True, True, True],
        "type": [True, True, True, True, True],
        "tool_calls": [False, False, True, False, False],
        "tool_call_id": [False, False, False, True, False],
        "name": [False, True, False, False, False],
        "refusal": [False, False, True, False, False],
        "audio": [False, False, True, False, False],
        "function_call": [False, False, False, False, True],
    }


@pytest.mark.parametrize(
    ("part", "element"),
    [
        ({"type": "text", "text": ""}, ""),
        ({"type": "text", "text": "\u2028é"}, "\u2028é"),
        ({"type": "image_url", "image_url": {"z": 1.5, "a": "b c"}}, '{"z":1.5,"a":"b c"}'),
        ({"type": "input_audio", "input_audio": {"data": "AA=="}}, '{"data":"AA=="}'),
        ({"type": "file", "file": {"file_id": "f"}}, '{"file_id":"f"}'),
        ({"type": "refusal", "refusal": "no"}, "no"),
        ({"type": "video", "video": ["u"], "extra": 1}, '["u"]'),
    ],
)
def test_a_part_is_what_its_type_names(part: dict[str, Any], element: str) -> None:
    found = tensors({"role": "user", "content": [part]})
    assert (found["content"], found["type"]) == ([element], [part["type"]])
    found = tensors(HELLO, {"role": "user", "content": [part, "x"]})
    assert json.loads(found["content"][1]) == [element, "x"]
    assert json.loads(found["type"][1]) == [part["type"], "text"]


def test_what_a_client_wrote_with_spaces_arrives_compact_but_to_the_digit() -> None:
    message = (
        '{"role": "assistant", "audio": {"x":\t1.10,\n "y": "a b"}, '
        '"tool_calls": [{"id": 9007199254740993}]}'
    )
    body = f'{{"model": "m", "messages": [{message}]}}'.encode()
    inputs = json.loads(asked(body))["inputs"]
    found = {tensor["name"]: tensor["data"] for tensor in inputs}
    assert found["audio"] == ['{"x":1.10,"y":"a b"}']
    assert found["tool_calls"] == ['{"id":9007199254740993}']


def test_tools_leave_the_parameters_with_all_that_belongs_to_them() -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"z": 1, "a": 2}}}
    choice = {"type": "function", "function": {"name": "f"}}
    body = {"tools": [tool, tool], "parallel_tool_calls": False, "tool_choice": choice, "n": 2}
    found = tensors(HELLO, **body)
    compact = '{"type":"function","function":{"name":"f","parameters":{"z":1,"a":2}}}'
    assert found["tools"] == [compact, compact]
    assert found["parallel_tool_calls"] == ["false"]
    assert found["tool_choice"] == ['{"type":"function","function":{"name":"f"}}']
    assert translate(HELLO, **body)["parameters"]["kwargs"] == {"n": 2}


def test_a_tool_choice_in_a_word_is_a_plain_string() -> None:
    assert tensors(HELLO, tools=[TOOL], tool_choice="auto")["tool_choice"] == ["auto"]


def test_a_null_tool_choice_makes_no_tensor() -> None:
    body: dict[str, Any] = {"tools": [TOOL], "tool_choice": None, "parallel_tool_calls": None}
    assert set(tensors(HELLO, **body)) == {"role", "content", "type", "tools"}


@pytest.mark.parametrize("tools", [None, []])
def test_without_tools_their_settings_stay_parameters(tools: Any) -> None:
    body = {"tools": tools, "tool_choice": "none", "parallel_tool_calls": True}
    assert set(tensors(HELLO, **body)) == {"role", "content", "type"}
    assert translate(HELLO, **body)["parameters"]["llm_parameters"] == {
        "tool_choice": "none",
        "parallel_tool_calls": True,
    }


@pytest.mark.parametrize("name", sorted(set(PARAMETERS) - {"tools"}))
def test_every_parameter_travels_under_both_names(name: str) -> None:
    needed = {"top_logprobs": ("logprobs",), "stream_options": ("stream",)}
    names = (*needed.get(name, ()), name)
    verbatim = ",".join(f'"{field}":{PARAMETERS[field]}' for field in names)
    assert parameters_of(verbatim) == f'{{"kwargs":{{{verbatim}}},"llm_parameters":{{{verbatim}}}}}'


def test_all_parameters_together_keep_their_text_and_their_order() -> None:
    given = {name: text for name, text in PARAMETERS.items() if name != "tools"}
    for names in (sorted(given), sorted(given, reverse=True)):
        verbatim = ",".join(f'"{name}":{given[name]}' for name in names)
        assert parameters_of(verbatim) == (
            f'{{"kwargs":{{{verbatim}}},"llm_parameters":{{{verbatim}}}}}'
        )


def test_the_table_knows_every_parameter_of_openais_client() -> None:
    known = set(inspect.signature(Completions.create).parameters)
    own = {"self", "model", "messages", "extra_headers", "extra_query", "extra_body", "timeout"}
    assert set(PARAMETERS) == known - own


@pytest.mark.parametrize("text", ["7", '"x"', "[]", '{"a":[1.10]}', "null", "true", "1e400"])
def test_a_parameter_that_nobody_knows_travels_like_the_others(text: str) -> None:
    verbatim = f'"chat_template_kwargs":{text}'
    assert parameters_of(verbatim) == f'{{"kwargs":{{{verbatim}}},"llm_parameters":{{{verbatim}}}}}'


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_a_parameter_of_null_is_allowed(name: str) -> None:
    translate(HELLO, **{name: None})


def test_parameters_keep_their_digits_and_their_order() -> None:
    body = (
        b'{"z":1e-7,"messages":[{"role":"user","content":"x"}],"seed":9007199254740993,'
        b'"model":"m","a":{"y":1.10,"b":"<&>"}}'
    )
    verbatim = b'{"z":1e-7,"seed":9007199254740993,"a":{"y":1.10,"b":"<&>"}}'
    assert asked(body).endswith(
        b'"parameters":{"kwargs":%b,"llm_parameters":%b}}' % (verbatim, verbatim)
    )


@pytest.mark.parametrize(
    ("body", "streamed", "usage"),
    [
        ({}, False, False),
        ({"stream": False}, False, False),
        ({"stream": None, "stream_options": None}, False, False),
        ({"stream": True}, True, False),
        ({"stream": True, "stream_options": {}}, True, False),
        ({"stream": True, "stream_options": {"include_usage": False}}, True, False),
        ({"stream": True, "stream_options": {"include_usage": None}}, True, False),
        ({"stream": True, "stream_options": {"include_usage": True}}, True, True),
    ],
)
def test_the_body_says_whether_to_stream_and_to_count(
    body: dict[str, Any], *, streamed: bool, usage: bool
) -> None:
    found = chat(**body)
    verb = "infer_stream" if streamed else "infer"
    assert (found.model, found.request.path) == ("m", f"/v2/models/m/{verb}")
    assert (found.request.streamed, found.as_events, found.stream is not None) == (streamed,) * 3
    assert tells_usage(found) is usage


@pytest.mark.parametrize(
    ("messages", "param", "code"),
    [
        ([], "messages", "empty_array"),
        ([{"content": "x"}], "messages[0].role", "missing_required_parameter"),
        ([HELLO, {"role": "robot"}], "messages[1].role", "invalid_value"),
        ([{"role": None}], "messages[0].role", "invalid_type"),
        ([{"role": "user", "content": 7}], "messages[0].content", "invalid_type"),
        ([HELLO, "x"], "messages[1]", "invalid_type"),
        ([{**HELLO, "tool_calls": {}}], "messages[0].tool_calls", "invalid_type"),
        ([{**HELLO, "content": [{}]}], "messages[0].content[0].type", "missing_required_parameter"),
        ([{**HELLO, "content": [{"type": 7}]}], "messages[0].content[0].type", "invalid_type"),
        (
            [HELLO, {**HELLO, "content": ["a", {"type": "text"}]}],
            "messages[1].content[1].text",
            "missing_required_parameter",
        ),
        (
            [{**HELLO, "content": [{"type": "text", "text": None}]}],
            "messages[0].content[0].text",
            "missing_required_parameter",
        ),
    ],
)
def test_what_is_wrong_with_the_messages_is_named(messages: Any, param: str, code: str) -> None:
    error = refused(*messages)
    assert (error.param, error.code) == (param, code)


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"stream": "yes"}, "stream"),
        ({"stream": True, "stream_options": []}, "stream_options"),
        (
            {"stream": True, "stream_options": {"include_usage": 1}},
            "stream_options.include_usage",
        ),
        ({"temperature": "hot"}, "temperature"),
        ({"tools": {}}, "tools"),
    ],
)
def test_what_is_wrong_with_a_parameter_is_named(more: dict[str, Any], param: str) -> None:
    error = refused(HELLO, **more)
    assert (error.param, error.code) == (param, "invalid_type")


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"model": "m"}, "messages", "missing_required_parameter"),
        ({"model": "m", "messages": None}, "messages", "missing_required_parameter"),
        ({"messages": [HELLO]}, None, None),
        ({}, None, None),
    ],
)
def test_model_and_messages_are_required(
    body: dict[str, Any], param: str | None, code: str | None
) -> None:
    with pytest.raises(ClientError) as caught:
        accept(CHAT, body)
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, param, code)


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ([], "Invalid 'messages': empty array. Expected an array with minimum length 1, "),
        (
            [{"role": "robot", "content": "x"}],
            (
                "Invalid value: 'robot'. Supported values are: 'system', 'assistant', 'user', "
                "'function', 'tool', and 'developer'."
            ),
        ),
        (
            [{"role": "user", "content": 7}],
            (
                "Invalid type for 'messages[0].content': expected one of a string or array of "
                "objects, but got an integer instead."
            ),
        ),
        ("x", "Invalid type for 'messages': expected an array of objects, but got a string"),
    ],
)
def test_what_is_wrong_with_the_messages_is_said_in_openais_words(
    messages: Any, message: str
) -> None:
    with pytest.raises(ClientError) as caught:
        chat(messages=messages)
    assert caught.value.message.startswith(message)


def test_messages_nested_too_deeply_are_refused() -> None:
    deep = "[" * 200_000 + "]" * 200_000
    for message in (f'{{"role":"user","audio":{deep}}}', f'{{"role":"user","content":{deep}}}'):
        with pytest.raises(ClientError) as caught:
            asked(f'{{"model":"m","messages":[{message}]}}'.encode())
        assert caught.value.status == 400


def test_the_url_may_name_the_model_too() -> None:
    body = {"model": "m", "messages": [HELLO]}
    assert accept(CHAT, body, model_in_url="m").model == "m"
    with pytest.raises(ClientError, match="not the model of this URL"):
        accept(CHAT, body, model_in_url="n")


@pytest.mark.parametrize("call", [b"1", b"null"])
def test_many_tool_calls_are_not_all_named_to_find_one_that_is_none(call: bytes) -> None:
    count = 45_000
    message = b'{"role":"assistant","tool_calls":[%b]}' % b",".join([call] * count)
    tracemalloc.start()
    try:
        with pytest.raises(ClientError, match=r"tool_calls\[0\]"):
            asked(b'{"model":"m","messages":[%b]}' % message)
        assert tracemalloc.get_traced_memory()[1] < 100 * count
    finally:
        tracemalloc.stop()


def test_a_conversation_may_be_no_longer_than_the_model_allows() -> None:
    models = Models(ModelSettings(max_messages=2))
    messages = [HELLO] * 3
    chat(models=models, messages=messages[:2])
    with pytest.raises(ClientError) as caught:
        chat(models=models, messages=messages)
    error = caught.value
    assert (error.status, error.code, error.param) == (400, "array_above_max_length", "messages")
    assert "maximum length 2, but got an array with length 3" in error.message


COUNTED = Models(ModelSettings(ask_usage=True))


@pytest.mark.parametrize(
    "options", [{}, None, {"include_usage": False, "include_obfuscation": True}]
)
def test_a_model_may_be_asked_to_count_the_tokens_of_every_stream(options: Any) -> None:
    inference = chat(models=COUNTED, stream=True, stream_options=options)
    sent = json.loads(inference.request.body)["parameters"]["llm_parameters"]["stream_options"]
    assert sent == {**(options or {}), "include_usage": True}
    assert not tells_usage(inference)  # the client is not shown what it did not ask for


@pytest.mark.parametrize("more", [{}, {"stream": False}])
def test_only_a_stream_is_asked_for_its_tokens(more: dict[str, Any]) -> None:
    parameters = json.loads(chat(models=COUNTED, **more).request.body)["parameters"]
    assert "stream_options" not in parameters["llm_parameters"]
