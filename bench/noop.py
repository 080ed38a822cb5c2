"""The baseline: an ext_proc server on grpc.aio that parses nothing and replies with constants.

Its replies are the filter's, recorded before. So Envoy, the model server and the client get
messages of the same sizes with the same effects, and the difference to this server is the filter's
own cost, without gRPC's.

It does not use the filter's transport, so that the baseline does not change with that.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

import grpc
import msgspec
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from bench.exchange import Exchange
from translator.extproc.session import Session

SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"

Process = Callable[
    [AsyncIterator[bytes], "grpc.aio.ServicerContext[bytes, bytes]"], AsyncIterator[bytes]
]
"""Replies to the messages of one stream."""

Replies = Mapping[int, bytes]
"""The reply to each phase by the first byte of its message.

That byte is the tag of the first field, which is that of the phase: protobuf writes fields in the
order of their numbers, and those of the phases are the lowest.
"""


def record(exchanges: Sequence[Exchange]) -> dict[str, Replies]:
    """The filter's replies, by the path in the first message of an exchange."""
    return {exchange.openai_path: _record(exchange) for exchange in exchanges}


def _record(exchange: Exchange) -> Replies:
    session = Session()
    return {message[0]: session.handle(message) for message in exchange.messages()}


async def serve(port: int, recorded: Mapping[str, Replies]) -> None:
    """Serve on a loopback port until the process is ended."""
    (default, *_) = recorded.values()
    others = [(path.encode(), replies) for path, replies in recorded.items()][1:]

    async def process(
        messages: AsyncIterator[bytes], _: "grpc.aio.ServicerContext[bytes, bytes]"
    ) -> AsyncIterator[bytes]:
        replies = None
        async for message in messages:
            if replies is None:
                replies = next((found for path, found in others if path in message), default)
            yield replies[message[0]]

    await listen(port, process)


async def listen(port: int, process: Process) -> None:
    """Serve on a loopback port, with health checks, until the process is ended."""
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1)])
    handler = grpc.stream_stream_rpc_method_handler(process)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {"Process": handler}),)
    )
    checks = health.aio.HealthServicer()  # the gateway's Envoy asks for it
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    await checks.set("", health_pb2.HealthCheckResponse.SERVING)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


def main() -> None:
    """Run the server."""
    parser = argparse.ArgumentParser(prog="python -m bench.noop", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="the loopback port to listen on")
    parser.add_argument("--replies", type=Path, required=True, help="recorded ones, in MessagePack")
    given = parser.parse_args()
    recorded = msgspec.msgpack.decode(given.replies.read_bytes(), type=dict[str, dict[int, bytes]])
    asyncio.run(serve(given.port, recorded))


if __name__ == "__main__":
    main()
