"""The gRPC calls of one connection: ext_proc's stream and health checks."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import NamedTuple

from google.protobuf.message import DecodeError

from translator.extproc.replies import Reply
from translator.extproc.session import Session
from translator.transport.h2.connection import Connection
from translator.transport.h2.headers import Fields
from translator.transport.h2.messages import (
    DONE,
    HEAD,
    CallFault,
    Message,
    MessageReader,
    Status,
    only_trailers,
    prefix,
    trailers,
)
from translator.transport.health.server import UnknownServiceError, Watch

logger = logging.getLogger(__name__)

_SMALL = 64 * 1024  # bytes; the parts of a smaller message are joined
_IDENTITY = ("", "identity")


class Request(NamedTuple):
    """The request that starts a call.

    Attributes:
        connection: the connection of the request.
        stream: the id of its stream.
        fields: its headers.
    """

    connection: Connection
    stream: int
    fields: Fields


class Call(ABC):
    """One call on one stream. Subclasses process its messages.

    Args:
        request: the request that started it.

    Attributes:
        stream: the id of its stream.
        over: whether the call has ended.
        used: seconds of processing, as counted by :class:`~translator.transport.h2.turns.Turns`.
        waits: whether it waits for its turn.
    """

    def __init__(self, request: Request) -> None:
        self._connection, self.stream, fields = request
        compresses = fields.get("grpc-encoding", "") not in _IDENTITY
        self._reader = MessageReader(self._connection.limits.message, compresses=compresses)
        self._waiting: deque[Message] = deque()
        self._consumed = 0  # consumed bytes without a WINDOW_UPDATE yet
        self._held = 0  # bytes of an incomplete message
        self._ended = self._begun = False
        self._rest: Callable[[], None] | None = None  # processes more of the last message
        self._fault: CallFault | None = None  # raised after the waiting messages
        self.over = False
        self.used = 0.0
        self.waits = False

    @abstractmethod
    def on_message(self, message: Message) -> None:
        """Process the next message."""

    def on_end(self) -> None:
        """All messages have been processed, and no more will come."""
        self.finish()

    @abstractmethod
    def on_close(self) -> None:
        """The call has ended for any reason. Called once."""

    def receive(self, data: bytes, *, ended: bool) -> bool:
        """Add the next bytes of the stream; ``ended`` if they are the last.

        Returns:
            whether :meth:`step` has something to do.
        """
        self._ended = ended
        self._consumed += len(data)
        if self._fault is None:
            try:
                self._reader.feed(data, self._waiting)
                self._hold(self._reader.held)
            except CallFault as fault:
                self._fault = fault
        if self._waiting or self._ended or self._fault or not self._can_go_on():
            return True
        self._go_on()
        return False

    def step(self) -> bool:
        """Process the next message or a part of it, unless the client does not read (backpressure).

        Returns:
            whether there is more to process.
        """
        if not self._can_go_on():
            return False
        try:
            if self._rest is not None:
                self._rest()
            elif self._waiting:
                self.on_message(self._waiting.popleft())
        except CallFault as fault:
            self.finish(fault.status, str(fault))
        if not self._can_go_on():
            return False
        if self._rest is not None or self._waiting:
            return True
        self._go_on()
        if self._fault is not None:
            self.finish(self._fault.status, str(self._fault))
        elif self._ended and self._reader.is_between:
            self.on_end()
        elif self._ended:
            self.finish(Status.INTERNAL, "the last message is incomplete")
        return False

    def _hold(self, size: int) -> None:
        """Count the bytes of the incomplete message."""
        inbox = self._connection.inbox
        inbox.incomplete += size - self._held
        self._held = size
        if size and inbox.incomplete > self._connection.limits.incomplete:
            raise CallFault(Status.RESOURCE_EXHAUSTED, "too many bytes of incomplete messages")

    def _can_go_on(self) -> bool:
        return not (self.over or self._connection.outbox.is_blocked(self.stream))

    def _go_on(self) -> None:
        """Extend the window: all complete messages have been processed."""
        self._connection.inbox.taken(self.stream, self._consumed)
        self._consumed = 0
        self._connection.inbox.expect(self.stream, self._reader.missing)

    def reply(self, head: bytes, body: bytes = b"") -> None:
        """Send a message of one or two parts."""
        if not self._begun:
            self._begun = True
            self._connection.send_headers(self.stream, HEAD)
        start = prefix(len(head) + len(body)) + head
        if len(body) <= _SMALL:
            self._connection.send_data(self.stream, start + body)
        else:
            self._connection.send_data(self.stream, start)
            self._connection.send_data(self.stream, body)

    def finish(self, status: Status = Status.OK, message: str = "") -> None:
        """End the call. Earlier replies are still sent."""
        if self._begun:
            block = DONE if status is Status.OK else trailers(status, message)
        else:
            block = only_trailers(status, message)
        self._connection.finish(self.stream, block)
        self.close()

    def close(self) -> None:
        """The stream is closed. Called once, because the owner then drops the call."""
        self.over = True
        self._waiting.clear()
        self._hold(0)
        self.on_close()


class ProcessCall(Call):
    """Envoy's stream: a session replies to each of its messages.

    Args:
        session: the session of the stream.
        over: called when the call has ended.
    """

    def __init__(
        self, request: Request, session: Session, over: Callable[["ProcessCall"], None]
    ) -> None:
        super().__init__(request)
        self._session = session
        self._over = over

    def on_message(self, message: Message) -> None:
        """See :class:`Call`."""
        self._process(partial(self._session.respond, message))

    def _process(self, step: Callable[[], Reply | None]) -> None:
        try:
            reply = step()
        except DecodeError:
            logger.warning("received a message that is not a ProcessingRequest")
            raise CallFault(Status.INVALID_ARGUMENT, "not a ProcessingRequest") from None
        except Exception:
            # Do not send the exception's message: Envoy's access log would show it.
            logger.exception("processing a message failed")
            raise CallFault(Status.INTERNAL, "internal error") from None
        if reply is None:
            self._rest = partial(self._process, self._session.resume)
            return
        self._rest = None
        self.reply(reply.head, reply.body)
        if reply.after:
            self.reply(reply.after)

    def on_close(self) -> None:
        """See :class:`Call`."""
        # Envoy may reset the stream instead of closing it, also when a client disconnects: neither
        # is an error.
        self._over(self)
        self._session.close()


class UnaryCall(Call):
    """A unary call.

    Args:
        answer: computes the response; may raise UnknownServiceError or DecodeError.
    """

    def __init__(self, request: Request, answer: Callable[[bytes], bytes]) -> None:
        super().__init__(request)
        self._answer = answer

    def on_message(self, message: Message) -> None:
        """See :class:`Call`."""
        try:
            self.reply(self._answer(bytes(message)))
        except UnknownServiceError:
            raise CallFault(Status.NOT_FOUND, "no such service") from None
        except DecodeError:
            raise CallFault(Status.INTERNAL, "invalid request message") from None
        self.finish()

    def on_end(self) -> None:
        """See :class:`Call`."""
        self.finish(Status.INTERNAL, "no message")

    def on_close(self) -> None:
        """See :class:`Call`. There is nothing to release."""


class WatchCall(Call):
    """A server-streaming call that ends when the client cancels it.

    Args:
        watch: yields the responses.
        sent: called after a response outside of a read.
    """

    def __init__(self, request: Request, watch: Watch, sent: Callable[[], None]) -> None:
        super().__init__(request)
        self._watch = watch
        self._sent = sent
        self._watching: asyncio.Task[None] | None = None

    def on_message(self, message: Message) -> None:
        """See :class:`Call`."""
        try:
            answers = self._watch(bytes(message))
        except DecodeError:
            raise CallFault(Status.INTERNAL, "invalid request message") from None
        if self._watching is None:
            self._watching = asyncio.create_task(self._report(answers))

    def on_end(self) -> None:
        """See :class:`Call`. The client has sent its request; responses follow."""
        if self._watching is None:
            self.finish(Status.INTERNAL, "no message")

    def on_close(self) -> None:
        """See :class:`Call`."""
        if self._watching is not None:
            self._watching.cancel()

    async def _report(self, answers: AsyncIterator[bytes]) -> None:
        async for answer in answers:
            self.reply(answer)
            self._sent()
