"""The gRPC transport on grpc.aio: Envoy's ``Process`` stream, health checks, reflection.

The generic handler has no serialisers: messages are passed to the session as bytes, which parses
them.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import nullcontext
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha import reflection

from translator.transport.errors import ListenError
from translator.transport.health.messages import SERVICE as HEALTH
from translator.transport.health.server import Health, UnknownServiceError
from translator.transport.service import MESSAGE, SERVICE, STREAMS, NewSession, Stream
from translator.transport.tls import Tls, server_credentials
from translator.transport.unixsocket import SocketFile

__all__ = ["SERVICE", "GrpcTransport", "ListenError"]

logger = logging.getLogger(__name__)

_OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE),
    ("grpc.max_send_message_length", -1),  # the exchange limits the size
    ("grpc.max_concurrent_streams", STREAMS),
    # A second process on the same port must fail at start: Envoy opens one connection per endpoint,
    # so it would get no streams.
    ("grpc.so_reuseport", 0),
)

_ENDING = 1.0  # seconds for gRPC to end the streams it has cut


class GrpcTransport:
    """A gRPC server for ext_proc on one address.

    Args:
        new_session: creates the session of each new stream.

    Attributes:
        certificate_reloads: how many changed certificates were ``taken``, and ``refused``.
    """

    def __init__(self, new_session: NewSession) -> None:
        self._new_session = new_session
        self._draining = False
        self._calls: set[asyncio.Task[Any]] = set()
        self._file: SocketFile | None = None
        self.certificate_reloads = {"taken": 0, "refused": 0}
        self._health = Health([SERVICE])
        self._server = grpc.aio.server(options=_OPTIONS)
        handler = grpc.stream_stream_rpc_method_handler(self._process)
        self._server.add_generic_rpc_handlers(
            (
                grpc.method_handlers_generic_handler(SERVICE, {"Process": handler}),
                _health_methods(self._health),
            )
        )
        names = (SERVICE, HEALTH, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)

    async def start(
        self,
        address: str,
        *,
        tls: Tls | None = None,
        socket_mode: int = 0o660,
        socket_owner: str = "",
    ) -> int:
        """Listen on ``host:port`` or ``unix:/path``; return the port (0 selects a free one).

        Args:
            address: the address.
            tls: the files for TLS; None for plain text.
            socket_mode: the file mode of a unix socket. A file left by a dead process is replaced.
            socket_owner: the owner of that file: ``user``, ``user:group`` or ``:group``, by name or
                number; the default is the user and group of this process.

        Raises:
            ListenError: the address is in use or cannot be bound, the owner of its file cannot be
                changed, or a file of ``tls`` is invalid.
        """
        self._file = SocketFile(address) if address.startswith("unix:") else None
        with self._file.bound(socket_mode, socket_owner) if self._file else nullcontext():
            port = self._bind(address, tls)
        await self._server.start()
        self._health.set(serving=True)
        return port

    async def retire(self) -> None:
        """Report NOT_SERVING, refuse new streams, and wait until the open ones have ended."""
        self._refuse()
        while self._calls:  # those that are refused meanwhile, too
            await asyncio.wait(self._calls)

    async def drain(self, grace: float) -> None:
        """Report NOT_SERVING, refuse new streams, give the open ones ``grace`` seconds to finish.

        A refused stream ends with UNAVAILABLE, or with CANCELLED while the server stops; Envoy
        retries both on another worker.
        """
        self._refuse()
        if self._calls:
            logger.info("draining %d streams for up to %g s", len(self._calls), grace)
            # Not with the grace of server.stop(): that also waits for health Watch calls, which
            # never end, and a second call of stop() can crash the process.
            await asyncio.wait(self._calls, timeout=grace)
        await self._server.stop(0)
        # Wait for streams that were cut or refused: if the loop stopped before they end, gRPC would
        # log a traceback for each.
        if self._calls:
            await asyncio.wait(self._calls, timeout=_ENDING)
        if self._file is not None:
            self._file.remove()

    def _refuse(self) -> None:
        self._draining = True
        self._health.set(serving=False)

    def _bind(self, address: str, tls: Tls | None) -> int:
        try:
            if tls is None:
                return int(self._server.add_insecure_port(address))
            credentials = server_credentials(tls, self.certificate_reloads)
            return int(self._server.add_secure_port(address, credentials))
        except RuntimeError as error:
            # gRPC gives no reason; a certificate that only gRPC refuses fails here too.
            also = "" if tls is None else f", or gRPC does not accept {tls.certificate}"
            msg = f"cannot listen on {address}: it is in use, or cannot be bound{also}"
            raise ListenError(msg) from error

    async def _process(
        self, messages: AsyncIterator[bytes], context: "grpc.aio.ServicerContext[bytes, bytes]"
    ) -> AsyncIterator[bytes]:
        call = asyncio.current_task()
        assert call is not None  # noqa: S101 -- gRPC runs each call in a task of its own
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        if self._draining:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "draining")
        # All connections of a unix socket have the same name.
        session = self._new_session(
            Stream(lambda: dict(context.invocation_metadata()), context.peer())
        )
        try:
            async for message in messages:
                reply = session.respond(message)
                while reply is None:
                    await asyncio.sleep(0)  # other streams have their turn
                    reply = session.resume()
                yield reply.head + reply.body
                if reply.after:
                    yield reply.after
        except DecodeError:
            logger.warning("received a message that is not a ProcessingRequest")
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "not a ProcessingRequest")
        except Exception:
            # gRPC would send the exception's message to Envoy, whose access log shows it.
            logger.exception("processing a message failed")
            await context.abort(grpc.StatusCode.INTERNAL, "internal error")
        finally:
            # Envoy may reset the stream instead of closing it, also when a client disconnects:
            # neither is an error.
            session.close()


def _health_methods(health: Health) -> Any:
    async def check(request: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
        try:
            return health.check(request)
        except UnknownServiceError:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        except DecodeError:
            await context.abort(grpc.StatusCode.INTERNAL, "not a HealthCheckRequest")
        raise AssertionError  # abort has raised

    async def listing(request: bytes, _context: object) -> bytes:
        return health.listing(request)

    async def watch(
        request: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]"
    ) -> AsyncIterator[bytes]:
        try:
            answers = health.watch(request)
        except DecodeError:
            await context.abort(grpc.StatusCode.INTERNAL, "not a HealthCheckRequest")
        async for answer in answers:
            yield answer

    return grpc.method_handlers_generic_handler(
        HEALTH,
        {
            "Check": grpc.unary_unary_rpc_method_handler(check),
            "List": grpc.unary_unary_rpc_method_handler(listing),
            "Watch": grpc.unary_stream_rpc_method_handler(watch),
        },
    )
