"""Loads the tokenizers that the settings of models name.

A file is loaded once for all models and all reloads, unless it changes. Nothing is downloaded.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from weakref import WeakValueDictionary

import msgspec

from translator.contracts.settings import ModelSettings
from translator.exchange.settings import ExchangeSettings
from translator.settings.definition import Settings
from translator.settings.sources import SettingsError

Stamp = tuple[Path, int, int, int]
"""A file, with its inode, its modification time and its size."""


class FileTokenizer:
    """A tokenizer in the format of Hugging Face's ``tokenizer.json``.

    See :class:`translator.tasks.model.Tokenizer`.

    Args:
        content: the content of the file.

    Raises:
        ImportError: the package ``tokenizers`` is not installed.
        ValueError: the content is not a tokenizer, or one that cannot decode.
    """

    def __init__(self, content: bytes) -> None:
        from tokenizers import Tokenizer  # noqa: PLC0415 -- an extra

        tokenizer = Tokenizer.from_buffer(content)
        if tokenizer.decoder is None:
            msg = "the tokenizer has no decoder"
            raise ValueError(msg)
        self._tokenizer = tokenizer
        self.ids = frozenset(tokenizer.get_vocab(with_added_tokens=True).values())

    def decode(self, ids: Sequence[int]) -> str:
        """Decode tokens. Special tokens are omitted: they are structure, not text."""
        return self._tokenizer.decode(ids, skip_special_tokens=True)


_loaded: WeakValueDictionary[Stamp, FileTokenizer] = WeakValueDictionary()


def exchange_settings(settings: Settings) -> ExchangeSettings:
    """The settings of exchanges, with the tokenizers loaded.

    Raises:
        SettingsError: a tokenizer cannot be loaded; the message names the model and the file.
    """
    tokenizers = dict(_load(settings.models))
    exchange = settings.exchange
    return replace(exchange, models=msgspec.structs.replace(exchange.models, tokenizers=tokenizers))


def _load(models: Mapping[str, ModelSettings]) -> Iterator[tuple[str, FileTokenizer]]:
    for name, settings in models.items():
        if not settings.tokenizer:
            continue
        try:
            yield settings.tokenizer, _tokenizer(Path(settings.tokenizer))
        except ImportError as error:
            msg = (
                f"models.{name}.tokenizer needs the extra: pip install 'oip-translator[tokenizers]'"
            )
            raise SettingsError(msg) from error
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            msg = f"models.{name}.tokenizer cannot be {settings.tokenizer!r}: {why}"
            raise SettingsError(msg) from error


def _tokenizer(path: Path) -> FileTokenizer:
    found = path.stat()
    stamp = (path, found.st_ino, found.st_mtime_ns, found.st_size)
    tokenizer = _loaded.get(stamp)
    if tokenizer is None:
        tokenizer = _loaded[stamp] = FileTokenizer(path.read_bytes())
    return tokenizer
