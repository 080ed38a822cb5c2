"""The settings of a model."""

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal, Self

import msgspec
from msgspec import Meta

from translator.contracts.base import Tensors
from translator.contracts.registry import CONTRACTS

TokenInput = Literal["int64", "text", "decode"]
Parameters = Literal["both", "openai", "local", "none"]


class ContractName(str):
    """The name of a contract."""

    __slots__ = ()
    allowed: ClassVar[str] = ", ".join(CONTRACTS)

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check the name. Raises ValueError with the allowed names."""
        if value not in CONTRACTS:
            raise ValueError(cls.allowed)
        return cls(value)


def _tensors(of_contracts: Iterable[Tensors]) -> str:
    names = {name for tensors in of_contracts for names in tensors.values() for name in names}
    return ", ".join(sorted(names))


def _in_order(of_contracts: Iterable[Iterable[str]]) -> str:
    return ", ".join(dict.fromkeys(name for names in of_contracts for name in names))


class ModelSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of one model. The descriptions are those of docs/configuration.md."""

    token_input: Annotated[
        TokenInput,
        Meta(
            description="how token arrays are sent to an embeddings model: `int64` as an INT64 "
            "tensor of shape [n, length], so that all arrays of a request must have the same "
            "length; `decode` as text, decoded by `tokenizer`; `text` as the JSON text of each "
            "array, only for a model that reads tokens in this form (others embed the digits)"
        ),
    ] = "int64"  # noqa: S105 -- tokens of text, no secret
    tokenizer: Annotated[
        str,
        Meta(
            description='with `token_input = "decode"`: file with the tokenizer of the clients, '
            "not of the model, in the format of Hugging Face's tokenizer.json (`pip install "
            "'oip-translator[tokenizers]'`). LangChain uses `cl100k_base`"
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
            description="contract of the model: `seldon` for Seldon's runtimes; `seldon-pipeline` "
            "for a pipeline of a Seldon mesh, which does not stream and gets only string, boolean "
            "and integer parameters"
        ),
    ] = ContractName("seldon")
    streams: Annotated[
        bool,
        Meta(
            description="whether the model server has infer_stream; without it, the response to a "
            "streamed request is requested whole and its events are sent at once"
        ),
    ] = True
    inputs: Annotated[
        dict[str, str],
        Meta(
            description="the model's names of its input tensors, by the contract's names: "
            + _tensors(contract.inputs for contract in CONTRACTS.values())
            + ", and the names in `message_fields`"
        ),
    ] = {}
    outputs: Annotated[
        dict[str, str],
        Meta(
            description="the model's names of its output tensors, by the contract's names: "
            + _tensors(contract.outputs for contract in CONTRACTS.values())
        ),
    ] = {}
    message_fields: Annotated[
        tuple[str, ...] | None,
        Meta(
            description="the extra fields of messages (those that OpenAI does not have) that are "
            "sent, each as a tensor of its name; `[]` for none. By default those of the contract: "
            + _in_order(contract.message_fields for contract in CONTRACTS.values())
        ),
    ] = None
    ask_usage: Annotated[
        bool,
        Meta(
            description="request token counts for every stream, as with "
            "stream_options.include_usage; clients see them only if they requested them"
        ),
    ] = False
    max_messages: Annotated[
        int, Meta(ge=1, description="the maximum number of messages in a conversation")
    ] = 10_000
    max_inputs: Annotated[
        int,
        Meta(
            ge=1, description="the maximum number of texts or token arrays in an embeddings request"
        ),
    ] = 2048

    def __post_init__(self) -> None:
        """Check the tokenizer and the names of tensors.

        Raises:
            ValueError: only one of ``token_input = "decode"`` and ``tokenizer`` is set, a name is
                not one of the contract's, or two tensors of a task have one name.
        """
        if (self.token_input == "decode") != bool(self.tokenizer):  # noqa: S105 -- no secret
            msg = "token_input = 'decode' and tokenizer must be set together"
            raise ValueError(msg)
        contract = CONTRACTS[self.contract]
        if self.message_fields is not None:
            _check_fields(self.message_fields, contract.inputs)
        if self.inputs:
            of_messages = contract.inputs.get("generate", frozenset()).union(self.carried_fields)
            inputs = {**contract.inputs, "generate": of_messages}
            _check_names("inputs", self.inputs, inputs)
            _check_apart(self.inputs, inputs)
        if self.outputs:
            _check_names("outputs", self.outputs, contract.outputs)

    @property
    def carried_fields(self) -> tuple[str, ...]:
        """See :class:`translator.tasks.model.Bounds`."""
        if self.message_fields is not None:
            return self.message_fields
        return CONTRACTS[self.contract].message_fields

    @property
    def can_stream(self) -> bool:
        """Whether the model can return a stream of events."""
        return self.streams and CONTRACTS[self.contract].can_stream


def _check_fields(given: tuple[str, ...], tensors: Tensors) -> None:
    known = _tensors([tensors])
    for name in given:
        if name in known.split(", "):
            msg = f"message_fields cannot have {name!r}, the name of a tensor: {known}"
            raise ValueError(msg)
    if not all(given) or len(set(given)) < len(given):
        raise ValueError("message_fields must name each field once")


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


def _check_apart(given: dict[str, str], tensors: Tensors) -> None:
    for names in tensors.values():
        for theirs in sorted(given[ours] for ours in given if ours in names):
            if theirs in names and theirs not in given:
                msg = f"inputs gives two tensors the name {theirs!r}: rename the other one too"
                raise ValueError(msg)
