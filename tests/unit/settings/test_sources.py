"""Settings from flags, environment and file."""

import json
from pathlib import Path
from typing import Any

import pytest

from translator.contracts.settings import ModelSettings
from translator.exchange.headers import CREDENTIALS
from translator.operations.registry import OPERATIONS
from translator.settings.definition import Settings
from translator.settings.sources import FIELDS, SettingsError, load
from translator.settings.values import Seconds, Size
from translator.transport.tls import Tls

TOML = """
max_request_body = "1M"
grace = 5
sticky_routes = true

[models."*"]
parameters = "local"

[models.bge]
token_input = "text"
"""

YAML = """
max_request_body: 1M
grace: 5
sticky_routes: true
models:
  "*": {parameters: local}
  bge: {token_input: text}
"""

FILES = {"settings.toml": TOML, "settings.yaml": YAML, "settings.yml": YAML}


def written(folder: Path, name: str = "settings.toml", text: str = TOML) -> Path:
    file = folder / name
    file.write_text(text)
    return file


def refused(*sources: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        load(*sources)
    return str(caught.value)


def test_without_sources_the_defaults_count() -> None:
    assert load({}, {}) == Settings()


@pytest.mark.parametrize("name", FILES)
def test_a_file_says_what_it_says_in_every_format(tmp_path: Path, name: str) -> None:
    settings = load({}, {}, written(tmp_path, name, FILES[name]))
    assert settings == Settings(
        max_request_body=Size(1024**2),
        grace=Seconds(5),
        sticky_routes=True,
        models=settings.models,
    )
    exchange = settings.exchange
    assert exchange.limits.request_body == 1024**2
    assert exchange.kept_headers == {"x-seldon-route"}
    assert exchange.models.of("bge") == ModelSettings(token_input="text")  # noqa: S106 -- no secret
    assert exchange.models.of("other") == ModelSettings(parameters="local")


def test_a_flag_is_stronger_than_a_variable_and_that_than_the_file(tmp_path: Path) -> None:
    file = written(tmp_path)
    variables = {"OIP_TRANSLATOR_GRACE": "7", "OIP_TRANSLATOR_MAX_REQUEST_BODY": "2M"}
    settings = load({"grace": "9"}, variables, file)
    assert settings.grace == Seconds(9)
    assert settings.max_request_body == Size(2 * 1024**2)
    assert settings.sticky_routes


def test_models_in_a_flag_or_variable_are_json() -> None:
    text = '{"bge": {"token_input": "text"}}'
    by_flag, by_variable = load({"models": text}, {}), load({}, {"OIP_TRANSLATOR_MODELS": text})
    for settings in (by_flag, by_variable):
        assert settings.models["bge"].token_input == "text"  # noqa: S105 -- no secret


def test_a_default_model_belongs_to_an_operation(tmp_path: Path) -> None:
    text = '{"images/generations": "sdxl"}'
    file = written(tmp_path, text="[default_model]\n'images/generations' = 'sdxl'")
    for settings in (
        load({"default_model": text}, {}),
        load({}, {"OIP_TRANSLATOR_DEFAULT_MODEL": text}),
        load({}, {}, file),
    ):
        assert settings.exchange.default_model == {"images/generations": "sdxl"}
    assert refused({"default_model": '{"images": "sdxl"}'}, {}) == (
        f"default_model has no operation 'images'; there are {', '.join(OPERATIONS)}"
    )


@pytest.mark.parametrize("text", ["true", "false", "1", "0"])
def test_a_truth_value_may_be_text(text: str) -> None:
    assert load({"sticky_routes": text}, {}).sticky_routes is (text in ("true", "1"))


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("listen", "nowhere", "HOST:PORT or unix:/path/to.sock"),
        ("workers", "0", "a number from 1 to 64, or auto"),
        ("grace", "soon", "a number of seconds such as 30 or 0.5"),
        ("log_level", "LOUD", "DEBUG, INFO, WARNING, ERROR"),
        ("max_request_body", "much", "a number of bytes such as 1048576, 512K or 64M"),
        ("sticky_routes", "perhaps", "true or false"),
        ("forward_headers", "authorization,host", "a list of authorization, "),
        ("default_model", "sdxl", "a table by name; in a flag or variable, as JSON"),
        ("default_model", '{"embeddings": 7}', "Expected `str`, got `int`"),
        ("default_model", '{"embeddings": ""}', "length >= 1"),
        ("base_paths", "v1", "a list of paths such as /v1, /openai/v1, or / for none"),
        ("base_paths", "/v1//x", "a list of paths such as "),
        ("base_paths", "/v1?x", "a list of paths such as "),
        ("models", "{", "a table by name"),
        ("models", '{"m": 3}', "a table by name"),
        ("models", '{"m": {"token_input": "words"}}', "int64, text"),
        ("models", '{"m": {"max_messages": 0}}', "an integer, at least 1"),
        ("models", '{"m": {"inputs": {"text": "x"}}}', "there are audio, content, "),
        ("models", '{"m": {"inputs": "x"}}', "a table of names"),
        ("models", '{"m": {"contract": "own"}}', "seldon, seldon-pipeline"),
        ("models", '{"m": {"kind": "pipeline"}}', 'contract = "seldon-pipeline"'),
        ("models", '{"m": {"unknown": 1}}', "known settings: token_input, "),
    ],
)
def test_a_wrong_value_is_named_with_its_source_and_what_is_allowed(
    tmp_path: Path, key: str, value: str, allowed: str
) -> None:
    variable = f"OIP_TRANSLATOR_{key.upper()}"
    assert f"flag --{key.replace('_', '-')}" in refused({key: value}, {})
    assert f"variable {variable}" in refused({}, {variable: value})
    file = written(tmp_path, text=f"{key} = '{value}'")
    for message in (refused({key: value}, {}), refused({}, {}, file)):
        assert f"{key} cannot be {value!r}" in message or key == "models"
        assert allowed in message
    assert str(file) in refused({}, {}, file)


