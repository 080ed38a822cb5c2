"""Writes what of envoy/gateway.yaml the manifests hold, so that there is one definition.

``python k8s/render.py`` writes the files, ``--check`` only says which of them would change. A Pod's
bootstrap is gateway.yaml with the addresses of the Pod, and with a second listener for kubelet and
Prometheus, because Envoy's admin interface stays on loopback. Istio's EnvoyFilter is its filter,
cluster and local replies as patches. The routes of Istio and of Envoy Gateway have its paths and
headers.
"""  # noqa: INP001 -- a script beside the manifests, not a package

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent

HERE = Path(__file__).resolve().parent
GATEWAY = HERE.parent / "envoy" / "gateway.yaml"
TEMPLATE = HERE / "overlays" / "istio" / "envoy-filter.template"
WORKERS = 2
"""How many sockets there are; the Pods' translator has as many workers."""


@dataclass(frozen=True)
class Pod:
    """What differs from Pod to Pod.

    Attributes:
        path: where its bootstrap is, under k8s/.
        http: host and port of the model server's HTTP.
        grpc: the same of its gRPC.
        listener: the port for clients.
        admin: the port of Envoy's admin interface, on loopback.
        operators: the port for kubelet and Prometheus.
        tls: whether clients speak TLS.
    """

    path: str
    http: tuple[str, int] = ("model-http", 80)
    grpc: tuple[str, int] = ("model-grpc", 80)
    listener: int = 9000
    admin: int = 9901
    operators: int = 9902
    tls: bool = False


PODS = (
    Pod("base/envoy.yaml"),
    Pod("components/tls/envoy.yaml", tls=True),
    # Seldon's Envoy, in the same Pod, has 9000, 9001, 9003 and 9901.
    Pod(
        "overlays/seldon-envoy/envoy.yaml",
        http=("127.0.0.1", 9000),
        grpc=("127.0.0.1", 9000),
        listener=9100,
        admin=9911,
        operators=9912,
    ),
)
FILTER = "overlays/istio/envoy-filter.yaml"
ROUTES = ("overlays/istio/routes.yaml", "overlays/envoy-gateway/routes.yaml")
TRANSLATOR = ("oip-translator.seldon-mesh.svc.cluster.local", 50051)
"""The translator as Istio's gateway finds it."""

_HEAD = """\
# Written by `python k8s/render.py` from envoy/gateway.yaml: the same except for addresses and the
# listener `operators`.
"""

_OPERATORS = """\
  # For kubelet and Prometheus: only these pages of the admin interface, which is on loopback.
  - name: operators
    address: {socket_address: {address: 0.0.0.0, port_value: %(operators)d}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: operators
          normalize_path: true
          route_config:
            name: operators
            virtual_hosts:
            - name: operators
              domains: ["*"]
              routes:
              # Liveness: Envoy responds. A draining Envoy is live but not ready.
              - match: {path: /live}
                direct_response: {status: 200}
              - match: {path: /ready}
                route: {cluster: admin}
              - match: {path: /stats/prometheus}
                route: {cluster: admin}
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router

  clusters:
  - name: admin
    type: STATIC
    connect_timeout: 1s
    load_assignment:
      cluster_name: admin
      endpoints:
      - lb_endpoints:
        - endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: %(admin)d}}}
"""  # noqa: E501 -- a name of Envoy's

_CHAIN = "    filter_chains:\n    - filters:\n"
_TLS = """\
    filter_chains:
    - transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            alpn_protocols: [h2, http/1.1]
            tls_certificates:
            # Kubernetes renews the files by swapping a symbolic link of their folder.
            - certificate_chain: {filename: /etc/envoy/tls/tls.crt}
              private_key: {filename: /etc/envoy/tls/tls.key}
              watched_directory: {path: /etc/envoy/tls}
      filters:
"""  # noqa: E501 -- a name of Envoy's


def rendered() -> Iterator[tuple[Path, str]]:
    """Each file and what it must say. Raises ValueError where gateway.yaml is not as expected."""
    for pod in PODS:
        yield HERE / pod.path, bootstrap(pod)
    yield HERE / FILTER, envoy_filter()
    for path in ROUTES:
        yield HERE / path, routes((HERE / path).read_text())


