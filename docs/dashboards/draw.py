"""Draws the dashboard of the demo under load.

It runs the demo (Envoy, two workers of the translator, MLServer) under a mixed load for some
minutes, with Prometheus scraping it, evaluates every expression of ``oip-translator.json`` through
Prometheus's API, and draws the panels in the dashboard's grid into ``oip-translator.svg``.

Needs ``prometheus`` in PATH (Debian: ``apt-get install prometheus``) and the demo's environments::

    .venv/bin/python -m docs.dashboards.draw --minutes 9
"""

import argparse
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from demo import stack
from docs.dashboards import load, panels

_HERE = Path(__file__).parent
DASHBOARD = _HERE / "oip-translator.json"
PICTURE = _HERE / "oip-translator.svg"

_SCRAPE, _STEP, _WINDOW = 5, 10, 60  # seconds
_VARIABLES = {"__rate_interval": f"{_WINDOW}s", "instance": ".*", "operation": ".*", "model": ".*"}
_OK = 200


def main() -> int:
    """Run the demo and draw. Returns the exit status: 2 if it could not start, 1 if it failed."""
    parser = argparse.ArgumentParser(prog="docs.dashboards.draw", description=__doc__)
    parser.add_argument("--minutes", type=float, default=9, help="how long the load lasts (9)")
    minutes: float = parser.parse_args().minutes
    if shutil.which("prometheus") is None:
        sys.stderr.write("prometheus is needed: apt-get install prometheus\n")
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    dashboard = json.loads(DASHBOARD.read_text())
    with tempfile.TemporaryDirectory(prefix="oip-translator-dashboard-") as folder:
        try:
            found = observe(dashboard, minutes * 60, Path(folder))
        except stack.StackError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        except KeyboardInterrupt:
            return 130
    panels.draw(dashboard, found, PICTURE)
    return 0


def observe(dashboard: Mapping[str, Any], seconds: float, folder: Path) -> panels.Found:
    """Run the demo and return the series of each panel.

    Args:
        dashboard: the dashboard's JSON.
        seconds: the duration of the load.
        folder: for configurations, logs and Prometheus's data.

    Returns:
        The series of each panel, by its id.

    Raises:
        StackError: a process did not start, or Prometheus has no data for a panel.
    """
    http, grpc, port, admin, operators, prometheus = (stack.free_port() for _ in range(6))
    worker = stack.free_port()
    config = stack.gateway_config(
        port=port, admin=admin, http=http, grpc=grpc, translators=[worker, worker + 1]
    )
    settings = folder / "settings.toml"
    settings.write_text("")
    options = ("--workers=2", f"--admin=127.0.0.1:{operators}", f"--config={settings}")
    translator = stack.translator(worker, folder, *options)
    with (
        stack.mlserver(http, grpc, folder),
        translator,
        stack.envoy(config, folder),
        _prometheus(prometheus, operators, folder),
    ):
        begun = time.time()
        with load.running(port, seconds):
            _happen(translator, settings, begun, seconds)
        # Rates are complete from the end of their first window.
        return _evaluate(dashboard, prometheus, begun + _WINDOW, time.time())


def _happen(translator: stack.Server, settings: Path, begun: float, seconds: float) -> None:
    """Cause some events during the run that the dashboard should show."""

    def kill() -> None:
        children = Path(f"/proc/{translator.pid}/task/{translator.pid}/children").read_text()
        os.kill(int(children.split()[0]), signal.SIGKILL)

    def write(text: str) -> Callable[[], object]:
        return lambda: settings.write_text(text)

    events: list[tuple[float, Callable[[], object]]] = [
        (0.40, write("max_exchanges = 2")),
        (0.52, write("max_exchanges = 200")),
        (0.66, write("max_exchanges = lots")),
        (0.72, write("max_exchanges = 2000")),
        (0.84, kill),
    ]
    for share, event in events:
        _sleep_until(begun + share * seconds)
        event()
    _sleep_until(begun + seconds)


def _sleep_until(when: float) -> None:
    time.sleep(max(when - time.time(), 0))


def _prometheus(port: int, target: int, folder: Path) -> stack.Server:
    scrape = {
        "job_name": "oip-translator",
        "static_configs": [
            {"targets": [f"127.0.0.1:{target}"], "labels": {"instance": "gateway-0"}}
        ],
    }
    config = folder / "prometheus.yml"
    every = {"scrape_interval": f"{_SCRAPE}s"}
    config.write_text(yaml.safe_dump({"global": every, "scrape_configs": [scrape]}))
    return stack.Server(
        "Prometheus",
        [
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        log=folder / "prometheus.log",
        ready=lambda: stack.answers(f"http://127.0.0.1:{port}/-/ready"),
    )


def _evaluate(dashboard: Mapping[str, Any], port: int, begin: float, end: float) -> panels.Found:
    found = {}
    for panel in dashboard["panels"]:
        if panel["type"] != "row":
            found[panel["id"]] = [
                series
                for target in panel["targets"]
                for series in _query(port, target["expr"], target["legendFormat"], begin, end)
            ]
            if not found[panel["id"]]:
                raise stack.StackError(f"{panel['title']} is empty.")
    return found


def _query(
    port: int, expression: str, legend: str, begin: float, end: float
) -> list[panels.Series]:
    """The series of one expression, with the names that Grafana would use."""
    for name, value in _VARIABLES.items():
        expression = expression.replace(f"${name}", value)
    times = {"start": f"{begin:.0f}", "end": f"{end:.0f}", "step": _STEP}
    query = urlencode({"query": expression, **times})
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", f"/api/v1/query_range?{query}")
        response = connection.getresponse()
        answer = json.load(response)
    if response.status != _OK:
        raise stack.StackError(f"Prometheus refused {expression}: {answer['error']}")
    return [
        panels.Series(
            re.sub(r"{{(\w+)}}", lambda match: labels.get(match[1], ""), legend).strip(),  # noqa: B023 -- used at once
            [(when, float(value)) for when, value in one["values"]],
        )
        for one in answer["data"]["result"]
        for labels in [one["metric"]]
    ]


if __name__ == "__main__":
    sys.exit(main())
