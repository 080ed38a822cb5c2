"""README's two commands on machines that have just been installed: ``make fresh``.

Not part of ``make test``: it takes root, mmdebstrap, packages from Debian's servers, and for each
machine a quarter of an hour. ``make fresh ARGS='-k demo'`` leaves the tests out.
"""

import http.client
import json
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator

import pytest

from demo import stack
from tests.fresh.machine import Machine, ended, machine

README = (stack.ROOT / "README.md").read_text()
COMMAND = re.compile(r"apt-get install ([\w. -]+)")

pytestmark = pytest.mark.timeout(3600)


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def fresh(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    """A minimal system of a release of Debian."""
    assert os.geteuid() == 0, "a chroot needs root"
    assert shutil.which("mmdebstrap"), (
        "it takes Debian's package mmdebstrap: apt-get install mmdebstrap"
    )
    with machine(request.param, tmp_path_factory.mktemp("fresh") / "root") as made:
        yield made


def named(text: str) -> list[str]:
    """The packages that a text says to install."""
    found = COMMAND.search(text)
    assert found, text
    return found[1].split()


def chat(port: int) -> str:
    """Ask the demo's model something, and give its response."""
    message = {"role": "user", "content": "What is the capital of Romania?"}
    body = json.dumps({"model": "chatgpt", "max_tokens": 20, "messages": [message]})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(
            "POST", "/v1/chat/completions", body, {"content-type": "application/json"}
        )
        answer = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return str(answer["choices"][0]["message"]["content"])


def demo(fresh: Machine) -> str:
    """Run `make demo`, ask it something, end it with Ctrl-C; give its output."""
    port = stack.free_port()
    with ended(fresh.start("make", "demo", f"PORT={port}")) as process:
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        else:
            pytest.fail("".join(lines))
        assert chat(port)
        os.killpg(process.pid, signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    assert "Stopped." in rest
    assert "Traceback" not in rest
    assert not stack.accepts(port)
    assert not list((fresh.root / "tmp").glob("oip-translator-*"))
    return "".join(lines)


def test_demo(fresh: Machine) -> None:
    fresh.install(["make"])
    status, said = fresh.run("make", "demo")
    assert status
    assert "Installing" not in said
    missing = named(said)
    assert set(missing) <= set(named(README))
    fresh.install(missing)
    begun = time.monotonic()
    first = demo(fresh)
    took = time.monotonic() - begun
    assert first.count("Installing ") == 2
    assert "Installing" not in demo(fresh), "it is installed once"
    _, system = fresh.run("sh", "-c", ". /etc/os-release; echo $PRETTY_NAME; python3 --version")
    installed = "".join(line for line in first.splitlines(keepends=True) if "Installing" in line)
    print(f"\n{system}{installed}make demo: {took:.0f} s")  # noqa: T201 -- what the run is also for


def test_tests(fresh: Machine) -> None:
    fresh.install(named(README))
    begun = time.monotonic()
    status, output = fresh.run("make", "test", timeout=3000)
    last = "\n".join(re.findall(r"^(?:FAILED|ERROR|Installing|=.* in ).*$", output, re.MULTILINE))
    print(f"\n{last}\nmake test: {time.monotonic() - begun:.0f} s")  # noqa: T201 -- see above
    assert status == 0, output[-5000:]
