"""A supervisor and its workers: what runs, where it listens, what it tells of itself."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from demo import stack
from tests.e2e.conftest import Reply, send

READY = "workers are ready"


@dataclass(frozen=True)
class Fleet:
    """A running supervisor.

    Attributes:
        supervisor: its process.
        targets: where each of its workers is reached.
        admin: its port for operators.
    """

    supervisor: stack.Server
    targets: list[str]
    admin: int

    @property
    def log(self) -> str:
        """What all of them have said."""
        return self.supervisor.log.read_text()

    def get(self, path: str) -> Reply:
        """A page for operators."""
        return send(self.admin, "GET", path)

    def workers(self) -> dict[int, int]:
        """The workers' processes, by their numbers."""
        return workers_of(self.supervisor.pid)

    def metrics(self, name: str) -> dict[str, float]:
        """The samples of this name by worker, or by "" where they have none."""
        families = text_string_to_metric_families(self.get("/metrics").body.decode())
        return {
            sample.labels.get("worker", ""): sample.value
            for family in families
            for sample in family.samples
            if sample.name == name
        }


@contextmanager
def fleet(
    folder: Path,
    *options: str,
    listen: str = "",
    ready: str = READY,
    env: Mapping[str, str] | None = None,
    program: str = "translator",
) -> Iterator[Fleet]:
    """Two workers, on ports that are free unless ``listen`` says where.

    Args:
        folder: for the log.
        options: further ones.
        listen: their endpoints, as the setting has them.
        ready: what the log must say.
        env: variables added to the environment.
        program: the module to run.
    """
    if not listen:
        listen = f"127.0.0.1:{adjacent_ports()}"
    host, _, port = listen.rpartition(":")
    if listen.startswith("unix:"):
        targets = [listen.replace("{worker}", str(worker)) for worker in range(2)]
    else:
        targets = [f"{host}:{int(port) + worker}" for worker in range(2)]
    admin, log = stack.free_port(), folder / "workers.log"
    argv = [sys.executable, "-m", program, "serve", "--workers=2", f"--listen={listen}"]
    with stack.Server(
        "The supervisor",
        [*argv, f"--admin=127.0.0.1:{admin}", *options],
        log=log,
        ready=lambda: ready in log.read_text(),
        env=env,
        timeout=60,
    ) as supervisor:
        yield Fleet(supervisor, targets, admin)


def adjacent_ports(count: int = 2) -> int:
    """The first of some free ports in a row."""
    ports = [stack.free_port() for _ in range(count)]
    while ports[-1] - ports[0] != count - 1:
        ports = [*ports[1:], stack.free_port()]
    return ports[0]


def workers_of(supervisor: int) -> dict[int, int]:
    """The processes of a supervisor's workers, by their numbers."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        state = _state(folder)
        if state[1:2] == [str(supervisor)] and state[0] != "Z":
            with suppress(OSError):  # it has ended since
                words = (folder / "cmdline").read_text().split("\0")
                if "worker" in words:
                    found[int(words[words.index("worker") + 1])] = int(folder.name)
    return found


def alive(pid: int) -> bool:
    """Whether a process still runs; one that nobody has asked for its status does not."""
    return _state(Path(f"/proc/{pid}"))[:1] not in ([], ["Z"])


def _state(folder: Path) -> list[str]:
    """A process's state and its parent, or nothing when it is gone."""
    try:
        return (folder / "stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return []
