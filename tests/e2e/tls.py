"""envoy/gateway.yaml with TLS to the translator."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from demo import stack
from tests.e2e.conftest import Gateway
from tests.e2e.upstream import Upstream
from tests.unit.transport.certificates import Authority, Pair, put
from translator.transport.tls import Tls

NAME = "translator.test"

OURS = Authority()


def translator(port: int, folder: Path, tls: Tls) -> stack.Server:
    files = {"certificate": tls.certificate, "key": tls.key, "client-ca": tls.client_ca}
    options = (f"--tls-{name}={path}" for name, path in files.items() if path)
    return stack.translator(port, folder, *options)


def upstream_tls(folder: Path, client: Pair | None) -> dict[str, Any]:
    """The transport_socket of the translator's cluster."""
    put(folder / "trusted.crt", OURS.pem)
    common: dict[str, Any] = {
        # For the health checks: gRPC closes a connection that does not ask for HTTP/2.
        "alpn_protocols": ["h2"],
        "validation_context": {
            "trusted_ca": {"filename": str(folder / "trusted.crt")},
            "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": NAME}}],
        },
    }
    if client is not None:
        put(folder / "client.crt", client.certificate)
        put(folder / "client.key", client.key)
        common["tls_certificates"] = [
            {
                "certificate_chain": {"filename": str(folder / "client.crt")},
                "private_key": {"filename": str(folder / "client.key")},
            }
        ]
    kind = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": f"type.googleapis.com/{kind}",
            "sni": NAME,
            "common_tls_context": common,
        },
    }


@contextmanager
def gateway(
    folder: Path, upstream: Upstream, *, tls: Tls, client: Pair | None
) -> Iterator[Gateway]:
    """envoy/gateway.yaml with TLS to the translator, on a new connection for each stream."""
    port, admin, worker = stack.free_port(), stack.free_port(), stack.free_port()
    config = stack.gateway_config(
        port=port, admin=admin, http=upstream.port, grpc=upstream.port, translators=[worker]
    )
    (cluster,) = (
        each for each in config["static_resources"]["clusters"] if each["name"] == "oip_translator"
    )
    cluster["transport_socket"] = upstream_tls(folder, client)
    (options,) = cluster["typed_extension_protocol_options"].values()
    options["common_http_protocol_options"] = {"max_requests_per_connection": 1}
    with translator(worker, folder, tls) as serving, stack.envoy(config, folder) as proxy:
        yield Gateway(port, admin, worker, proxy, serving)
