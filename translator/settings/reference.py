"""Renders docs/configuration.md from the settings model: ``python -m`` this module."""

from typing import Any

from msgspec import NODEFAULT
from msgspec.structs import FieldInfo, fields

from translator.contracts.settings import ModelSettings
from translator.settings.definition import EVERY_MODEL, FIXED
from translator.settings.sources import FIELDS, PREFIX, allowed, describe, shown

_HEAD = f"""# Configuration

<!-- Written by `make docs` from translator/settings/definition.py. -->

A setting can be a flag (`--max-request-body 128M`), an environment variable
(`{PREFIX}MAX_REQUEST_BODY=128M`) or a key in a file (`max_request_body = "128M"`).
Flags override variables, variables override the file, and the file overrides the defaults. With an
invalid value the command exits with status 2 and a message that names the value. `serve`, `health`,
`translate` and `check` take the same settings.

`--config FILE` or `{PREFIX}CONFIG` names the file: TOML, or YAML if the name ends in `.yaml` or
`.yml` (`pip install 'oip-translator[yaml]'`). The file is reloaded on SIGHUP and within a second of
a change, also when a symbolic link in its path is swapped, as Kubernetes does for a mounted
ConfigMap. An invalid file is logged and ignored as a whole; the current settings stay in effect.
Exchanges in progress keep the settings they began with. Settings marked *restart* need a restart.

"""

_TOML = f"""
```toml
listen = "unix:/run/translator/0.sock"
max_request_body = "128M"

[default_model]
"images/generations" = "sdxl"

[models."{EVERY_MODEL}"]
parameters = "local"

[models."bge-small"]
token_input = "decode"
tokenizer = "/usr/share/tokenizers/cl100k_base.json"
inputs = {{input = "text"}}
outputs = {{embedding = "sentence_embedding"}}
```
"""


def render() -> str:
    """The whole document."""
    model_fields = {field.name: field for field in fields(ModelSettings)}
    return (
        _HEAD
        + _table(FIELDS)
        + "\n## Models\n\n`models` is a table of tables. "
        + f"The key is the model's name; `{EVERY_MODEL}` is for all models without their own.\n\n"
        + _table(model_fields)
        + _TOML
    )


def _table(known: Any) -> str:
    rows = ["| setting | description | allowed values | default |", "|---|---|---|---|"]
    rows += [_row(name, field) for name, field in known.items()]
    return "\n".join(rows) + "\n"


def _row(name: str, field: FieldInfo) -> str:
    default = "" if field.default is NODEFAULT else shown(field.default)
    default = f"`{default}`" if default else "none"
    restart = " *(restart)*" if name in FIXED else ""
    return f"| `{name}` | {describe(field.type)}{restart} | {allowed(field.type)} | {default} |"


if __name__ == "__main__":
    print(render(), end="")  # noqa: T201 -- its purpose
