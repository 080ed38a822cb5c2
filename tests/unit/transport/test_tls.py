"""TLS and mutual TLS over real sockets, and changes of the files."""

import asyncio
import logging
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.unit.transport.certificates import Authority, Pair, mount, put, write
from tests.unit.transport.running import (
    OPTIONS,
    SOON,
    exchange_body,
    exchange_headers,
    open_stream,
    running,
)
from translator.extproc.session import Session
from translator.transport import tls as module
from translator.transport.grpcio import GrpcTransport, ListenError
from translator.transport.tls import Tls, server_credentials

OURS = Authority()
OTHERS = Authority()
CLIENT = OURS.issue("client")


@pytest.fixture(autouse=True)
async def _in_time() -> Any:
    async with asyncio.timeout(SOON):
        yield


@pytest.fixture
def errors(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """What the module has logged as an error so far, filled in as it goes."""
    messages: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())

    handler = Keep(logging.ERROR)
    module.logger.addHandler(handler)
    yield messages
    module.logger.removeHandler(handler)
    assert not [r for r in caplog.records if r.exc_info], "gRPC's callback raised"


def connect(
    target: str, client: Pair | None = None, *, server_ca: bytes = OURS.pem, **options: str
) -> "grpc.aio.Channel":
    pair = (client.key, client.certificate) if client else (None, None)
    credentials = grpc.ssl_channel_credentials(server_ca, *pair)
    named = [(f"grpc.{name}", value) for name, value in options.items()]
    return grpc.aio.secure_channel(target, credentials, [*OPTIONS, *named])


async def status(target: str, client: Pair | None = None, **options: Any) -> Any:
    """The health of the server, seen over a new connection."""
    async with connect(target, client, **options) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        return answer.status


