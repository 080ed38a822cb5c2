"""Exchanges of the h2 library's client with our server, within the windows.

What we send is read by the library, which knows the windows and states by itself: it raises
ProtocolError for anything that is not allowed.
"""

from collections.abc import Callable
from functools import partial

import h2.events
from h2.config import H2Configuration
from h2.connection import H2Connection
from hypothesis import given
from hypothesis import strategies as st

from tests.property.split import PLACES, cut
from tests.unit.transport.h2.wire import ANSWER, CALL, FRAME_SIZE, LAST, WINDOW
from translator.transport.h2.connection import Connection
from translator.transport.h2.events import Lost, Opened, Received, Reset
from translator.transport.h2.frames import SETTINGS_ACK
from translator.transport.h2.limits import Limits

LIMITS = Limits(window=80_000, connection_window=150_000)
LARGE = 1_000_000


class Server:
    """It sends each stream back what came on it, so many times.

    Attributes:
        said: all that it wanted to send on each stream.
        gone: the streams that were taken back.
    """

    def __init__(self, times: int) -> None:
        self.connection = Connection(LIMITS)
        self.said: dict[int, bytearray] = {}
        self.gone: set[int] = set()
        self._times = times
        self._over: set[int] = set()

    def hear(self, data: bytes) -> None:
        for event in self.connection.receive(data):
            match event:
                case Opened(stream, fields):
                    assert fields[":path"] == "/package.Service/Method"
                    self.said[stream] = bytearray()
                    self.connection.send_headers(stream, ANSWER)
                case Received(stream, data, ended):
                    self._answer(stream, data * self._times)
                    self.connection.inbox.taken(stream, len(data))
                    if ended:
                        self.finish(stream)
                case Reset(stream):
                    self.gone.add(stream)
                case Lost():
                    raise AssertionError(event)

    def finish(self, stream: int) -> None:
        if stream not in self._over and stream in self.said:
            self._over.add(stream)
            self.connection.finish(stream, LAST)

    def _answer(self, stream: int, data: bytes) -> None:
        if stream not in self._over:
            self.said[stream] += data
            self.connection.send_data(stream, data)


class Client:
    """It speaks to one server.

    Attributes:
        got: all that has come on each stream.
        ended: the streams whose answer has ended.
    """

    def __init__(self, server: Server) -> None:
        self.http = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.server = server
        self.got: dict[int, bytearray] = {}
        self.ended: set[int] = set()
        self._speaking: list[int] = []
        self._number = 0
        self.http.initiate_connection()
        self._unsettled = True  # the library takes any ACK for that of its newest SETTINGS

    def open(self, *, end: bool) -> None:
        stream = self.http.get_next_available_stream_id()
        self.http.send_headers(stream, [*CALL], end_stream=end)
        self.got[stream] = bytearray()
        if not end:
            self._speaking.append(stream)

    def send(self, which: int, size: int, padding: int | None) -> None:
        for stream in self._one(which):
            extra = 0 if padding is None else padding + 1
            room = min(
                self.http.local_flow_control_window(stream), self.http.max_outbound_frame_size
            )
            if room >= extra:
                size = min(size, room - extra)
                content = b"".join(bytes([(self._number + n) % 251]) for n in range(size))
                self._number += size
                self.http.send_data(stream, content, pad_length=padding)

    def end(self, which: int, *, trailers: bool) -> None:
        for stream in self._one(which):
            if trailers:
                self.http.send_headers(stream, [("x-trailer", "x")], end_stream=True)
            else:
                self.http.end_stream(stream)
            self._speaking.remove(stream)

    def reset(self, which: int) -> None:
        for stream in self._one(which):
            self.http.reset_stream(stream, 8)
            self._speaking.remove(stream)
            del self.got[stream]

    def settle(self, window: int, frame: int) -> None:
        if not self._unsettled:
            self._unsettled = True
            self.http.update_settings({WINDOW: window, FRAME_SIZE: frame})

    def widen(self, which: int, increment: int) -> None:
        for stream in self._one(which):
            self.http.increment_flow_control_window(increment, stream)

    def widen_all(self, increment: int) -> None:
        self.http.increment_flow_control_window(increment)

    def be_heard(self, places: list[int]) -> None:
        for piece in cut(self.http.data_to_send(), places):
            self.server.hear(piece)

    def hear(self, places: list[int]) -> None:
        data = self.server.connection.outbox.take()
        # The library applies its own settings from the next call on, not from the acknowledgement.
        acknowledged = data.find(SETTINGS_ACK) + len(SETTINGS_ACK)
        for piece in cut(data, [*places, acknowledged]):
            for event in self.http.receive_data(piece):
                match event:
                    case h2.events.DataReceived(stream_id=int(stream), data=bytes(data)):
                        if stream in self.got:
                            self.got[stream] += data
                    case h2.events.StreamEnded(stream_id=int(stream)):
                        self.ended.add(stream)
                    case h2.events.StreamReset(stream_id=int(stream), error_code=code):
                        assert code == 0  # there is nothing else to complain of
                        self._leave(stream)
                    case h2.events.SettingsAcknowledged():
                        self._unsettled = False
                    case h2.events.ConnectionTerminated():
                        raise AssertionError(event)

    def finish_early(self, which: int) -> None:
        for stream in self._one(which):
            self.server.finish(stream)

    def come_to_an_end(self) -> None:
        """End all streams and open all windows, until nothing more comes."""
        self.be_heard([])
        self.hear([])
        self.settle(LARGE, 16_384)
        self.widen_all(LARGE)
        while self._speaking:
            self.end(0, trailers=False)
        before = None
        while before != (before := (len(self.ended), sum(map(len, self.got.values())))):
            for _ in range(3):
                self.be_heard([])
                self.hear([])

    def _one(self, which: int) -> list[int]:
        return [self._speaking[which % len(self._speaking)]] if self._speaking else []

    def _leave(self, stream: int) -> None:
        if stream in self._speaking:
            self._speaking.remove(stream)


