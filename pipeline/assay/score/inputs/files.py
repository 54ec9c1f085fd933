"""Files of an input: listing, Parquet footers, and fingerprints that detect changes."""

from __future__ import annotations

import difflib
import hashlib
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from assay.errors import NightNotFound, SourceError
from assay.formats.files.opened_table import open_parquet
from assay.project import digests, layout
from assay.project.params.inputs import NIGHT_IN_PATH
from assay.project.partitions import FolderNames, parse_day
from assay.project.text import counted
from assay.score.inputs.types import InputFile
from assay.store.delta.location import filesystem

AT_ONCE = 16
"""Files that are inspected in parallel: the time goes into waiting, especially for a bucket."""
TAIL = 1 << 16
WHOLE = 64 << 20
ENDS = 1 << 20
"""In bytes: first read at the end of a Parquet file; size up to which a whole file is digested; and
how much of each end of a larger file is digested."""

Found = TypeVar("Found")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ListedFile:
    """A file in a listing; ``changed`` is its modification time in nanoseconds."""

    path: str
    relative: str
    size: int
    changed: int

    @property
    def signature(self) -> str:
        return f"{self.relative} {self.size} {self.changed}"


@dataclass(frozen=True)
class Footer:
    """The metadata in a Parquet file's footer, and the footer's digest."""

    file: InputFile
    schema: pa.Schema
    digest: str


def resolve_uri(root: Path, path: str) -> str:
    """An input's address: unchanged if it has a scheme, else absolute; no trailing slash."""
    return path.rstrip("/") if "://" in path else str((root / path).resolve())


@contextmanager
def read_errors(where: str, what: str = "cannot be read") -> Iterator[None]:
    """Turn failures of Arrow or the disk inside the block into a one-line error.

    Raises
    ------
    SourceError
        In place of the failure.
    """
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        far = "://" in where
        raise SourceError(
            what,
            where=where,
            found=_gist(str(error)),
            fix="Check score.input in params.yaml, AWS_ENDPOINT_URL and the keys."
            if far
            else "Write it again at its source.",
        ) from None


def _gist(text: str) -> str:
    match = re.search(r"AWS Error (.+)", text, re.DOTALL)
    words = " ".join(re.sub(r"\(Request ID: .*?\)", "", match[1] if match else text).split())
    return words[:160]


def no_nights_fix(column: str) -> str:
    """What to do about an input in which no night is found."""
    return (
        f"A night is a folder {column}=DAY, or a file that score.input in params.yaml names with "
        f"{NIGHT_IN_PATH}, such as in/rows-{NIGHT_IN_PATH}.csv; dvc repro ingest fills "
        f"{layout.RAW}, also from a file of many nights."
    )


def list_values(root: str, column: str) -> tuple[str, ...]:
    """The nights that have a folder or file at ``root`` (`assay.project.partitions`), sorted.

    Raises
    ------
    SourceError
        The input cannot be accessed, or is one file.
    """
    names = FolderNames.of(root, column)
    with read_errors(root):
        system, base = filesystem(names.folder)
        return names.values(_entries(system, base, names, column))


def list_night(root: str, column: str, value: str) -> tuple[str, tuple[ListedFile, ...]]:
    """The folder or file of one night, and its files sorted by name.

    Raises
    ------
    NightNotFound
        There is no such night; names the nearest one.
    SourceError
        The folder contains folders, or the input is one file.
    """
    names = FolderNames.of(root, column)
    name = names.name(value)
    folder = f"{names.folder}/{name}"
    with read_errors(root):
        system, base = filesystem(names.folder)
        entries = _entries(system, base, names, column)
        if name not in entries:
            known, fix = names.values(entries), no_nights_fix(column)
            raise missing_night_error(root, column, value, known, names.expected, fix)
    if entries[name].type == pafs.FileType.File:
        return folder, _listed([entries[name]], folder, f"{base}/{name}")
    with read_errors(folder):
        entries = system.get_file_info(pafs.FileSelector(f"{base}/{name}"))
    shown = [entry for entry in entries if entry.base_name[0] not in "._"]
    inner = [entry.base_name for entry in shown if entry.type == pafs.FileType.Directory]
    if inner:
        raise SourceError(
            "the night holds folders",
            where=folder,
            expected="files only",
            found=", ".join(sorted(inner)[:3]),
            fix="Partition the input by one column.",
        )
    return folder, _listed(shown, folder, f"{base}/{name}")


def list_tree(root: str, empty: bool = False) -> tuple[ListedFile, ...]:
    """Every file below ``root``, or ``root`` itself, without hidden ones.

    Parameters
    ----------
    empty
        Whether there may be none.

    Raises
    ------
    SourceError
        There is none, or no ``root``.
    """
    with read_errors(root):
        system, base = filesystem(root)
        kind = system.get_file_info(base)
        if kind.type == pafs.FileType.NotFound:
            raise SourceError("no such file or folder", where=root, fix="Check the path.")
        if kind.type == pafs.FileType.File:
            return _listed([kind], root, base)
        entries = system.get_file_info(pafs.FileSelector(base, recursive=True))
    files = [entry for entry in entries if entry.type == pafs.FileType.File]
    listed = _listed(files, root, base)
    kept = [
        file for file in listed if not any(part[0] in "._" for part in file.relative.split("/"))
    ]
    if not kept and not empty:
        raise SourceError("holds no files", where=root, fix="Check score.input in params.yaml.")
    return tuple(kept)


def _listed(entries: Iterable[pafs.FileInfo], shown: str, base: str) -> tuple[ListedFile, ...]:
    files = []
    for entry in entries:
        relative = entry.path.removeprefix(base).lstrip("/")
        path = f"{shown}/{relative}" if relative else shown
        files.append(ListedFile(path, relative or entry.base_name, entry.size, entry.mtime_ns or 0))
    return tuple(sorted(files, key=lambda file: file.relative))