async def shown(target: str) -> str:
    """The certificate, in PEM, that the server shows to a new connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    host, _, port = target.rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port), ssl=context)
    found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    with suppress(OSError):  # a client without a certificate may be told so by now
        await writer.wait_closed()
    return ssl.DER_cert_to_PEM_cert(found)


def pem(pair: Pair) -> str:
    return ssl.DER_cert_to_PEM_cert(ssl.PEM_cert_to_DER_cert(pair.certificate.decode()))


async def refused(target: str, client: Pair | None = None, **options: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await status(target, client, **options)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_without_a_client_ca_every_client_is_accepted(tmp_path: Path) -> None:
    async with running(tls=write(tmp_path, OURS.issue())) as (_, target):
        for client in (None, CLIENT, OTHERS.issue("client")):
            assert await status(target, client) == health_pb2.HealthCheckResponse.SERVING
        await refused(target, server_ca=OTHERS.pem)


async def test_with_a_client_ca_only_its_clients_are_accepted(tmp_path: Path) -> None:
    async with running(tls=write(tmp_path, OURS.issue(), OURS.pem)) as (_, target):
        assert await status(target, CLIENT) == health_pb2.HealthCheckResponse.SERVING
        await refused(target, None)
        await refused(target, OTHERS.issue("client"))
        await refused(target, CLIENT, server_ca=OTHERS.pem)


async def test_several_client_cas_are_accepted(tmp_path: Path) -> None:
    async with running(tls=write(tmp_path, OURS.issue(), OTHERS.pem + OURS.pem)) as (_, target):
        for client in (CLIENT, OTHERS.issue("client")):
            assert await status(target, client) == health_pb2.HealthCheckResponse.SERVING


async def test_plain_text_is_refused(tmp_path: Path) -> None:
    async with running(tls=write(tmp_path, OURS.issue())) as (_, target):
        async with grpc.aio.insecure_channel(target, OPTIONS) as channel:
            check = health_pb2_grpc.HealthStub(channel).Check
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await check(health_pb2.HealthCheckRequest())
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_over_a_unix_socket(tmp_path: Path) -> None:
    tls = write(tmp_path, OURS.issue(), OURS.pem)
    async with running(f"unix:{tmp_path}/s", tls=tls) as (_, target):
        options = {"ssl_target_name_override": "127.0.0.1"}
        assert await status(target, CLIENT, **options) == health_pb2.HealthCheckResponse.SERVING
        await refused(target, None, **options)


async def test_new_connections_get_a_new_certificate_and_old_streams_continue(
    tmp_path: Path,
) -> None:
    first, second = OURS.issue(), OURS.issue()
    async with running(tls=write(tmp_path, first, OURS.pem)) as (_, target):
        assert await shown(target) == pem(first)
        async with connect(target, CLIENT) as channel:
            call = open_stream(channel)
            await exchange_headers(call)
            write(tmp_path, second, OURS.pem)
            assert await shown(target) == pem(second)
            assert await status(target, CLIENT) == health_pb2.HealthCheckResponse.SERVING
            await exchange_body(call)
            other = open_stream(channel)
            await exchange_headers(other)
            for stream in (call, other):
                await stream.done_writing()
                assert await stream.code() is grpc.StatusCode.OK


async def test_a_file_that_is_overwritten_is_reloaded(tmp_path: Path) -> None:
    first, second = OURS.issue(), OURS.issue()
    tls = write(tmp_path, first)
    async with running(tls=tls) as (_, target):
        assert await shown(target) == pem(first)
        tls.certificate.write_bytes(second.certificate)
        tls.key.write_bytes(second.key)
        assert await shown(target) == pem(second)


async def test_a_kubernetes_secret_is_renewed(tmp_path: Path, errors: list[str]) -> None:
    pairs = [OURS.issue() for _ in range(3)]
    tls = mount(tmp_path / "secret", "one", pairs[0], OURS.pem)
    async with running(tls=tls) as (transport, target):
        assert await shown(target) == pem(pairs[0])
        assert transport.certificate_reloads == {"taken": 0, "refused": 0}
        mount(tmp_path / "secret", "two", pairs[1], OURS.pem)
        assert await shown(target) == pem(pairs[1])
        mount(tmp_path / "secret", "three", pairs[2], OTHERS.pem)
        assert await shown(target) == pem(pairs[2])
        await refused(target, CLIENT)
        client = OTHERS.issue("client")
        assert await status(target, client) == health_pb2.HealthCheckResponse.SERVING
        assert transport.certificate_reloads == {"taken": 2, "refused": 0}
    assert errors == []


async def test_files_that_change_before_the_first_connection_are_reloaded(tmp_path: Path) -> None:
    second = OURS.issue()
    async with running(tls=write(tmp_path, OURS.issue())) as (_, target):
        write(tmp_path, second)
        assert await shown(target) == pem(second)


async def test_files_that_do_not_change_are_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Path] = []
    read = Path.read_bytes

    def counted(path: Path) -> bytes:
        reads.append(path)
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", counted)
    tls = write(tmp_path, OURS.issue(), OURS.pem)
    async with running(tls=tls) as (_, target):
        for _ in range(3):
            await status(target, CLIENT)
        assert sorted(reads) == sorted([tls.certificate, tls.key, tmp_path / "ca.crt"])


BAD = {
    "certificate": ("tls.crt", b"-----BEGIN CERTIFICATE-----\nMIIB\n", "is not a certificate in"),
    "text": ("tls.crt", b"hello", "is not a certificate in PEM"),
    "empty": ("tls.crt", b"", "is not a certificate in PEM"),
    "key": ("tls.key", b"-----BEGIN PRIVATE KEY-----\nMIIB\n", "is not the unencrypted PEM key"),
    "another's key": ("tls.key", OURS.issue().key, "(key values mismatch)"),
    "no roots": ("ca.crt", b"", "is not a certificate in PEM"),
    "a key for roots": ("ca.crt", CLIENT.key, "is not a certificate in PEM"),
    "missing": ("ca.crt", None, "cannot be read (No such file or directory)"),
}


def spoil(folder: Path, name: str, content: bytes | None) -> None:
    if content is None:
        (folder / name).unlink()
    else:
        put(folder / name, content)


@pytest.mark.parametrize("case", BAD)
async def test_an_invalid_file_keeps_the_old_certificate(
    tmp_path: Path, case: str, errors: list[str]
) -> None:
    name, content, problem = BAD[case]
    first, second = OURS.issue(), OURS.issue()
    async with running(tls=write(tmp_path, first, OURS.pem)) as (transport, target):
        spoil(tmp_path, name, content)
        for _ in range(3):  # and it is told once
            assert await shown(target) == pem(first)
        assert await status(target, CLIENT) == health_pb2.HealthCheckResponse.SERVING
        await refused(target, OTHERS.issue("client"))
        assert len(errors) == 1
        assert errors[0].startswith(f"TLS certificate not reloaded: {tmp_path / name} ")
        assert problem in errors[0]
        assert transport.certificate_reloads == {"taken": 0, "refused": 1}
        write(tmp_path, second, OURS.pem)
        assert await shown(target) == pem(second)
        assert len(errors) == 1
        assert transport.certificate_reloads == {"taken": 1, "refused": 1}


@pytest.mark.parametrize("case", BAD)
async def test_an_invalid_file_at_the_start_is_refused(tmp_path: Path, case: str) -> None:
    name, content, problem = BAD[case]
    tls = write(tmp_path, OURS.issue(), OURS.pem)
    spoil(tmp_path, name, content)
    with pytest.raises(ListenError) as caught:
        await GrpcTransport(lambda _: Session()).start("127.0.0.1:0", tls=tls)
    assert str(caught.value).startswith(f"cannot serve TLS: {tmp_path / name} ")
    assert problem in str(caught.value)


def test_an_encrypted_key_is_refused_without_a_prompt(tmp_path: Path) -> None:
    tls = write(tmp_path, OURS.issue())
    command = ["openssl", "pkcs8", "-topk8", "-in", str(tls.key), "-passout", "pass:secret"]
    encrypted = subprocess.run(command, check=True, capture_output=True).stdout  # noqa: S603 -- ours
    put(tls.key, encrypted)
    with pytest.raises(ListenError, match=r"tls\.key is not the unencrypted PEM key of"):
        server_credentials(tls, {})


def ed448(folder: Path) -> Pair:
    """What OpenSSL takes and gRPC does not."""
    key, certificate = folder / "ed448.key", folder / "ed448.crt"
    command = ["openssl", "req", "-x509", "-newkey", "ed448", "-noenc", "-subj", "/CN=ed448"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command + files, check=True, capture_output=True)  # noqa: S603 -- ours
    return Pair(certificate.read_bytes(), key.read_bytes())


async def test_a_certificate_that_grpc_does_not_accept_is_refused(tmp_path: Path) -> None:
    tls = write(tmp_path, ed448(tmp_path))
    with pytest.raises(ListenError, match=f"or gRPC does not accept {tls.certificate}$"):
        await GrpcTransport(lambda _: Session()).start("127.0.0.1:0", tls=tls)


async def test_a_renewed_certificate_that_grpc_does_not_accept_keeps_the_old(
    tmp_path: Path,
) -> None:
    first = OURS.issue()
    async with running(tls=write(tmp_path, first, OURS.pem)) as (_, target):
        write(tmp_path, ed448(tmp_path), OURS.pem)
        for _ in range(2):
            assert await shown(target) == pem(first)
        assert await status(target, CLIENT) == health_pb2.HealthCheckResponse.SERVING


def test_files_that_are_replaced_while_they_are_read_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = OURS.issue()
    tls = write(tmp_path, OURS.issue())
    read = Path.read_bytes
    seen: list[bytes] = []

    def replacing(path: Path) -> bytes:
        content = read(path)
        seen.append(content)
        if len(seen) == 1:  # the key is of the first, the certificate of the second
            write(tmp_path, second)
        return content

    monkeypatch.setattr(Path, "read_bytes", replacing)
    server_credentials(tls, {})
    assert seen[-2:] == [second.key, second.certificate]


def test_a_listen_error_names_the_files() -> None:
    assert Tls(Path("a"), Path("b")) == Tls(certificate=Path("a"), key=Path("b"), client_ca=None)
