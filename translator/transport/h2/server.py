"""The h2 transport: listens and drains."""

import asyncio
import errno
import logging
import socket
from contextlib import suppress

from translator.transport.errors import ListenError
from translator.transport.h2.limits import DEFAULTS, Limits
from translator.transport.h2.peer import LARGEST_READ, LINGER, Peer
from translator.transport.h2.services import Services
from translator.transport.service import NewSession
from translator.transport.unixsocket import SocketFile

logger = logging.getLogger(__name__)

_BACKLOG = 1024  # connections that the kernel accepts before we do
_ACCEPTS_AT_ONCE = 16  # connections accepted before the open ones are read again
_KEEPALIVE = {  # seconds, seconds and probes: two minutes, instead of Linux's two hours
    socket.TCP_KEEPIDLE: 60,
    socket.TCP_KEEPINTVL: 15,
    socket.TCP_KEEPCNT: 4,
}
_ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)  # this machine does not have the address


class H2Transport:
    """A gRPC server for ext_proc on one address, in plain text.

    Args:
        new_session: creates the session of each new stream of Envoy.
        limits: the limits of each connection.

    Attributes:
        certificate_reloads: always zero, because there is no TLS.
    """

    def __init__(self, new_session: NewSession, limits: Limits = DEFAULTS) -> None:
        self._services = Services(new_session)
        self._limits = limits
        self._peers: set[Peer] = set()
        self._buffer = memoryview(bytearray(LARGEST_READ))
        self._servers: list[asyncio.Server] = []
        self._file: SocketFile | None = None
        self.certificate_reloads = {"taken": 0, "refused": 0}

    async def start(self, address: str, *, socket_mode: int = 0o660, socket_owner: str = "") -> int:
        """Listen on ``host:port`` or ``unix:/path``; return the port (0 selects a free one).

        Args:
            address: the address.
            socket_mode: the file mode of a unix socket. A file left by a dead process is replaced.
            socket_owner: the owner of that file: ``user``, ``user:group`` or ``:group``, by name or
                number; the default is the user and group of this process.

        Raises:
            ListenError: the address is in use or cannot be bound, or the owner of its file cannot
                be changed.
        """
        loop = asyncio.get_running_loop()
        if address.startswith("unix:"):
            self._file = SocketFile(address)
            listeners = [_unix_listener(self._file, socket_mode, socket_owner)]
            self._servers = [
                await loop.create_unix_server(
                    self._peer, sock=listeners[0], backlog=_ACCEPTS_AT_ONCE
                )
            ]
            port = 0
        else:
            listeners = _tcp_listeners(address)
            port = int(listeners[0].getsockname()[1])
            self._servers = [
                await loop.create_server(self._peer, sock=listener, backlog=_ACCEPTS_AT_ONCE)
                for listener in listeners
            ]
        for listener in listeners:
            # asyncio accepts up to `backlog` connections at once, and when no descriptor is left,
            # it logs an error as often. The kernel's queue is made longer again.
            listener.listen(_BACKLOG)
        self._services.health.set(serving=True)
        return port

    async def retire(self) -> None:
        """Report NOT_SERVING, refuse new streams, and wait until the open ones have ended."""
        self._refuse()
        await self._services.idle.wait()

    async def drain(self, grace: float) -> None:
        """Report NOT_SERVING, refuse new streams, give the open ones ``grace`` seconds to finish.

        Refused streams and cut streams end with UNAVAILABLE; Envoy retries refused ones on another
        worker.
        """
        self._refuse()
        services = self._services
        if services.open:
            logger.info("draining %d streams for up to %g s", len(services.open), grace)
            with suppress(TimeoutError):
                await asyncio.wait_for(services.idle.wait(), grace)
        await asyncio.sleep(0)  # so that watchers are notified
        services.closed = True
        for server in self._servers:
            server.close()
        for peer in tuple(self._peers):
            peer.leave()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._gone(), LINGER)
        for peer in tuple(self._peers):
            peer.abort()
        await self._gone()
        if self._file is not None:
            self._file.remove()

    def _refuse(self) -> None:
        self._services.draining = True
        self._services.health.set(serving=False)

    async def _gone(self) -> None:
        """Wait until all connections are closed."""
        for peer in tuple(self._peers):
            await peer.gone.wait()

    def _peer(self) -> Peer:
        return Peer(self._services, self._limits, self._peers, self._buffer)


def _unix_listener(file: SocketFile, mode: int, owner: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    try:
        with file.bound(mode, owner):
            listener.bind(str(file.path))
    except ListenError:
        listener.close()
        raise
    return listener


def _tcp_listeners(address: str) -> list[socket.socket]:
    """One listener for each address of a host (``localhost`` often has two), as in gRPC."""
    host, _, port = address.rpartition(":")
    listeners: list[socket.socket] = []
    absent = None
    try:
        found = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, name in dict.fromkeys((family, str(to[0])) for family, *_, to in found):
            try:
                listeners.append(_tcp_listener(family, name, int(port)))
            except OSError as error:
                if error.errno not in _ABSENT:
                    raise
                absent = error
            else:
                port = listeners[0].getsockname()[1]
        if absent is not None and not listeners:
            raise absent
    except (OSError, UnicodeError) as error:  # UnicodeError: not a valid host name
        for listener in listeners:
            listener.close()
        msg = f"cannot listen on {address}: it is in use, or cannot be bound"
        raise ListenError(msg) from error
    return listeners


def _tcp_listener(family: socket.AddressFamily, name: str, port: int) -> socket.socket:
    # As with gRPC, the IPv6 wildcard includes IPv4.
    both = name == "::" and socket.has_dualstack_ipv6()
    made = socket.create_server((name, port), family=family, backlog=_BACKLOG, dualstack_ipv6=both)
    # Connections inherit this. Without it, a small reply waits milliseconds until the last one is
    # acknowledged. asyncio sets it only for listeners that it creates itself.
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Connections inherit this too. It detects clients whose machine has gone.
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVE.items():
        made.setsockopt(socket.IPPROTO_TCP, option, value)
    return made
