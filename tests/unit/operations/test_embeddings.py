"""Embeddings: requests and responses."""

import base64
import json
import struct
import tracemalloc
from typing import Any

import pytest

from tests import oip
from tests.unit.events import event, stream
from tests.unit.translating import MODELS, accept, complete
from translator.contracts.models import Models
from translator.contracts.settings import ModelSettings
from translator.errors import ClientError, UpstreamError
from translator.operations.base import Inference
from translator.operations.embeddings.operation import EMBEDDINGS
from translator.operations.events import split


def ask(text: Any, *, models: Models = MODELS, **more: Any) -> Inference:
    return accept(EMBEDDINGS, {"model": "m", "input": text, **more}, models)


def asked(inference: Inference) -> Any:
    """What the model server gets."""
    return json.loads(inference.request.body)


def wants(count: int, *, base64: bool = False) -> Inference:
    """A request for that many vectors."""
    return ask(["a"] * count, encoding_format="base64" if base64 else "float")


def refused(body: dict[str, Any], models: Models = MODELS) -> ClientError:
    with pytest.raises(ClientError) as caught:
        accept(EMBEDDINGS, body, models)
    assert caught.value.status == 400
    return caught.value


def vectors(shape: list[int], data: str) -> bytes:
    tensor = f'{{"name":"embedding","shape":{shape},"datatype":"FP64","data":{data}}}'
    return f'{{"model_name":"m_1","outputs":[{tensor}]}}'.encode()


def inputs_of(inference: Inference) -> int:
    """How many vectors the response to a request must have."""
    taken = [
        count for count in range(5) if _takes(inference, vectors([count, 1], f"{[1] * count}"))
    ]
    [count] = taken
    return count


def _takes(inference: Inference, body: bytes) -> bool:
    try:
        return bool(inference.complete([body]))
    except UpstreamError:
        return False


TEXT = Models(ModelSettings("text"))
PARAMETERS: dict[str, Any] = {"dimensions": 2, "user": "u", "seed": 2**60, "own": {"b": 1, "a": 2}}


@pytest.mark.parametrize(
    ("given", "tensor"),
    [
        ("a", {"shape": [1], "datatype": "BYTES", "data": ["a"]}),
        (["a"], {"shape": [1], "datatype": "BYTES", "data": ["a"]}),
        (["a", "Grüße\n"], {"shape": [2], "datatype": "BYTES", "data": ["a", "Grüße\n"]}),
        ([5], {"shape": [1, 1], "datatype": "INT64", "data": [5]}),
        ([5, 100257], {"shape": [1, 2], "datatype": "INT64", "data": [5, 100257]}),
        ([[5, 6], [7, 8]], {"shape": [2, 2], "datatype": "INT64", "data": [5, 6, 7, 8]}),
        ([[5], [6], [7]], {"shape": [3, 1], "datatype": "INT64", "data": [5, 6, 7]}),
    ],
)
def test_the_input_becomes_one_tensor(given: Any, tensor: dict[str, Any]) -> None:
    inference = ask(given, **PARAMETERS)
    assert asked(inference) == {
        "inputs": [{"name": "input", **tensor}],
        "parameters": {"embedding_parameters": PARAMETERS, "llm_parameters": PARAMETERS},
    }
    assert inputs_of(inference) == tensor["shape"][0]


@pytest.mark.parametrize(
    ("given", "data"),
    [
        ([5, 100257], ["[5,100257]"]),
        ([[5, 6], [7, 8]], ["[5,6]", "[7,8]"]),
        ([[5, 6], [7]], ["[5,6]", "[7]"]),
    ],
)
def test_token_arrays_can_be_sent_as_text(given: Any, data: list[str]) -> None:
    inference = ask(given, models=TEXT)
    tensor = {"name": "input", "shape": [len(data)], "datatype": "BYTES", "data": data}
    assert asked(inference)["inputs"] == [tensor]
    assert inputs_of(inference) == len(data)


def test_texts_do_not_depend_on_token_input() -> None:
    assert asked(ask(["a", "b"], models=TEXT)) == asked(ask(["a", "b"]))


