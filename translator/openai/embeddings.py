"""Embeddings: the response. Source: OpenAI API reference, "The embedding object"."""

import msgspec
from msgspec import Raw


class Embedding(msgspec.Struct, tag_field="object", tag="embedding"):
    """One vector: a JSON list of numbers or a base64 string, as text."""

    index: int
    embedding: Raw


class Usage(msgspec.Struct):
    """Token counts. Both are required."""

    prompt_tokens: int = 0
    total_tokens: int = 0


class EmbeddingList(msgspec.Struct, tag_field="object", tag="list"):
    """A whole response."""

    data: list[Embedding]
    model: str
    usage: Usage
