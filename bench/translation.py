"""The cost of translation alone, in this process, without Envoy and gRPC.

The yardsticks only decode and encode the same bodies: json of the standard library, and orjson, the
fastest, if it is installed (``pip install orjson``).
"""

import importlib
import importlib.util
import json
import random
import timeit
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import process_time
from types import ModuleType

import msgspec

from bench import bodies
from bench.exchange import Exchange, translate
from bench.plan import Plan
from bench.results import Progress, Result
from translator.extproc.session import Session

NAME = "translation"
TRANSLATION = "translation"
YARDSTICKS = ("json", "orjson")

_REPEATS = 7
_SECONDS = 0.05  # the minimum duration of one repeat
_MOST = 2**20  # the maximum size of an event in bytes

Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A translation.

    Attributes:
        name: the name in tables.
        prepare: returns the work, and the bodies for the yardsticks.
        main: whether it is measured without ``--full``.
    """

    name: str
    prepare: Callable[[], tuple[Work, Sequence[bytes]]]
    main: bool = False


def measure(plan: Plan, _folder: Path, progress: Progress) -> Iterator[Result]:
    """See :class:`bench.results.Suite`."""
    for scenario in SCENARIOS:
        if not plan.has_scenario(scenario.name, main=scenario.main):
            continue
        work, read = scenario.prepare()
        contenders = {
            name: contender
            for name, contender in {TRANSLATION: work, **_yardsticks(read)}.items()
            if plan.has_contender(name)
        }
        for number in range(1, plan.rounds + 1):
            for name, contender in contenders.items():
                progress(f"{scenario.name}: round {number} of {plan.rounds}: {name}")
                yield Result(NAME, scenario.name, name, number, _cost(contender))


def _cost(work: Work) -> dict[str, float]:
    timer = timeit.Timer(work, timer=process_time)  # CPU time depends less on other processes
    timer.timeit(1)  # excludes one-time costs, such as memory from the system
    calls = max(1, round(_SECONDS / timer.timeit(1)))
    times = [spent / calls * 1e6 for spent in timer.repeat(_REPEATS, calls)]
    return {"call_us": median(times)}


def _yardsticks(read: Sequence[bytes]) -> Mapping[str, Work]:
    return {
        name: partial(_read_and_write, importlib.import_module(name), read)
        for name in YARDSTICKS
        if importlib.util.find_spec(name)
    }


def _read_and_write(module: ModuleType, read: Sequence[bytes]) -> None:
    for body in read:
        module.dumps(module.loads(body))


def _request(exchange: Exchange) -> tuple[Work, Sequence[bytes]]:
    body = exchange.openai_request
    return lambda: translate(exchange.operation, body), [body]


def _response(exchange: Exchange) -> tuple[Work, Sequence[bytes]]:
    complete = exchange.translated.complete
    body = exchange.oip_response
    return lambda: complete([body]), [body]


def _both(exchange: Exchange) -> tuple[Work, Sequence[bytes]]:
    asking, asked = _request(exchange)
    answering, answered = _response(exchange)
    return lambda: (asking(), answering()), [*asked, *answered]


def _messages(exchange: Exchange) -> tuple[Work, Sequence[bytes]]:
    messages = exchange.messages()

    def work() -> None:
        session = Session()
        for message in messages:
            session.handle(message)
        session.close()

    return work, [exchange.openai_request, exchange.oip_response]


def _event() -> tuple[Work, Sequence[bytes]]:
    """One event with a word, in the middle of a stream."""
    exchange = bodies.small_chat()
    asked = msgspec.json.decode(exchange.openai_request) | {"stream": True}
    begin = translate(exchange.operation, msgspec.json.encode(asked)).stream
    assert begin is not None  # noqa: S101 -- the request is streamed
    stream = begin(_MOST)
    body = msgspec.json.format(exchange.oip_response, indent=-1)
    event = b"data: %b\n\n" % body.replace(bodies.CONTENT.encode(), b" Bucharest")
    stream.feed(event)  # the first event differs: it has the role
    return lambda: stream.feed(event), [event[len("data: ") :]]


def _image() -> tuple[Work, Sequence[bytes]]:
    """An image of four million base64 characters, in a provider's response."""
    picture = b64encode(random.Random(1).randbytes(3_000_000))  # noqa: S311 -- the same each time is what is wanted
    own = {"created": 1, "data": [{"b64_json": picture.decode()}]}
    output = {"name": "output_all", "shape": [1, 1], "datatype": "BYTES"}
    answer = {"outputs": [{**output, "data": [json.dumps(own, indent=2)]}]}
    body = msgspec.json.encode(answer)
    complete = translate("images/generations", b'{"model":"images","prompt":"x"}').complete
    return lambda: complete([body]), [body]


def _vectors(count: int, width: int, *, base64: bool) -> tuple[Work, Sequence[bytes]]:
    return _response(bodies.embeddings(count, width, base64=base64))


SCENARIOS: Sequence[Scenario] = (
    Scenario("chat 200 B, request", lambda: _request(bodies.small_chat()), main=True),
    Scenario("chat 200 B, response", lambda: _response(bodies.small_chat()), main=True),
    Scenario("chat 200 B, both", lambda: _both(bodies.small_chat()), main=True),
    Scenario("chat 200 B, Envoy's messages", lambda: _messages(bodies.small_chat()), main=True),
    Scenario("chat 10 KB, request", lambda: _request(bodies.long_chat())),
    Scenario("chat 10 KB, response", lambda: _response(bodies.long_chat())),
    Scenario("event of a stream", _event, main=True),
    Scenario("image 1 MB, request", lambda: _request(bodies.image_chat(1))),
    Scenario("image 10 MB, request", lambda: _request(bodies.image_chat(10)), main=True),
    Scenario("image 4 MB, response", _image),
    *(
        Scenario(
            f"embeddings {count}x{width}, {'base64' if base64 else 'float'}",
            partial(_vectors, count, width, base64=base64),
            main=count == 64,  # noqa: PLR2004 -- the middle one
        )
        for count, width in ((1, 384), (64, 1536), (2048, 1024))
        for base64 in (False, True)
    ),
)
