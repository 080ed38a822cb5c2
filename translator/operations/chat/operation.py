"""``chat/completions``: the translation of its request and its response, whole or streamed."""

import time
from collections.abc import Callable, Sequence

import msgspec

from translator import sse
from translator.openai.request import decode_body
from translator.operations import large_values
from translator.operations.base import OPENAI, Inference, Operation, Response, take_model
from translator.operations.chat.aggregate import aggregate
from translator.operations.chat.chunks import ChatChunks
from translator.operations.chat.request import read
from translator.operations.events import EventStream, collect
from translator.operations.wording import Wording, wording_of
from translator.raw_json import NULL, decode_object, opening
from translator.tasks.generation import Generation, Output
from translator.tasks.model import Target

Decode = Callable[[bytes], Output]


def accept(body: bytes, target: Target) -> Inference:
    """Read a request. See :class:`~translator.operations.base.Operation`."""
    body, values = large_values.extract(body, large_values.IN_MESSAGES)
    fields = decode_body(body)
    model = target.model(take_model(fields, target))
    task, include_usage, dropped = read(fields, model)
    forced = _is_forced(task)
    request, decode = model.generate(task)
    request.body = large_values.restore(request.body, values)
    wording = wording_of(body, "messages")
    translate = Translation(
        model.name,
        include_usage,
        forced,
        task.stream,
        decode,
        request.end_of_stream,
        int(time.time()),
        wording,
    )
    stream = translate.stream if request.streamed else None
    return Inference(model.name, request, translate.complete, stream, task.stream, wording, dropped)


class Translation(msgspec.Struct, frozen=True):
    """Translates the response.

    Attributes:
        model: the model's name in the client's request.
        include_usage: whether the client requested the token counts of a stream.
        forced: whether the client forced one function; OpenAI's finish reason is then ``stop``.
        as_events: whether the client requested a stream.
        decode: decodes a response of the model server.
        end: the data of the event that ends its stream.
        created: seconds since the epoch, the same on every chunk.
        wording: completes errors of the model server with facts of the request.
    """

    model: str
    include_usage: bool
    forced: bool
    as_events: bool
    decode: Decode
    end: bytes
    created: int
    wording: Wording

    def complete(self, responses: Sequence[bytes]) -> Response:
        """See :class:`~translator.operations.base.Inference`."""
        outputs = map(self.decode, responses)
        if not self.as_events:
            return aggregate([*outputs], self.model, self.created, forced=self.forced)
        chunks = self._chunks()
        events = [*map(sse.encode, collect(chunks, outputs)), OPENAI.end_of_stream]
        return Response(b"".join(events), chunks.tokens, chunks.model, chunks.repairs)

    def stream(self, limit: int) -> EventStream[Output]:
        """See :class:`~translator.operations.base.Inference`."""
        return EventStream(
            self.decode, self._chunks(), OPENAI, limit, end=self.end, wording=self.wording
        )

    def _chunks(self) -> ChatChunks:
        return ChatChunks(
            self.model, self.created, include_usage=self.include_usage, forced=self.forced
        )


def _is_forced(task: Generation) -> bool:
    """Whether the client forces one function."""
    choice = task.parameters.get("tool_choice")
    if choice is None or opening(choice) != ord("{"):
        return False
    kind = decode_object(choice).get("type", NULL)
    return bytes(kind) in (b'"function"', b'"custom"')


CHAT = Operation(
    "chat/completions",
    "chat",
    accept,
    example=b'{"messages":[{"role":"user","content":""}]}',
)
