"""The command health."""

import asyncio
from pathlib import Path

import pytest

from tests.unit.transport.certificates import Authority, write
from tests.unit.transport.running import running
from translator.health import report
from translator.settings.sources import load
from translator.transport.tls import Tls

PATIENCE = 20.0


async def reported(**options: str) -> int:
    """The report's exit status. It has a loop of its own, and so a thread."""
    return await asyncio.to_thread(report, load(options, {}), PATIENCE)


def flags(tls: Tls) -> dict[str, str]:
    ca = {"tls_client_ca": str(tls.client_ca)} if tls.client_ca else {}
    return {"tls_certificate": str(tls.certificate), "tls_key": str(tls.key), **ca}


@pytest.mark.parametrize(("serving", "status"), [((0, 1), 0), ((1,), 0), ((), 1)])
async def test_one_worker_that_serves_is_enough(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], serving: tuple[int, ...], status: int
) -> None:
    sockets = [f"unix:{tmp_path}/{worker}" for worker in range(2)]
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        found = group.create_task(_with(sockets, serving, f"unix:{tmp_path}/{{worker}}"))
    assert found.result() == status
    said = {True: "SERVING", False: "nothing listens there"}
    assert capsys.readouterr().out.splitlines() == [
        f"{socket}: {said[worker in serving]}" for worker, socket in enumerate(sockets)
    ]


async def _with(sockets: list[str], serving: tuple[int, ...], listen: str) -> int:
    if not serving:
        return await reported(listen=listen, workers="2")
    async with running(sockets[serving[0]]):
        return await _with(sockets, serving[1:], listen)


async def test_tls_is_used_if_the_settings_have_a_certificate(tmp_path: Path) -> None:
    async with running(tls=(tls := write(tmp_path, Authority().issue()))) as (_, target):
        assert await reported(listen=target, **flags(tls)) == 0
        assert await reported(listen=target) == 1


async def test_the_servers_own_certificate_is_presented_for_mutual_tls(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = Authority()
    async with running(tls=(tls := write(tmp_path / "a", ours.issue(), ours.pem))) as (_, target):
        assert await reported(listen=target, **flags(tls)) == 0
    # An authority for clients only has not signed it.
    tls = write(tmp_path / "b", ours.issue(), Authority().pem)
    async with running(tls=tls) as (_, target):
        capsys.readouterr()
        assert await reported(listen=target, **flags(tls)) == 1
    assert capsys.readouterr().out == f"{target}: connection closed without a response\n"


async def test_invalid_certificate_files_do_not_affect_health(tmp_path: Path) -> None:
    async with running(tls=(tls := write(tmp_path, Authority().issue()))) as (_, target):
        tls.certificate.write_text("oops")
        assert await reported(listen=target, **flags(tls)) == 0


async def test_without_a_valid_client_certificate_health_is_unknown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = Authority()
    async with running(tls=(tls := write(tmp_path, ours.issue(), ours.pem))) as (_, target):
        tls.certificate.write_text("oops")
        assert await reported(listen=target, **flags(tls)) == 1
    assert capsys.readouterr().out == f"{target}: connection closed without a response\n"
