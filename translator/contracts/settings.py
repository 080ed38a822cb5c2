"""The settings of a model: what differs from model to model and no request tells."""

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal, Self

import msgspec
from msgspec import Meta

from translator.contracts.base import Tensors
from translator.contracts.registry import CONTRACTS

TokenInput = Literal["int64", "text", "decode"]
Parameters = Literal["both", "openai", "local", "none"]


class ContractName(str):
    """What a model takes and gives, by the name of the contract."""

    __slots__ = ()
    allowed: ClassVar[str] = ", ".join(CONTRACTS)

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read it. Raises ValueError."""
        if value not in CONTRACTS:
            raise ValueError(cls.allowed)
        return cls(value)


def _tensors(of_contracts: Iterable[Tensors]) -> str:
    names = {name for tensors in of_contracts for names in tensors.values() for name in names}
    return ", ".join(sorted(names))


class ModelSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of one model. What each says is what its documentation says."""

    token_input: Annotated[
        TokenInput,
        Meta(
            description="how token arrays reach an embeddings model: `int64` as an INT64 tensor of "
            "shape [n, length], which all arrays of a request must fill; `decode` as the text that "
            "`tokenizer` makes of each; `text` as the JSON text of each, such as `[9906,0]`, for a "
            "model that reads tokens in this form (any other takes the digits for words)"
        ),
    ] = "int64"  # noqa: S105 -- tokens of text, no secret
    tokenizer: Annotated[
        str,
        Meta(
            description='with `token_input = "decode"`: file with the clients\' tokenizer, in the '
            "format of Hugging Face's tokenizer.json (`pip install 'oip-translator[tokenizers]'`). "
            "LangChain and others that use tiktoken send tokens of `cl100k_base`, whatever the "
            "model"
        ),
    ] = ""
    parameters: Annotated[
        Parameters,
        Meta(
            description="under which key parameters are sent: `openai` for llm_parameters, `local` "
            "for kwargs (embeddings: embedding_parameters), `both`, or `none` for no parameters"
        ),
    ] = "both"
    contract: Annotated[
        ContractName,
        Meta(
            description="what the model takes and gives: `seldon` as Seldon's runtimes do, "
            "`seldon-pipeline` as a pipeline of a Seldon mesh does, which is asked without a "
            "stream and gets only parameters that are text, truth values or whole numbers"
        ),
    ] = ContractName("seldon")
    streams: Annotated[
        bool,
        Meta(
            description="whether the model server has infer_stream; without it a streamed request "
            "is asked whole, and the answer is streamed all at once"
        ),
    ] = True
    inputs: Annotated[
        dict[str, str],
        Meta(
            description="what the model calls its input tensors, by the contract's names for them: "
            + _tensors(contract.inputs for contract in CONTRACTS.values())
        ),
    ] = {}
    outputs: Annotated[
        dict[str, str],
        Meta(
            description="what the model calls its output tensors, by the contract's names for "
            "them: " + _tensors(contract.outputs for contract in CONTRACTS.values())
        ),
    ] = {}
    ask_usage: Annotated[
        bool,
        Meta(
            description="ask for the token counts of every stream, as with "
            "stream_options.include_usage; clients see them only if they asked themselves"
        ),
    ] = False
    max_messages: Annotated[
        int, Meta(ge=1, description="the most messages that a conversation may have")
    ] = 10_000
    max_inputs: Annotated[
        int, Meta(ge=1, description="the most texts or token arrays in an embeddings request")
    ] = 2048

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other, and names of tensors that there are not.

        Raises:
            ValueError: the message says which, and what is allowed.
        """
        if (self.token_input == "decode") != bool(self.tokenizer):  # noqa: S105 -- no secret
            msg = "token_input = 'decode' and tokenizer must be set together"
            raise ValueError(msg)
        contract = CONTRACTS[self.contract]
        _check_names("inputs", self.inputs, contract.inputs)
        _check_names("outputs", self.outputs, contract.outputs)

    @property
    def can_stream(self) -> bool:
        """Whether the model can be asked for a stream of events."""
        return self.streams and CONTRACTS[self.contract].can_stream


def _check_names(field: str, given: dict[str, str], tensors: Tensors) -> None:
    known = _tensors([tensors])
    for ours in given:
        if ours not in known.split(", "):
            msg = f"{field} has no tensor {ours!r}; there are {known}"
            raise ValueError(msg)
    for names in tensors.values():
        theirs = [given[ours] for ours in given if ours in names]
        if not all(theirs) or len(set(theirs)) < len(theirs):
            msg = f"{field} must name each tensor once"
            raise ValueError(msg)
