"""The choice of the transport."""

import msgspec
import pytest

from translator.extproc.session import Session
from translator.serving.listening import listen
from translator.settings.definition import Settings
from translator.settings.values import Address
from translator.transport.grpcio import GrpcTransport
from translator.transport.h2.server import H2Transport

FILES = {"tls_certificate": "/tls.crt", "tls_key": "/tls.key"}


@pytest.mark.parametrize(
    ("listen", "chosen"),
    [
        ("unix:/run/translator.sock", "h2"),
        ("unix:/run/{worker}.sock", "h2"),
        ("127.0.0.1:50051", "h2"),
        ("127.8.9.10:50051", "h2"),
        ("[::1]:50051", "h2"),
        ("localhost:50051", "h2"),
        ("0.0.0.0:50051", "grpcio"),
        ("[::]:50051", "grpcio"),
        ("10.0.0.1:50051", "grpcio"),
        ("[fe80::1]:50051", "grpcio"),
        ("translator:50051", "grpcio"),
        ("localhost.example:50051", "grpcio"),
    ],
)
def test_auto_goes_by_the_address(listen: str, chosen: str) -> None:
    settings = Settings(listen=Address.parse(listen))
    assert settings.transport == "auto"
    assert settings.chosen_transport == chosen
    assert msgspec.structs.replace(settings, **FILES).chosen_transport == "grpcio"


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "0.0.0.0:0", "unix:/s"])
def test_the_selected_transport_is_used(listen: str) -> None:
    address = Address.parse(listen)
    assert Settings(listen=address, transport="h2").chosen_transport == "h2"
    assert Settings(listen=address, transport="grpcio").chosen_transport == "grpcio"


def test_h2_has_no_tls() -> None:
    with pytest.raises(ValueError, match=r"^transport cannot be 'h2' with tls_certificate"):
        Settings(transport="h2", tls_certificate="/tls.crt", tls_key="/tls.key")


@pytest.mark.parametrize(
    ("transport", "kind"),
    [("auto", H2Transport), ("h2", H2Transport), ("grpcio", GrpcTransport)],
)
async def test_the_selected_transport_listens(transport: str, kind: type[object]) -> None:
    settings = msgspec.convert({"transport": transport}, Settings)
    started, port = await listen(settings, "127.0.0.1:0", lambda _: Session())
    assert isinstance(started, kind)
    assert port
    assert started.certificate_reloads == {"taken": 0, "refused": 0}
    await started.drain(0)
