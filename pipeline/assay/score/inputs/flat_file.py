"""A flat file as nights: it is cut once, and again when it has changed.

``.assay/nights/<name>/<digest>/<night>/`` holds copies of its rows, where the digest is of the
file's name, size and time of change and of the settings. A cut is complete or not there, and never
changes; what is missing of it later is found by its list of files. The time of change of a copy
comes from its content, so the fingerprint of a night stays where its rows stay, and only new nights
are scored. The newest `KEPT` cuts stay, for a run that reads the last but one.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeAlias, TypeGuard

from assay.errors import NightEmpty, NightNotFound, SchemaMismatch, SourceError, UsageError
from assay.project import digests, layout
from assay.project.params.inputs import NIGHT_IN_PATH, Csv, Delta, Input, Json, Parquet
from assay.project.partitions import first_day, parse_day, usual_step
from assay.project.processes import delete_abandoned
from assay.score.inputs import files
from assay.score.inputs.cut import cut_parquet, cut_text
from assay.score.inputs.files import ListedFile

CUTS = f"{layout.WORK}/nights"
KEPT = 2
SELDOM = 10.0
"""Seconds between two lines of progress."""
NO_ROWS = "Check the export that fills it."
FEW = 5
"""Fewer published nights do not tell how long they are."""
_FILES = "_files.json"
"""In a cut: the path of each of its files -> bytes."""
_BLOCK = 1 << 20
_SECONDS = 1 << 31
"""What any file system takes as a time."""
_SCRATCH = ".cut-"

log = logging.getLogger(__name__)

FileInput: TypeAlias = Parquet | Csv | Json


def is_flat(spec: Input) -> TypeGuard[FileInput]:
    """Whether an input's files hold the rows of many nights each."""
    return isinstance(spec, Parquet | Csv | Json) and spec.night_by is not None


def nights_uri(root: Path, spec: FileInput | Delta, night: str | None = None) -> str:
    """Where the nights of an input lie; a flat file is cut first if it is new or has changed.

    Parameters
    ----------
    night
        The one that is wanted, so that the copies of the others are not looked at; None for all.

    Raises
    ------
    SourceError
        The file cannot be read, changed meanwhile, has a row whose night cannot be told, or cannot
        be copied.
    SchemaMismatch
        It lacks the column ``night_by``, or has it in a type that is no time.
    """
    if not is_flat(spec):
        return files.resolve_uri(root, spec.path)
    cut = _folder(root, spec)
    if not _is_whole(cut, night):
        try:
            _cut(root, spec, cut)
            _remove_old(cut)
        except OSError as error:
            raise SourceError(
                "cannot be cut into nights",
                where=files.resolve_uri(root, spec.path),
                found=f"{error.strerror or error}: {error.filename or cut.parent}",
                fix=f"It needs room for a copy, and the right to write, in {CUTS}.",
            ) from None
    return f"{cut}/{NIGHT_IN_PATH}"


def check_length(spec: Input, published: Iterable[str], available: Iterable[str]) -> None:
    """Check that the nights of a flat file are as long as those that are published.

    Raises
    ------
    UsageError
        They are longer or shorter, so that a row would be published in two nights.
    """
    if not is_flat(spec):
        return
    days = sorted(day for night in published if (day := parse_day(night)) is not None)
    found = [day for night in available if (day := parse_day(night)) is not None]
    odd = [day for day in days if first_day(day, spec.every) != day]
    shorter = len(days) >= FEW and usual_step(found) < usual_step(days)
    if odd or shorter:
        raise UsageError(
            "nights of another length are published, so rows would be published in two nights",
            where=f"{layout.PARAMS}: score.input.every",
            expected=f"the length of the published nights, such as {(odd or days)[0]}",
            found=spec.every,
            fix="Set it back, or name another store for nights of this length.",
        )


@contextmanager
def errors_name_the_file(root: Path, spec: Input) -> Iterator[None]:
    """Name the flat file itself, not the copy of one night, in errors that the block raises."""
    try:
        yield
    except SchemaMismatch as error:
        if not is_flat(spec):
            raise
        told = partial(_in_the_file, root, spec)
        raise SchemaMismatch(list(dict.fromkeys(map(told, error.lines())))) from None
    except (SourceError, NightNotFound, NightEmpty) as error:
        if not is_flat(spec):
            raise
        told = partial(_in_the_file, root, spec)
        if isinstance(error, NightNotFound) and error.found is None:  # nor is there any other
            uri = files.resolve_uri(root, spec.path)
            raise NightNotFound("holds no row", where=uri, fix=NO_ROWS) from None
        raise type(error)(
            told(error.what),
            where=error.where and told(error.where),
            expected=error.expected,
            found=error.found and told(error.found),
            fix=error.fix,
        ) from None


