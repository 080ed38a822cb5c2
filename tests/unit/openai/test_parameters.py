"""The types and ranges of optional parameters, and their errors."""

import json
from typing import Any

import pytest
from msgspec import Raw

from translator.errors import ClientError
from translator.openai import parameters, request

TYPES = {
    "audio": "an object",
    "frequency_penalty": "a decimal",
    "function_call": "one of a string or object",
    "functions": "an array of objects",
    "logit_bias": "an object",
    "logprobs": "a boolean",
    "max_completion_tokens": "an integer",
    "max_tokens": "an integer",
    "metadata": "an object",
    "modalities": "an array of strings",
    "n": "an integer",
    "parallel_tool_calls": "a boolean",
    "prediction": "an object",
    "presence_penalty": "a decimal",
    "prompt_cache_key": "a string",
    "reasoning_effort": "a string",
    "response_format": "an object",
    "safety_identifier": "a string",
    "seed": "an integer",
    "service_tier": "a string",
    "stop": "one of a string or array of strings",
    "store": "a boolean",
    "temperature": "a decimal",
    "tool_choice": "one of a string or object",
    "tools": "an array of objects",
    "top_logprobs": "an integer",
    "top_p": "a decimal",
    "user": "a string",
    "verbosity": "a string",
    "web_search_options": "an object",
}
# Values that a parameter may have, the bounds of its range among them.
ALLOWED = {
    "audio": ["{}", '{"voice":"alloy","format":"wav"}'],
    "frequency_penalty": ["-2", "-2.0", "0", "1.5", "2"],
    "function_call": ['"auto"', '{"name":"f"}'],
    "functions": ["[]", '[{"name":"f","parameters":{}}]'],
    "logit_bias": ["{}", '{"50256":-100}'],
    "logprobs": ["true", "false"],
    "max_completion_tokens": ["1", "9223372036854775807"],
    "max_tokens": ["1", "300"],
    "metadata": ["{}", '{"a":"b"}'],
    "modalities": ["[]", '["text","audio"]'],
    "n": ["1", "128"],
    "parallel_tool_calls": ["true", "false"],
    "prediction": ['{"type":"content","content":"x"}'],
    "presence_penalty": ["-2", "2"],
    "prompt_cache_key": ['""', '"k"'],
    "reasoning_effort": ['"low"'],
    "response_format": ['{"type":"text"}', '{"type":"json_schema","json_schema":{"z":1,"a":2}}'],
    "safety_identifier": ['"x"'],
    "seed": ["0", "-1", "9223372036854775807", "9223372036854775808", "18446744073709551616"],
    "service_tier": ['"auto"', '"of tomorrow"'],
    "stop": ['"."', "[]", '[".","!"]'],
    "store": ["true", "false"],
    "temperature": ["0", "1e-7", "0.7", "2", "2.0"],
    "tool_choice": ['"auto"', '{"type":"function","function":{"name":"f"}}'],
    "tools": ["[]", '[{"type":"function","function":{}},{"type":"custom"}]'],
    "top_p": ["0", "1", "1.0"],
    "user": ['"Ada"'],
    "verbosity": ['"low"'],
    "web_search_options": ["{}"],
}
SAMPLES = {
    "a string": '"text"',
    "an integer": "7",
    "a decimal number": "0.5",
    "a boolean": "true",
    "an array": "[]",
    "an object": "{}",
}


def check(text: str) -> None:
    parameters.check_chat(request.decode_body(text.encode()))


def refused(text: str) -> ClientError:
    with pytest.raises(ClientError) as caught:
        check(text)
    error = caught.value
    assert (error.status, error.type) == (400, "invalid_request_error")
    return error


def test_the_tables_have_every_typed_parameter() -> None:
    assert set(TYPES) == {*parameters.CHAT_PARAMETERS, "tools"}
    assert set(ALLOWED) == {*parameters.CHAT_PARAMETERS, "tools"} - {"top_logprobs"}


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in ALLOWED.items() for text in texts]
)
def test_what_openai_allows_is_allowed(name: str, text: str) -> None:
    check(f'{{"{name}":{text}}}')


