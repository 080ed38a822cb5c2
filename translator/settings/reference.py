"""docs/configuration.md, written from the model of the settings: ``python -m`` this module."""

from typing import Any

from msgspec import NODEFAULT
from msgspec.structs import FieldInfo, fields

from translator.contracts.settings import ModelSettings
from translator.settings.definition import EVERY_MODEL, FIXED
from translator.settings.sources import FIELDS, PREFIX, allowed, describe, shown

_HEAD = f"""# Configuration

<!-- Written by `make docs` from translator/settings/definition.py. -->

Every setting may be a flag (`--max-request-body 128M`), an environment variable
(`{PREFIX}MAX_REQUEST_BODY=128M`) or a key in a file (`max_request_body = "128M"`). A
flag is stronger than a variable, a variable than the file, the file than the default. A value that
is not allowed ends the start with status 2 and a sentence that names it. `serve`, `health`,
`translate` and `check` take the settings alike.

The file is given by `--config FILE` or `{PREFIX}CONFIG`: TOML, or YAML if its name ends
in `.yaml` or `.yml` (`pip install 'oip-translator[yaml]'`). It is read again on SIGHUP and within a
second of a change, the swap of a symbolic link included, by which Kubernetes changes a mounted
ConfigMap. A file that is wrong is logged and refused as a whole; the settings stay what they were.
Exchanges under way keep the settings they began with. What is marked *restart* takes a new process.

"""

_TOML = f"""
```toml
listen = "unix:/run/translator/0.sock"
max_request_body = "128M"

[models."{EVERY_MODEL}"]
parameters = "local"

[models."bge-small"]
token_input = "text"
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
        + f"A model's name is its key; `{EVERY_MODEL}` stands for every model without its own.\n\n"
        + _table(model_fields)
        + _TOML
    )


def _table(known: Any) -> str:
    rows = ["| setting | what it is | allowed | default |", "|---|---|---|---|"]
    rows += [_row(name, field) for name, field in known.items()]
    return "\n".join(rows) + "\n"


def _row(name: str, field: FieldInfo) -> str:
    default = "" if field.default is NODEFAULT else shown(field.default)
    default = f"`{default}`" if default else "none"
    restart = " *(restart)*" if name in FIXED else ""
    return f"| `{name}` | {describe(field.type)}{restart} | {allowed(field.type)} | {default} |"


if __name__ == "__main__":
    print(render(), end="")  # noqa: T201 -- this is what it is run for
