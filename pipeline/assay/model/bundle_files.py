"""The files of a bundle's folder, each read when it is needed.

A large model is two files, of which a command mostly needs one. So what nobody asks for is read in
blocks for its digest alone, and never held.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from assay.errors import BundleChanged
from assay.model.manifest import RESTORE


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
            found = hashlib.file_digest(source, "sha256").hexdigest()
        self._check(name, found)
        return found

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

    def _check(self, name: str, found: str) -> None:
        expected = self._digests.setdefault(name, found)
        if found != expected:
            raise BundleChanged(
                "its bytes changed while the bundle was in use",
                where=f"{self._folder}/{name}",
                expected=f"sha256:{expected[:12]}",
                found=f"sha256:{found[:12]}",
                fix=RESTORE,
            )
