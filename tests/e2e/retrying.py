"""A second Envoy in front, which like the one of Seldon's mesh tries again on any 5xx."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import Template

import yaml

from demo import stack

_FILTERS = "type.googleapis.com/envoy.extensions.filters"
# The mesh waits half a second and more between two tries; here nobody has to.
_CONFIG = Template("""
admin:
  address: {socket_address: {address: 127.0.0.1, port_value: $admin}}
static_resources:
  listeners:
  - name: front
    address: {socket_address: {address: 127.0.0.1, port_value: $port}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": $filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: front
          route_config:
            virtual_hosts:
            - name: front
              domains: ["*"]
              routes:
              - match: {prefix: /}
                route:
                  cluster: behind
                  timeout: 0s
                  retry_policy:
                    retry_on: 5xx,connect-failure
                    num_retries: 5
                    retry_back_off: {base_interval: 0.01s, max_interval: 0.02s}
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": $filters.http.router.v3.Router
  clusters:
  - name: behind
    type: STATIC
    load_assignment:
      cluster_name: behind
      endpoints:
      - lb_endpoints:
        - endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: $behind}}}
""")


@contextmanager
def retrying_envoy(behind: int, folder: Path) -> Iterator[int]:
    """Run it and give its port.

    Args:
        behind: the loopback port that it passes everything on to.
        folder: for its configuration and its log.
    """
    port, admin = stack.free_port(), stack.free_port()
    text = _CONFIG.substitute(filters=_FILTERS, port=port, admin=admin, behind=behind)
    with stack.envoy(yaml.safe_load(text), folder):
        yield port
