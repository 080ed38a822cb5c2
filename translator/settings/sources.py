"""Loads settings from flags, environment, file and defaults, in this order of precedence.

A value in a flag or variable is text; for a table, such as ``models``, it is JSON. Errors name the
source, the key, the value and the allowed values.
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo, fields

from translator.contracts.settings import ContractName, ModelSettings
from translator.exchange.headers import Credential, ResponseHeader
from translator.settings.definition import Settings
from translator.settings.values import (
    Address,
    BasePath,
    Mode,
    Owner,
    Port,
    Seconds,
    Size,
    Workers,
)

PREFIX = "OIP_TRANSLATOR_"

FIELDS: Mapping[str, FieldInfo] = {field.name: field for field in fields(Settings)}
"""Every setting by its name."""

_PARSED = (
    Address,
    BasePath,
    ContractName,
    Credential,
    ResponseHeader,
    Mode,
    Owner,
    Port,
    Seconds,
    Size,
    Workers,
)


_REPLACED = {
    "kind": 'write contract = "seldon" for "model", contract = "seldon-pipeline" for "pipeline"',
}


def flag(name: str) -> str:
    """The flag of a setting."""
    return f"--{name.replace('_', '-')}"


class SettingsError(Exception):
    """A setting has an invalid value. The message is shown to the operator."""


def load(
    flags: Mapping[str, str], environment: Mapping[str, str], file: Path | None = None
) -> Settings:
    """Load and merge the settings.

    Args:
        flags: by the name of the setting.
        environment: the process's variables.
        file: TOML, or YAML by its ending ``.yaml`` or ``.yml`` (needs the extra ``yaml``).

    Raises:
        SettingsError: a setting is invalid; the message names it and the allowed values.
    """
    merged: dict[str, Any] = {}
    if file is not None:
        for key, value in read_file(file).items():
            merged[key] = _convert(str(file), key, value)
    for name in FIELDS:
        variable = PREFIX + name.upper()
        if variable in environment:
            merged[name] = _convert(f"variable {variable}", name, environment[variable])
    for name, text in flags.items():
        merged[name] = _convert(f"flag {flag(name)}", name, text)
    try:
        return Settings(**merged)
    except ValueError as error:
        raise SettingsError(str(error)) from error


def read_file(path: Path) -> dict[str, Any]:
    """The keys and values in a file.

    Raises:
        SettingsError: the file cannot be read, or is not a table.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = _yaml(text) if path.suffix in (".yaml", ".yml") else tomllib.loads(text)
    except (OSError, ValueError, RecursionError, msgspec.DecodeError) as error:
        msg = f"{path}: {error}"
        raise SettingsError(msg) from error
    if not isinstance(document, dict):
        msg = f"{path}: not a table of settings"
        raise SettingsError(msg)
    return document


def _yaml(text: str) -> Any:
    try:
        return msgspec.yaml.decode(text) or {}
    except ImportError as error:
        msg = "YAML needs the extra: pip install 'oip-translator[yaml]'"
        raise SettingsError(msg) from error


def _convert(source: str, key: str, value: Any) -> Any:
    field = FIELDS.get(key)
    if field is None:
        msg = f"{source}: unknown setting {key!r}; known settings: {', '.join(FIELDS)}"
        raise SettingsError(msg)
    kind = field.type
    try:
        taken = value
        if isinstance(value, str) and _is_table(kind):
            taken = json.loads(value)
        elif isinstance(value, str) and _is_list(kind):
            taken = [part.strip() for part in value.split(",") if part.strip()]
        return msgspec.convert(taken, kind, strict=False, dec_hook=_parse)
    except (msgspec.ValidationError, ValueError) as error:
        wrong = f"{key} cannot be {value!r}; allowed: {allowed(kind)}"
        if _is_table(kind):
            of_a_model = _wrong_of_a_model(taken) if key == "models" else None
            wrong = of_a_model or f"{wrong} ({error})"
        msg = f"{source}: {wrong}"
        raise SettingsError(msg) from error


def _wrong_of_a_model(models: Any) -> str | None:
    """The message for the first invalid setting of a model, or None if there is none."""
    known = {field.name: field.type for field in fields(ModelSettings)}
    for name, given in models.items() if isinstance(models, dict) else ():
        if not isinstance(given, dict):
            return None
        for key, value in given.items():
            if key in _REPLACED:
                return f"models.{name}.{key} is not a setting any more: {_REPLACED[key]}"
            if key not in known:
                return f"models.{name} has no setting {key!r}; known settings: {', '.join(known)}"
            try:
                msgspec.convert(value, known[key], strict=False, dec_hook=_parse)
            except (msgspec.ValidationError, ValueError):
                return f"models.{name}.{key} cannot be {value!r}; allowed: {allowed(known[key])}"
        try:
            msgspec.convert(given, ModelSettings, strict=False, dec_hook=_parse)
        except msgspec.ValidationError as error:
            return f"models.{name}: {error}"
    return None


def _parse(kind: Any, value: Any) -> Any:
    return kind.parse(value)  # msgspec calls this only for types that it does not know


def allowed(kind: Any) -> str:  # noqa: PLR0911 -- one for each kind of setting
    """The allowed values of a setting of this type, in words."""
    base, constraints = _unwrapped(kind)
    if base in _PARSED:
        return str(base.allowed)
    if get_origin(base) is Literal:
        return ", ".join(map(str, get_args(base)))
    if base is bool:
        return "true or false"
    if _is_list(kind):
        of_each = getattr(get_args(base)[0], "allowed", "")
        separated = "in a flag or variable, separated by commas"
        return f"a list of {of_each}; {separated}" if of_each else "a list of names"
    if base is int:
        return f"an integer, at least {constraints.ge}"
    if _is_table(kind):
        of_names = get_args(base)[1] is str
        return "a table of names" if of_names else "a table by name; in a flag or variable, as JSON"
    return "text"


def describe(kind: Any) -> str:
    """The description of a setting of this type."""
    return str(_unwrapped(kind)[1].description)


def _unwrapped(kind: Any) -> tuple[Any, msgspec.Meta]:
    base, constraints = kind.__origin__, kind.__metadata__[0]  # each setting's type is Annotated
    if get_origin(base) is UnionType:
        base = get_args(base)[0]  # the other is None
    return base, constraints


def _is_list(kind: Any) -> bool:
    return get_origin(_unwrapped(kind)[0]) is tuple


def _is_table(kind: Any) -> bool:
    return get_origin(_unwrapped(kind)[0]) is dict


def as_flags(settings: Settings) -> dict[str, str]:
    """Settings as flags: the text of each value, by name."""
    values = {name: getattr(settings, name) for name in FIELDS}
    return {name: shown(value) for name, value in values.items() if value is not None}


def shown(value: Any) -> str:
    """A value as text, as a user would write it."""
    if isinstance(value, dict):
        return msgspec.json.encode(value, enc_hook=str).decode()  # for our own types
    if isinstance(value, tuple):
        return ",".join(value)
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
