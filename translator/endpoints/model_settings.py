"""What differs from model to model and no request tells."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

TokenInput = Literal["int64", "text"]
"""How token arrays reach an embeddings model: as numbers, or each as the JSON text of its list."""

TOKEN_INPUTS: tuple[TokenInput, ...] = get_args(TokenInput)


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """The settings of one model.

    Attributes:
        token_input: ``int64`` sends an INT64 tensor of shape ``[n, length]``, which all token
            arrays of a request must fill; ``text`` a BYTES tensor of shape ``[n]``.
    """

    token_input: TokenInput = "int64"  # noqa: S105 -- tokens of text, no secret


@dataclass(frozen=True, slots=True)
class Models:
    """The settings of all models: a default, and those of the ones that differ, by name."""

    default: ModelSettings = field(default_factory=ModelSettings)
    by_name: Mapping[str, ModelSettings] = field(default_factory=dict)

    def of(self, model: str) -> ModelSettings:
        """The settings of the model that a client calls ``model``."""
        return self.by_name.get(model, self.default)


DEFAULTS = Models()
"""All models alike."""
