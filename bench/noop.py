"""The floor: an ext_proc server on grpc.aio that reads nothing and replies with constants.

Its replies are what the filter says to the exchange of :mod:`bench.samples`, recorded once at the
start. So Envoy, the model server and the client get messages of the same sizes with the same
effects, and what the filter costs beyond this server is its own doing, not gRPC's.

It is deliberately not built on the filter's transport: the floor stays where it is when that moves.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Mapping

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from bench import samples
from translator.extproc.session import Session

SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"


def record() -> dict[int, bytes]:
    """The reply to each phase by the first byte of its message.

    That byte is the tag of the field in use, which says the phase: protobuf writes fields in the
    order of their numbers, and those of the phases come first.
    """
    session = Session()
    return {message[0]: session.handle(message) for message in samples.messages()}


async def serve(port: int, replies: Mapping[int, bytes]) -> None:
    """Serve on a loopback port until the process is ended."""

    async def process(
        messages: AsyncIterator[bytes], _: "grpc.aio.ServicerContext[bytes, bytes]"
    ) -> AsyncIterator[bytes]:
        async for message in messages:
            yield replies[message[0]]

    server = grpc.aio.server()
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
    asyncio.run(serve(parser.parse_args().port, record()))


if __name__ == "__main__":
    main()
