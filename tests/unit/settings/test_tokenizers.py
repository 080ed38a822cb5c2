"""The files of tokenizers: read once, and refused by name."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from tests import tokenizer
from translator.cli import main
from translator.contracts.models import Target
from translator.exchange.settings import ExchangeSettings
from translator.settings.current import CurrentSettings
from translator.settings.definition import Settings
from translator.settings.sources import SettingsError, load
from translator.settings.tokenizers import exchange_settings
from translator.tasks.model import Tokenizer

NO_DECODER = json.dumps({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}})
WRONG = {
    "": "EOF",
    "oops": "expected",
    "{}": "Model missing",
    NO_DECODER: "the tokenizer has no decoder",
}


def decoding(*models: str, by: Path) -> Settings:
    """Settings in which these models have this tokenizer."""
    one = {"token_input": "decode", "tokenizer": str(by)}
    return load({"models": json.dumps(dict.fromkeys(models, one))}, {})


def of(model: str, exchange: ExchangeSettings) -> Tokenizer | None:
    return Target(exchange.models).model(model).tokenizer


def refused(settings: Settings) -> str:
    with pytest.raises(SettingsError) as caught:
        exchange_settings(settings)
    return str(caught.value)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tokenizer.write(tmp_path)


@pytest.mark.parametrize("given", [{"token_input": "decode"}, {"tokenizer": "t.json"}])
def test_both_settings_go_together(given: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as caught:
        load({"models": json.dumps({"bge": given})}, {})
    wrong = "models.bge: token_input = 'decode' and tokenizer must be set together"
    assert str(caught.value) == f"flag --models: {wrong}"


def test_a_file_is_read_once_for_all_models_that_name_it(file: Path) -> None:
    exchange = exchange_settings(decoding("a", "b", "*", by=file))
    tokenizers = [of(model, exchange) for model in ("a", "b", "other")]
    assert tokenizers[0] is not None
    assert [found is tokenizers[0] for found in tokenizers] == [True, True, True]


def test_a_model_that_names_none_has_none(file: Path) -> None:
    assert of("b", exchange_settings(decoding("a", by=file))) is None


def test_it_decodes_what_the_library_encodes(file: Path) -> None:
    found = of("a", exchange_settings(decoding("a", by=file)))
    assert found is not None
    for text in tokenizer.TEXTS:
        tokens = tokenizer.make().encode(text).ids
        assert found.ids.issuperset(tokens)
        assert found.decode(tokens) == text


def test_the_packages_that_the_library_would_download_with_are_not_needed(file: Path) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from translator.settings.tokenizers import FileTokenizer\n"
        "FileTokenizer(Path(sys.argv[1]).read_bytes()).decode([1])\n"
        "print('tokenizers' in sys.modules, 'huggingface_hub' in sys.modules)\n"
    )
    done = subprocess.run(  # noqa: S603 -- this program
        [sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "True False\n"


def test_a_file_that_is_not_there_is_named_with_its_model(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "none.json", "No such file or directory"), (tmp_path, "Is a")):
        message = refused(decoding("good", "bge", by=path))
        assert message.startswith(f"models.good.tokenizer cannot be '{path}': {why}")


@pytest.mark.parametrize("content", WRONG)
def test_a_file_that_holds_no_tokenizer_is_named_with_its_model(
    tmp_path: Path, content: str
) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(content)
    message = refused(decoding("bge", by=path))
    assert message.startswith(f"models.bge.tokenizer cannot be '{path}': ")
    assert WRONG[content] in message


def test_without_the_library_the_extra_is_named(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    assert refused(decoding("bge", by=file)) == (
        "models.bge.tokenizer needs the extra: pip install 'oip-translator[tokenizers]'"
    )


@pytest.mark.parametrize("command", [["serve"], ["translate", "request", "--path", "/v1/models"]])
def test_no_command_that_needs_the_file_starts_without_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    models = {"bge": {"token_input": "decode", "tokenizer": str(tmp_path / "none.json")}}
    assert main([*command, "--models", json.dumps(models)]) == 2
    assert "models.bge.tokenizer cannot be" in capsys.readouterr().err


def test_settings_are_valid_where_the_file_is_not(tmp_path: Path) -> None:
    """``health`` and ``check`` take the settings of ``serve``, perhaps on another machine."""
    exchange = decoding("bge", by=tmp_path / "none.json").exchange
    assert exchange.models.of("bge").can_stream


# --- While it runs --------------------------------------------------------------------------------


@pytest.fixture
def running(tmp_path: Path, file: Path) -> CurrentSettings:
    settings = tmp_path / "settings.toml"
    settings.write_text(f"[models.bge]\ntoken_input = 'decode'\ntokenizer = '{file}'")
    return CurrentSettings({}, {}, settings)


def test_a_reload_reads_a_file_again_only_if_it_has_changed(
    running: CurrentSettings, file: Path
) -> None:
    first = of("bge", running.exchange)
    running.reload()
    assert of("bge", running.exchange) is first
    other = tokenizer.make()
    other.add_tokens(["more"])
    file.write_text(other.to_str())
    running.reload()
    second = of("bge", running.exchange)
    assert first is not None
    assert second is not None
    assert len(second.ids) == len(first.ids) + 1


def test_a_reload_with_a_broken_file_keeps_the_tokenizer_that_there_is(
    running: CurrentSettings, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = of("bge", running.exchange)
    file.write_text("oops")
    with caplog.at_level(logging.ERROR):
        running.reload()
    assert f"settings not reloaded: models.bge.tokenizer cannot be '{file}'" in caplog.text
    assert running.reloads == {"taken": 0, "refused": 1}
    assert of("bge", running.exchange) is first
