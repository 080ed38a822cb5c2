"""OIP responses of the runtimes, as a basis for tests."""

import json
from typing import Any


def text(name: str, *elements: str) -> dict[str, Any]:
    """A BYTES output as MLServer's StringCodec makes it."""
    return {
        "name": name,
        "shape": [len(elements), 1],
        "datatype": "BYTES",
        "parameters": {"content_type": "str"},
        "data": list(elements),
    }


def response(*outputs: dict[str, Any], **extra: Any) -> dict[str, Any]:
    """A response with an internal model name, as a mesh gives it."""
    return {"model_name": "chat_1", "id": "4f5c", "parameters": {}, "outputs": [*outputs], **extra}


def answer(*contents: str, role: str = "assistant") -> dict[str, Any]:
    """A response, or an event, of the local runtime."""
    return response(
        text("role", *(role for _ in contents)),
        text("content", *contents),
        text("type", *("text" for _ in contents)),
    )


def numbers(name: str, *elements: Any, datatype: str = "INT64") -> dict[str, Any]:
    """A numeric output; its elements may be lists."""
    return {
        "name": name,
        "shape": [len(elements)],
        "datatype": datatype,
        "data": list(elements),
    }


def provided(document: Any) -> dict[str, Any]:
    """A response, or an event, of the runtime that passes on what a provider says."""
    whole = document if isinstance(document, str) else json.dumps(document, ensure_ascii=False)
    return response(text("content", "x"), text("output_all", whole))
