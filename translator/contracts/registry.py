"""All contracts, by their names in the settings."""

from translator.contracts.base import Contract
from translator.contracts.seldon.contract import PIPELINE, SELDON

CONTRACTS: dict[str, Contract] = {contract.name: contract for contract in (SELDON, PIPELINE)}