@pytest.mark.parametrize(("model", "datatype"), [("m", "INT64"), ("t", "BYTES")])
def test_token_input_is_set_by_model(model: str, datatype: str) -> None:
    models = Models(by_name={"t": ModelSettings("text")})
    inference = accept(EMBEDDINGS, {"model": model, "input": [1, 2]}, models)
    assert asked(inference)["inputs"][0]["datatype"] == datatype


def test_parameters_keep_their_digits_and_their_order() -> None:
    body = b'{"z":1e-7,"model":"m","input":"a","a":9007199254740993,"user":"\\u00e9"}'
    kept = b'{"z":1e-7,"a":9007199254740993,"user":"\\u00e9"}'
    assert accept(EMBEDDINGS, body).request.body.endswith(
        b'"parameters":{"embedding_parameters":%b,"llm_parameters":%b}}' % (kept, kept)
    )


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, False),
        ({"encoding_format": None}, False),
        ({"encoding_format": "float"}, False),
        ({"encoding_format": "base64"}, True),
    ],
)
def test_the_encoding_is_kept_and_forwarded(more: dict[str, Any], *, expected: bool) -> None:
    inference = ask("a", **more)
    assert is_base64(inference) is expected
    assert asked(inference)["parameters"]["llm_parameters"] == more
    assert (inference.model, inference.request.streamed) == ("m", False)
    assert inference.as_events is False


def is_base64(inference: Inference) -> bool:
    """Whether the client gets its one vector as text."""
    [item] = json.loads(inference.complete([vectors([1, 1], "[0.5]")]).body)["data"]
    return isinstance(item["embedding"], str)


KINDS = "an integer, string or array of"
NONE_OF_THEM = f"Invalid type for 'input[0]': expected one of {KINDS} integers, but got"


@pytest.mark.parametrize(
    ("given", "message", "param", "code"),
    [
        (None, "Missing required parameter: 'input'.", "input", "missing_required_parameter"),
        (
            [],
            (
                "Invalid 'input': empty array. Expected an array with minimum length 1, but got an "
                "empty array instead."
            ),
            "input",
            "empty_array",
        ),
        (
            [[1], []],
            (
                "Invalid 'input[1]': empty array. Expected an array with minimum length 1, but got "
                "an empty array instead."
            ),
            "input[1]",
            "empty_array",
        ),
        ("", "Invalid 'input': input cannot be an empty string.", "input", None),
        ([""], "Invalid 'input[0]': input cannot be an empty string.", "input[0]", None),
        (["a", ""], "Invalid 'input[1]': input cannot be an empty string.", "input[1]", None),
        (
            7,
            (
                "Invalid type for 'input': expected one of a string or array of strings, but got "
                "an integer instead."
            ),
            "input",
            "invalid_type",
        ),
        (
            ["a", 7],
            "Invalid type for 'input[1]': expected a string, but got an integer instead.",
            "input[1]",
            "invalid_type",
        ),
        (
            ["a", "b", [1]],
            "Invalid type for 'input[2]': expected a string, but got an array instead.",
            "input[2]",
            "invalid_type",
        ),
        (
            [1, 2, "a"],
            "Invalid type for 'input[2]': expected an integer, but got a string instead.",
            "input[2]",
            "invalid_type",
        ),
        (
            [[1], 2],
            (
                "Invalid type for 'input[1]': expected an array of integers, but got an integer "
                "instead."
            ),
            "input[1]",
            "invalid_type",
        ),
        (
            [[1], ["a"]],
            "Invalid type for 'input[1][0]': expected an integer, but got a string instead.",
            "input[1][0]",
            "invalid_type",
        ),
        (
            [1.5],
            "Invalid type for 'input[0]': expected an integer, but got a decimal number instead.",
            "input[0]",
            "invalid_type",
        ),
        ([True], f"{NONE_OF_THEM} a boolean instead.", "input[0]", "invalid_type"),
        ([None], f"{NONE_OF_THEM} null instead.", "input[0]", "invalid_type"),
    ],
)
@pytest.mark.parametrize("models", [MODELS, TEXT])
def test_an_invalid_input_is_refused_and_named(
    given: Any, message: str, param: str, code: str | None, models: Models
) -> None:
    error = refused({"model": "m", "input": given}, models)
    assert (error.message, error.param, error.code) == (message, param, code)