@pytest.mark.parametrize("name", TYPES)
def test_null_is_the_same_as_absent(name: str) -> None:
    check(f'{{"{name}":null}}')


@pytest.mark.parametrize("name", TYPES)
def test_a_wrong_type_gets_openais_error(name: str) -> None:
    wanted = TYPES[name]
    for got, text in SAMPLES.items():
        kind = got.split()[1]
        if kind in wanted or (wanted == "a decimal" and kind == "integer"):
            continue
        error = refused(f'{{"{name}":{text}}}')
        assert error.message == (
            f"Invalid type for '{name}': expected {wanted}, but got {got} instead."
        )
        assert (error.param, error.code) == (name, "invalid_type")


@pytest.mark.parametrize(
    ("name", "text", "kind", "bound", "code"),
    [
        ("n", "0", "integer below minimum", ">= 1", "integer_below_min_value"),
        ("n", "-1", "integer below minimum", ">= 1", "integer_below_min_value"),
        ("n", "129", "integer above maximum", "<= 128", "integer_above_max_value"),
        ("n", "9223372036854775808", "integer above maximum", "<= 128", "integer_above_max_value"),
        ("max_tokens", "0", "integer below minimum", ">= 1", "integer_below_min_value"),
        ("max_completion_tokens", "0", "integer below minimum", ">= 1", "integer_below_min_value"),
        ("top_logprobs", "-1", "integer below minimum", ">= 0", "integer_below_min_value"),
        ("temperature", "-0.1", "decimal below minimum", ">= 0", "decimal_below_min_value"),
        ("temperature", "2.10", "decimal above maximum", "<= 2", "decimal_above_max_value"),
        ("temperature", "3", "decimal above maximum", "<= 2", "decimal_above_max_value"),
        ("top_p", "-1e-3", "decimal below minimum", ">= 0", "decimal_below_min_value"),
        ("top_p", "1.1", "decimal above maximum", "<= 1", "decimal_above_max_value"),
        ("frequency_penalty", "-2.1", "decimal below minimum", ">= -2", "decimal_below_min_value"),
        ("frequency_penalty", "2.1", "decimal above maximum", "<= 2", "decimal_above_max_value"),
        ("presence_penalty", "-2.1", "decimal below minimum", ">= -2", "decimal_below_min_value"),
        ("presence_penalty", "2.1", "decimal above maximum", "<= 2", "decimal_above_max_value"),
    ],
)
def test_a_number_out_of_range_gets_the_bound(
    name: str, text: str, kind: str, bound: str, code: str
) -> None:
    error = refused(f'{{"{name}":{text}}}')
    assert error.message == (
        f"Invalid '{name}': {kind} value. Expected a value {bound}, but got {text} instead."
    )
    assert (error.param, error.code) == (name, code)


@pytest.mark.parametrize(
    ("text", "param", "code"),
    [
        ('{"tools":[{"type":"function"},{}]}', "tools[1].type", "missing_required_parameter"),
        ('{"tools":[{"type":7}]}', "tools[0].type", "invalid_type"),
        ('{"tools":[null]}', "tools[0]", "invalid_type"),
        ('{"functions":[{}]}', "functions[0].name", "missing_required_parameter"),
        ('{"function_call":{}}', "function_call.name", "missing_required_parameter"),
        ('{"response_format":{}}', "response_format.type", "missing_required_parameter"),
        ('{"stop":["a",7]}', "stop[1]", "invalid_type"),
        ('{"modalities":[null]}', "modalities[0]", "invalid_type"),
    ],
)
def test_an_invalid_element_of_a_parameter_is_named(text: str, param: str, code: str) -> None:
    error = refused(text)
    assert (error.param, error.code) == (param, code)


@pytest.mark.parametrize("name", ["n", "seed", "max_tokens", "temperature", "top_p"])
@pytest.mark.parametrize("text", ["1" + 5000 * "0", "-1" + 5000 * "0", "1e400", "-1e400"])
def test_a_too_large_number_is_an_invalid_value(name: str, text: str) -> None:
    error = refused(f'{{"{name}":{text}}}')
    assert error.message == f"Invalid value for '{name}'."
    assert (error.param, error.code) == (name, "invalid_value")


