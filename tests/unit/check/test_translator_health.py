"""Health checks of the translator, and of other servers at its address."""

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.unit.check.test_steps import parse
from tests.unit.transport.certificates import Authority, write
from tests.unit.transport.running import (
    OPTIONS,
    SOON,
    Kind,
    exchange_headers,
    open_stream,
    running,
)
from translator.check.command import run
from translator.transport.tls import Tls


async def checked(
    capsys: pytest.CaptureFixture[str], address: str, *options: str
) -> dict[str, Any]:
    """The step about the translator. The command has a loop of its own, and so a thread."""
    arguments = parse("--translator", address, "--json", *options)
    status = await asyncio.to_thread(run, arguments)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)[0]
    assert found["name"] == "translator health"
    assert status == (0 if found["ok"] else 1)
    return found


def flags(tls: Tls) -> list[str]:
    return [f"--tls-certificate={tls.certificate}", f"--tls-key={tls.key}"]


@pytest.mark.parametrize("where", ["unix:{}/s", "127.0.0.1:0"])
async def test_a_serving_translator_passes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, where: str, kind: Kind
) -> None:
    async with running(where.format(tmp_path), kind) as (_, target):
        assert (await checked(capsys, target))["ok"]


@pytest.mark.parametrize("where", ["unix:{}/s", "127.0.0.1:0"])
@pytest.mark.parametrize("mutual", [False, True], ids=["TLS", "mutual TLS"])
async def test_a_serving_translator_with_tls_passes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, where: str, *, mutual: bool
) -> None:
    ours = Authority()
    tls = write(tmp_path / "secret", ours.issue(), ours.pem if mutual else None)
    async with running(where.format(tmp_path), tls=tls) as (_, target):
        assert (await checked(capsys, target, *flags(tls)))["ok"]
        plain = await checked(capsys, target)
        assert plain["found"] == f"{target}: the server expects TLS, not plain text"
        assert plain["hint"].startswith("give the TLS settings of serve: --config")


async def test_a_refused_client_certificate_is_reported(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ours = Authority()
    tls = write(tmp_path / "ours", ours.issue(), ours.pem)
    others = write(tmp_path / "others", Authority().issue())
    async with running(tls=tls) as (_, target):
        found = await checked(capsys, target, *flags(others))
    assert found["found"] == f"{target}: connection closed without a response"
    assert "tls_client_ca" in found["hint"]


async def test_tls_to_a_plain_text_translator_is_reported(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: Kind
) -> None:
    tls = write(tmp_path, Authority().issue())
    async with running(kind=kind) as (_, target):
        found = await checked(capsys, target, *flags(tls))
    assert not found["ok"]
    assert found["hint"].startswith("does the translator use TLS (tls_certificate)?")


async def test_a_draining_translator_is_reported(
    capsys: pytest.CaptureFixture[str], kind: Kind
) -> None:
    async with (
        running(kind=kind) as (transport, target),
        grpc.aio.insecure_channel(target, OPTIONS) as channel,
    ):
        call = open_stream(channel)
        await exchange_headers(call)
        draining = asyncio.create_task(transport.drain(SOON))
        await asyncio.sleep(0)  # the drain begins with its health
        found = await checked(capsys, target)
        assert found["found"] == "NOT_SERVING"
        assert found["hint"] == "the translator is shutting down: start it again"
        await call.done_writing()
        await draining


async def test_another_grpc_server_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    server = grpc.aio.server()
    target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    found = await checked(capsys, target)
    await server.stop(0)
    assert found["found"] == f"{target}: the server does not have this gRPC service"
    assert found["hint"] == "give the address that oip-translator serve listens on"


async def test_a_silent_server_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = f"127.0.0.1:{silent.getsockname()[1]}"
        found = await checked(capsys, target, "--timeout=0.1")
    assert found["found"] == f"{target}: no response within 0.1 s"
    assert found["hint"] == f"start the translator: oip-translator serve --listen {target}"
