"""Fixtures for all kinds of tests."""

import re
from collections.abc import Iterator

import pytest

from tests.e2e.upstream import Upstream
from tests.mlserver import ModelServer, model_server

_LONGEST = 60  # characters of an argument in a test's name


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a case after its arguments so that it can be read, typed and chosen with ``-k``.

    pytest names what is no text or number after its place in a table, and escapes text as Python
    would. Here it is as it is printed, in characters that ``-k`` takes. The name is the same in
    each run, so binary data, which may be random or have a time in it, goes by its argument's.
    """
    if val is None or isinstance(val, bool | int | float | type) or hasattr(val, "__name__"):
        return None  # pytest's own name is good
    if isinstance(val, bytes | bytearray):
        text = ascii(bytes(val[:_LONGEST]))[2:-1]
    else:
        text = str(sorted(val, key=repr) if isinstance(val, set | frozenset) else val)
    text = text[: 4 * _LONGEST]
    if " at 0x" in text or text.count("\\x") > 8:
        return argname
    words = re.sub(r"[^\w./:+-]+", "_", text, flags=re.ASCII).strip("_-")
    return words[:_LONGEST] or (None if val else "empty")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let one process run the tests that share servers, so that each of these starts once."""
    if not getattr(config.option, "loadgroup", False):  # xdist does not look at groups
        return
    for item in items:
        assert isinstance(item, pytest.Function)
        fixtures = item._fixtureinfo.name2fixturedefs  # noqa: SLF001 -- nothing else has the scopes
        if "mlserver" in fixtures:
            group = "mlserver"
        elif "module" in {definitions[-1].scope for definitions in fixtures.values()}:
            group = item.path.stem
        else:
            continue
        # As the mark xdist_group does, but not in pytest-xdist 3.8 with pytest 9.2.
        item._id = type(item.id).parse(f"{item.nodeid}@{group}")  # noqa: SLF001 -- as above


@pytest.fixture(scope="session")
def _upstream() -> Iterator[Upstream]:
    server = Upstream()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def upstream(_upstream: Upstream) -> Upstream:
    """The scripted model server, with a clean slate."""
    _upstream.reset()
    return _upstream


@pytest.fixture(scope="session")
def mlserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    """Real MLServer."""
    with model_server(tmp_path_factory.mktemp("mlserver")) as running:
        yield running
