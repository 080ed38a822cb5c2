"""Several worker processes and their supervisor."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from demo import stack
from tests import oip
from tests.e2e.conftest import send
from tests.e2e.fleet import Fleet, adjacent_ports, alive, fleet, workers_of
from tests.e2e.impatient import BEYOND_GRACE
from tests.e2e.load import load, models
from tests.e2e.upstream import Upstream
from tests.unit.transport.running import OPTIONS, exchange_body, exchange_headers, open_stream

RESTARTS = "oip_translator_worker_restarts_total"
REPLACEMENTS = "oip_translator_worker_replacements_total"
SERVING = health_pb2.HealthCheckResponse.SERVING


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 -- nothing tells when it comes true
            await asyncio.sleep(0.05)


def channel_to(target: str) -> Any:
    return grpc.aio.insecure_channel(target, OPTIONS)


async def serves(target: str) -> None:
    """An endpoint must be healthy and take a stream."""
    async with channel_to(target) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        answer = await check(health_pb2.HealthCheckRequest(), timeout=10, wait_for_ready=True)
        assert answer.status == SERVING
        call = open_stream(channel)
        await exchange_headers(call)
        await exchange_body(call)
        call.cancel()


async def refuses(channel: Any) -> None:
    """An endpoint must soon refuse new streams."""
    watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
    async with asyncio.timeout(60):
        while (await watch.read()).status == SERVING:
            pass
        watch.cancel()
        # Its headers are enough. Writing as it is refused, grpc.aio would forget with what status.
        assert await open_stream(channel).code() is grpc.StatusCode.UNAVAILABLE


def maps(pid: int) -> str:
    return Path(f"/proc/{pid}/maps").read_text()


def sockets(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_socket())


@pytest.mark.transport
@pytest.mark.parametrize("listen", ["", "unix:{folder}/{{worker}}"])
async def test_each_serves_on_an_endpoint_of_its_own(tmp_path: Path, listen: str) -> None:
    with fleet(tmp_path, listen=listen.format(folder=tmp_path)) as running:
        for target in running.targets:
            await serves(target)
        assert sockets(tmp_path) == (["0", "1"] if listen else [])
        assert sorted(running.workers()) == [0, 1]
        assert all("google/_upb" in maps(pid) for pid in running.workers().values())
        unused = maps(running.supervisor.pid)
        assert "google/_upb" not in unused, "it has no use for protobuf"
        assert "cygrpc" not in unused, "nor for gRPC"
        running.supervisor.send(signal.SIGTERM)
        assert running.supervisor.wait(20) == 0
    assert not sockets(tmp_path)


async def test_operators_ask_the_supervisor(tmp_path: Path) -> None:
    with fleet(tmp_path) as running:
        assert running.get("/healthz").status == 200
        assert "version" in running.get("/version").json
        ready = running.get("/readyz")
        assert (ready.status, ready.body) == (200, b"2 of 2 workers are ready\n")
        assert running.get("/config").json["workers"] == "2"
        async with channel_to(running.targets[1]) as channel:
            call = open_stream(channel)
            await exchange_headers(call)
            # A worker that takes longer than a second to answer is left out.
            await until(lambda: running.metrics("oip_translator_exchanges") == {"0": 0, "1": 1})
            assert running.metrics("oip_translator_workers_ready") == {"": 2}
            call.cancel()


async def test_one_that_hangs_is_left_out_and_killed_at_the_end(tmp_path: Path) -> None:
    with fleet(tmp_path, "--grace=0.5", program="tests.e2e.impatient") as running:
        hanging = running.workers()[0]
        os.kill(hanging, signal.SIGSTOP)
        await until(lambda: running.metrics("oip_translator_exchanges") == {"1": 0})
        await until(lambda: b'"workers":"2"' in running.get("/config").body)
        running.supervisor.send(signal.SIGTERM)
        assert running.supervisor.wait(30) == 1
        assert not alive(hanging)
        assert f"worker 0 has not exited within {0.5 + BEYOND_GRACE:g} s; killing it" in running.log


async def test_one_that_is_killed_is_started_again_and_the_other_goes_on(tmp_path: Path) -> None:
    with fleet(tmp_path) as running:
        before = running.workers()
        async with channel_to(running.targets[0]) as lost, channel_to(running.targets[1]) as kept:
            cut, whole = open_stream(lost), open_stream(kept)
            await exchange_headers(cut)
            await exchange_headers(whole)
            os.kill(before[0], signal.SIGKILL)
            with pytest.raises(grpc.aio.AioRpcError):
                await cut.read()
            await until(lambda: running.get("/readyz").body.startswith(b"2 of 2"))
            await serves(running.targets[0])
            await exchange_body(whole)
            whole.cancel()
        after = running.workers()
        assert after[0] != before[0]
        assert after[1] == before[1]
        assert running.metrics(RESTARTS) == {"0": 1, "1": 0}
        assert "ERROR translator.serving.worker: worker 0 was killed by SIGKILL" in running.log


async def drained(running: Fleet, stop: Callable[[], None]) -> int:
    """Stop it while a stream is open, which must end whole; give the exit status."""
    async with channel_to(running.targets[1]) as channel:
        call = open_stream(channel)
        await exchange_headers(call)
        stop()
        await until(lambda: running.get("/readyz").status == 503)
        assert running.get("/readyz").body == b"draining\n"
        await until(lambda: "draining 1 streams" in running.log)
        await exchange_body(call)
        await call.done_writing()
    return await asyncio.to_thread(running.supervisor.wait, 20)


@pytest.mark.transport
@pytest.mark.parametrize("by", ["SIGTERM", "SIGINT", "Ctrl-C"])
async def test_a_stop_drains_all(tmp_path: Path, by: str) -> None:
    with fleet(tmp_path) as running:
        supervisor, pids = running.supervisor, running.workers().values()
        if by == "Ctrl-C":  # reaches all of the terminal's foreground group
            status = await drained(running, lambda: os.killpg(supervisor.pid, signal.SIGINT))
        else:
            status = await drained(running, lambda: supervisor.send(signal.Signals[by]))
        assert status == 0
        assert not any(map(alive, pids))
        log = running.log
    assert "Traceback" not in log
    assert "ERROR" not in log
    assert log.count("translator.serving.server: stopped") == 2
    assert log.count("all workers stopped") == 1


@pytest.mark.parametrize("send_to", [os.kill, os.killpg])
async def test_a_stop_before_they_are_ready_is_a_good_one(
    tmp_path: Path, send_to: Callable[[int, int], None]
) -> None:
    with fleet(tmp_path, ready="") as running:
        await until(lambda: len(running.workers()) == 2)
        pids = running.workers().values()
        send_to(running.supervisor.pid, signal.SIGINT)
        assert running.supervisor.wait(20) == 0
        assert not any(map(alive, pids))
        assert "ERROR" not in running.log
        assert "Traceback" not in running.log


@pytest.mark.transport
async def test_without_their_supervisor_they_drain_and_end(tmp_path: Path) -> None:
    with fleet(tmp_path) as running:
        pids = running.workers().values()
        async with channel_to(running.targets[0]) as channel:
            call = open_stream(channel)
            await exchange_headers(call)
            running.supervisor.send(signal.SIGKILL)
            await until(lambda: running.log.count("the supervisor has exited") == 2)
            await until(lambda: "draining 1 streams" in running.log)
            await exchange_body(call)
            await call.done_writing()
        await until(lambda: not any(map(alive, pids)))
        assert "Traceback" not in running.log


def test_without_their_supervisor_they_end_before_they_are_ready() -> None:
    argv = [sys.executable, "-m", "translator", "worker", "0"]
    with subprocess.Popen(  # noqa: S603 -- our own program
        [*argv, f"--listen=127.0.0.1:{stack.free_port()}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as worker:
        assert worker.stdin
        assert worker.stdout
        assert worker.stderr
        worker.stdin.close()
        worker.stdout.close()
        log = worker.stderr.read()
        assert worker.wait(20) == 0, log
    assert "the supervisor has exited" in log
    assert "Traceback" not in log


def serve(*options: str) -> subprocess.CompletedProcess[str]:
    """A supervisor that is expected to end by itself."""
    argv = [sys.executable, "-m", "translator", "serve", "--workers=2", *options]
    return subprocess.run(  # noqa: S603 -- our own program
        argv, capture_output=True, text=True, check=False, timeout=60
    )


def test_an_endpoint_that_is_taken_ends_all_at_once(tmp_path: Path) -> None:
    with fleet(tmp_path, listen=f"127.0.0.1:{adjacent_ports(3)}") as running:
        taken = running.targets[1]
        # Its first worker would have the second one's endpoint here; the next port is free.
        done = serve(f"--listen={taken}", "--log-format=json")
        assert done.returncode == 1
        assert f"cannot listen on {taken}: it is in use" in done.stderr
        assert "worker 0 exited with status 1; stopping all workers" in done.stderr
        assert "restarting" not in done.stderr
        assert "Traceback" not in done.stderr
        done = serve(f"--listen=127.0.0.1:{adjacent_ports()}", f"--admin=127.0.0.1:{running.admin}")
        assert done.returncode == 1
        assert f"cannot listen on 127.0.0.1:{running.admin}" in done.stderr
        assert "worker" not in done.stderr
    # A process that had outlived its supervisor would still hold the pipe, and run() not return.


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--workers=0"], "workers cannot be '0'; allowed: a number from 1 to 64, or auto"),
        (["--workers=x"], "workers cannot be 'x'; allowed: a number from 1 to 64, or auto"),
        (
            ["--listen=unix:/s"],
            "listen cannot be 'unix:/s' with workers=2; allowed: a path with {w",
        ),
        (
            ["--listen=h:0"],
            "listen cannot be 'h:0' with workers=2; allowed: a port from 1 to 65534",
        ),
        (["--listen=h:65535"], "listen cannot be 'h:65535' with workers=2; allowed: a port from 1"),
    ],
)
def test_wrong_settings_start_nothing(options: list[str], said: str) -> None:
    done = serve(*options)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


async def test_sighup_reaches_all(tmp_path: Path) -> None:
    with fleet(tmp_path) as running:
        running.supervisor.send(signal.SIGHUP)
        # There is no file whose change they could have seen.
        await until(lambda: running.log.count("settings reloaded") == 3)
        assert running.workers() == workers_of(running.supervisor.pid)
        text = running.get("/metrics").body.decode()
        for worker in (0, 1):
            assert f'oip_translator_reloads_total{{outcome="taken",worker="{worker}"}} 1.0' in text


async def test_what_takes_a_restart_of_all_stays_when_one_restarts(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("max_exchanges = 5")
    with fleet(tmp_path, f"--config={file}") as running:
        file.write_text("max_exchanges = 6\nsocket_mode = '600'")
        await until(lambda: running.log.count("settings reloaded") == 3)
        assert running.log.count("socket_mode has changed; restart to apply it") == 1
        os.kill(running.workers()[0], signal.SIGTERM)
        await until(lambda: "worker 0 exited with status 0; restarting" in running.log)
        await until(lambda: running.get("/readyz").body.startswith(b"2 of 2"))
        await serves(running.targets[0])
        config = running.get("/config").json
    assert (config["max_exchanges"], config["socket_mode"]) == (6, "660")


async def test_one_starts_again_though_the_file_has_become_wrong(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("max_exchanges = 5")
    with fleet(tmp_path, f"--config={file}") as running:
        file.write_text("max_exchanges = 0")
        await until(lambda: running.log.count("settings not reloaded") == 3)
        os.kill(running.workers()[0], signal.SIGKILL)
        await until(lambda: "worker 0 was killed by SIGKILL; restarting" in running.log)
        await until(lambda: running.get("/readyz").body.startswith(b"2 of 2"))
        await serves(running.targets[0])
        assert running.get("/config").json["max_exchanges"] == 5
        assert running.log.count("restarting in") == 1


async def test_without_their_library_there_are_no_metrics(tmp_path: Path) -> None:
    (tmp_path / "prometheus_client.py").write_text("raise ImportError")
    with fleet(tmp_path, env={"PYTHONPATH": str(tmp_path)}) as running:
        reply = running.get("/metrics")
    assert (reply.status, b"oip-translator[metrics]" in reply.body) == (501, True)


@pytest.mark.transport
async def test_envoy_gives_work_to_all(upstream: Upstream, tmp_path: Path) -> None:
    with fleet(tmp_path) as running:
        port = stack.free_port()
        config = stack.gateway_config(
            port=port,
            admin=stack.free_port(),
            http=upstream.port,
            grpc=upstream.port,
            translators=[int(target.rpartition(":")[2]) for target in running.targets],
        )
        body = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}
        with stack.envoy(config, tmp_path):
            for _ in range(20):
                upstream.answer(oip.answer("Hi"))
                reply = send(
                    port,
                    "POST",
                    "/v1/chat/completions",
                    json.dumps(body).encode(),
                    content_type="application/json",
                )
                assert reply.status == 200
        answers: dict[str, float] = {}

        def all_are_counted() -> bool:
            answers.update(running.metrics("oip_translator_responses_total"))
            return sum(answers.values()) == 20

        await until(all_are_counted)
    assert set(answers) == {"0", "1"}
    assert min(answers.values()) > 0


@pytest.mark.transport
async def test_workers_are_replaced_one_after_the_other_without_loss(tmp_path: Path) -> None:
    with fleet(tmp_path, "--max-exchanges-per-worker=50") as running:
        async with models() as asked:
            port = stack.free_port()
            config = stack.gateway_config(
                port=port,
                admin=stack.free_port(),
                http=asked.port,
                grpc=asked.port,
                translators=[int(target.rpartition(":")[2]) for target in running.targets],
            )
            with stack.envoy(config, tmp_path):
                async with load(port) as sent:
                    # The second replacement of worker 0 is after the first of worker 1.
                    await until(lambda: running.log.count("was replaced") >= 3)
                assert not sent.broken
                assert asked.asked == dict.fromkeys(range(len(sent.exchanges)), 1)
        said = re.findall(r"worker (\d) (?:is replaced|exited with status 0 and was)", running.log)
        begun, replaced = said[::2][: len(said) // 2], said[1::2]
        assert begun == replaced, "one at a time"
        assert set(replaced) == {"0", "1"}
        assert sum(running.metrics(REPLACEMENTS).values()) >= len(replaced)
        assert running.metrics(RESTARTS) == {"0": 0, "1": 0}
        assert "ERROR" not in running.log


@pytest.mark.transport
async def test_a_worker_is_replaced_when_its_streams_have_ended(tmp_path: Path) -> None:
    with fleet(tmp_path, "--max-exchanges-per-worker=2", "--grace=0") as running:
        before = running.workers()
        async with channel_to(running.targets[0]) as channel:
            first, second = open_stream(channel), open_stream(channel)
            await exchange_headers(first)
            await exchange_headers(second)
            await until(lambda: "worker 0 is replaced when its streams have ended" in running.log)
            await refuses(channel)
            for call in (first, second):
                await exchange_body(call)
                await call.done_writing()
                assert await call.code() is grpc.StatusCode.OK
        await until(lambda: "worker 0 exited with status 0 and was replaced" in running.log)
        await serves(running.targets[0])
        after = running.workers()
        assert (after[0] != before[0], after[1]) == (True, before[1])
