"""Unique values that stand for a person's, and a search for them in every byte of a folder."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import struct
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

BIRD = re.compile(rb"kanarie[a-z]+")
"""A text, with what it is of: kanariekunde-17 is of the customer in row 17."""

PHONE = 4_915_700_000_000
"""A number, which lies in files as eight bytes too; that of row 17 is 17 larger."""
PHONES = 100_000
_SPELT = re.compile(rb"49157000\d{5}(?!\d)")
_PACKED = struct.pack("<q", PHONE)[3:]
"""What the bytes of all of them end with: the last three tell them apart."""


def kinds(data: bytes) -> set[str]:
    """What is told of a person by some bytes: kinds of texts, or the phone number."""
    found = {each.decode() for each in BIRD.findall(data)}
    found |= {each.decode() for each in BIRD.findall(data.replace(b"\0", b""))}  # UTF-16
    packed = (data[at - 3 : at + 5] for at in _places(data, _PACKED) if at >= 3)
    if _SPELT.search(data) or any(0 <= _unpack(each) - PHONE < PHONES for each in packed):
        found.add("phone")
    return found


def _unpack(data: bytes) -> int:
    return int(struct.unpack("<q", data)[0])


def _places(data: bytes, part: bytes) -> Iterator[int]:
    at = data.find(part)
    while at >= 0:
        yield at
        at = data.find(part, at + 1)


def search(folder: Path) -> dict[str, set[str]]:
    """Each place below a folder where something is told, with what: files by their paths.

    Of a Parquet file a place is its column, or its footer; of an archive, a file in it; of git
    each object, whether or not a commit still has it. The names of files are places too.
    """
    found: dict[str, set[str]] = {}
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        name = path.relative_to(folder).as_posix()
        for place, told in _of_file(name, path.read_bytes()):
            found.setdefault(place, set()).update(told)
    for git in folder.rglob(".git"):
        place = git.relative_to(folder).as_posix()
        objects = ["git", "cat-file", "--batch-all-objects", "--batch", "--unordered"]
        done = subprocess.run(objects, cwd=git, capture_output=True, check=True)
        found[f"{place} objects"] = kinds(done.stdout)
    return {place: told for place, told in found.items() if told}


def _of_file(name: str, data: bytes) -> Iterator[tuple[str, set[str]]]:
    yield f"{name} (its name)", kinds(Path(name).name.encode())
    if data.startswith(b"PAR1"):
        yield from _of_parquet(name, data)
        return
    yield name, kinds(data)
    if data.startswith(b"\x1f\x8b"):
        yield from _of_file(f"{name}: unzipped", gzip.decompress(data))
    elif zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                yield from _of_file(f"{name}: {member}", archive.read(member))


def _of_parquet(name: str, data: bytes) -> Iterator[tuple[str, set[str]]]:
    file = pq.ParquetFile(io.BytesIO(data))
    size = struct.unpack("<I", data[-8:-4])[0]
    yield f"{name}: footer", kinds(data[-8 - size :])
    texts = [field.name for field in file.schema_arrow if pa.types.is_string(field.type)]
    dictionaries = pq.ParquetFile(io.BytesIO(data), read_dictionary=texts)
    for batch in dictionaries.iter_batches():
        for column, values in zip(batch.schema.names, batch.columns, strict=True):
            yield f"{name}: {column}", kinds(_bytes(values))


def _bytes(values: pa.Array) -> bytes:
    """All that an array holds, whether or not a row has it."""
    parts = [] if not pa.types.is_dictionary(values.type) else [_bytes(values.dictionary)]
    return b"\n".join([*parts, *(bytes(each) for each in values.buffers() if each is not None)])


def md5s(folder: Path) -> set[str]:
    """The names that DVC's cache has for the files of a folder."""
    return {
        hashlib.md5(each.read_bytes(), usedforsecurity=False).hexdigest()
        for each in folder.rglob("*")
        if each.is_file()
    }
