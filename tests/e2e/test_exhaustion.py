"""A process whose pipe, descriptors or memory are used up by others."""

import asyncio
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest

from demo import stack
from tests.unit import envoy
from tests.unit.transport.running import OPTIONS, SOON, open_stream
from translator.transport.health.client import status
from translator.transport.service import SERVICE

DESCRIPTORS = 64
SMALLEST_PIPE = 4096
EXCHANGES = 200  # each is a line of more than 100 bytes


async def until_accepted(port: int) -> None:
    async with asyncio.timeout(60):
        while not stack.accepts(port):  # noqa: ASYNC110 -- nothing tells when it comes true
            await asyncio.sleep(0.05)


async def test_a_log_that_nobody_reads_does_not_stop_the_service() -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, SMALLEST_PIPE)
    port = stack.free_port()
    argv = [sys.executable, "-m", "translator", "serve", f"--listen=127.0.0.1:{port}"]
    with os.fdopen(reading), subprocess.Popen(argv, stderr=writing) as process:  # noqa: ASYNC220, S603 -- our own program
        os.close(writing)
        try:
            await until_accepted(port)
            async with (
                asyncio.timeout(SOON * 3),
                grpc.aio.insecure_channel(f"127.0.0.1:{port}", OPTIONS) as channel,
            ):
                refused = {**envoy.POST_CHAT, "content-type": "text/plain"}
                for _ in range(EXCHANGES):
                    call = open_stream(channel)
                    await call.write(envoy.request_headers(refused).SerializeToString())
                    assert await call.read()
                    await call.done_writing()
                    assert await call.code() is grpc.StatusCode.OK
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, SOON) == 0
        finally:
            process.kill()


def cpu(pid: int) -> float:
    """The seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.transport
async def test_without_descriptors_it_waits_calmly_and_accepts_as_soon_as_there_are_some(
    tmp_path: Path,
) -> None:
    port, log = stack.free_port(), tmp_path / "translator.log"
    program = [sys.executable, "-m", "translator", "serve", f"--listen=127.0.0.1:{port}"]
    limited = ["sh", "-c", f'ulimit -n {DESCRIPTORS} && exec "$@"', "sh", *program]
    with stack.Server(
        "The translator", limited, log=log, ready=lambda: stack.accepts(port)
    ) as server:
        with ExitStack() as open_sockets:
            for _ in range(DESCRIPTORS):
                open_sockets.enter_context(socket.create_connection(("127.0.0.1", port)))
            async with asyncio.timeout(SOON):
                while len(list(Path(f"/proc/{server.pid}/fd").iterdir())) < DESCRIPTORS:  # noqa: ASYNC110, ASYNC240 -- as above
                    await asyncio.sleep(0.05)
            before = cpu(server.pid)
            await asyncio.sleep(3)  # as long as it is measured
            assert cpu(server.pid) - before < 1
            assert log.stat().st_size < 10_000
        freed = time.monotonic()
        assert await status(f"127.0.0.1:{port}", SERVICE, SOON) == "SERVING"
        assert time.monotonic() - freed < 5
