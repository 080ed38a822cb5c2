"""What the fuzzer begins with, and the tests run through: named seeds, and what it found since.

Each file of ``seeds/`` is named after what it holds. ``corpus.tar.xz`` holds the inputs that reach
more code than the seeds do, named by their SHA-1 as libFuzzer names them. To renew it after ``make
fuzz``, let libFuzzer choose the smallest inputs that reach all that is reached, and pack them::

    mkdir .fuzz/kept
    .venv/bin/python -m tests.fuzz.h2 -merge=1 .fuzz/kept
    .venv/bin/python -m tests.fuzz.inputs .fuzz/kept
"""

import io
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

_HERE = Path(__file__).parent
SEEDS = _HERE / "seeds"
ARCHIVE = _HERE / "corpus.tar.xz"


def read(folder: Path) -> dict[str, bytes]:
    """The files of a folder by their names."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def unpack(archive: Path) -> dict[str, bytes]:
    """The members of an archive by their names."""
    with tarfile.open(archive) as tar:
        members = {member.name: tar.extractfile(member) for member in tar}
        return {name: file.read() for name, file in members.items() if file}


def pack(files: Mapping[str, bytes], archive: Path) -> None:
    """Write an archive, the same for the same files: without times, owners and modes."""
    with tarfile.open(archive, "w:xz") as tar:
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def renew(kept: Path) -> None:
    """Put what the fuzzer kept into the archive, but for the seeds."""
    seeds = {*read(SEEDS).values()}
    pack({name: data for name, data in read(kept).items() if data not in seeds}, ARCHIVE)


if __name__ == "__main__":
    renew(Path(sys.argv[1]))
