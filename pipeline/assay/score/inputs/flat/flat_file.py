"""A flat file as nights: it is cut once, and again when it has changed.

``.assay/nights/<name>/<digest>/<night>/`` holds copies of its rows, where the digest is of the
file's name, size and time of change and of the settings. A cut is complete or not there, and never
changes. Nights that a later cut finds unchanged are the same files again, so their fingerprints
stay and only new nights are scored. The newest `KEPT` cuts stay, for a run that reads the last but
one.
"""

from __future__ import annotations

import filecmp
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeAlias, TypeGuard

from assay.errors import NightEmpty, NightNotFound, SchemaMismatch, SourceError
from assay.project import digests, layout
from assay.project.params.inputs import NIGHT_IN_PATH, Csv, Delta, Json, Parquet, Postgres, Sql
from assay.score.inputs import files
from assay.score.inputs.files import ListedFile
from assay.score.inputs.flat.cut import cut_parquet, cut_text

CUTS = f"{layout.WORK}/nights"
KEPT = 2
SELDOM = 10.0
"""Seconds between two lines of progress."""
_SCRATCH = ".cut-"
_ABANDONED = 86_400.0
"""Seconds after which an unfinished cut is taken for one whose command was killed."""

log = logging.getLogger(__name__)

FileInput: TypeAlias = Parquet | Csv | Json
AnyInput: TypeAlias = FileInput | Delta | Sql | Postgres


def is_flat(spec: AnyInput) -> TypeGuard[FileInput]:
    """Whether an input's files hold the rows of many nights each."""
    return isinstance(spec, Parquet | Csv | Json) and spec.night_by is not None


def as_nights(root: Path, spec: AnyInput) -> AnyInput:
    """A flat file as an input with a folder for each night; any other input as it is.

    Raises
    ------
    SourceError, SchemaMismatch
        As for `nights_uri`.
    """
    if not is_flat(spec):
        return spec
    return spec.model_copy(
        update={"path": nights_uri(root, spec), "night_by": None, "every": "day"}
    )


def nights_uri(root: Path, spec: FileInput | Delta) -> str:
    """Where the nights of an input lie; a flat file is cut first if it is new or has changed.

    Raises
    ------
    SourceError
        The file cannot be read, changed meanwhile, or has a row whose night cannot be told.
    SchemaMismatch
        It lacks the column ``night_by``, or has it in a type that is no time.
    """
    if not is_flat(spec):
        return files.resolve_uri(root, spec.path)
    cut = _folder(root, spec)
    if not cut.is_dir():
        _cut(root, spec, cut)
        _remove_old(cut)
    return f"{cut}/{NIGHT_IN_PATH}"


@contextmanager
def errors_name_the_file(root: Path, spec: AnyInput) -> Iterator[None]:
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
        raise type(error)(
            told(error.what),
            where=error.where and told(error.where),
            expected=error.expected,
            found=error.found and told(error.found),
            mend=error.mend,
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


def _cut(root: Path, spec: FileInput, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    uri = files.resolve_uri(root, spec.path)
    before = _newest(target.parent)
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
                mend="Run this again once its export is complete.",
            )
        if before is not None:
            for night in made.iterdir():
                _keep_unchanged(before / night.name, night)
        try:
            made.rename(target)
        except OSError:
            if not target.is_dir():  # else another command has cut the same file meanwhile
                raise


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


def _newest(home: Path) -> Path | None:
    cuts = _complete(home)
    return cuts[0] if cuts else None


def _complete(home: Path) -> Sequence[Path]:
    """The cuts of a file, the newest first."""
    found = [each for each in home.iterdir() if each.is_dir() and each.name[0] != "."]
    return sorted(found, key=lambda each: each.stat().st_mtime_ns, reverse=True)


def _keep_unchanged(old: Path, new: Path) -> None:
    """Take the old files if the night's rows have not changed, so that its fingerprint stays."""
    names = sorted(each.name for each in new.iterdir())
    if not old.is_dir() or sorted(each.name for each in old.iterdir()) != names:
        return
    if not all(filecmp.cmp(old / name, new / name, shallow=False) for name in names):
        return
    for name in names:
        (new / name).unlink()
        try:
            os.link(old / name, new / name)
        except OSError:  # a file system without links
            shutil.copy2(old / name, new / name)


def _remove_old(newest: Path) -> None:
    for cut in _complete(newest.parent)[KEPT:]:
        if cut != newest:
            shutil.rmtree(cut, ignore_errors=True)
    for left in newest.parent.glob(f"{_SCRATCH}*"):
        if time.time() - left.stat().st_mtime > _ABANDONED:
            shutil.rmtree(left, ignore_errors=True)
