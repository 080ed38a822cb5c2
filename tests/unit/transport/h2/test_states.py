"""The two tables of states are complete."""

from tests.unit.transport.h2.wire import CONTINUATION, DATA, HEADERS, PUSH_PROMISE, SETTINGS
from translator.transport.h2.states import CONNECTION, STREAM, ConnectionState, Input, StreamState


def test_every_connection_state_has_its_allowed_frames() -> None:
    assert {*CONNECTION} == {*ConnectionState}
    assert CONNECTION[ConnectionState.PREFACE] == CONNECTION[ConnectionState.CLOSED] == frozenset()
    assert CONNECTION[ConnectionState.SETTINGS] == {SETTINGS}
    assert CONNECTION[ConnectionState.HEADER_BLOCK] == {CONTINUATION}
    assert CONNECTION[ConnectionState.OPEN] == {*range(256)} - {PUSH_PROMISE, CONTINUATION}
    assert {DATA, HEADERS} <= CONNECTION[ConnectionState.OPEN]


def test_no_input_is_allowed_after_the_end_of_a_stream() -> None:
    assert [what for state, what in STREAM if state is StreamState.OPEN] == [*Input]
    assert not [pair for pair in STREAM if pair[0] is StreamState.HALF_CLOSED_REMOTE]
    ends = {pair for pair, state in STREAM.items() if state is StreamState.HALF_CLOSED_REMOTE}
    assert ends == {(StreamState.OPEN, Input.END)}
