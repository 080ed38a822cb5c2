"""The types and ranges of the optional parameters of each operation.

Parameters are sent to the runtime unchanged; invalid ones are refused with OpenAI's messages.
Parameters that are not listed may have any value. Source: OpenAI API reference.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Raw

from translator.errors import ClientError
from translator.openai.request import check, decode_field, decoders, flag, missing
from translator.raw_json import NULL, Object, is_null


class _Typed(msgspec.Struct):
    type: str


class _Tool(msgspec.Struct):
    type: str
    function: Raw = NULL


class _Named(msgspec.Struct):
    name: str


_Text = str | None
_Flag = bool | None
_Object = dict[str, Raw] | None
_Count = Annotated[int, Meta(ge=1)] | None
_Penalty = Annotated[float, Meta(ge=-2, le=2)] | None

CHAT_PARAMETERS = decoders(
    {
        "audio": _Object,
        "frequency_penalty": _Penalty,
        "function_call": str | _Named | None,
        "functions": list[_Named] | None,
        "logit_bias": _Object,
        "logprobs": _Flag,
        "max_completion_tokens": _Count,
        "max_tokens": _Count,
        "metadata": _Object,
        "modalities": list[str] | None,
        "n": Annotated[int, Meta(ge=1, le=128)] | None,
        "parallel_tool_calls": _Flag,
        "prediction": _Object,
        "presence_penalty": _Penalty,
        "prompt_cache_key": _Text,
        "reasoning_effort": _Text,
        "response_format": _Typed | None,
        "safety_identifier": _Text,
        "seed": int | None,
        "service_tier": _Text,
        "stop": str | list[str] | None,
        "store": _Flag,
        "temperature": Annotated[float, Meta(ge=0, le=2)] | None,
        "tool_choice": str | dict[str, Raw] | None,
        "top_logprobs": Annotated[int, Meta(ge=0)] | None,
        "top_p": Annotated[float, Meta(ge=0, le=1)] | None,
        "user": _Text,
        "verbosity": _Text,
        "web_search_options": _Object,
    }
)
"""For chat completions. ``stream`` and ``stream_options`` are checked where they are used."""

EMBEDDINGS_PARAMETERS = decoders(
    {
        "dimensions": int | None,
        "user": _Text,
    }
)
"""For embeddings. ``encoding_format`` is checked where it is used."""

IMAGES_PARAMETERS = decoders(
    {
        "background": _Text,
        "moderation": _Text,
        "n": Annotated[int, Meta(ge=1, le=10)] | None,
        "output_compression": Annotated[int, Meta(ge=0, le=100)] | None,
        "output_format": _Text,
        "partial_images": Annotated[int, Meta(ge=0, le=3)] | None,
        "quality": _Text,
        "response_format": _Text,
        "size": _Text,
        "style": _Text,
        "user": _Text,
    }
)
"""For image generation."""

_MOST_TOP_LOGPROBS = 20


def check_chat(fields: Object) -> None:
    """Refuse the parameters of a chat completion that OpenAI refuses.

    Raises:
        ClientError: 400.
    """
    check(fields, CHAT_PARAMETERS)
    _check_tools(fields)
    top = fields.get("top_logprobs")
    if top is not None and not is_null(top):
        if decode_field(top, int, "top_logprobs") > _MOST_TOP_LOGPROBS:
            message = "Invalid value for 'top_logprobs': must be less than or equal to 20."
            raise ClientError(message, param="top_logprobs")
        if not flag(fields, "logprobs"):
            raise _only_with("top_logprobs", "logprobs")
    if not is_null(fields.get("stream_options")) and not flag(fields, "stream"):
        raise _only_with("stream_options", "stream")


def check_embeddings(fields: Object) -> None:
    """Refuse the parameters of an embeddings request that OpenAI refuses.

    Raises:
        ClientError: 400.
    """
    check(fields, EMBEDDINGS_PARAMETERS)
    dimensions = fields.get("dimensions")
    if dimensions is not None and not is_null(dimensions):
        number = decode_field(dimensions, int, "dimensions")
        if number < 1:  # OpenAI has a special message for this, without param and code
            raise ClientError(f"{number} is less than the minimum of 1 - 'dimensions'")


def check_images(fields: Object) -> None:
    """Refuse the parameters of an image generation that OpenAI refuses.

    Raises:
        ClientError: 400.
    """
    check(fields, IMAGES_PARAMETERS)


def _check_tools(fields: Object) -> None:
    raw = fields.get("tools")
    if raw is None:  # tool_choice may refer to tools that the runtime has itself
        return
    tools: list[_Tool] = decode_field(raw, list[_Tool] | None, "tools") or []
    if not tools and not is_null(raw) and _demands_tools(fields.get("tool_choice")):
        message = (
            "Invalid value for 'tool_choice': "
            "'tool_choice' is only allowed when 'tools' are specified."
        )
        raise ClientError(message, param="tool_choice")
    for index, tool in enumerate(tools):
        if tool.type == "function" and is_null(tool.function):
            raise missing(f"tools[{index}].function")


def _demands_tools(choice: Raw | None) -> bool:
    return not is_null(choice) and bytes(choice or b"") not in (b'"none"', b'"auto"')


def _only_with(name: str, other: str) -> ClientError:
    message = f"The '{name}' parameter is only allowed when '{other}' is enabled."
    return ClientError(message, param=name)
