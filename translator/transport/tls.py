"""TLS on the listener, with files that may change while the server runs.

gRPC requests the certificate before the handshake of every new connection
(``grpc.dynamic_ssl_server_credentials``); open connections keep theirs. At each request, device,
inode, size and times of the files are compared, and changed files are read. Symbolic links are
followed, because a Kubernetes secret is renewed by a change of a link.

gRPC requires HTTP/2 by ALPN. Envoy sends it for streams by default, but not for health checks:
without ``alpn_protocols: [h2]`` in the cluster's ``common_tls_context`` they all fail, and only
Envoy's panic mode lets traffic through. tests/e2e/test_tls.py has the whole cluster.
"""

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from translator.transport.errors import ListenError

logger = logging.getLogger(__name__)

_ATTEMPTS = 5  # for files that are being replaced

_Stamp = tuple[tuple[int, ...] | None, ...]


@dataclass(frozen=True, slots=True)
class Tls:
    """The TLS files of the listener.

    Attributes:
        certificate: PEM, the server's certificate, then the intermediate certificates.
        key: PEM, its private key, not encrypted.
        client_ca: PEM, one or more certificates. With them a client must present a certificate
            that one of them signed (mutual TLS); without them, any client is accepted.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None


def server_credentials(tls: Tls, reloads: dict[str, int]) -> Any:
    """``grpc.ServerCredentials`` that reload changed files.

    An invalid file is logged once, and the previous certificate stays in use. It also stays if gRPC
    (BoringSSL) refuses a file that OpenSSL accepts, such as an Ed448 key; only gRPC logs that.

    Args:
        tls: the files.
        reloads: counters of changes: ``taken`` if the files were passed to gRPC, ``refused`` if
            they were invalid.

    Raises:
        ListenError: a file is invalid.
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
    """The files, and their stamps when last read."""

    def __init__(self, tls: Tls, reloads: dict[str, int]) -> None:
        self._tls = tls
        self._reloads = reloads
        self._seen: _Stamp = ()

    def renewed(self) -> Any:
        """The new configuration, or None to keep the old one. Called by gRPC's threads."""
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
        """Read and check the files, all in the same state.

        Raises:
            _UnusableError: a file is missing or invalid.
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
    """Check for errors that gRPC reports without file and reason, or not at all.

    gRPC has accepted a CA file without certificates as if there were no CA.
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
        # With a password, OpenSSL does not prompt for one on the terminal.
        context.load_cert_chain(tls.certificate, tls.key, password="")
    except OSError as error:
        reason = getattr(error, "reason", None)
        why = f" ({reason.replace('_', ' ').lower()})" if reason else ""
        msg = f"{tls.key} is not the unencrypted PEM key of {tls.certificate}{why}"
        raise _UnusableError(msg) from error
