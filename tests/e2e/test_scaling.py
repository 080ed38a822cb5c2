"""Two replicas of two workers behind one Envoy, under load: one replica goes, nothing is lost."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from demo import stack
from tests.e2e.conftest import send
from tests.e2e.fleet import Fleet, adjacent_ports, fleet
from tests.e2e.load import load, models

REPLICAS = 2
MANY = 100


@dataclass(frozen=True)
class Gateway:
    """An Envoy before the replicas."""

    port: int
    admin: int
    replicas: list[Fleet]

    def streams(self, replica: int) -> list[int]:
        """How many exchanges each worker of a replica has had."""
        statuses = send(self.admin, "GET", "/clusters?format=json").json["cluster_statuses"]
        hosts = next(each for each in statuses if each["name"] == "oip_translator")["host_statuses"]
        ports = {int(target.rpartition(":")[2]) for target in self.replicas[replica].targets}
        return [
            next(int(stat.get("value", 0)) for stat in host["stats"] if stat["name"] == "rq_total")
            for host in hosts
            if host["address"]["socket_address"]["port_value"] in ports
        ]


@asynccontextmanager
async def gateway(folder: Path, upstream: int) -> AsyncIterator[Gateway]:
    async with AsyncExitStack() as running:
        replicas = []
        for number in range(REPLICAS):
            (folder / str(number)).mkdir()
            listen = f"127.0.0.1:{adjacent_ports()}"
            replica = fleet(folder / str(number), listen=listen)
            replicas.append(await asyncio.to_thread(replica.__enter__))
            running.push_async_callback(asyncio.to_thread, replica.__exit__, None, None, None)
        port, admin = stack.free_port(), stack.free_port()
        workers = [
            int(target.rpartition(":")[2]) for replica in replicas for target in replica.targets
        ]
        config = stack.gateway_config(
            port=port, admin=admin, http=upstream, grpc=upstream, translators=workers
        )
        envoy = stack.envoy(config, folder)
        await asyncio.to_thread(envoy.__enter__)
        running.push_async_callback(asyncio.to_thread, envoy.stop)
        yield Gateway(port, admin, replicas)


async def test_a_replica_that_goes_under_load_loses_nothing(tmp_path: Path) -> None:
    async with models() as model, gateway(tmp_path, model.port) as running:
        async with load(running.port) as sent:
            async with asyncio.timeout(60):
                while sent.ended < MANY:  # noqa: ASYNC110 -- nothing tells when it comes true
                    await asyncio.sleep(0.05)
                assert all(
                    count for replica in range(REPLICAS) for count in running.streams(replica)
                )
                going, staying = running.replicas
                going.supervisor.send(signal.SIGTERM)
                assert await asyncio.to_thread(going.supervisor.wait, 40) == 0
                before, ended = sum(running.streams(1)), sent.ended
                while sent.ended < ended + MANY:  # noqa: ASYNC110 -- as above
                    await asyncio.sleep(0.05)
        assert not sent.broken
        assert sum(running.streams(1)) - before >= MANY // 2
        assert staying.supervisor.poll() is None
        assert set(model.asked.values()) == {1}
