"""A load generator in Python, one thread for each connection.

For requests so large that a turn has only few of them, and for machines without wrk. The CPU per
request is comparable with wrk's, requests per second are not.
"""

import http.client
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import cycle, islice
from statistics import median, quantiles

from bench.load import LoadError, Request, Run

_OK = 200


def post(port: int, requests: Sequence[Request], *, connections: int, seconds: float) -> Run:
    """Post the requests in turn until the time is over, and wait for those in progress.

    Raises:
        LoadError: a connection broke, or a status was not 200.
    """
    begun = time.monotonic()
    with ThreadPoolExecutor(connections) as threads:
        turns = [
            threads.submit(_post, port, requests, number, begun + seconds)
            for number in range(connections)
        ]
        latencies = [latency for turn in turns for latency in turn.result()]
    return Run(
        requests=len(latencies),
        seconds=time.monotonic() - begun,
        p50=median(latencies),
        p99=quantiles(latencies, n=100, method="inclusive")[-1] if latencies[1:] else latencies[0],
    )


def ask(port: int, request: Request) -> bytes:
    """Post once and return the response.

    Raises:
        LoadError: the connection broke, or the status was not 200.
    """
    with closing(_connect(port)) as connection:
        return _exchange(connection, port, request)


def _post(port: int, requests: Sequence[Request], first: int, end: float) -> list[float]:
    latencies = []
    with closing(_connect(port)) as connection:
        for request in islice(cycle(requests), first % len(requests), None):
            begun = time.monotonic()
            _exchange(connection, port, request)
            now = time.monotonic()
            latencies.append(now - begun)
            if now >= end:
                break
    return latencies


def _connect(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=60)


def _exchange(connection: http.client.HTTPConnection, port: int, request: Request) -> bytes:
    headers = {"content-type": "application/json"}
    try:
        connection.request("POST", request.path, request.body, headers)
        response = connection.getresponse()
        answer = response.read()
    except (OSError, http.client.HTTPException) as error:
        msg = f"{request.path} on port {port}: {error!r}"
        raise LoadError(msg) from error
    if response.status != _OK:
        msg = f"{request.path} on port {port}: status {response.status}: {answer[:500]!r}"
        raise LoadError(msg)
    return answer
