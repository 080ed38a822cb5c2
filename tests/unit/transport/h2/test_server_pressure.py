"""A client that sends but does not read (backpressure)."""

import asyncio
import tracemalloc
from pathlib import Path

import pytest

from tests.unit.transport.h2.library import CHECK, PROCESS, connected, message
from tests.unit.transport.h2.serving import serving, until
from tests.unit.transport.running import SOON
from translator.transport.h2.limits import Limits

MIB = 1024 * 1024
UNBOUNDED = Limits(window=8 * MIB, connection_window=8 * MIB)  # for a client that ignores windows


class Numbered:
    """Answers the first message with 0s, the second with 1s and so on, of one size."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.number = 0

    def __call__(self, _message: object) -> bytes:
        self.number += 1
        return self.expected(self.number - 1)

    def expected(self, number: int) -> bytes:
        """The response to a message."""
        return bytes([number % 256]) * self.size


@pytest.mark.parametrize("size", [1000, 100_000, 1_000_000])
async def test_a_stream_that_is_not_read_does_not_block_others(size: int) -> None:
    answers = Numbered(size)
    limits = Limits(window=64 * 1024)
    async with (
        serving(limits=limits, answer=answers) as served,
        connected(served.address, window=100) as client,
    ):
        client.generous = False
        stream = await client.open(PROCESS)
        # What is sent fills the window that the server gives, which it does not open again.
        sent = 64 * 1024 // 105
        for _ in range(sent):
            await client.send(stream, message(bytes(100)))
        await client.until(lambda: len(client.answers[stream].data) == 100)
        for _ in range(10):
            answer = await client.call(CHECK)
            assert (answer.messages, answer.status) == ([b"\x08\x01"], (0, ""))
        assert answers.number == 1, "nothing more is asked while an answer waits"
        assert client.http.local_flow_control_window(stream) < 105
        few = sent if size < 100_000 else 20
        client.http.increment_flow_control_window(few * (size + 5), stream)
        await client.flush()
        replies = await client.reply(stream, few)
        assert replies[:few] == [answers.expected(number) for number in range(few)]
        await client.reset(stream)


async def test_the_connection_window_limits_all_streams() -> None:
    answers = Numbered(50_000)
    async with (
        serving(answer=answers) as served,
        connected(served.address, window=2**20, everything=65_535) as client,
    ):
        client.generous = False
        streams = [await client.open(PROCESS) for _ in range(4)]
        for stream in streams:
            await client.send(stream, message(b"") * 3)
        await client.until(lambda: sum(len(a.data) for a in client.answers.values()) == 65_535)
        await client.say(b"\0\0\x08\6\0\0\0\0\0pingpong")
        await client.until(lambda: client.frames[-1].kind == 6)
        assert answers.number <= 5, "each has had one, and one of them perhaps two"
        client.http.increment_flow_control_window(2**20)
        client.generous = True
        await client.flush()
        for stream in streams:
            replies = await client.reply(stream, 3)
            assert [len(reply) for reply in replies] == [50_000] * 3
            await client.reset(stream)


@pytest.mark.parametrize("kind", ["tcp", "unix"])
@pytest.mark.parametrize("size", [2_000, MIB])
async def test_a_connection_that_does_not_read_is_not_read(
    kind: str, size: int, tmp_path: Path
) -> None:
    address = "127.0.0.1:0" if kind == "tcp" else f"unix:{tmp_path}/s"
    answers = Numbered(size)
    number = 60 * MIB // size
    loop = asyncio.get_running_loop()
    async with (
        serving(address, UNBOUNDED, answers) as served,
        connected(served.address, window=2**31 - 1, buffer=4096) as client,
    ):
        stream = await client.open(PROCESS)
        asked = message(bytes(95))
        frame = len(asked).to_bytes(3) + b"\0\0" + stream.to_bytes(4) + asked
        tracemalloc.start()
        sending = asyncio.create_task(client.say(frame * number))
        await until(lambda: served.sessions and served.listens_to == [False])
        held, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert answers.number < number / 2, "it is not asked any more"
        assert peak < 16 * MIB
        assert held < 8 * MIB
        # And it goes on as it is read, to the last byte.
        left = number * (size + 5)
        data = bytearray()
        async with asyncio.timeout(SOON):
            while left > 0:
                data += await loop.sock_recv(client.sock, MIB)
                at = 0
                while at + 9 <= len(data) and at + 9 + int.from_bytes(data[at : at + 3]) <= len(
                    data
                ):
                    length = int.from_bytes(data[at : at + 3])
                    left -= length if data[at + 3] == 0 else 0
                    at += 9 + length
                del data[:at]
            await sending
        assert (left, answers.number) == (0, number)
