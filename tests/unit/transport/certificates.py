"""Certificate files, made for one test."""

from pathlib import Path

import trustme

from translator.transport.tls import Tls


class Authority:
    """A certificate authority."""

    def __init__(self) -> None:
        self._ca = trustme.CA()

    @property
    def pem(self) -> bytes:
        """Its own certificate."""
        return self._ca.cert_pem.bytes()

    def issue(self, name: str = "127.0.0.1") -> "Pair":
        """A certificate for a server or a client."""
        leaf = self._ca.issue_cert(name)
        return Pair(leaf.cert_chain_pems[0].bytes(), leaf.private_key_pem.bytes())


class Pair:
    """A certificate and its key, in PEM."""

    def __init__(self, certificate: bytes, key: bytes) -> None:
        self.certificate = certificate
        self.key = key


def write(folder: Path, pair: Pair, client_ca: bytes | None = None) -> Tls:
    """Write the files of a listener, each replaced in one step."""
    files = {"tls.crt": pair.certificate, "tls.key": pair.key, "ca.crt": client_ca}
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        if content is not None:
            put(folder / name, content)
    return Tls(
        folder / "tls.crt", folder / "tls.key", None if client_ca is None else folder / "ca.crt"
    )


def put(path: Path, content: bytes) -> None:
    """Replace one file in one step."""
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.rename(path)


def mount(folder: Path, version: str, pair: Pair, client_ca: bytes) -> Tls:
    """Write the files as Kubernetes mounts a secret, and again as it renews one.

    The names are links to ``..data/NAME``, and ``..data`` a link to a folder with the version's
    name, which is put in place of the one before in one step.
    """
    folder.mkdir(exist_ok=True)
    tls = write(folder / f"..{version}", pair, client_ca)
    for path in (tls.certificate, tls.key, folder / "ca.crt"):
        link = folder / path.name
        if not link.is_symlink():
            link.symlink_to(f"..data/{path.name}")
    data = folder / "..data"
    new = folder / "..data_tmp"
    new.symlink_to(f"..{version}")
    before = data.resolve() if data.is_symlink() else None
    new.rename(data)
    if before is not None:
        for old in before.iterdir():
            old.unlink()
        before.rmdir()
    return Tls(folder / "tls.crt", folder / "tls.key", folder / "ca.crt")
