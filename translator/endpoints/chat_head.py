"""What all chunks of one stream have in common."""

import msgspec
from msgspec import UNSET, Raw

from translator.openai.chat import ChatChunk, ChunkChoice, Usage


class Head:
    """The id, time and model of a stream, settled by its first event.

    Args:
        model: the model as the client named it, or None for the server's own name.
        created: seconds since the epoch.
        include_usage: whether the client set ``stream_options.include_usage``.
    """

    __slots__ = ("created", "id", "include_usage", "model")

    def __init__(self, model: str | None, created: int, *, include_usage: bool) -> None:
        self.id = ""
        self.model = model
        self.created = created
        self.include_usage = include_usage

    def begin(self, identity: str, *, model: str | None) -> None:
        """Settle what the first event says; of the others it is ignored."""
        if not self.id:
            self.id = identity
            self.model = self.model or model or ""

    def chunk(self, choices: list[ChunkChoice], usage: Usage | Raw | None = None) -> bytes:
        """A chunk as JSON. ``usage`` stands in it, mostly null, only where it was asked for."""
        return msgspec.json.encode(
            ChatChunk(
                id=self.id,
                created=self.created,
                model=self.model or "",
                choices=choices,
                usage=usage if self.include_usage else UNSET,
            )
        )