def _entries(
    system: pafs.FileSystem, base: str, names: FolderNames, column: str
) -> dict[str, pafs.FileInfo]:
    """What lies in the folder of the nights, by name; only folders if nights must be some."""
    try:
        there = system.get_file_info(pafs.FileSelector(base))
    except FileNotFoundError:
        there = []
    except NotADirectoryError:
        raise SourceError(
            "is one file, and a night is not a part of a file",
            where=names.folder,
            expected=f"a folder with {names.expected}",
            fix=no_nights_fix(column),
        ) from None
    kinds = {pafs.FileType.Directory} | ({pafs.FileType.File} if names.column is None else set())
    return {each.base_name: each for each in there if each.type in kinds}


def missing_night_error(
    where: str, column: str, value: str, known: Sequence[str], expected: str, fix: str
) -> NightNotFound:
    """The error that there is no such night; names the nearest one, or says ``fix`` if none is."""
    if not known:
        return NightNotFound(
            "the input has no partitions",
            where=where,
            expected=expected,
            fix=fix,
        )
    near = _nearest(value, known)
    return NightNotFound(
        f"there is no night {column}={value}",
        where=where,
        expected=f"one of {counted(len(known), 'night')} from {known[0]} to {known[-1]}",
        found="none",
        fix=f"The nearest is {near}." if near else None,
    )


def warn_without_night(where: str, column: str, rows: Sequence[int | None]) -> None:
    """Say that rows of a table belong to no night: those of files whose partition is null.

    Parameters
    ----------
    rows
        Of each such file; None where the table does not count them.
    """
    if rows:
        counts = [each for each in rows if each is not None]
        said = counted(sum(counts), "row") if len(counts) == len(rows) else "rows"
        _log.warning("%s: %s without a %s belong to no night", where, said, column)


def _nearest(value: str, known: Sequence[str]) -> str | None:
    """The nearest day, or the most similar name if they are no days."""
    day = parse_day(value)
    days = {name: parsed for name in known if (parsed := parse_day(name)) is not None}
    if day is not None and days:
        return min(days, key=lambda name: abs(days[name] - day))
    similar = difflib.get_close_matches(value, known, n=1, cutoff=0.1)
    return similar[0] if similar else None


def parallel_map(look: Callable[[ListedFile], Found], files: Sequence[ListedFile]) -> list[Found]:
    """Apply ``look`` to every file in parallel, results in order; the first error is raised."""
    if len(files) < 2:
        return [look(file) for file in files]
    with ThreadPoolExecutor(min(AT_ONCE, len(files))) as pool:
        return list(pool.map(look, files))


def read_footer(file: ListedFile) -> Footer:
    """A Parquet file's metadata, from one short read of its end.

    Raises
    ------
    SourceError
        It is damaged, truncated or not Parquet.
    """
    with read_errors(file.path, "cannot be read as Parquet"):
        system, path = filesystem(file.path)
        with system.open_input_file(path) as source:
            size = source.size()
            end = source.read_at(min(size, TAIL), max(size - TAIL, 0))
            length = int.from_bytes(end[-8:-4], "little") + 8
            if len(end) < 8 or end[-4:] != b"PAR1" or length > size:
                raise pa.ArrowInvalid("no Parquet footer at its end: cut short, or no Parquet")
            if length > len(end):
                end = source.read_at(length, size - length)
        raw = end[-length:]
        metadata = pq.read_metadata(pa.BufferReader(raw))
        schema = open_parquet(pa.BufferReader(raw), metadata).schema_arrow
        groups = tuple(metadata.row_group(n).num_rows for n in range(metadata.num_row_groups))
    return Footer(
        InputFile(file.path, size, groups), schema, f"sha256:{hashlib.sha256(raw).hexdigest()}"
    )


def read_footers(
    files: Sequence[ListedFile], rows: Sequence[int | None], says: str
) -> list[Footer]:
    """The footers of a table's files, which hold as many rows as the table says.

    Parameters
    ----------
    rows
        Of each file; None if the table has no count of it.
    says
        What of the table says so.

    Raises
    ------
    SourceError
        One was written over.
    """
    footers = parallel_map(read_footer, files)
    for expected, footer in zip(rows, footers, strict=True):
        if expected not in (None, footer.file.rows):
            raise SourceError(
                f"holds other rows than the table's {says}",
                where=footer.file.path,
                expected=counted(expected, "row"),
                found=f"{footer.file.rows}",
                fix="The file was written over: restore the table.",
            )
    return footers


def content_digest(file: ListedFile) -> str:
    """Digest of a file's bytes; for a very large file, of both its ends."""
    whole = hashlib.sha256()
    with read_errors(file.path):
        system, path = filesystem(file.path)
        with system.open_input_file(path) as source:
            if file.size > WHOLE:
                whole.update(source.read_at(ENDS, 0))
                whole.update(source.read_at(ENDS, file.size - ENDS))
            else:
                while block := source.read(ENDS):
                    whole.update(block)
    return f"sha256:{whole.hexdigest()}"


def fingerprint(
    kind: str, files: Sequence[ListedFile], facts: Iterable[str], times: bool = True
) -> str:
    """One digest over files in order, each with its listing and one further fact.

    Parameters
    ----------
    times
        Whether the listing includes the times at which the files were written.
    """
    marks: list[str] = []
    for file, fact in zip(files, facts, strict=True):
        marks += [file.signature if times else f"{file.relative} {file.size}", fact]
    return digests.digest_texts(kind, *marks)
