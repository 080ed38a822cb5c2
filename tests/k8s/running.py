"""Envoy and the translator of a place as processes: with other addresses, else as they are."""

import http.client
import json
import ssl
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

from demo import stack
from tests.e2e.conftest import Reply, send
from tests.k8s.manifests import Object, pods, start
from tests.k8s.places import PLACES, moved

HELLO: dict[str, Any] = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}
_CERTIFICATES = "/etc/envoy/tls"


@dataclass(frozen=True)
class Running:
    """A place that runs.

    Attributes:
        name: which of PLACES.
        ports: of Envoy's listeners: for clients, and where there is one, for operators.
        admin: of its admin interface.
        envoy: its process.
        translator: the other.
        authority: whose certificates clients must trust, PEM; None where they speak plain HTTP.
    """

    name: str
    ports: Sequence[int]
    admin: int
    envoy: stack.Server
    translator: stack.Server
    authority: Path | None

    def connect(self) -> http.client.HTTPConnection:
        """A connection as a client has it."""
        host, port = "127.0.0.1", self.ports[0]
        if self.authority is None:
            return http.client.HTTPConnection(host, port, timeout=60)
        context = ssl.create_default_context(cafile=self.authority)
        return http.client.HTTPSConnection(host, port, timeout=60, context=context)

    def post(self, path: str, body: Any, **headers: str) -> Reply:
        """Post JSON as a client."""
        connection = self.connect()
        try:
            headers["content-type"] = "application/json"
            connection.request("POST", path, json.dumps(body), headers)
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, names, response.read())
        finally:
            connection.close()

    def operate(self, path: str) -> Reply:
        """Ask the listener for operators."""
        return send(self.ports[1], "GET", path)


@contextmanager
def running(place: str, folder: Path, upstream: int) -> Iterator[Running]:
    """Run what a place has.

    Args:
        place: one of PLACES.
        folder: for files and sockets.
        upstream: the port of the model server.
    """
    bootstrap = PLACES[place]()
    workers, flags, environment = _translator(place, folder)
    ports = [stack.free_port() for _ in bootstrap["static_resources"]["listeners"]]
    admin = stack.free_port()
    config = moved(bootstrap, listeners=ports, admin=admin, upstream=upstream, translators=workers)
    authority = _certify(config, folder) if "tls" in place else None
    probe = stack.free_port()
    translator = stack.Server(
        "The translator",
        [sys.executable, "-m", "translator", "serve", *flags, f"--admin=127.0.0.1:{probe}"],
        log=folder / "translator.log",
        ready=lambda: stack.answers(f"http://127.0.0.1:{probe}/readyz"),
        env=environment,
    )
    with translator, stack.envoy(config, folder) as envoy:
        yield Running(place, ports, admin, envoy, translator, authority)


def _translator(place: str, folder: Path) -> tuple[list[Object], list[str], dict[str, str]]:
    """Where Envoy finds the workers; the flags and variables to start them as the Pod does."""
    port = stack.free_port()
    address: Object = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    if place.endswith(".yaml"):
        return [address], [f"--listen=127.0.0.1:{port}"], {}
    (pod,) = pods(place)
    started = start(pod, folder)
    (listen,) = started.flags
    flags = [f"--config={started.file}"]
    if listen == "--listen=0.0.0.0:50051":
        return [address], [*flags, f"--listen=127.0.0.1:{port}"], started.environment
    assert listen == "--listen=unix:/run/translator/{worker}.sock"
    sockets: list[Object] = [{"pipe": {"path": f"{folder}/{worker}.sock"}} for worker in range(2)]
    return sockets, [*flags, f"--listen=unix:{folder}/{{worker}}.sock"], started.environment


def _certify(config: Object, folder: Path) -> Path:
    """Put a certificate where the configuration looks for it, which is then in the folder.

    Returns:
        The certificate of its authority.
    """
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(folder / "tls.key")
    certificate.cert_chain_pems[0].write_to_path(folder / "tls.crt")
    chain = config["static_resources"]["listeners"][0]["filter_chains"][0]
    text = json.dumps(chain["transport_socket"])
    assert _CERTIFICATES in text
    chain["transport_socket"] = json.loads(text.replace(_CERTIFICATES, str(folder)))
    trusted = folder / "ca.crt"
    authority.cert_pem.write_to_path(trusted)
    return trusted
