"""The names of contenders in results."""

from collections.abc import Mapping, Sequence

FILTER = "filter"
"""The filter beside Envoy, on loopback, with its own transport."""
FILTER_GRPCIO = "filter on grpcio"
"""The filter with the transport that TLS and other machines need."""
FILTERS: Mapping[str, Sequence[str]] = {FILTER: (), FILTER_GRPCIO: ("--transport", "grpcio")}
"""The flags of `oip-translator serve`, except the port, for each variant."""
NOOP = "no-op"
"""An ext_proc server that replies with constants (:mod:`bench.noop`)."""
NOOP_3 = "no-op, 3 messages"
"""The same, with a gateway that sends no request headers: one message less."""
ENVOY = "Envoy alone"
"""The same listener on a plain OIP path, where the filter is off."""
NO_FILTER = "Envoy without filter"
"""envoy/gateway.yaml without the filter."""
WORKERS: Mapping[str, int] = {"1 worker": 1, "2 workers": 2}
"""The number of workers, by contender, in the suite that compares them."""
