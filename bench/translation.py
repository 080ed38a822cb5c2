"""What translation alone costs, in this process: no Envoy, no gRPC.

The yardstick is json.loads and json.dumps of the same body, which is what any program must spend
that looks into it with the standard library.
"""

import json
import timeit
from collections.abc import Callable
from functools import partial
from statistics import median

from bench import samples
from translator.endpoints.model_settings import DEFAULTS
from translator.extproc.session import Session

_REPEATS = 15
_SECONDS = 0.1  # of one repeat, at least

Work = Callable[[], object]


def cost(work: Work) -> tuple[float, float]:
    """Microseconds per call: the best and the median of the repeats."""
    timer = timeit.Timer(work)
    calls, spent = timer.autorange()
    calls = max(1, round(calls * _SECONDS / spent))
    times = [spent / calls * 1e6 for spent in timer.repeat(_REPEATS, calls)]
    return min(times), median(times)


def _json(body: bytes) -> Work:
    return lambda: json.dumps(json.loads(body))


def _both(*parts: Work) -> Work:
    def work() -> None:
        for part in parts:
            part()

    return work


def _exchange() -> None:
    session = Session()
    for message in _MESSAGES:
        session.handle(message)


_MESSAGES = samples.messages()


def main() -> None:
    """Print the table."""
    _, inference = samples.CHAT.to_oip(samples.OPENAI_REQUEST, None, DEFAULTS)
    request = partial(samples.CHAT.to_oip, samples.OPENAI_REQUEST, None, DEFAULTS)
    response = partial(inference.from_oip, samples.OIP_RESPONSE)
    json_request, json_response = _json(samples.OPENAI_REQUEST), _json(samples.OIP_RESPONSE)
    json_both = _both(json_request, json_response)
    rows: list[tuple[str, Work, Work]] = [
        (f"request, {len(samples.OPENAI_REQUEST)} bytes", request, json_request),
        (f"response, {len(samples.OIP_RESPONSE)} bytes", response, json_response),
        ("request and response", _both(request, response), json_both),
        ("the same as Envoy's four messages", _exchange, json_both),
    ]
    print(f"{'us per call':34}{'best':>8}{'median':>8}{'json best':>11}{'multiple':>10}")
    for name, work, yardstick in rows:
        best, middle = cost(work)
        base, _ = cost(yardstick)
        print(f"{name:34}{best:8.1f}{middle:8.1f}{base:11.1f}{best / base:9.1f}x")


if __name__ == "__main__":
    main()
