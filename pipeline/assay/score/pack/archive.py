"""The archive of `assay pack`: reproducible bytes, and metadata about its contents."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import sysconfig
import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from assay.errors import RunError
from assay.score.pack.dependencies import ArchiveMember, package_files, project_files

FACTS = "assay-pack.json"
PYTHON = "bin/python"
NAME = "assay"
"""The folder that executors unpack it into: the part after ``#`` in ``spark.archives``."""
EXECUTABLE = f"./{NAME}/{PYTHON}"
KINDS = (".tar.gz", ".tgz")
"""Supported endings. Spark unpacks ``.zip`` and ``.tar`` without the executable bit."""

LEVEL = 1
"""The gzip level. Most of the archive is shared libraries: level 6 takes three times as long and
saves a tenth."""

_LAUNCHER = """\
#!/bin/sh
# Written by `assay pack`: this machine's Python {minor} with the packages of this archive.
case $0 in */*) home=${{0%/*}}/.. ;; *) home=.. ;; esac
home=$(cd "$home" && pwd -P) || exit 126
PYTHONPATH=$home/site-packages:$home/project${{PYTHONPATH:+:$PYTHONPATH}}
PYTHONNOUSERSITE=1
export PYTHONPATH PYTHONNOUSERSITE
python=${{ASSAY_PYTHON:-python{minor}}}
command -v "$python" >/dev/null || {{
    echo "assay: '$python' is not on the PATH of this machine. Install it, or name the right" \\
        "one: spark.executorEnv.ASSAY_PYTHON in params.yaml under spark.conf." >&2
    exit 127
}}
exec "$python" "$@"
"""


@dataclass(frozen=True)
class ArchiveFacts:
    """Metadata in the first file of an archive.

    Parameters
    ----------
    python, platform
        What its compiled packages were built for, such as ``3.11`` and ``linux-x86_64``.
    code
        Digest of this package and of the project's modules.
    distributions
        Name and version of every other package in it.
    """

    python: str
    platform: str
    code: str
    distributions: Mapping[str, str]

    def to_json(self) -> bytes:
        return (json.dumps(asdict(self), indent=2, sort_keys=True) + "\n").encode()


def python_version() -> str:
    """The Python version that compiled packages depend on, such as ``3.11``."""
    return sysconfig.get_python_version()


def platform() -> str:
    """The platform that compiled packages were built for."""
    return sysconfig.get_platform()


def code_members(root: Path) -> list[ArchiveMember]:
    """Assay's own package and the project's modules."""
    return [*package_files(), *project_files(root)]


def code_digest(members: Iterable[ArchiveMember]) -> str:
    """Digest of names and bytes, independent of order and location."""
    whole = hashlib.sha256()
    for member in sorted(members, key=lambda each: each.name):
        data = hashlib.sha256(member.source.read_bytes()).hexdigest()
        whole.update(f"{len(member.name.encode())}:{member.name}{data}".encode())
    return f"sha256:{whole.hexdigest()}"


def write(
    path: Path, facts: ArchiveFacts, members: Sequence[ArchiveMember], tell: Callable[[int], None]
) -> None:
    """Write an archive; equal files give equal bytes, on any machine and at any time.

    Parameters
    ----------
    path
        Ends in one of `KINDS`.
    tell
        Called with the number of bytes after each file.
    """
    launcher = _LAUNCHER.format(minor=facts.python).encode()
    with ExitStack() as stack:
        file = stack.enter_context(path.open("wb"))
        # No file name and no time in the gzip header.
        packed = stack.enter_context(gzip.GzipFile("", "wb", LEVEL, file, mtime=0))
        tar = stack.enter_context(tarfile.TarFile(fileobj=packed, mode="w"))
        for name, data, mode in ((FACTS, facts.to_json(), 0o644), (PYTHON, launcher, 0o755)):
            tar.addfile(_entry(name, len(data), mode), io.BytesIO(data))
        for member in sorted(members, key=lambda each: each.name):
            with member.source.open("rb") as source:
                state = os.fstat(source.fileno())
                mode = 0o755 if state.st_mode & 0o100 else 0o644
                tar.addfile(_entry(member.name, state.st_size, mode), source)
            tell(state.st_size)


def _entry(name: str, size: int, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, mode
    # Not 1970: zip-based tools support no date before 1980.
    entry.mtime = 315532800
    return entry


def read_facts(path: Path) -> ArchiveFacts:
    """The metadata of an archive.

    Raises
    ------
    RunError
        It cannot be read, or `assay pack` did not make it.
    """
    try:
        with tarfile.open(path) as tar:
            first = tar.next()
            file = tar.extractfile(first) if first and first.name == FACTS else None
            if file is not None:
                return ArchiveFacts(**json.load(file))
    except (OSError, EOFError, tarfile.TarError, ValueError, TypeError) as error:
        raise RunError(
            "cannot be read as an archive of assay pack",
            where=str(path),
            found=str(error)[:160],
            mend="Make it: assay pack.",
        ) from None
    raise RunError("assay pack did not make this archive", where=str(path), mend="Run assay pack.")


def has_pack_archive(archives: str) -> bool:
    """Whether ``spark.archives`` names an archive of `assay pack`."""
    return any(entry.endswith(f"#{NAME}") for entry in archives.split(","))


def resolve_archives(archives: str, root: Path) -> str:
    """``spark.archives`` with local paths made absolute from the project's root.

    An archive of `assay pack` among them is checked; errors as for `check`.
    """
    found = []
    for entry in archives.split(","):
        path, mark, name = entry.strip().partition("#")
        address = urlsplit(path)
        if address.scheme in {"", "file"}:
            path = str(root / unquote(address.path) if address.scheme else root / path)
            if name == NAME:
                check(Path(path), root)
        found.append(f"{path}{mark}{name}")
    return ",".join(found)


def check(path: Path, root: Path) -> None:
    """Refuse an archive with other code, or for another Python, than runs here.

    Raises
    ------
    RunError
        They differ.
    """
    facts = read_facts(path)
    code = code_digest(code_members(root))
    for what, there, here in (
        ("Python", facts.python, python_version()),
        ("code", facts.code, code),
    ):
        if there != here:
            raise RunError(
                f"the archive holds another {what} than runs here",
                where=str(path),
                expected=here[:19],
                found=there[:19],
                mend="Make it again: assay pack.",
            )
