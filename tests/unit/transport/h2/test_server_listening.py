"""Addresses to listen on, and their errors."""

import asyncio
import socket
import subprocess
import sys

import pytest

from demo import stack
from tests.unit.transport.h2.library import CHECK, connected
from tests.unit.transport.h2.serving import serving
from translator.extproc.session import Session
from translator.transport.errors import ListenError
from translator.transport.h2.server import H2Transport
from translator.transport.health.client import status
from translator.transport.service import SERVICE


async def serves(address: str) -> bool:
    return await status(address, SERVICE, 10) == "SERVING"


@pytest.mark.parametrize("host", ["[::]", "0.0.0.0", "localhost", "127.0.0.1"])  # noqa: S104 -- for a moment
async def test_it_listens_on_ipv4(host: str) -> None:
    async with serving(f"{host}:0") as served, connected(served.address) as client:
        assert (await client.call(CHECK)).status == (0, "")


@pytest.mark.parametrize("host", ["[::]", "[::1]"])
async def test_it_listens_on_ipv6(host: str) -> None:
    async with serving(f"{host}:0") as served:
        assert await serves(f"[::1]:{served.address.rpartition(':')[2]}")


@pytest.mark.parametrize("given", [False, True], ids=["any-port", "given-port"])
async def test_it_listens_on_every_address_of_a_name(
    monkeypatch: pytest.MonkeyPatch, *, given: bool
) -> None:
    port = stack.free_port() if given else 0
    resolve = socket.getaddrinfo

    def both(host: str, port: str, **options: int) -> list[object]:
        assert host == "localhost"
        # As /etc/hosts has it nearly everywhere, with an address that is another machine's.
        hosts = ("::1", "127.0.0.1", "127.0.0.1", "192.0.2.1")
        return [found for each in hosts for found in resolve(each, port, **options)]

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", both)
        transport = H2Transport(lambda _: Session())
        heard = await transport.start(f"localhost:{port}")
    assert heard == port or not port
    assert await serves(f"127.0.0.1:{heard}")
    assert await serves(f"[::1]:{heard}")
    await transport.drain(0)
    for host in ("127.0.0.1", "::1"):
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(host, heard)


async def test_one_address_in_use_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolve = socket.getaddrinfo

    def both(_host: str, port: str, **options: int) -> list[object]:
        return [found for each in ("::1", "127.0.0.1") for found in resolve(each, port, **options)]

    async with serving() as served:
        port = served.address.rpartition(":")[2]
        monkeypatch.setattr(socket, "getaddrinfo", both)
        with pytest.raises(ListenError, match=f"^cannot listen on localhost:{port}: it is in use"):
            await H2Transport(lambda _: Session()).start(f"localhost:{port}")
        monkeypatch.undo()
        with socket.create_server(("::1", int(port)), family=socket.AF_INET6):
            pass  # it has let go of the other


@pytest.mark.parametrize(
    "address",
    [
        "192.0.2.1:0",
        "nobody.invalid:0",
        f"{'a' * 64}:0",
        "127.0.0.1:http:1",
        "unix:/nowhere/at/all",
        f"unix:/tmp/{'s' * 300}",
    ],
)
async def test_an_address_that_cannot_be_bound_is_one_sentence(address: str) -> None:
    with pytest.raises(ListenError, match=r"^cannot listen on [^\n]*[^.\n]$"):
        await H2Transport(lambda _: Session()).start(address)


async def test_a_port_in_use_by_another_process_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(ListenError, match=f"^cannot listen on {address}: it is in use"):
            await H2Transport(lambda _: Session()).start(address)


_PROGRAM = """
import asyncio, sys
from translator.extproc.session import Session
from translator.serving import server
from translator.serving.listening import listen
from translator.settings.definition import Settings
async def main():
    transport, _ = await listen(Settings(), "127.0.0.1:0", lambda _: Session())
    await transport.drain(0)
    print(sorted({"grpc", "opentelemetry", "hpack"} & set(sys.modules)))
asyncio.run(main())
"""


def test_it_does_not_import_grpc() -> None:
    done = subprocess.run(  # noqa: S603 -- ours
        [sys.executable, "-c", _PROGRAM], check=True, capture_output=True, text=True, cwd=stack.ROOT
    )
    assert done.stdout == "['hpack']\n"


@pytest.mark.parametrize("address", ["127.0.0.1:0", "localhost:0"])
async def test_connections_have_nodelay_and_keepalive(address: str) -> None:
    async with serving(address) as served, connected(served.address) as client:
        assert (await client.call(CHECK)).status == (0, "")
        [peer] = served.peers
        sock = peer._transport.get_extra_info("socket")  # noqa: SLF001 -- who else has it
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        # A client whose machine is gone is found out.
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        silence, every, times = (
            sock.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
        assert silence + every * times <= 120
