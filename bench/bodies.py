"""Exchanges of several sizes, equal in every run."""

import base64
import json
import random
import struct
from collections.abc import Mapping, Sequence

from bench.exchange import Exchange

CONTENT = "The capital of Romania is Bucharest."
_MEGABYTE = 1_000_000
_SEED = 1


def small_chat() -> Exchange:
    """Two short messages, just under 200 bytes, and a response of just over 400."""
    messages = [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "What is the capital of Romania?"},
    ]
    return _chat(messages, CONTENT)


def long_chat(size: int = 10_000) -> Exchange:
    """A conversation of ``size`` bytes in about ten messages, and a response of a fifth of it."""
    sentence = f'{CONTENT} "Quoted", on two\nlines. '
    text = sentence * (size // 10 // len(sentence))
    messages = [{"role": ("user", "assistant")[turn % 2], "content": text} for turn in range(9)]
    return _chat(messages, CONTENT + text * 2)


def image_chat(megabytes: int) -> Exchange:
    """A question about an image of ``megabytes`` million base64 characters, in a ``data:`` URL."""
    picture = base64.b64encode(random.Random(_SEED).randbytes(megabytes * _MEGABYTE // 4 * 3))  # noqa: S311 -- the same each time is what is wanted
    url = f"data:image/png;base64,{picture.decode()}"
    content = [
        {"type": "text", "text": "What is in this image?"},
        {"type": "image_url", "image_url": {"url": url}},
    ]
    return _chat([{"role": "user", "content": content}], CONTENT)


def embeddings(count: int, width: int, *, base64: bool = False) -> Exchange:
    """``count`` short inputs, and as many vectors of ``width`` numbers in one flat FP32 tensor.

    The numbers are written as MLServer writes them: float32 values with the digits of a float64.
    """
    inputs = [f"Sentence {number} of a document about Romania." for number in range(count)]
    request = {"model": "embeddings", "input": inputs}
    if base64:
        request["encoding_format"] = "base64"
    numbers = _floats(count * width)
    output = {"name": "embedding", "shape": [count, width], "datatype": "FP32", "data": numbers}
    answer = _compact(_response([output]))
    proof = b"" if base64 else repr(numbers[-1]).encode()
    return Exchange("embeddings", "embeddings", _json(request), answer, proof)


def _floats(count: int) -> list[float]:
    chosen = random.Random(_SEED)  # noqa: S311 -- the same each time is what is wanted
    numbers = [chosen.gauss(0, 0.03) for _ in range(count)]
    return list(struct.unpack(f"{count}f", struct.pack(f"{count}f", *numbers)))


def _chat(messages: Sequence[Mapping[str, object]], content: str) -> Exchange:
    request = {"model": "chat", "messages": messages, "temperature": 0.7, "max_tokens": 64}
    outputs = [_text("role", "assistant"), _text("content", content), _text("type", "text")]
    answer = _compact(_response(outputs))
    return Exchange("chat/completions", "chat", _json(request), answer, CONTENT.encode())


def _response(outputs: Sequence[Mapping[str, object]]) -> dict[str, object]:
    return {
        "model_name": "chat",
        "id": "0b3d9a52-6a0c-4c5e-9d36-7f1f0b6c2a11",
        "parameters": {},
        "outputs": outputs,
    }


def _text(name: str, text: str) -> dict[str, object]:
    return {
        "name": name,
        "shape": [1, 1],
        "datatype": "BYTES",
        "parameters": {"content_type": "str"},
        "data": [text],
    }


def _json(document: object) -> bytes:
    return json.dumps(document).encode()


def _compact(document: object) -> bytes:
    """JSON as MLServer writes it."""
    return json.dumps(document, separators=(",", ":")).encode()
