"""The results of suites, and their metrics.

A suite is a module with ``NAME`` and ``measure(plan, folder, progress)``, which yields results.
Tables, ratios, plots and JSON are made from results only, for all suites alike.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from bench.plan import Plan

Progress = Callable[[str], None]
"""Called with a short text before each step."""


@dataclass(frozen=True, slots=True)
class Result:
    """One turn: one contender in one scenario and round.

    Attributes:
        suite: the name of the suite.
        scenario: the name of the scenario.
        contender: the name of the contender. Results of one scenario and round are comparable.
        round: counted from 1.
        metrics: values by names from :data:`METRICS`, only those that apply.
    """

    suite: str
    scenario: str
    contender: str
    round: int
    metrics: Mapping[str, float]


class Suite(Protocol):
    """A suite of measurements."""

    NAME: str

    def measure(self, plan: Plan, folder: Path, progress: Progress, /) -> Iterator[Result]:
        """Measure; ``folder`` is for configurations and logs.

        Raises:
            BenchError: something does not work, so that the figures would be meaningless.
            StackError: a process did not start.
        """


class BenchError(RuntimeError):
    """Something does not work, so that the figures would be meaningless."""


class Metric(NamedTuple):
    """The name, unit and number of decimals of a metric."""

    name: str
    unit: str
    decimals: int

    @property
    def title(self) -> str:
        """Name and unit."""
        return f"{self.name}, {self.unit}" if self.unit else self.name


METRICS: Mapping[str, Metric] = {
    "rps": Metric("requests/s", "", 0),
    "p50_ms": Metric("p50", "ms", 2),
    "p99_ms": Metric("p99", "ms", 2),
    "added_p50_ms": Metric("p50 over Envoy alone", "ms", 2),
    "python_cpu_us": Metric("Python CPU", "us/request", 0),
    "envoy_cpu_us": Metric("Envoy CPU", "us/request", 0),
    # CPU of Python and the gateway's Envoy together.
    "per_cpu_s": Metric("requests per CPU second", "", 0),
    "peak_rss_mb": Metric("Python peak RSS", "MB", 0),
    # Workers: requests of the least busy worker, divided by those of the busiest.
    "balance": Metric("balance", "", 2),
    # Streams: an event's delay is the time from the model server's write to the complete event at
    # the client.
    "events_per_s": Metric("events/s", "", 0),
    "ttft_ms": Metric("time to first event", "ms", 2),
    "event_delay_p50_ms": Metric("event delay p50", "ms", 2),
    "event_delay_p99_ms": Metric("event delay p99", "ms", 2),
    "added_event_delay_p50_ms": Metric("event delay p50 over Envoy alone", "ms", 2),
    "delay_share": Metric("delay beyond no-op / added by no-op", "", 2),
    "jitter_p99_ms": Metric("jitter p99", "ms", 2),
    "python_event_us": Metric("Python CPU", "us/event", 0),
    "envoy_event_us": Metric("Envoy CPU", "us/event", 0),
    "load_share": Metric("load generator", "cores", 2),
    "python_stream_kb": Metric("Python RSS", "KB/open stream", 0),
    "envoy_stream_kb": Metric("Envoy RSS", "KB/open stream", 0),
    # Memory: resident sets; "body_multiple" is the peak above idle, divided by the body's size.
    "idle_rss_mb": Metric("idle RSS", "MB", 0),
    "body_multiple": Metric("peak over idle", "bodies", 1),
    "rss_1_mb": Metric("RSS after 1/4", "MB", 1),
    "rss_2_mb": Metric("RSS after 2/4", "MB", 1),
    "rss_3_mb": Metric("RSS after 3/4", "MB", 1),
    "rss_4_mb": Metric("RSS after all", "MB", 1),
    "growth_mb": Metric("growth after 1/4", "MB", 1),
    # Start-up.
    "import_s": Metric("import", "s", 2),
    "ready_s": Metric("ready", "s", 2),
    "rss_mb": Metric("RSS of a worker", "MB", 0),
    "supervisor_rss_mb": Metric("RSS of the supervisor", "MB", 0),
    # In process.
    "call_us": Metric("time", "us/call", 1),
}
"""All metrics by name, in the order of tables."""
