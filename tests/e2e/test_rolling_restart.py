"""Two translators behind Envoy, under load: a restart loses nothing, a crash only what it held."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from demo import stack
from tests import invariants
from tests.e2e.conftest import send
from tests.e2e.load import Exchange, Load, Models, load, models
from tests.e2e.upstream import Upstream

pytestmark = pytest.mark.transport

TRANSLATORS = 2
MANY = 100  # exchanges, enough to meet each translator on each of Envoy's threads


class Fleet:
    """Translators, an Envoy before them and a model server behind it."""

    def __init__(
        self,
        port: int,
        admin: int,
        translators: Sequence[stack.Server],
        envoy: stack.Server,
        asked: Models,
    ) -> None:
        self.port = port
        self.admin = admin
        self.translators = translators
        self.envoy = envoy
        self.models = asked

    def log(self, index: int) -> dict[int, Any]:
        """The exchanges that have ended in one translator, by their numbers."""
        lines = map(json.loads, self.translators[index].log.read_text().splitlines())
        ended = (line["exchange"] for line in lines if "exchange" in line)
        return {int(exchange["request_id"]): exchange for exchange in ended}

    def told(self, exchanges: Iterable[Exchange]) -> list[str]:
        """What Envoy's log says of some exchanges."""
        ids = {str(exchange.number) for exchange in exchanges}
        lines = self.envoy.log.read_text().splitlines()
        of_exchanges = (line for line in lines if line.startswith("{"))
        return [line for line in of_exchanges if json.loads(line)["request_id"] in ids]

    async def stop(self, index: int, number: signal.Signals) -> int:
        """Send a signal to one translator and wait until it has ended; give its exit status."""
        self.translators[index].send(number)
        return await asyncio.to_thread(self.translators[index].wait, 40)

    async def start(self, index: int) -> None:
        """Start one translator again, and wait until it listens."""
        await asyncio.to_thread(self.translators[index].__enter__)

    async def until_healthy(self, index: int, *, healthy: bool = True) -> None:
        """Wait until Envoy considers one translator healthy, or unhealthy."""
        await until(lambda: is_healthy(known(self.admin, index)) == healthy)


@asynccontextmanager
async def fleet(folder: Path, *options: str) -> AsyncIterator[Fleet]:
    port, admin, *workers = (stack.free_port() for _ in range(2 + TRANSLATORS))
    options = ("--log-format", "json", *options)
    translators = [stack.translator(worker, folder, *options) for worker in workers]
    async with models() as asked:
        config = stack.gateway_config(
            port=port, admin=admin, http=asked.port, grpc=asked.port, translators=workers
        )
        envoy = stack.envoy(config, folder)
        servers = [*translators, envoy]
        try:
            for server in servers:
                await asyncio.to_thread(server.__enter__)
            yield Fleet(port, admin, translators, envoy, asked)
        finally:
            for server in reversed(servers):
                await asyncio.to_thread(server.stop)


def known(admin: int, index: int) -> dict[str, Any]:
    """What an Envoy knows of one translator."""
    statuses = send(admin, "GET", "/clusters?format=json").json["cluster_statuses"]
    clusters = {each["name"]: each for each in statuses}
    return dict(clusters["oip_translator"]["host_statuses"][index])


def is_healthy(host: dict[str, Any]) -> bool:
    return not host["health_status"].get("failed_active_health_check", False)


def streams(host: dict[str, Any]) -> int:
    """How many are open to it."""
    return next(int(stat.get("value", 0)) for stat in host["stats"] if stat["name"] == "rq_active")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 -- nothing tells when it comes true
            await asyncio.sleep(0.05)


async def until_more_ended(sent: Load) -> None:
    enough = sent.ended + MANY
    await until(lambda: sent.ended >= enough)


def assert_cut(exchange: Exchange) -> None:
    """Its answer is right as far as it goes, or it has an error that a client understands."""
    status, body, complete = exchange.reply
    if status == 200:
        assert exchange.events
        assert not complete
        assert exchange.expected.startswith(body)
    else:
        assert status == 503
        assert complete
        invariants.check_error(json.loads(body))