def _in_the_file(root: Path, spec: FileInput, text: str) -> str:
    uri = files.resolve_uri(root, spec.path)
    return re.sub(
        rf"{re.escape(str(_home(root, spec)))}/\w+/[^\s:/]+(/[^\s:]+)?", lambda _: uri, text
    )


def _home(root: Path, spec: FileInput) -> Path:
    """The folder of all cuts of a file; another column or length of nights has another one."""
    uri = files.resolve_uri(root, spec.path)
    name = re.sub(r"[^\w.-]", "-", uri.rpartition("/")[2])
    mark = digests.digest_texts(uri, str(spec.night_by), spec.every).rpartition(":")[2][:8]
    return root.resolve() / CUTS / f"{name}-{mark}"


def _folder(root: Path, spec: FileInput) -> Path:
    listed = files.list_tree(files.resolve_uri(root, spec.path))
    mark = digests.digest_texts(spec.settings, *[file.signature for file in listed])
    return _home(root, spec) / mark.rpartition(":")[2][:16]


def _is_whole(cut: Path, night: str | None = None) -> bool:
    """Whether a cut is there, with its files, or those of one night, at their sizes."""
    try:
        listed = json.loads((cut / _FILES).read_text(encoding="utf-8"))
        return all(
            (cut / name).stat().st_size == size
            for name, size in listed.items()
            if night is None or name.startswith(f"{night}/")
        )
    except (OSError, ValueError):
        return False


def _cut(root: Path, spec: FileInput, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    uri = files.resolve_uri(root, spec.path)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=_SCRATCH) as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        for file in files.list_tree(uri):
            told, name = _progress(file), _name(file)
            if isinstance(spec, Parquet):
                cut_parquet(spec, file, made, name, told)
            else:
                cut_text(spec, file, made, name, told)
        if _folder(root, spec) != target:
            raise SourceError(
                "changed while it was cut into nights",
                where=uri,
                expected="the same file from the first row to the last",
                fix="Run this again once its export is complete.",
            )
        sizes = {}
        for path in sorted(made.glob("*/*")):
            _set_time(path)
            sizes[path.relative_to(made).as_posix()] = path.stat().st_size
        (made / _FILES).write_text(json.dumps(sizes), encoding="utf-8")
        if target.exists() and not _is_whole(target):
            target.rename(Path(scratch) / "damaged")
        try:
            made.rename(target)
        except OSError:
            if not _is_whole(target):  # else another command has cut the same file meanwhile
                raise


def _set_time(path: Path) -> None:
    """Set a copy's time of change by its content, so that equal rows are an equal input."""
    found = hashlib.blake2b(digest_size=8)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
    seconds = int.from_bytes(found.digest(), "big") % _SECONDS
    os.utime(path, (seconds, seconds))


def _name(file: ListedFile) -> str:
    """The name of the file's copies; nothing that begins like a hidden file, nor compressed."""
    name = re.sub(r"[^\w.-]", "-", file.relative).lstrip("._")
    return re.sub(r"(?i)\.(gz|bz2)$", "", name) or "rows"


def _progress(file: ListedFile) -> Callable[[float], None]:
    last = time.monotonic()

    def told(share: float) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= SELDOM:
            last = now
            done = f", {share:.0%} done" if share == share else ""
            log.info("cutting %s into nights%s", file.path, done)

    return told


def _complete(home: Path) -> Sequence[Path]:
    """The cuts of a file, the newest first."""
    found = [each for each in home.iterdir() if each.is_dir() and each.name[0] != "."]
    return sorted(found, key=lambda each: each.stat().st_mtime_ns, reverse=True)


def _remove_old(newest: Path) -> None:
    for cut in _complete(newest.parent)[KEPT:]:
        if cut != newest:
            shutil.rmtree(cut, ignore_errors=True)
    delete_abandoned(newest.parent, f"{_SCRATCH}*")