def test_an_input_must_be_there() -> None:
    error = refused({"model": "m"})
    assert (error.param, error.code) == ("input", "missing_required_parameter")


def test_a_model_must_be_named() -> None:
    error = refused({"input": "a"})
    assert error.message == "you must provide a model parameter"
    assert (error.param, error.code) == (None, None)


@pytest.mark.parametrize("arrays", [[[1, 2], [3]], [[1], [2, 3]], [[1, 2], [3, 4], [5, 6, 7]]])
def test_arrays_of_different_lengths_do_not_fit_a_tensor_of_numbers(arrays: Any) -> None:
    error = refused({"model": "m", "input": arrays})
    assert (error.param, error.code) == ("input", "invalid_value")
    assert "token arrays of one length only" in error.message


@pytest.mark.parametrize("token", [2**63, -(2**63) - 1])
def test_a_token_above_64_bits_is_refused(token: int) -> None:
    assert refused({"model": "m", "input": [1, token]}).param == "input[1]"


@pytest.mark.parametrize(
    ("name", "value", "code", "part"),
    [
        ("dimensions", "2", "invalid_type", "expected an integer, but got a string"),
        ("dimensions", 1.5, "invalid_type", "expected an integer, but got a decimal number"),
        ("user", 7, "invalid_type", "expected a string, but got an integer"),
        ("encoding_format", 7, "invalid_type", "expected a string, but got an integer"),
        (
            "encoding_format",
            "hex",
            "invalid_value",
            "Invalid value: 'hex'. Supported values are: 'float' and 'base64'.",
        ),
    ],
)
def test_a_parameter_that_openai_refuses_is_refused(
    name: str, value: Any, code: str, part: str
) -> None:
    error = refused({"model": "m", "input": "a", name: value})
    assert (error.param, error.code) == (name, code)
    assert part in error.message


@pytest.mark.parametrize("value", [0, -1])
def test_too_few_dimensions_get_openais_special_error(value: int) -> None:
    error = refused({"model": "m", "input": "a", "dimensions": value})
    assert error.message == f"{value} is less than the minimum of 1 - 'dimensions'"
    assert (error.param, error.code) == (None, None)


@pytest.mark.parametrize("name", ["dimensions", "user", "encoding_format", "unknown"])
def test_a_parameter_that_is_null_passes(name: str) -> None:
    parameters: dict[str, Any] = {name: None}
    inference = ask("a", **parameters)
    assert asked(inference)["parameters"]["embedding_parameters"] == parameters
    assert not is_base64(inference)


@pytest.mark.parametrize(
    ("shape", "data", "expected"),
    [
        ([2, 2], "[1.0,2.0,3.0,4.0]", b"[[1.0,2.0],[3.0,4.0]]"),
        ([2, 2], "[[1.0, 2.0],\n[3.0, 4.0]]", b"[[1.0,2.0],[3.0,4.0]]"),
        ([1, 3], "[1,-2.50,3e-07]", b"[[1,-2.50,3e-07]]"),
        ([3], "[1,2,3]", b"[[1,2,3]]"),
        ([2, 1], "[0.12345678901234567890,1]", b"[[0.12345678901234567890],[1]]"),
    ],
)
def test_vectors_keep_their_digits(shape: list[int], data: str, expected: bytes) -> None:
    answer = wants(len(json.loads(expected))).complete([vectors(shape, data)]).body
    document = json.loads(answer)
    assert [item["index"] for item in document["data"]] == [*range(len(document["data"]))]
    for vector in expected[2:-2].split(b"],["):
        assert b'"embedding":[%b]}' % vector in answer
    assert [item["embedding"] for item in document["data"]] == json.loads(expected)


def test_the_answer_is_openais_list() -> None:
    assert json.loads(wants(1).complete([vectors([1, 1], "[0.5]")]).body) == {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
        "model": "m",
        "usage": {"prompt_tokens": 0, "total_tokens": 0},
    }


def test_base64_is_little_endian_float32() -> None:
    answer = wants(2, base64=True).complete([vectors([2, 2], "[1.5,-2,0.1,3e9]")])
    texts = [item["embedding"] for item in json.loads(answer.body)["data"]]
    assert [base64.b64decode(text) for text in texts] == [
        struct.pack("<2f", 1.5, -2),
        struct.pack("<2f", 0.1, 3e9),
    ]


