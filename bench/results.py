"""What every suite gives, and what its numbers mean.

A suite is a module with ``NAME`` and ``measure(plan, folder, progress)``, which yields results as
they come. Tables, ratios, plots and JSON are made from results alone, whatever the suite.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from bench.plan import Plan

Progress = Callable[[str], None]
"""Takes a few words before each step."""


@dataclass(frozen=True, slots=True)
class Result:
    """One turn: what one contender did in one scenario in one round.

    Attributes:
        suite: the name of the suite.
        scenario: what was asked, for people.
        contender: who was asked. Results of one scenario and round can be compared.
        round: counted from 1.
        metrics: what was measured, by names from :data:`METRICS`. What does not apply is not there.
    """

    suite: str
    scenario: str
    contender: str
    round: int
    metrics: Mapping[str, float]


class Suite(Protocol):
    """Something that can be measured."""

    NAME: str

    def measure(self, plan: Plan, folder: Path, progress: Progress, /) -> Iterator[Result]:
        """Measure; ``folder`` takes configurations and logs.

        Raises:
            BenchError: something does not work as it should, so its numbers would mean nothing.
            StackError: a process did not start.
        """


class BenchError(RuntimeError):
    """Something does not work as it should, so its numbers would mean nothing."""


class Metric(NamedTuple):
    """How a metric is shown: its name, its unit, and how many decimals are worth reading."""

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
    # Of Python and the gateway's Envoy together.
    "per_cpu_s": Metric("requests per CPU second", "", 0),
    "peak_rss_mb": Metric("Python peak RSS", "MB", 0),
    # Workers: what the least busy did, divided by what the busiest did.
    "balance": Metric("balance", "", 2),
    # Streams: an event's delay is from its being written upstream to its being whole at the client.
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
    # Memory: resident sets; a body's multiple is the peak over idle divided by the body's size.
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
"""Every metric by its name; tables show them in this order."""
