"""The two tables of states are whole."""

from tests.unit.transport.h2.wire import CONTINUATION, DATA, HEADERS, PUSH_PROMISE, SETTINGS
from translator.transport.h2.states import CONNECTION, STREAM, ConnectionState, Input, StreamState


def test_every_state_of_a_connection_says_what_may_come() -> None:
    assert {*CONNECTION} == {*ConnectionState}
    assert CONNECTION[ConnectionState.PREFACE] == CONNECTION[ConnectionState.CLOSED] == frozenset()
    assert CONNECTION[ConnectionState.SETTINGS] == {SETTINGS}
    assert CONNECTION[ConnectionState.HEADER_BLOCK] == {CONTINUATION}
    assert CONNECTION[ConnectionState.OPEN] == {*range(256)} - {PUSH_PROMISE, CONTINUATION}
    assert {DATA, HEADERS} <= CONNECTION[ConnectionState.OPEN]


def test_after_its_end_nothing_comes_on_a_stream() -> None:
    assert [what for state, what in STREAM if state is StreamState.OPEN] == [*Input]
    assert not [pair for pair in STREAM if pair[0] is StreamState.HALF_CLOSED_REMOTE]
    ends = {pair for pair, state in STREAM.items() if state is StreamState.HALF_CLOSED_REMOTE}
    assert ends == {(StreamState.OPEN, Input.END)}