_WHICH = st.integers(0, 5)
_SIZES = st.one_of(st.integers(0, 40), st.sampled_from([1_000, 16_384, 40_000]))
_WINDOWS = st.sampled_from([0, 1, 10, 3_000, 65_535, 100_000])
_FRAME_SIZES = st.sampled_from([16_384, 16_385, 30_000])
_PADDING = st.one_of(st.none(), st.none(), st.integers(0, 255))
_NO_MORE: list[int] = []

STEPS: st.SearchStrategy[Callable[[Client], None]] = st.one_of(
    st.builds(lambda end: partial(Client.open, end=end), st.booleans()),
    st.just(partial(Client.open, end=False)),
    st.builds(lambda *how: lambda client: client.send(*how), _WHICH, _SIZES, _PADDING),
    st.builds(lambda *how: lambda client: client.send(*how), _WHICH, _SIZES, _PADDING),
    st.builds(
        lambda which, how: lambda client: client.end(which, trailers=how), _WHICH, st.booleans()
    ),
    st.builds(lambda which: lambda client: client.reset(which), _WHICH),
    st.builds(lambda which: lambda client: client.finish_early(which), _WHICH),
    st.builds(lambda *how: lambda client: client.settle(*how), _WINDOWS, _FRAME_SIZES),
    st.builds(lambda *how: lambda client: client.widen(*how), _WHICH, st.integers(1, 20_000)),
    st.builds(lambda by: lambda client: client.widen_all(by), st.integers(1, 50_000)),
    st.just(lambda client: client.http.ping(b"12345678")),
    st.builds(lambda places: lambda client: client.be_heard(places), PLACES),
    st.builds(lambda places: lambda client: client.hear(places), PLACES),
    st.builds(lambda places: lambda client: client.be_heard(places), st.just(_NO_MORE)),
    st.builds(lambda places: lambda client: client.hear(places), st.just(_NO_MORE)),
)


@given(st.sampled_from([0, 1, 3]), st.lists(STEPS, max_size=40))
def test_every_byte_arrives_within_the_windows(
    times: int, steps: list[Callable[[Client], None]]
) -> None:
    server = Server(times)
    client = Client(server)
    for step in steps:
        step(client)
    client.come_to_an_end()

    for stream, got in client.got.items():
        assert got == server.said[stream]
        assert stream in client.ended
    assert server.gone.isdisjoint(client.got)
    assert server.connection.streams == len(server.connection.outbox) == 0