async def test_a_rolling_restart_loses_nothing(tmp_path: Path) -> None:
    async with fleet(tmp_path) as parts:
        async with load(parts.port) as sent:
            await until_more_ended(sent)
            assert await parts.stop(0, signal.SIGTERM) == 0
            await parts.until_healthy(0, healthy=False)
            await parts.start(0)
            # Envoy does not know yet that the first is back, and soon sends nothing to the second.
            assert await parts.stop(1, signal.SIGTERM) == 0
            await parts.until_healthy(0)
            await parts.start(1)
            await parts.until_healthy(1)
            before = [len(parts.log(index)) for index in range(TRANSLATORS)]
            await until_more_ended(sent)
        assert not sent.broken, parts.told(sent.broken)
        for index in range(TRANSLATORS):
            assert len(parts.log(index)) > before[index]
        assert parts.models.asked == dict.fromkeys(range(len(sent.exchanges)), 1)


async def test_a_crash_loses_what_the_process_held_and_nothing_else(tmp_path: Path) -> None:
    async with fleet(tmp_path) as parts:
        async with load(parts.port, events=10) as sent:
            await until_more_ended(sent)
            under_way = {each.number for each in sent.exchanges if not each.ended}
            assert await parts.stop(0, signal.SIGKILL) == -signal.SIGKILL
            await until_more_ended(sent)
            before = len(parts.log(0))
            await parts.start(0)
            await until(lambda: len(parts.log(0)) > before)
        # A translator logs an exchange when it ends, so what was held is in no log.
        held = under_way - set(parts.log(0) | parts.log(1))
    assert {each.number for each in sent.broken} <= held
    assert {bool(each.events) for each in sent.broken} == {False, True}
    for exchange in sent.broken:
        assert_cut(exchange)
    # Where nothing had come back yet, another translator was asked, and not the model again.
    assert set(parts.models.asked.values()) == {1}


async def test_streams_longer_than_the_grace_are_cut_and_no_others(tmp_path: Path) -> None:
    async with fleet(tmp_path, "--grace", "0.5") as parts:
        async with load(parts.port, events=16) as sent:
            await until_more_ended(sent)
            begun = time.monotonic()
            assert await parts.stop(0, signal.SIGTERM) == 0
            took = time.monotonic() - begun
            await until_more_ended(sent)
        assert "Traceback" not in parts.translators[0].log.read_text()
        ended = parts.log(0)
        assert all(exchange["complete"] for exchange in parts.log(1).values())
    assert took >= 0.5
    cut = {number for number, exchange in ended.items() if not exchange["complete"]}
    assert cut
    # The last words of one more may have been on their way.
    assert cut <= {each.number for each in sent.broken} <= set(ended)
    for exchange in sent.broken:
        assert_cut(exchange)


def ask(port: int) -> int:
    """What a translator answers at once: 415."""
    return send(port, "POST", "/v1/chat/completions", b"{}", content_type="text/plain").status


def test_what_waits_for_a_translator_that_ends_is_taken_to_another(
    upstream: Upstream, tmp_path: Path
) -> None:
    port, admin, *workers = (stack.free_port() for _ in range(2 + TRANSLATORS))
    config = stack.gateway_config(
        port=port, admin=admin, http=upstream.port, grpc=upstream.port, translators=workers
    )
    ending, staying = (stack.translator(worker, tmp_path) for worker in workers)
    with ending, staying, stack.envoy(config, tmp_path), ThreadPoolExecutor(40) as pool:
        # Envoy is connected to both.
        assert set(pool.map(ask, [port] * MANY)) == {415}
        ending.send(signal.SIGSTOP)
        asked = [pool.submit(ask, port) for _ in range(40)]
        deadline = time.monotonic() + 30
        while streams(known(admin, 0)) < 10:
            assert time.monotonic() < deadline
        ending.send(signal.SIGTERM)
        ending.send(signal.SIGCONT)
        assert {each.result() for each in asked} == {415}
        assert ending.wait(10) == 0


@pytest.mark.parametrize(("gone", "noticed"), [(7, True), (5, False)])
def test_the_one_translator_that_is_left_is_found(
    upstream: Upstream, tmp_path: Path, gone: int, *, noticed: bool
) -> None:
    port, admin, worker = (stack.free_port() for _ in range(3))
    # Nobody listens on the lowest ports, nor does a test that runs elsewhere.
    workers = [*range(1, gone + 1), worker]
    config = stack.gateway_config(
        port=port, admin=admin, http=upstream.port, grpc=upstream.port, translators=workers
    )
    if not noticed:
        for cluster in config["static_resources"]["clusters"]:
            cluster.pop("health_checks", None)
    left = stack.translator(worker, tmp_path)
    with left, stack.envoy(config, tmp_path), ThreadPoolExecutor(MANY) as pool:
        assert set(pool.map(ask, [port] * MANY)) == {415}
