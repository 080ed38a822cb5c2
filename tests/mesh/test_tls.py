"""TLS between our gateway's Envoy and a mesh's, which may ask for a certificate in turn."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from demo import stack
from tests import oip
from tests.e2e.conftest import Gateway
from tests.mesh.conftest import CHAT, SOON, Bed, ask, texts
from tests.mesh.scheduler import Mesh, Model, envoy_config
from tests.unit.transport.certificates import Authority, Pair, put

NAME = "seldon-mesh.test"
TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3"

OURS = Authority()
OTHERS = Authority()


def certificate(folder: Path, name: str, pair: Pair) -> Mapping[str, Any]:
    put(folder / f"{name}.crt", pair.certificate)
    put(folder / f"{name}.key", pair.key)
    return {
        "certificate_chain": {"filename": str(folder / f"{name}.crt")},
        "private_key": {"filename": str(folder / f"{name}.key")},
    }


def trusted(folder: Path, name: str, authority: Authority) -> dict[str, Any]:
    put(folder / f"{name}-ca.crt", authority.pem)
    return {"trusted_ca": {"filename": str(folder / f"{name}-ca.crt")}}


def listener(folder: Path, *, mutual: bool) -> dict[str, Any]:
    """The transport socket of the mesh."""
    common: dict[str, Any] = {
        "tls_certificates": [certificate(folder, "mesh", OURS.issue(NAME))],
        "alpn_protocols": ["h2", "http/1.1"],
    }
    if mutual:
        common["validation_context"] = trusted(folder, "clients", OURS)
    context = {
        "@type": f"{TLS}.DownstreamTlsContext",
        "require_client_certificate": mutual,
        "common_tls_context": common,
    }
    return {"name": "envoy.transport_sockets.tls", "typed_config": context}


def cluster(folder: Path, authority: Authority, client: Pair | None) -> dict[str, Any]:
    """The transport socket of our cluster ``oip_http``."""
    names = [{"san_type": "DNS", "matcher": {"exact": NAME}}]
    checked = trusted(folder, "gateway", authority) | {"match_typed_subject_alt_names": names}
    common: dict[str, Any] = {"validation_context": checked}
    if client is not None:
        common["tls_certificates"] = [certificate(folder, "client", client)]
    context = {
        "@type": f"{TLS}.UpstreamTlsContext",
        "sni": NAME,
        "common_tls_context": common,
    }
    return {"name": "envoy.transport_sockets.tls", "typed_config": context}


@contextmanager
def gateway(
    folder: Path,
    bed: Bed,
    *,
    mutual: bool = False,
    authority: Authority = OURS,
    client: Pair | None = None,
) -> Iterator[Gateway]:
    """envoy/gateway.yaml with TLS to a mesh of its own, whose only model is the script."""
    mesh, port, admin, worker = (stack.free_port() for _ in range(4))
    inner = envoy_config(
        Mesh([Model("scripted", bed.scripted.port)], back_off=SOON),
        port=mesh,
        admin=stack.free_port(),
        transport_socket=listener(folder, mutual=mutual),
    )
    outer = stack.gateway_config(port=port, admin=admin, http=mesh, grpc=mesh, translators=[worker])
    (http,) = (it for it in outer["static_resources"]["clusters"] if it["name"] == "oip_http")
    http["transport_socket"] = cluster(folder, authority, client)
    inside = folder / "mesh"
    inside.mkdir()
    with (
        stack.envoy(inner, inside),
        stack.translator(worker, folder, "--seldon-mesh") as serving,
        stack.envoy(outer, folder) as proxy,
    ):
        yield Gateway(port, admin, worker, proxy, serving)


@pytest.mark.parametrize("mutual", [False, True])
def test_answers_and_streams_pass(bed: Bed, tmp_path: Path, *, mutual: bool) -> None:
    client = OURS.issue("gateway") if mutual else None
    with gateway(tmp_path, bed, mutual=mutual, client=client) as running:
        bed.script.answer(oip.answer("Hi"))
        assert running.post(CHAT, ask("scripted")).status == 200
        bed.script.stream(oip.answer("Hel"), oip.answer("lo"))
        reply = running.post(CHAT, ask("scripted", stream=True))
        assert texts(reply.body) == ["Hel", "lo"]


@pytest.mark.parametrize(
    ("authority", "client"),
    [(OTHERS, OURS.issue("gateway")), (OURS, None), (OURS, OTHERS.issue("gateway"))],
    ids=["a mesh of another's", "no certificate", "another's certificate"],
)
def test_who_is_not_trusted_gets_an_openai_error(
    bed: Bed, tmp_path: Path, authority: Authority, client: Pair | None
) -> None:
    with gateway(tmp_path, bed, mutual=True, authority=authority, client=client) as running:
        reply = running.post(CHAT, ask("scripted"))
        assert (reply.status, reply.error["type"]) == (503, "server_error")
        assert "certificate" not in reply.error["message"].lower()
    assert not bed.scripted.received
