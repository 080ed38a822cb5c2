"""What differs from model to model."""

from translator.endpoints.model_settings import DEFAULTS, TOKEN_INPUTS, Models, ModelSettings

TEXT = ModelSettings("text")


def test_tokens_go_as_numbers_unless_somebody_says_otherwise() -> None:
    assert DEFAULTS.of("m") == ModelSettings() == ModelSettings("int64")


def test_the_ways_of_tokens_are_all_there_are() -> None:
    assert TOKEN_INPUTS == ("int64", "text")


def test_a_model_that_is_not_named_has_the_default() -> None:
    assert Models(TEXT).of("m") is TEXT
    assert Models(TEXT, {"m": ModelSettings("int64")}).of("other") is TEXT


def test_a_model_that_is_named_has_its_own() -> None:
    models = Models(by_name={"org/m=1": TEXT})
    assert models.of("org/m=1") is TEXT
    assert models.of("org/m") == ModelSettings("int64")


def test_names_are_told_apart_by_their_case() -> None:
    assert Models(by_name={"M": TEXT}).of("m") == ModelSettings()
