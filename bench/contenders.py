"""Who is measured, by the names that results carry."""

from collections.abc import Mapping, Sequence

FILTER = "filter"
"""The filter as it is started beside Envoy: on loopback, where it speaks HTTP/2 itself."""
FILTER_GRPCIO = "filter on grpcio"
"""The filter as it is started for TLS, or for other machines."""
FILTERS: Mapping[str, Sequence[str]] = {FILTER: (), FILTER_GRPCIO: ("--transport", "grpcio")}
"""What `oip-translator serve` is told beyond the port, for each variant."""
NOOP = "no-op"
"""An ext_proc server that replies with constants (:mod:`bench.noop`)."""
NOOP_3 = "no-op, 3 messages"
"""The same, with a gateway that does not show request headers: what one message less would save."""
ENVOY = "Envoy alone"
"""The same listener on a plain OIP path, where the filter is off."""
NO_FILTER = "Envoy without filter"
"""envoy/gateway.yaml with the filter taken out."""
WORKERS: Mapping[str, int] = {"1 worker": 1, "2 workers": 2}
"""How many workers a translator has, where that is what is compared."""
