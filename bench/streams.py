"""What open streams cost: memory while they wait, CPU for each event that passes.

    python -m bench.streams [--streams 1000] [--events 20] [--interval 1]

Clients and the model server are this process, so that what is read from /proc is the translator's
and Envoy's alone.
"""

import argparse
import asyncio
import json
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench import cpu, machine, report, samples
from demo import stack

_BODY = json.dumps({**json.loads(samples.OPENAI_REQUEST), "stream": True})
_EVENT = f"data: {samples.OIP_RESPONSE.decode()}\n\n"
_END = b"data: [DONE]\n\n\r\n0\r\n\r\n"


@dataclass(frozen=True)
class Usage:
    """Of one process, at one moment.

    Attributes:
        memory: resident bytes.
        cpu: seconds so far.
    """

    memory: int
    cpu: float

    @classmethod
    def of(cls, pid: int) -> "Usage":
        """Now."""
        status = Path(f"/proc/{pid}/status").read_text()
        kibibytes = re.search(r"VmRSS:\s*(\d+)", status)
        assert kibibytes is not None  # noqa: S101 -- every process has one
        return cls(int(kibibytes[1]) * 1024, cpu.seconds(pid))


class Models:
    """A model server whose streams wait, all of them, until they may go.

    Args:
        events: of each stream.
        interval: seconds between them.
    """

    def __init__(self, events: int, interval: float) -> None:
        self.waiting = 0
        self.go = asyncio.Event()
        self._events, self._interval = events, interval

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        head = await reader.readuntil(b"\r\n\r\n")
        (length,) = re.findall(rb"(?i)\r\ncontent-length: *(\d+)", head)
        await reader.readexactly(int(length))
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        self.waiting += 1
        await self.go.wait()
        for _ in range(self._events):
            writer.write(f"{len(_EVENT):x}\r\n{_EVENT}\r\n".encode())
            await asyncio.sleep(self._interval)
        writer.write(b"0\r\n\r\n")
        writer.close()


async def measure(
    folder: Path, streams: int, events: int, interval: float
) -> tuple[dict[str, list[Usage]], float]:
    """Open the streams, then let all of them have their events.

    Returns:
        Of each process its usage without streams, with all of them waiting, and after their end;
        and how many seconds the events took.

    Raises:
        StackError: a process does not start.
        RuntimeError: a stream did not end as it should.
    """
    models = Models(events, interval)
    server = await asyncio.start_server(models.serve, "127.0.0.1", 0, backlog=streams)
    upstream = server.sockets[0].getsockname()[1]
    port, admin, worker = stack.free_port(), stack.free_port(), stack.free_port()
    config = stack.gateway_config(
        port=port, admin=admin, http=upstream, grpc=upstream, translators=[worker]
    )
    translator = stack.translator(worker, folder, "--log-level", "WARNING")
    with translator, stack.envoy(config, folder) as envoy:
        pids = {"translator": translator.pid, "Envoy": envoy.pid}
        found = {name: [Usage.of(pid)] for name, pid in pids.items()}
        clients = [asyncio.create_task(_ask(port)) for _ in range(streams)]
        while models.waiting < streams:  # noqa: ASYNC110 -- a measurement may look now and then
            await asyncio.sleep(0.1)
        for name, pid in pids.items():
            found[name].append(Usage.of(pid))
        began = asyncio.get_running_loop().time()
        models.go.set()
        answers = await asyncio.gather(*clients)
        took = asyncio.get_running_loop().time() - began
        for name, pid in pids.items():
            found[name].append(Usage.of(pid))
    server.close()
    if not all(answer.endswith(_END) for answer in answers):
        msg = "a stream did not end as it should"
        raise RuntimeError(msg)
    return found, took


async def _ask(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = "host: gateway\r\ncontent-type: application/json\r\nconnection: close"
    length = f"content-length: {len(_BODY)}"
    writer.write(
        f"POST {samples.OPENAI_PATH} HTTP/1.1\r\n{head}\r\n{length}\r\n\r\n{_BODY}".encode()
    )
    answer = await reader.read()
    writer.close()
    return answer


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark and print a table. Gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.streams", description=__doc__)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--events", type=int, default=20, help="of each stream")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between them")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="oip-translator-streams-") as folder:
        try:
            found, took = asyncio.run(
                measure(Path(folder), given.streams, given.events, given.interval)
            )
        except (stack.StackError, RuntimeError) as error:
            sys.stderr.write(f"{error}\n")
            return 1
    passed = given.streams * given.events
    lines = [
        report.surroundings(machine.describe()),
        "",
        f"{given.streams} streams, {given.events} events each, {passed / took:.0f} events/s",
        "",
        "| | idle MB | KB for each open stream | CPU us for each event |",
        "| --- | --- | --- | --- |",
    ]
    for name, (idle, waiting, after) in found.items():
        stream = (waiting.memory - idle.memory) / given.streams / 1024
        event = (after.cpu - waiting.cpu) / passed * 1e6
        lines.append(f"| {name} | {idle.memory / 2**20:.0f} | {stream:.0f} | {event:.0f} |")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
