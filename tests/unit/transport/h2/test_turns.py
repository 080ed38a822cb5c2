"""Turns: which call processes its next message, and for how long."""

import asyncio

import pytest

from translator.transport.h2 import turns
from translator.transport.h2.turns import Turns


class Clock:
    """A clock that only the calls move."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Call:
    """A call with messages that take a known time."""

    def __init__(self, name: str, clock: Clock, seconds: float, messages: int = 1) -> None:
        self.name, self.messages = name, messages
        self.used, self.waits = 0.0, False
        self._clock, self._seconds = clock, seconds

    def step(self) -> bool:
        self._clock.now += self._seconds
        self.messages -= 1
        return self.messages > 0


class Owner:
    """A connection that notes what happens."""

    def __init__(self) -> None:
        self.served_calls: list[str] = []
        self.flushed = 0

    def served(self, call: Call) -> None:
        self.served_calls.append(call.name)

    def flush(self) -> None:
        self.flushed += 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(turns, "monotonic", clock)
    return clock


@pytest.fixture
def owner() -> Owner:
    return Owner()


async def rounds(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_calls_have_turns_in_order_of_arrival(clock: Clock, owner: Owner) -> None:
    queue = Turns()
    for name in "abc":
        queue.add(Call(name, clock, 0.0001), owner)  # type: ignore[arg-type]
    queue.run()
    assert owner.served_calls == ["a", "b", "c"]
    assert owner.flushed == 1


async def test_a_busy_call_lets_new_ones_go_first(clock: Clock, owner: Owner) -> None:
    queue = Turns()
    busy = Call("busy", clock, 0.002, messages=3)
    queue.add(busy, owner)  # type: ignore[arg-type]
    queue.run()
    assert owner.served_calls == ["busy"], "longer than a turn"
    new = Call("new", clock, 0.0001, messages=2)
    queue.add(new, owner)  # type: ignore[arg-type]
    queue.run()
    assert owner.served_calls == ["busy"], "the loop reads and writes before the next turn"
    await rounds(1)
    assert owner.served_calls == ["busy", "new", "new", "busy"]
    await rounds(1)
    assert owner.served_calls[4:] == ["busy"]
    assert not busy.waits


async def test_busy_calls_share_the_time_and_not_the_messages(clock: Clock, owner: Owner) -> None:
    queue = Turns()
    queue.add(Call("slow", clock, 0.004, messages=10), owner)  # type: ignore[arg-type]
    queue.add(Call("fast", clock, 0.001, messages=10), owner)  # type: ignore[arg-type]
    queue.run()
    await rounds(9)
    assert owner.served_calls[:10] == ["slow", *["fast"] * 4, "slow", *["fast"] * 4]


async def test_an_idle_call_saves_no_time_for_later(clock: Clock, owner: Owner) -> None:
    queue = Turns()
    idle = Call("idle", clock, 0.001, messages=8)
    busy = Call("busy", clock, 0.001, messages=24)
    queue.add(busy, owner)  # type: ignore[arg-type]
    queue.run()
    await rounds(15)
    queue.add(idle, owner)  # type: ignore[arg-type]
    await rounds(4)
    assert owner.served_calls[16:].count("idle") == 2, "half of the time from now on"


async def test_a_call_waits_for_one_turn_at_a_time(clock: Clock, owner: Owner) -> None:
    queue = Turns()
    call = Call("a", clock, 0.0001)
    queue.add(call, owner)  # type: ignore[arg-type]
    queue.add(call, owner)  # type: ignore[arg-type]
    queue.run()
    assert owner.served_calls == ["a"]


async def test_a_scheduled_turn_comes_by_itself_and_once(clock: Clock, owner: Owner) -> None:
    queue = Turns()
    queue.add(Call("a", clock, 0.0001), owner)  # type: ignore[arg-type]
    queue.schedule()
    queue.schedule()
    await rounds(1)
    assert owner.served_calls == ["a"]
    assert owner.flushed == 1