FLOATS = [0.5, -0.25]
PACKED = base64.b64encode(struct.pack("<2f", *FLOATS)).decode()
COUNTS = {"prompt_tokens": 3, "total_tokens": 3}


def from_provider(inference: Inference, **own: Any) -> Any:
    """What the client gets when a provider answered with these fields."""
    return json.loads(complete(inference, oip.provided(own)))


def item(embedding: Any, **more: Any) -> dict[str, Any]:
    return {"object": "embedding", "index": 0, "embedding": embedding} | more


@pytest.mark.parametrize(("packed", "vector"), [(False, "[1.10]"), (True, '"AAAAPw=="')])
def test_a_providers_whole_answer_passes_untouched_but_compact(
    vector: str, *, packed: bool
) -> None:
    own = (
        '{ "object": "list", "data": [{"index": 0, "object": "embedding", "more": 1.0, '
        f'"embedding": {vector}}}],\n "model": "x", '
        '"usage": {"total_tokens": 1, "prompt_tokens": 1, "cost": 1.50} }'
    )
    document = oip.response(oip.text("output_all", own))
    answer = complete(wants(1, base64=packed), document)
    assert answer.decode() == own.replace(" ", "").replace("\n", "")


@pytest.mark.parametrize("wanted", [FLOATS, PACKED])
@pytest.mark.parametrize("given", [FLOATS, PACKED])
def test_a_providers_vectors_are_converted_to_the_requested_form(given: Any, wanted: Any) -> None:
    data = [item(given), item(wanted, index=1, extra={"a": 1})]
    answer = from_provider(wants(2, base64=wanted == PACKED), data=data, model="x", usage=COUNTS)
    assert answer["data"] == [item(wanted), item(wanted, index=1, extra={"a": 1})]


def test_digits_of_floats_that_were_asked_for_are_kept() -> None:
    own = '{"data":[{"embedding":[1.10,2e-1]},{"embedding":[0.30]}]}'
    answer = complete(wants(2), oip.response(oip.text("output_all", own)))
    assert b'"embedding":[1.10,2e-1]' in answer
    assert b'"embedding":[0.30]' in answer


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "broken",
    [
        None,
        7,
        {},
        "abc",  # no base64
        "AAAA",  # three bytes are no float
        base64.b64encode(struct.pack("<f", float("nan"))).decode(),
    ],
)
def test_an_invalid_vector_is_an_upstream_error(broken: Any, *, packed: bool) -> None:
    if packed and isinstance(broken, str):
        return  # base64 that was asked for is not looked into
    with pytest.raises(UpstreamError, match="could not be understood"):
        from_provider(wants(1, base64=packed), data=[item(broken)])


def test_numbers_out_of_the_range_of_float32_are_an_upstream_error() -> None:
    with pytest.raises(UpstreamError, match="could not be understood"):
        from_provider(wants(1, base64=True), data=[item([1e300])])


@pytest.mark.parametrize(
    ("given", "indexes"),
    [
        ([{}, {}], [0, 1]),
        ([{"index": None}, {"index": "1"}], [0, 1]),
        ([{"index": 1}, {"index": 0}], [1, 0]),
        ([{"index": 0}, {}], [0, 1]),
    ],
)
def test_items_without_index_and_object_get_them(
    given: list[dict[str, Any]], indexes: list[int]
) -> None:
    data = [{"embedding": FLOATS} | more for more in given]
    answer = from_provider(wants(2), data=data, model="x", usage=COUNTS)
    assert [(got["index"], got["object"]) for got in answer["data"]] == [
        (index, "embedding") for index in indexes
    ]


