"""Steps and their dependencies; options; output."""

import argparse
import json

import pytest

from translator.check.command import add_arguments, run
from translator.check.steps import Finding, ProbeError, Result, Step, printable, run_steps


def passes() -> Finding:
    return Finding(ok=True, found="a\x1b[31m\nb", hint="not told where all is well")


def fails() -> Finding:
    return Finding(ok=False, found="this", hint="do that")


def raises() -> Finding:
    raise ProbeError("nobody is there")


def never() -> Finding:
    raise AssertionError


def test_what_needs_a_failed_step_is_skipped_and_what_needs_a_skipped_option_is_not() -> None:
    results = run_steps(
        [
            Step("no option", never, missing="--x"),
            Step("good", passes, needs=("no option",)),
            Step("bad", fails, needs=("good",)),
            Step("after bad", never, needs=("good", "bad")),
            Step("after that", never, needs=("after bad",)),
            Step("no option either", never, missing="--y", needs=("bad",)),
            Step("away", raises, hint="start it"),
        ]
    )
    assert results == [
        Result("no option", None, "--x was not given"),
        Result("good", ok=True, found="a [31m b"),
        Result("bad", ok=False, found="this", hint="do that"),
        Result("after bad", None, '"bad" failed'),
        Result("after that", None, '"bad" failed'),
        Result("no option either", None, "--y was not given"),
        Result("away", ok=False, found="nobody is there", hint="start it"),
    ]


def test_long_text_is_cut() -> None:
    assert printable("x" * 301) == "x" * 300 + "..."


def parse(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(argv)


@pytest.mark.parametrize(
    "argv",
    [
        ("--envoy", "localhost:9000"),
        ("--envoy", "ftp://localhost"),
        ("--envoy", "http://"),
        ("--envoy", "http://host:port"),
        ("--envoy", "http://host/?key=secret"),
        ("--upstream", "http://user:secret@host"),
        ("--upstream", "http://[::1"),
        ("--translator", "localhost"),
        ("--translator", "unix:"),
        ("--timeout", "0"),
        ("--timeout", "nan"),
        ("--timeout", "soon"),
        ("--timeout", "1e9"),
    ],
)
def test_a_wrong_option_is_a_usage_error_that_tells_no_secret(
    argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(*argv)
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert argv[0] in said
    assert "secret" not in said


@pytest.mark.parametrize("argv", [(), ("--chat", "m"), ("--json",)])
def test_nothing_to_test_is_a_usage_error(
    argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(parse(*argv)) == 2
    assert "--envoy-admin" in capsys.readouterr().err


def test_options_that_are_fine() -> None:
    given = parse(
        *("--envoy", "https://[::1]:9000/", "--translator", "unix:/run/t.sock"),
        *("--chat", "a", "--chat", "b", "--timeout", "0.5"),
    )
    assert given.envoy == "https://[::1]:9000"
    assert given.chat == ["a", "b"]
    assert given.embeddings == []


def test_without_an_option_its_steps_are_skipped(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ("--translator", "unix:/nowhere.sock", "--chat", "m")
    assert run(parse(*argv)) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "✗ translator health: unix:/nowhere.sock: nothing listens there",
        "    start the translator: oip-translator serve --listen unix:/nowhere.sock",
    ]
    assert "- Envoy ready: skipped, because --envoy-admin was not given" in lines
    assert "- upstream live: skipped, because --upstream was not given" in lines
    assert "- chat m: skipped, because --envoy was not given" in lines
    assert "- embeddings: skipped, because --embeddings was not given" in lines

    assert run(parse(*argv, "--json")) == 1
    document = json.loads(capsys.readouterr().out)
    assert len(document) == len(lines) - 1
    assert all(set(item) == {"name", "ok", "found", "hint"} for item in document)
    assert [item["ok"] for item in document] == [False, *[None] * (len(document) - 1)]
