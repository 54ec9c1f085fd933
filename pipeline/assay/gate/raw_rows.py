"""The command ``assay gate rows``: whether data/raw holds the rows that the source gives.

Everything that is judged begins with data/raw, of which a commit holds only a hash. Whoever edits
rows and runs ``dvc commit`` makes a commit that agrees with itself. So the source is read once
more, into another folder, and the nights are compared.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assay.errors import AssayError, GateNotPassed, StageInputMissing
from assay.gate import stage
from assay.project import layout, partitions
from assay.project.params import Params
from assay.project.text import counted, first_few
from assay.registry import git
from assay.reports.raw_rows import RawRows, raw_hash
from assay.training.tables import ingest

_NAMED = 5


def run(root: Path, params: Params) -> RawRows:
    """Read the source again and compare each night with that in data/raw.

    Nights that the source has after the holdout and after all of data/raw may be missing: it went
    on since.

    Raises
    ------
    GateNotPassed
        Rows differ. The verdict about them is deleted.
    StageInputMissing
        There is no data/raw.
    """
    column, raw = params.ingest.partition_by, root / layout.RAW
    here = partitions.values(raw, column)
    if not here:
        raise StageInputMissing(
            "no rows", where=layout.RAW, fix="Fetch or read them: dvc pull, or dvc repro ingest."
        )
    (root / layout.WORK).mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root / layout.WORK, prefix="rows-") as scratch:
        made = Path(scratch)
        try:
            ingest.read_source(root, params, made)
        except AssayError as error:
            known = raw_hash(root)
            rows = RawRows(
                nights=len(here),
                raw=known,
                committed_by=_committer(root, known),
                why=error.line(),
            )
        else:
            wrong = list(
                _differences(raw, made, column, here, params.prepare.holdout.end.isoformat())
            )
            if wrong:
                stage.clear(root)
                raise _differ(wrong, params)
            rows = RawRows(nights=len(here), raw=raw_hash(root))
    rows.write(root)
    return rows


def _differences(raw: Path, made: Path, column: str, here: list[str], until: str) -> Iterator[str]:
    """What differs of each night, in order."""
    there = partitions.values(made, column)
    for night in sorted({*here, *there}):
        if night not in there:
            yield f"{night} is not in the source"
        elif night not in here:
            if night <= max(until, here[-1]):
                yield f"{night} is only in the source"
        else:
            mine, theirs = (_read(partitions.folder(each, column, night)) for each in (raw, made))
            if mine.num_rows != theirs.num_rows:
                rows = counted(mine.num_rows, "row")
                yield f"{night} has {rows}, in the source {theirs.num_rows:,}"
            elif not _same(mine, theirs):
                yield f"{night} has other values"


def _read(folder: Path) -> pa.Table:
    return pa.concat_tables(pq.read_table(file) for file in sorted(folder.glob("*.parquet")))


def _same(mine: pa.Table, theirs: pa.Table) -> bool:
    """Whether two tables hold the same values in the same order; NaN is NaN."""
    if not mine.schema.equals(theirs.schema):
        return False
    return all(_equal(*pair) for pair in zip(mine.columns, theirs.columns, strict=True))


def _equal(mine: pa.ChunkedArray, theirs: pa.ChunkedArray) -> bool:
    if mine.equals(theirs) or not pa.types.is_floating(mine.type):
        return bool(mine.equals(theirs))
    gaps = [pc.is_nan(each) for each in (mine, theirs)]
    filled = [pc.if_else(gap, 0, each) for gap, each in zip(gaps, (mine, theirs), strict=True)]
    return bool(gaps[0].equals(gaps[1]) and filled[0].equals(filled[1]))


def _differ(wrong: list[str], params: Params) -> GateNotPassed:
    return GateNotPassed(
        f"the rows are not those that {params.ingest.source} gives, so no verdict on them counts",
        where=layout.RAW,
        found=first_few(wrong, _NAMED, "; "),
        fix="Read them again, train, and commit: dvc repro --force ingest, then dvc repro.",
    )


def _committer(root: Path, known: str | None) -> str:
    """The author of the commit that wrote the hash into dvc.lock."""
    wrote = ("-S", known) if known else ()
    asked = git.run(root, "log", "-1", "--format=%an", *wrote, "--", layout.DVC_LOCK)
    return asked.stdout.decode(errors="replace").strip() or "nobody yet"
