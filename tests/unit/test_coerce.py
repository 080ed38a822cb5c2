"""JSON of wrong types made to fit a type."""

from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import UNSET, Raw, UnsetType

from translator.coerce import BLANK, coerce


class Inner(msgspec.Struct):
    number: Annotated[int, msgspec.Meta(ge=0)] | UnsetType | None = UNSET
    word: Literal["a", "b"] | UnsetType = UNSET


class Outer(msgspec.Struct):
    text: Annotated[str, msgspec.Meta(extra={BLANK: ""})]
    nullable: list[int] | None
    items: list[Inner]
    inner: Inner | UnsetType | None = UNSET
    needed: str | None = None
    raw: Raw = Raw()


WHOLE = '{"text":"x","nullable":[1],"items":[]'


@pytest.mark.parametrize(
    ("given", "expected", "changed"),
    [
        # In order, to the byte.
        (WHOLE + ',"z":1.10, "inner":null}', WHOLE + ',"z":1.10, "inner":null}', set()),
        # What may be unset is dropped.
        (WHOLE + ',"inner":5}', WHOLE + "}", {Outer}),
        (WHOLE + ',"inner":{"number":"x","word":"c","z":1}}', WHOLE + ',"inner":{"z":1}}', {Inner}),
        (WHOLE + ',"inner":{"number":-1}}', WHOLE + ',"inner":{}}', {Inner}),
        (WHOLE + ',"inner":{"number":1e300}}', WHOLE + ',"inner":{}}', {Inner}),
        # What is required is blank.
        ("{}", '{"text":"","nullable":null,"items":[]}', {Outer}),
        (
            '{"text":1,"nullable":{},"items":"x"}',
            '{"text":"","nullable":null,"items":[]}',
            {Outer},
        ),
        (
            '{"text":"x","nullable":[1,"x"],"items":[{},1]}',
            WHOLE.replace("[1]", "null") + "}",
            {Outer},
        ),
        # Whole numbers.
        (WHOLE + ',"inner":{"number":2.0}}', WHOLE + ',"inner":{"number":2}}', {Inner}),
    ],
)
def test_what_does_not_fit_is_changed_and_nothing_else(
    given: str, expected: str, changed: set[type]
) -> None:
    fitted, found = coerce(given.encode(), Outer)
    assert (bytes(fitted).decode(), found) == (expected, changed)


@pytest.mark.parametrize("given", ["[]", "null", WHOLE + ',"needed":1}'])
def test_what_cannot_be_made_to_fit_is_refused(given: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        coerce(given.encode(), Outer)
