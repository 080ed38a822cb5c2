"""The settings of a model that are checked against its contract."""

import json
from typing import Any

import pytest

from translator.contracts.registry import CONTRACTS
from translator.contracts.settings import ContractName, ModelSettings
from translator.settings.sources import SettingsError, load

Names = dict[str, Any]
both = pytest.mark.parametrize("field", ["inputs", "outputs"])


def named(field: str, names: Names) -> ModelSettings:
    """Settings that call tensors otherwise."""
    arguments: dict[str, Any] = {field: names}
    return ModelSettings(**arguments)


def refused(settings: dict[str, Any]) -> str:
    """What is wrong with these settings of the model ``m``."""
    with pytest.raises(SettingsError) as caught:
        load({"models": json.dumps({"m": settings})}, {})
    return str(caught.value)


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_contract_may_be_named(name: str) -> None:
    settings = load({"models": json.dumps({"m": {"contract": name}})}, {}).models["m"]
    assert settings == ModelSettings(contract=ContractName(name))


@pytest.mark.parametrize("name", ["", "Seldon", "triton", 7, None, ["seldon"], {}])
def test_an_unknown_contract_is_refused_by_name(name: Any) -> None:
    wrong = f"models.m.contract cannot be {name!r}; allowed: seldon, seldon-pipeline"
    assert refused({"contract": name}) == f"flag --models: {wrong}"


@both
def test_a_tensor_that_the_contract_does_not_have_is_refused_by_its_name(field: str) -> None:
    with pytest.raises(
        ValueError, match=f"^{field} has no tensor 'contents'; there are "
    ) as caught:
        named(field, {"content": "x", "contents": "y"})
    contract = CONTRACTS["seldon"]
    tensors = contract.inputs if field == "inputs" else contract.outputs
    known = sorted({name for names in tensors.values() for name in names})
    assert str(caught.value).endswith(f"there are {', '.join(known)}")
    assert str(caught.value) in refused({field: {"contents": "y"}})


@both
@pytest.mark.parametrize("names", [{"role": "x", "content": "x"}, {"content": ""}])
def test_tensors_with_the_same_name_are_refused(field: str, names: Names) -> None:
    with pytest.raises(ValueError, match=f"{field} must name each tensor once"):
        named(field, names)


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("inputs", {"content": "text", "input": "text", "prompt": "text"}),
        ("outputs", {"content": "out", "embedding": "out", "image": "out"}),
    ],
)
def test_tensors_of_different_tasks_may_have_one_name(field: str, names: Names) -> None:
    assert getattr(named(field, names), field) == names


@pytest.mark.parametrize("other", ["content", "embedding", "image"])
def test_a_shared_output_needs_a_unique_name_in_each_task(other: str) -> None:
    with pytest.raises(ValueError, match="outputs must name each tensor once"):
        ModelSettings(outputs={"usage": "out", other: "out"})
