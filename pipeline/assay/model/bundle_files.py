"""The files of a bundle's folder, each read when it is needed, and verified against the manifest.

A large model is two files, of which a command mostly needs one. So what nobody asks for is read
in blocks for its digest alone, and never held.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from assay.errors import BundleChanged, BundleMissing
from assay.model.manifest import MANIFEST, RESTORE, listed_files

Files = Mapping[str, bytes]


class FolderFiles(Mapping[str, bytes]):
    """The files below a folder by their relative paths; the list is made once.

    A file's first digest counts from then on: bytes that differ from it are refused, so no file
    can change between its check and its use.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths = {
            path.relative_to(folder).as_posix(): path
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        self._digests: dict[str, str] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __contains__(self, name: object) -> bool:
        return name in self._paths

    def __getitem__(self, name: str) -> bytes:
        """The bytes of a file.

        Raises
        ------
        BundleChanged
            They are not those whose digest was asked for before, or are gone.
        """
        with self._reading(name):
            data = self._paths[name].read_bytes()
        self._check(name, hashlib.sha256(data).hexdigest())
        return data

    def sha256(self, name: str) -> str:
        """The digest of a file as hexadecimal digits; errors as for reading it."""
        with self._reading(name), self._paths[name].open("rb") as source:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
        self._check(name, digest)
        return digest

    @contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise BundleChanged(
                "a file of the bundle cannot be read any more",
                where=f"{self._folder}/{name}",
                found=error.strerror,
                fix=RESTORE,
            ) from None

    def _check(self, name: str, actual: str) -> None:
        expected = self._digests.setdefault(name, actual)
        if actual != expected:
            raise BundleChanged(
                "its bytes changed while the bundle was in use",
                where=f"{self._folder}/{name}",
                expected=f"sha256:{expected[:12]}",
                found=f"sha256:{actual[:12]}",
                fix=RESTORE,
            )


def read(folder: Path) -> FolderFiles:
    """The files in a bundle's folder, not verified.

    Raises
    ------
    BundleMissing
        There is no bundle in that folder.
    """
    if not (folder / MANIFEST).is_file():
        raise BundleMissing(
            "there is no bundle here",
            where=str(folder),
            expected=MANIFEST,
            fix="Make one with dvc repro, or fetch it with dvc pull.",
        )
    return FolderFiles(folder)


def verify(files: Files, where: str, whole: bool = True) -> str:
    """Check every file against the manifest, and return the digest of the bundle.

    Parameters
    ----------
    whole
        Whether every file that the manifest lists must be present.

    Raises
    ------
    BundleChanged
        A file is missing, unlisted, or its bytes differ.
    """
    # Only a bundle that is sent to a worker carries code; one in a folder never does.
    listed = listed_files(files, where, code=not whole)
    present = set(files) - {MANIFEST}
    for name in sorted(listed.keys() | present if whole else present):
        if name not in present:
            raise BundleChanged("a listed file is missing", where=f"{where}/{name}", fix=RESTORE)
        if name not in listed:
            raise BundleChanged(
                "a file that the manifest does not list", where=f"{where}/{name}", fix=RESTORE
            )
        digest = _sha256(files, name)
        if digest != listed[name]:
            raise BundleChanged(
                "its bytes are not those that were written",
                where=f"{where}/{name}",
                expected=f"sha256:{listed[name][:12]}",
                found=f"sha256:{digest[:12]}",
                fix=RESTORE,
            )
    return f"sha256:{_sha256(files, MANIFEST)}"


def _sha256(files: Files, name: str) -> str:
    if isinstance(files, FolderFiles):
        return files.sha256(name)
    return hashlib.sha256(files[name]).hexdigest()


def code_paths(folder: Path) -> tuple[str, ...]:
    """Paths of the project's own code that the model needs; the folder must be verified."""
    return tuple(json.loads((folder / MANIFEST).read_bytes()).get("code", {}))


def verified_digest(folder: Path) -> str:
    """Digest of the bundle in a folder, after verifying every file."""
    return verify(read(folder), str(folder))