def test_what_a_providers_answer_lacks_is_filled_in() -> None:
    assert from_provider(wants(1), data=[{"embedding": FLOATS}], usage=None, model=None) == {
        "object": "list",
        "data": [item(FLOATS)],
        "model": "m",
        "usage": {"prompt_tokens": 0, "total_tokens": 0},
    }


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"prompt_tokens": 3}, COUNTS),
        ({"total_tokens": 3}, COUNTS),
        ({"prompt_tokens": 3.0, "total_tokens": 3.0}, COUNTS),
        ({"input_tokens": 3, "cost": 1}, COUNTS | {"input_tokens": 3, "cost": 1}),
        ({"prompt_tokens": 3, "total_tokens": 5}, {"prompt_tokens": 3, "total_tokens": 5}),
        ({"prompt_tokens": "x", "total_tokens": -1}, {"prompt_tokens": 0, "total_tokens": 0}),
        ("none", {"prompt_tokens": 0, "total_tokens": 0}),
    ],
)
def test_usage_always_has_two_whole_numbers(given: Any, told: dict[str, Any]) -> None:
    usage = from_provider(wants(1), data=[item(FLOATS)], model="x", usage=given)["usage"]
    assert usage == told
    assert all(type(usage[name]) is int for name in ("prompt_tokens", "total_tokens"))


@pytest.mark.parametrize(
    "own", ["{}", '{"data":[]}', '{"data":null}', '{"data":{}}', '{"data":[1]}', '{"data":[{}]}']
)
def test_a_providers_answer_without_vectors_is_upstreams_fault(own: str) -> None:
    document = oip.response(oip.text("output_all", own))
    with pytest.raises(UpstreamError, match="could not be understood"):
        complete(wants(1), document)


@pytest.mark.parametrize(
    ("inputs", "body"),
    [
        (1, b"{}"),
        (1, b"oops"),
        (1, vectors([1, 0], "[]")),
        (1, vectors([0, 3], "[]")),
        (1, vectors([0], "[]")),
        (2, vectors([2, 2], "[1,2,3]")),
        (1, vectors([-1, 2], "[1,2]")),
        (3, vectors([3, 2], "[1,2]")),
        (1, vectors([1], '["a"]')),
        (1, vectors([1], "[null]")),
    ],
)
@pytest.mark.parametrize("as_base64", [True, False])
def test_an_answer_without_whole_vectors_is_upstreams_fault(
    inputs: int, body: bytes, *, as_base64: bool
) -> None:
    with pytest.raises(UpstreamError, match="could not be understood") as caught:
        wants(inputs, base64=as_base64).complete([body])
    assert caught.value.status == 502


def test_embeddings_are_never_streamed() -> None:
    inference = ask("a", stream=True)
    assert not inference.request.streamed
    assert (inference.stream, inference.as_events) == (None, False)


@pytest.mark.parametrize(("shape", "inputs"), [([3], 1), ([], 1), ([2, 2], 2)])
@pytest.mark.parametrize("data", [[[1.0, 2.0], []], [[], [1.0]], [[1.0], [2.0, 3.0]]])
def test_ragged_data_is_upstreams_fault(
    shape: list[int], inputs: int, data: list[list[float]]
) -> None:
    body = {"outputs": [{"name": "embedding", "shape": shape, "datatype": "FP64", "data": data}]}
    with pytest.raises(UpstreamError):
        complete(wants(inputs), body)


# --- Which output, and how many vectors -----------------------------------------------------------


def tensor(name: str, data: Any, datatype: str = "FP32", **more: Any) -> dict[str, Any]:
    return {"name": name, "shape": [1, len(data)], "datatype": datatype, "data": data, **more}


def answered(*outputs: dict[str, Any], inputs: int = 1, **extra: Any) -> Any:
    return json.loads(complete(wants(inputs), oip.response(*outputs, **extra)))


@pytest.mark.parametrize("datatype", ["FP16", "BF16", "FP32", "FP64"])
@pytest.mark.parametrize("name", ["embedding", "sentence_embedding"])
@pytest.mark.parametrize("data", [[0.1, -2.0], [[0.1, -2.0]]])
def test_every_float_type_is_read_flat_or_nested(datatype: str, name: str, data: Any) -> None:
    output = {"name": name, "shape": [1, 2], "datatype": datatype, "data": data}
    assert [item["embedding"] for item in answered(output)["data"]] == [[0.1, -2.0]]