def test_a_wrong_model_setting_says_which() -> None:
    models = {"chat": {"max_messages": 3}, "bge": {"max_inputs": 3, "token_input": "words"}}
    message = refused({"models": json.dumps(models)}, {})
    assert message == (
        "flag --models: models.bge.token_input cannot be 'words'; allowed: int64, text, decode"
    )
    models["bge"] = {"token_inpt": "text"}
    message = refused({"models": json.dumps(models)}, {})
    assert message.startswith(
        "flag --models: models.bge has no setting 'token_inpt'; known settings: "
    )


def test_a_table_that_should_be_a_value_is_not_taken_for_models(tmp_path: Path) -> None:
    message = refused({}, {}, written(tmp_path, text="[grace.m]\nunknown = 1"))
    assert "grace cannot be {'m': {'unknown': 1}}" in message


def test_a_setting_that_there_is_not_is_refused_with_those_there_are(tmp_path: Path) -> None:
    message = refused({}, {}, written(tmp_path, text="max_reqest_body = 1"))
    assert "max_reqest_body" in message
    assert all(name in message for name in FIELDS)


@pytest.mark.parametrize(
    ("name", "text"),
    [("s.toml", "a = "), ("s.yaml", "a: [1"), ("s.yaml", "just text"), ("s.yaml", "- 1")],
)
def test_a_file_that_is_none_is_named(tmp_path: Path, name: str, text: str) -> None:
    assert name in refused({}, {}, written(tmp_path, name, text))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "nothing.toml" in refused({}, {}, tmp_path / "nothing.toml")


def test_yaml_without_its_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_text: str) -> None:
        raise ImportError

    monkeypatch.setattr("msgspec.yaml.decode", missing)
    assert "oip-translator[yaml]" in refused({}, {}, written(tmp_path, "s.yaml", YAML))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"tls_certificate": "c"}, "tls_certificate and tls_key must be set together"),
        ({"tls_key": "k"}, "tls_certificate and tls_key must be set together"),
        ({"tls_client_ca": "a"}, "tls_client_ca needs tls_certificate"),
    ],
)
def test_the_files_of_tls_go_together(given: dict[str, str], why: str) -> None:
    assert why in refused(given, {})


@pytest.mark.parametrize("workers", ["2", "auto"])
def test_several_workers_need_several_endpoints(workers: str) -> None:
    given = {"workers": workers, "listen": "unix:/run/s"}
    assert refused(given, {}) == (
        f"listen cannot be 'unix:/run/s' with workers={workers}; "
        "allowed: a path with {worker} for the worker's number: unix:/run/{worker}.sock"
    )
    assert load({**given, "listen": "unix:/run/{worker}"}, {}).listen == "unix:/run/{worker}"
    assert load({"listen": "unix:/run/s"}, {}).workers.count == 1


def test_the_files_of_tls_are_paths() -> None:
    assert load({}, {}).tls is None
    both = {"tls_certificate": "c", "tls_key": "k"}
    assert load(both, {}).tls == Tls(Path("c"), Path("k"))
    assert load({**both, "tls_client_ca": "a"}, {}).tls == Tls(Path("c"), Path("k"), Path("a"))


def test_credentials_that_are_let_through_are_a_list(tmp_path: Path) -> None:
    text = "forward_headers = ['authorization', 'cookie']"
    for settings in (
        load({"forward_headers": "authorization, cookie"}, {}),
        load({}, {}, written(tmp_path, text=text)),
    ):
        assert settings.exchange.kept_headers == {"authorization", "cookie"}
    assert load({"forward_headers": ""}, {}).exchange.kept_headers == frozenset()


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("/v1", {"/v1"}),
        ("/v1, /openai/v1/", {"/v1", "/openai/v1"}),
        ("/", {""}),
        ("", set()),
    ],
)
def test_base_paths_end_in_no_slash(text: str, paths: set[str]) -> None:
    assert load({"base_paths": text}, {}).exchange.base_paths == paths
    assert load({}, {}).exchange.base_paths == {"/v1"}


def test_response_headers_that_pass_are_a_list() -> None:
    given = {"response_headers": "x-cost, x-powered-by", "sticky_routes": "true"}
    exchange = load(given, {}).exchange
    assert exchange.passed_headers == {"x-cost", "x-powered-by", "x-seldon-route"}
    assert "names in lower case" in refused({"response_headers": "X-Cost"}, {})


def test_every_credential_may_be_let_through() -> None:
    assert load({"forward_headers": ",".join(CREDENTIALS)}, {}).forward_headers == CREDENTIALS
