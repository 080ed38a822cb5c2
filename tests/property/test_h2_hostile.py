"""Any input gets valid frames, or one GOAWAY with the reason."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from tests.property.h2_frames import FRAMES, checked
from tests.unit.transport.h2 import wire
from tests.unit.transport.h2.wire import ANSWER, DATA, GOAWAY, LAST, PREFACE, SETTINGS_ACK, Frame
from translator.transport.h2.connection import Connection
from translator.transport.h2.events import Lost
from translator.transport.h2.limits import Limits

LIMITS = Limits(
    streams=3,
    header_block=1000,
    continuations=2,
    window=70_000,
    connection_window=100_000,
    useless=8,
    wasted=3,
)
GREETING = PREFACE + wire.wire(wire.settings(), SETTINGS_ACK)

_OURS = st.sampled_from([1, 3, 5, 7, 9])
ACTIONS: st.SearchStrategy[Callable[[Connection], None]] = st.one_of(
    st.builds(lambda stream: lambda c: c.send_headers(stream, ANSWER), _OURS),
    st.builds(
        lambda stream, size: lambda c: c.send_data(stream, bytes(size)),
        _OURS,
        st.sampled_from([0, 1, 1000, 16_385, 100_000]),
    ),
    st.builds(lambda stream: lambda c: c.finish(stream, LAST), _OURS),
    st.builds(
        lambda stream, size: lambda c: c.inbox.taken(stream, size), _OURS, st.integers(0, 100)
    ),
    st.just(Connection.new_period),
    st.just(Connection.say_goodbye),
)
STEPS = st.lists(st.one_of(FRAMES, FRAMES, FRAMES, ACTIONS), max_size=30)


def converse(connection: Connection, steps: list[bytes | Callable[[Connection], None]]) -> None:
    """Take these steps, and look at what comes of each."""
    allowed = 65_535 + sum(map(increments, (step for step in steps if isinstance(step, bytes))))
    sent, over = 0, False
    for step in steps:
        if isinstance(step, bytes):
            events = connection.receive(step)
        else:
            step(connection)
            events = []
        answer = checked(b"".join(iter(connection.outbox.take, b"")))
        sent += sum(len(frame.payload) for frame in answer if frame.kind == DATA)
        losses = [event for event in events if isinstance(event, Lost)]
        if over:
            assert (events, answer) == ([], [])
        elif losses:
            assert losses == events[-1:]
            assert answer[-1].kind == GOAWAY
            assert int.from_bytes(answer[-1].payload[4:8]) == losses[0].code
            assert all(frame.kind != GOAWAY for frame in answer[:-1])
            assert connection.streams == len(connection.outbox) == 0
            over = True
        assert sent <= allowed
        assert connection.streams <= LIMITS.streams
        assert len(connection.outbox) <= LIMITS.streams


def increments(data: bytes) -> int:
    """The most that this can open the window of the connection by, if it is a frame that does."""
    return int.from_bytes(data[9:]) & 0x7FFF_FFFF if data[3:4] == b"\x08" and len(data) == 13 else 0


@given(STEPS)
def test_frames_are_answered_or_end_the_connection(
    steps: list[Frame | Callable[[Connection], None]],
) -> None:
    connection = Connection(LIMITS)
    converse(
        connection,
        [GREETING, *(bytes(step) if isinstance(step, Frame) else step for step in steps)],
    )


@given(STEPS, st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=3), st.integers(0, 3))))
def test_altered_bytes_are_answered_or_end_the_connection(
    steps: list[Frame | Callable[[Connection], None]], bends: list[tuple[int, bytes, int]]
) -> None:
    data = bytearray(GREETING + wire.wire(*(step for step in steps if isinstance(step, Frame))))
    for place, instead, size in bends:
        at = place % (len(data) + 1)
        data[at : at + size] = instead
    actions = [step for step in steps if not isinstance(step, Frame)]
    connection = Connection(LIMITS)
    half = len(data) // 2
    events = connection.receive(bytes(data[:half]))
    for action in actions:
        action(connection)
    events += connection.receive(bytes(data[half:]))
    answer = checked(b"".join(iter(connection.outbox.take, b"")))
    losses = [event for event in events if isinstance(event, Lost)]
    assert losses == events[len(events) - len(losses) :]
    assert len(losses) <= 1
    if losses:
        assert answer[-1].kind == GOAWAY
    assert connection.streams <= LIMITS.streams