@pytest.mark.parametrize(
    "others",
    [
        [oip.text("type", "text")],
        [tensor("token_embeddings", [9.0, 9.0])],
        [tensor("attention_mask", [1, 1], "INT64"), oip.text("role", "assistant")],
    ],
)
def test_other_outputs_are_ignored(others: list[dict[str, Any]]) -> None:
    wanted = tensor("embedding", [0.5])
    for outputs in ([wanted, *others], [*others, wanted]):
        assert [item["embedding"] for item in answered(*outputs)["data"]] == [[0.5]]


def test_the_only_float_tensor_has_the_vectors() -> None:
    outputs = [tensor("ids", [1], "INT64"), tensor("pooled", [0.5]), oip.text("x", "y")]
    assert answered(*outputs)["data"][0]["embedding"] == [0.5]


@pytest.mark.parametrize(
    "outputs",
    [
        [],
        [oip.text("content", "Hi")],
        [tensor("a", [0.5]), tensor("b", [0.5])],
        [tensor("ids", [1], "INT64")],
        [oip.text("embedding", "AAAA"), tensor("pooled", [0.5])],
    ],
)
def test_an_answer_in_which_no_output_is_the_vectors_is_upstreams_fault(
    outputs: list[dict[str, Any]],
) -> None:
    with pytest.raises(UpstreamError, match="could not be understood") as caught:
        answered(*outputs)
    assert caught.value.repeats


@pytest.mark.parametrize("inputs", [1, 3])
def test_there_is_a_vector_for_each_input(inputs: int) -> None:
    two = {"name": "embedding", "shape": [2, 1], "datatype": "FP32", "data": [0.5, 1.5]}
    assert len(answered(two, inputs=2)["data"]) == 2
    with pytest.raises(UpstreamError, match="could not be understood"):
        answered(two, inputs=inputs)


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64"])
def test_base64_is_float32_of_every_type_flat_or_nested(datatype: str) -> None:
    wanted = base64.b64encode(struct.pack("<2f", 0.1, -2)).decode()
    for data in ([0.1, -2.0], [[0.1, -2.0]]):
        output = {"name": "embedding", "shape": [1, 2], "datatype": datatype, "data": data}
        answer = json.loads(complete(wants(1, base64=True), oip.response(output)))
        assert answer["data"] == [{"object": "embedding", "index": 0, "embedding": wanted}]


# --- Usage ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["prompt_tokens", "num_input_tokens", "input_tokens"])
@pytest.mark.parametrize("as_tensor", [True, False])
def test_the_runtimes_count_of_tokens_is_the_usage(name: str, *, as_tensor: bool) -> None:
    vector = tensor("embedding", [0.5])
    if as_tensor:
        answer = answered(vector, tensor(name, [7], "UINT32"))
    else:
        answer = answered(vector, parameters={name: 7})
    assert answer["usage"] == {"prompt_tokens": 7, "total_tokens": 7}


def test_a_count_for_each_input_is_added_up() -> None:
    vectors = {"name": "embedding", "shape": [2, 1], "datatype": "FP32", "data": [0.5, 1.5]}
    answer = answered(vectors, tensor("prompt_tokens", [3, 5], "INT32"), inputs=2)
    assert answer["usage"] == {"prompt_tokens": 8, "total_tokens": 8}


@pytest.mark.parametrize("count", [None, -1, 1.5, "many", [], 10**30])
def test_invalid_counts_are_ignored(count: Any) -> None:
    answer = answered(tensor("embedding", [0.5]), parameters={"prompt_tokens": count})
    assert answer["usage"] == {"prompt_tokens": 0, "total_tokens": 0}


# --- Events nobody asked for ----------------------------------------------------------------------

ONE = oip.response(tensor("embedding", [0.5]))


@pytest.mark.parametrize(
    "body", [event(ONE), event(ONE) + b"data: [DONE]\n\n", b": ping\n\n" + event(ONE)]
)
def test_an_answer_in_one_event_is_the_answer(body: bytes) -> None:
    assert wants(1).complete(split(body, b"[DONE]")).body == complete(wants(1), ONE)


@pytest.mark.parametrize("body", [b"", b": ping\n\n", b"data: [DONE]\n\n", stream(ONE, ONE)])
def test_an_answer_in_no_event_or_in_several_is_upstreams_fault(body: bytes) -> None:
    with pytest.raises(UpstreamError, match="could not be understood") as caught:
        wants(1).complete(split(body, b"[DONE]"))
    assert (caught.value.status, caught.value.repeats) == (502, True)


