"""A tokenizer as clients have one: small, but of the kind of OpenAI's, whose tokens are bytes."""

from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

END = "<|endoftext|>"
"""Its special token."""
TEXTS = ("A text about tokens.", "Another, longer text: grüße, 東京 and 😀.", " a\n")
"""Some texts: each has another number of tokens."""


def make() -> Tokenizer:
    """A byte-level BPE that has learnt from :data:`TEXTS`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[END],
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return tokenizer


def write(folder: Path) -> Path:
    """Its file, in this folder."""
    file = folder / "tokenizer.json"
    file.write_text(make().to_str())
    return file
