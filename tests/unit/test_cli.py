"""The command line, in this process and as a process of its own."""

import io
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import oip
from translator import __version__
from translator.cli import main
from translator.exchange.settings import ExchangeSettings, Limits
from translator.settings.current import CurrentSettings
from translator.settings.definition import Settings
from translator.settings.sources import FIELDS, allowed, describe
from translator.settings.values import Seconds

CHAT = "/v1/chat/completions"
ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
ANSWER = json.dumps(oip.answer("Hi"))
MODULE = [sys.executable, "-m", "translator"]
SCRIPT = [str(Path(sys.executable).with_name("oip-translator"))]
Type = Callable[[str], None]


@pytest.fixture
def type_in(monkeypatch: pytest.MonkeyPatch) -> Type:
    """Put text on standard input."""

    def put(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    return put


def run(argv: list[str], text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 -- our own program
        argv, input=text, capture_output=True, text=True, check=False, timeout=60
    )


def test_a_request_is_shown_as_upstream_gets_it(
    type_in: Type, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in('{"seed": 9007199254740993, "x": 1e-7, ' + json.dumps(ASK)[1:])
    assert main(["translate", "request", "--path", CHAT]) == 0
    shown = capsys.readouterr().out
    document = json.loads(shown)
    assert document["path"] == "/v2/models/m/infer"
    assert document["body"]["inputs"][1]["data"] == ["Hello"]
    assert '"seed": 9007199254740993' in shown
    assert '"x": 1e-7' in shown
    assert shown.startswith('{\n  "method": "POST",\n')
    assert shown.endswith("}\n")


def test_a_refused_request_is_shown_as_the_client_gets_it(
    type_in: Type, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in("oops")
    assert main(["translate", "request", "--path", CHAT]) == 1
    assert set(json.loads(capsys.readouterr().out)) == {"error"}


def test_an_answer_is_shown_as_the_client_gets_it(
    type_in: Type, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in(ANSWER)
    assert main(["translate", "response", "--path", CHAT]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["body"]["choices"][0]["message"]["content"] == "Hi"


def test_an_answer_depends_on_its_request(
    type_in: Type, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    request = tmp_path / "request.json"
    request.write_text(json.dumps({**ASK, "stream": True}))
    type_in(f"data: {ANSWER}\n\n")
    assert main(["translate", "response", "--path", CHAT, "--request", str(request)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["body"].endswith("data: [DONE]\n\n")


def test_status_and_content_type_are_upstreams(
    type_in: Type, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in("10.0.0.7 said no")
    options = ["--status", "500", "--content-type", "text/plain"]
    assert main(["translate", "response", "--path", CHAT, *options]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["status"] == 500
    assert document["body"]["error"]["message"] == "The model server failed."


@pytest.mark.parametrize("name", ["missing.json", "."])
def test_a_request_file_that_cannot_be_read_is_told_in_one_sentence(
    type_in: Type, capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    type_in(ANSWER)
    file = str(tmp_path / name)
    assert main(["translate", "response", "--path", CHAT, "--request", file]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("oip-translator: cannot read --request: ")
    assert captured.err.count("\n") == 1


SETTINGS = """
max_request_body = "1K"
seldon_mesh = true
[models."gpt-4.1"]
parameters = "none"
outputs = {content = "text"}
"""


@pytest.mark.parametrize("by", ["flag", "variable"])
def test_a_request_is_translated_by_the_settings(
    type_in: Type,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    by: str,
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(SETTINGS)
    argv = ["translate", "request", "--path", CHAT]
    if by == "flag":
        argv += ["--config", str(file)]
    else:
        monkeypatch.setenv("OIP_TRANSLATOR_CONFIG", str(file))
    type_in(json.dumps({**ASK, "model": "gpt-4.1", "seed": 1}))
    assert main(argv) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["path"] == "/v2/models/gpt-4_1/infer"
    assert document["body"]["parameters"] == {}
    type_in(json.dumps({**ASK, "user": "x" * 1024}))
    assert main(argv) == 1
    assert "1024 bytes" in json.loads(capsys.readouterr().out)["error"]["message"]
    monkeypatch.setenv("OIP_TRANSLATOR_MAX_REQUEST_BODY", "2K")
    type_in(json.dumps({**ASK, "user": "x" * 1024}))
    assert main(argv) == 0


@pytest.mark.parametrize("asked", [True, False])
def test_an_answer_is_translated_by_the_settings(
    type_in: Type, capsys: pytest.CaptureFixture[str], tmp_path: Path, *, asked: bool
) -> None:
    file, request = tmp_path / "settings.toml", tmp_path / "request.json"
    file.write_text(SETTINGS)
    request.write_text(json.dumps({**ASK, "model": "gpt-4.1"}))
    answer = oip.answer("Hi")
    answer["outputs"] = [
        {**tensor, "name": "text"} if tensor["name"] == "content" else tensor
        for tensor in answer["outputs"]
    ]
    type_in(json.dumps(answer))
    path = CHAT if asked else "/v2/models/gpt-4.1/infer/chat/completions"
    options = ["--request", str(request)] if asked else []
    assert main(["translate", "response", "--path", path, "--config", str(file), *options]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["body"]["choices"][0]["message"]["content"] == "Hi"


@pytest.mark.parametrize(
    "command",
    [
        ["serve"],
        ["translate", "request", "--path", CHAT],
        ["translate", "response", "--path", CHAT],
        ["check", "--envoy", "http://127.0.0.1:1"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_every_command_reports_invalid_settings_alike(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: list[str]
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("grace = 'soon'")
    assert main([*command, "--config", str(file)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        f"oip-translator: {file}: grace cannot be 'soon'; "
        "allowed: a number of seconds such as 30 or 0.5\n"
    )


Serve = Callable[..., Settings]


@pytest.fixture
def serve_with(monkeypatch: pytest.MonkeyPatch) -> Serve:
    """The settings that options lead to."""
    served: list[Settings] = []

    async def serve(current: CurrentSettings, *_: object) -> None:
        served.append(current.settings)

    monkeypatch.setattr("translator.serving.server.serve", serve)

    def run_with(*options: str) -> Settings:
        assert main(["serve", *options]) == 0
        return served.pop()

    return run_with


def test_no_options_are_the_defaults(serve_with: Serve) -> None:
    assert serve_with() == Settings()
    assert serve_with().exchange == ExchangeSettings()


def test_options_become_settings(serve_with: Serve) -> None:
    options = ["--listen", "unix:/s", "--grace", "1.5", "--log-level", "ERROR"]
    settings = serve_with(*options, "--max-response-body", "3", "--sticky-routes")
    assert (settings.listen, settings.grace, settings.log_level) == ("unix:/s", 1.5, "ERROR")
    assert settings.exchange.limits == Limits(response_body=3)
    assert settings.exchange.kept_headers == {"x-seldon-route"}


@pytest.mark.parametrize("value", ["true", "false"])
def test_a_flag_can_have_a_value(serve_with: Serve, value: str) -> None:
    assert serve_with("--sticky-routes", value).sticky_routes is (value == "true")


@pytest.mark.parametrize("by", ["flag", "variable"])
def test_the_file_is_named_by_a_flag_or_a_variable(
    serve_with: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, by: str
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("grace = 4")
    monkeypatch.setenv("OIP_TRANSLATOR_LOG_LEVEL", "WARNING")
    if by == "variable":
        monkeypatch.setenv("OIP_TRANSLATOR_CONFIG", str(file))
    settings = serve_with(*(["--config", str(file)] if by == "flag" else []))
    assert settings.grace == Seconds(4)
    assert settings.log_level == "WARNING"


def test_a_wrong_value_ends_with_2_and_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--max-request-body", "much"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "oip-translator: flag --max-request-body: max_request_body cannot be 'much'; "
        "allowed: a number of bytes such as 1048576, 512K or 64M\n"
    )


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["nonsense"],
        ["translate"],
        ["translate", "request"],
        ["translate", "response", "--path", CHAT, "--status", "x"],
        ["serve", "--unknown"],
    ],
)
def test_wrong_usage_ends_with_2(capsys: pytest.CaptureFixture[str], argv: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert "usage: oip-translator" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [MODULE, SCRIPT])
def test_the_program_has_a_help(argv: list[str]) -> None:
    done = run([*argv, "--help"])
    assert done.returncode == 0
    assert "usage: oip-translator" in done.stdout
    assert "serve" in done.stdout
    assert "translate" in done.stdout


def test_the_help_of_serve_tells_of_every_setting_and_its_default() -> None:
    done = run([*MODULE, "serve", "--help"])
    assert done.returncode == 0
    text = "".join(done.stdout.split())  # lines break at dashes too
    for name, field in FIELDS.items():
        for said in (f"--{name.replace('_', '-')}", describe(field.type), allowed(field.type)):
            assert "".join(said.split()) in text
    for default in ("127.0.0.1:50051", "64M", "30", "INFO", "false", "none"):
        assert f"(default:{default})" in text


@pytest.mark.parametrize("command", ["serve", "health", "translate", "check"])
def test_the_help_of_a_command_says_what_it_does(command: str) -> None:
    done = run([*MODULE, command, "--help"])
    usage, what, _ = done.stdout.split("\n\n", 2)
    assert usage.startswith(f"usage: oip-translator {command}")
    assert what.endswith(".")


def test_an_unknown_command_lists_the_public_ones() -> None:
    done = run([*MODULE, "serv"])
    assert done.returncode == 2
    assert "serve" in done.stderr
    assert "worker" not in done.stderr


def test_the_program_knows_its_version() -> None:
    assert run([*SCRIPT, "--version"]).stdout == f"oip-translator {__version__}\n"


@pytest.mark.parametrize(("text", "status"), [(json.dumps(ASK), 0), ("oops", 1)])
def test_the_program_reads_standard_input_and_says_how_it_went(text: str, status: int) -> None:
    done = run([*MODULE, "translate", "request", "--path", CHAT], text)
    assert done.returncode == status
    assert ("error" in json.loads(done.stdout)) is bool(status)
    assert done.stderr == ""


def test_a_port_in_use_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run([*SCRIPT, "serve", "--listen", address])
    assert done.returncode == 1
    assert done.stdout == ""
    assert f"oip-translator: cannot listen on {address}: it is in use" in done.stderr
    assert "Traceback" not in done.stderr


@contextmanager
def serving(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A serving process and the line with which it said that it is ready."""
    argv = [*MODULE, "serve", *options]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 -- ours
        try:
            assert process.stderr is not None
            yield process, process.stderr.readline()
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_server_says_where_it_is_ready_and_stops_when_told(number: signal.Signals) -> None:
    with serving("--listen", "127.0.0.1:0") as (process, line):
        found = re.search(r"ready on 127\.0\.0\.1:(\d+)$", line)
        assert found is not None, line
        with socket.create_connection(("127.0.0.1", int(found[1]))):
            pass
        process.send_signal(number)
        assert process.wait(60) == 0
        assert process.stderr is not None
        rest = process.stderr.read()
    assert "stopped" in rest
    assert "Traceback" not in rest


def test_sighup_reads_the_settings_again() -> None:
    with serving("--listen", "127.0.0.1:0") as (process, _):
        process.send_signal(signal.SIGHUP)
        assert process.stderr is not None
        assert "settings reloaded" in process.stderr.readline()  # there is no file to change


def test_the_number_of_the_only_worker_is_0(tmp_path: Path) -> None:
    with serving("--listen", f"unix:{tmp_path}/{{worker}}") as (_, line):
        assert line.endswith(f"ready on unix:{tmp_path}/0\n")
        assert (tmp_path / "0").is_socket()


def test_the_server_listens_on_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with serving("--listen", f"unix:{path}") as (process, line):
        assert line.endswith(f"ready on unix:{path}\n")
        assert path.is_socket()
        process.terminate()
        assert process.wait(60) == 0


@pytest.mark.parametrize(
    "options",
    [
        ["--listen", "127.0.0.1:99999"],
        ["--listen", "nonsense"],
        ["--listen", ":"],
        ["--grace", "-1"],
        ["--grace", "nan"],
        ["--grace", "soon"],
    ],
)
def test_a_wrong_value_is_named_with_what_it_should_be(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", *options]) == 2
    assert options[0] in capsys.readouterr().err


def test_output_is_utf_8_in_any_locale() -> None:
    ask = json.dumps({**ASK, "model": "ă"}, ensure_ascii=False).encode()
    done = subprocess.run(  # noqa: S603 -- our own program
        [*MODULE, "translate", "request", "--path", CHAT],
        input=ask,
        capture_output=True,
        check=True,
        timeout=60,
        env={"LC_ALL": "C", "PYTHONUTF8": "0"},
    )
    assert json.loads(done.stdout)["headers"]["seldon-model"] == "ă"
