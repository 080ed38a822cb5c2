"""TLS on the listener, from files that may change while the server runs.

gRPC asks for the certificate at every new connection, before its handshake
(``grpc.dynamic_ssl_server_credentials``), and connections that are open keep what they began with.
So the files are looked at then: at what they are (device, inode, size, times), and only when that
is new at what is in them. Looking goes through symbolic links, as a Kubernetes secret is renewed by
pointing one at a new folder.

gRPC speaks HTTP/2 only to who asks for it by ALPN. Envoy's streams do so by themselves, its health
checks do not: without ``alpn_protocols: [h2]`` in the cluster's ``common_tls_context`` they all
fail, and traffic flows by Envoy's panic mode only. tests/e2e/test_tls.py has the whole cluster.
"""

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from translator.transport.errors import ListenError

logger = logging.getLogger(__name__)

_ATTEMPTS = 5  # to read files that are being replaced

_Stamp = tuple[tuple[int, ...] | None, ...]


@dataclass(frozen=True, slots=True)
class Tls:
    """Where the listener's certificate is.

    Attributes:
        certificate: PEM, the server's certificate and then those between it and the root.
        key: PEM, its private key, not encrypted.
        client_ca: PEM, one or more certificates. With them a client must present a certificate
            that one of them signed (mutual TLS); without, every client is welcome.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None


def server_credentials(tls: Tls, reloads: dict[str, int]) -> Any:
    """``grpc.ServerCredentials`` that follow the files.

    A file that becomes bad is logged once, and what was good before stays. So it does when gRPC
    (BoringSSL) does not take what OpenSSL did, an Ed448 key say, which only gRPC's own log tells.

    Args:
        tls: where they are.
        reloads: counted up as the files change: ``taken`` when they are given to gRPC, ``refused``
            when they are bad.

    Raises:
        ListenError: a file is bad now.
    """
    source = _Source(tls, reloads)
    try:
        first = source.load()
    except _UnusableError as error:
        msg = f"cannot serve TLS: {error}"
        raise ListenError(msg) from error
    return grpc.dynamic_ssl_server_credentials(
        first, source.renewed, require_client_authentication=tls.client_ca is not None
    )


class _UnusableError(Exception):
    """A file cannot be used; the message names it."""


class _Source:
    """The files, and what they were when last read."""

    def __init__(self, tls: Tls, reloads: dict[str, int]) -> None:
        self._tls = tls
        self._reloads = reloads
        self._seen: _Stamp = ()

    def renewed(self) -> Any:
        """The new configuration, or None to stay with the old one. Called by gRPC's threads."""
        if self._stamp() == self._seen:
            return None
        try:
            configuration = self.load()
        except _UnusableError as error:
            self._reloads["refused"] += 1
            logger.error("TLS certificate not reloaded: %s", error)  # noqa: TRY400 -- the message is enough
            return None
        self._reloads["taken"] += 1
        logger.info("new TLS certificate passed to gRPC: %s", self._tls.certificate)
        return configuration

    def load(self) -> Any:
        """Read and check the files, all of them from one moment.

        Raises:
            _UnusableError: one is missing, or not what it should be.
        """
        for _ in range(_ATTEMPTS):
            self._seen = self._stamp()
            try:
                configuration, problem = _configuration(self._tls), None
            except _UnusableError as error:
                configuration, problem = None, error
            if self._stamp() == self._seen:
                break
        if problem is not None:
            raise problem
        return configuration

    def _stamp(self) -> _Stamp:
        tls = self._tls
        return tuple(_stamp(path) for path in (tls.certificate, tls.key, tls.client_ca) if path)


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _configuration(tls: Tls) -> Any:
    pair = (_read(tls.key), _read(tls.certificate))
    roots = None if tls.client_ca is None else _read(tls.client_ca)
    _check(tls)
    return grpc.ssl_server_certificate_configuration([pair], root_certificates=roots)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror})"
        raise _UnusableError(msg) from error


def _check(tls: Tls) -> None:
    """Find what gRPC would find, which names neither file nor reason.

    Roots without any certificate are to be found above all: gRPC has taken them for no roots.
    """
    for path in (tls.certificate, tls.client_ca):
        if path is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            try:
                context.load_verify_locations(path)
            except OSError as error:
                msg = f"{path} is not a certificate in PEM"
                raise _UnusableError(msg) from error
            if not context.cert_store_stats()["x509"]:
                msg = f"{path} has no certificate in it"
                raise _UnusableError(msg)
    try:
        # The password keeps OpenSSL from asking the terminal for one.
        context.load_cert_chain(tls.certificate, tls.key, password="")
    except OSError as error:
        reason = getattr(error, "reason", None)
        why = f" ({reason.replace('_', ' ').lower()})" if reason else ""
        msg = f"{tls.key} is not the unencrypted PEM key of {tls.certificate}{why}"
        raise _UnusableError(msg) from error