def test_tokens_are_known_only_where_they_were_counted() -> None:
    counted = oip.response(*json.loads(vectors([1, 1], "[0.5]"))["outputs"])
    assert wants(1).complete([json.dumps(counted).encode()]).tokens == (None, None)
    counted["parameters"] = {"prompt_tokens": 3}
    answer = wants(1).complete([json.dumps(counted).encode()])
    assert (answer.tokens, answer.model) == ((3, None), "chat_1")


LONG = "Expected an array with maximum length 2."


@pytest.mark.parametrize("given", [["a", "b", "c"], [[1], [2], [3]], [[1], [2], ["x"]]])
def test_more_inputs_than_a_model_takes_are_refused(given: Any) -> None:
    models = Models(ModelSettings(max_inputs=2))
    with pytest.raises(ClientError, match=LONG) as caught:
        ask(given, models=models)
    assert (caught.value.code, caught.value.param) == ("array_above_max_length", "input")


@pytest.mark.parametrize(
    "given", [['"', '\\"\\'], ['", "', "x"], [[1, 2, 3], [4, 5, 6]], [1, 2, 3]]
)
def test_quotes_within_an_input_are_not_counted(given: Any) -> None:
    models = Models(ModelSettings(max_inputs=2))
    assert inputs_of(ask(given, models=models)) == (2 if isinstance(given[0], str | list) else 1)


@pytest.mark.parametrize("given", [[1] * 300_001, [[1] * 150_001, [1] * 150_000]])
def test_more_tokens_than_openai_takes_are_refused(given: Any) -> None:
    error = refused({"model": "m", "input": given})
    assert error.code == "max_tokens_per_request"
    assert error.args[0] == "Requested 300001 tokens, max 300000 tokens per request."


@pytest.mark.parametrize(
    "element", [b"[1]", b'"a"', b"1", b'"a",[1]', b"true"], ids=lambda element: element.decode()
)
def test_far_too_many_inputs_are_refused_before_decoding(element: bytes) -> None:
    many = b",".join([element] * 1_000_000)
    body = b'{"model":"m","input":[%b]}' % many
    tracemalloc.start()
    try:
        with pytest.raises(ClientError):
            accept(EMBEDDINGS, body)
        assert tracemalloc.get_traced_memory()[1] < 4 * len(body)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("unit", [b"a", b'\\"', b'a\\"'], ids=["plain", "escaped", "both"])
def test_counting_texts_needs_no_memory(unit: bytes) -> None:
    text = unit * 1_000_000 + b'\\"' * 5000  # enough of them that it is looked at closely
    body = b'{"model":"m","input":["%b"]}' % text
    tracemalloc.start()
    try:
        inference = accept(EMBEDDINGS, body)
        assert tracemalloc.get_traced_memory()[1] < 8 * len(body)
    finally:
        tracemalloc.stop()
    assert inputs_of(inference) == 1


@pytest.mark.parametrize(
    "data",
    [
        [{"embedding": [0.5]}],
        [{"embedding": [0.5]}] * 3,
        [{"embedding": [0.5]}, {"embedding": []}],
        [{"embedding": [0.5]}, {"embedding": ""}],
        [{"embedding": [0.5]}, {"embedding": [None]}],
        [{"embedding": [0.5]}, {"embedding": [[0.5]]}],
    ],
)
def test_other_than_a_vector_for_each_input_of_a_provider_is_upstreams_fault(data: Any) -> None:
    inference = accept(EMBEDDINGS, {"model": "m", "input": ["a", "b"]})
    with pytest.raises(UpstreamError, match="could not be understood"):
        complete(inference, oip.provided({"data": data}))


def test_vectors_of_a_provider_with_one_index_for_all_are_numbered_by_their_place() -> None:
    inference = accept(EMBEDDINGS, {"model": "m", "input": ["a", "b"]})
    item = {"object": "embedding", "index": 0, "embedding": [0.5]}
    found = json.loads(complete(inference, oip.provided({"data": [item, item]})))
    assert [item["index"] for item in found["data"]] == [0, 1]