def bootstrap(pod: Pod) -> str:
    """The bootstrap of a Pod, comments and all. Raises ValueError."""
    text = GATEWAY.read_text()
    text = _HEAD + text[text.index("\nadmin:") :]
    text = _replaced(text, _address("127.0.0.1", 9901), _address("127.0.0.1", pod.admin))
    text = _replaced(text, _address("0.0.0.0", 9000), _address("0.0.0.0", pod.listener))  # noqa: S104 -- in a Pod
    text = _replaced(text, _address("127.0.0.1", 8080), _address(*pod.http))
    text = _replaced(text, _address("127.0.0.1", 8081), _address(*pod.grpc))
    before = f"        - endpoint: {{address: {{{_address('127.0.0.1', 50051)}}}}}\n"
    text = _replaced(text, before, "".join(_socket(worker) for worker in range(WORKERS)))
    if pod.tls:
        text = _replaced(text, _CHAIN, _TLS)
    ports = {"operators": pod.operators, "admin": pod.admin}
    return _replaced(text, "\n  clusters:\n", f"\n{_OPERATORS % ports}")


def envoy_filter() -> str:
    """Istio's EnvoyFilter: the template with the parts of gateway.yaml in it. Raises ValueError."""
    text = GATEWAY.read_text()
    breakers = _between(text, "    circuit_breakers: &many_at_once\n", "    typed_extension")
    cluster = _between(text, "  - name: oip_translator\n", None)
    cluster = _replaced(cluster, "    circuit_breakers: *many_at_once\n", breakers)
    cluster = _replaced(cluster, " &many_at_once", "")
    cluster = _replaced(cluster, "type: STATIC", "type: STRICT_DNS")
    cluster = _replaced(cluster, _address("127.0.0.1", 50051), _address(*TRANSLATOR))
    parts = {
        "filter": _between(
            text,
            "          - name: envoy.filters.http.ext_proc\n",
            "          - name: envoy.filters.http.router\n",
        ),
        "condition": _between(
            text, "                  dynamic_metadata:\n", "                route: &"
        ),
        "cluster": cluster,
        "local replies": _between(
            text, "          local_reply_config:\n", "          http_filters:\n"
        ),
    }
    result = TEMPLATE.read_text()
    for name, part in parts.items():
        marker = next(line for line in result.splitlines() if line.strip() == f"<{name}>")
        # An item of a list here is a value there.
        item = dedent(part.replace("- ", "  ", 1) if part.lstrip().startswith("- ") else part)
        left = marker[: -len(marker.lstrip())]
        result = _replaced(result, f"{marker}\n", indent(item, left))
    return result


def routes(text: str) -> str:
    """Routes with the paths of plain OIP, and the headers to remove, as gateway.yaml has them."""
    gateway = GATEWAY.read_text()
    paths = iter(re.findall(r'safe_regex: \{regex: (".*?")\}', gateway))
    text = re.sub(r'"/(v2|inference).*?"', lambda _: next(paths), text)
    names = _between(
        gateway, "request_headers_to_remove: &credentials\n", "                route: *"
    )
    removed = ", ".join(re.findall(r"- (\S+)", names))
    return re.sub(r"remove: \[.*?\]", f"remove: [{removed}]", text)


def _address(host: str, port: int) -> str:
    return f"socket_address: {{address: {host}, port_value: {port}}}"


def _socket(worker: int) -> str:
    return f"        - endpoint: {{address: {{pipe: {{path: /run/translator/{worker}.sock}}}}}}\n"


def _replaced(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        msg = f"{old.strip()!r} is there {text.count(old)} times, not once"
        raise ValueError(msg)
    return text.replace(old, new)


def _between(text: str, first: str, after: str | None) -> str:
    start = text.index(first)
    return text[start : None if after is None else text.index(after, start)]


def main() -> int:
    """Write the files, or with ``--check`` find those that are not up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing")
    check = parser.parse_args().check
    stale = False
    for path, text in rendered():
        if path.exists() and path.read_text() == text:
            continue
        if check:
            sys.stderr.write(f"{path} is not what k8s/render.py makes of {GATEWAY}\n")
            stale = True
        else:
            path.write_text(text)
    return int(stale)


if __name__ == "__main__":
    sys.exit(main())