@pytest.mark.parametrize("choice", ['"required"', '{"type":"function","function":{"name":"f"}}'])
def test_a_choice_of_tools_needs_tools(choice: str) -> None:
    error = refused(f'{{"tools":[],"tool_choice":{choice}}}')
    assert (error.param, error.code) == ("tool_choice", None)
    assert "only allowed when 'tools' are specified" in error.message


@pytest.mark.parametrize("choice", ['"none"', '"auto"', "null"])
@pytest.mark.parametrize("tools", ["[]", "null"])
def test_a_tool_choice_of_none_or_auto_needs_no_tools(choice: str, tools: str) -> None:
    check(f'{{"tools":{tools},"tool_choice":{choice}}}')
    check('{"tool_choice":"required"}')


@pytest.mark.parametrize("text", ["0", "5", "20"])
def test_top_logprobs_require_logprobs(text: str) -> None:
    check(f'{{"top_logprobs":{text},"logprobs":true}}')
    for logprobs in ("", ',"logprobs":false', ',"logprobs":null'):
        error = refused(f'{{"top_logprobs":{text}{logprobs}}}')
        assert error.message == (
            "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled."
        )
        assert (error.param, error.code) == ("top_logprobs", None)


@pytest.mark.parametrize("logprobs", ["", ',"logprobs":true'])
def test_there_are_no_more_than_twenty_top_logprobs(logprobs: str) -> None:
    error = refused(f'{{"top_logprobs":21{logprobs}}}')
    assert error.message == ("Invalid value for 'top_logprobs': must be less than or equal to 20.")
    assert (error.param, error.code) == ("top_logprobs", None)


@pytest.mark.parametrize("options", ["{}", '{"include_usage":true}', "[]"])
def test_stream_options_require_a_stream(options: str) -> None:
    check(f'{{"stream_options":{options},"stream":true}}')
    for stream in ("", ',"stream":false', ',"stream":null'):
        error = refused(f'{{"stream_options":{options}{stream}}}')
        assert error.message == (
            "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        )
        assert (error.param, error.code) == ("stream_options", None)


@pytest.mark.parametrize("stream", ["", ',"stream":false', ',"stream":null', ',"stream":true'])
def test_stream_options_of_null_are_none(stream: str) -> None:
    check(f'{{"stream_options":null{stream}}}')


@pytest.mark.parametrize("value", ["x", 7, [], {}, True, None, 1e-7])
def test_unknown_parameters_can_have_any_value(value: Any) -> None:
    check(json.dumps({"chat_template_kwargs": value, "top_k": value, "moderation": value}))


@pytest.mark.parametrize(
    ("table", "name", "allowed", "code"),
    [
        (parameters.IMAGES_PARAMETERS, "n", ("1", "10"), "integer_below_min_value"),
        (
            parameters.IMAGES_PARAMETERS,
            "output_compression",
            ("0", "100"),
            "integer_below_min_value",
        ),
        (parameters.IMAGES_PARAMETERS, "partial_images", ("0", "3"), "integer_below_min_value"),
    ],
)
def test_the_other_endpoints_have_ranges_too(
    table: Any, name: str, allowed: tuple[str, str], code: str
) -> None:
    for text in (*allowed, "null"):
        request.check({name: Raw(text.encode())}, table)
    with pytest.raises(ClientError) as caught:
        request.check({name: Raw(str(int(allowed[0]) - 1).encode())}, table)
    assert (caught.value.param, caught.value.code) == (name, code)


@pytest.mark.parametrize(
    ("name", "most"), [("n", 10), ("output_compression", 100), ("partial_images", 3)]
)
def test_images_have_upper_bounds(name: str, most: int) -> None:
    with pytest.raises(ClientError) as caught:
        request.check({name: Raw(str(most + 1).encode())}, parameters.IMAGES_PARAMETERS)
    assert (caught.value.param, caught.value.code) == (name, "integer_above_max_value")
