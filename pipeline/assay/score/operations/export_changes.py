"""``assay export --changed``: what changed since a target got something last, once.

A file is written under a hidden name, then the store records that the target got it, then it gets
its name. Whatever was recorded and has none gets it at the next export, so a kill neither loses nor
doubles a row. A table of PostgreSQL gets rows and record in one transaction.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc

from assay.contract.private_columns import private_columns
from assay.errors import ExportFailed, RunUnknown, UsageError
from assay.project.params import Params
from assay.project.partitions import check_parent
from assay.project.processes import delete_abandoned
from assay.registry.allowed import require_run
from assay.score.operations import disclosure, export, postgres
from assay.score.operations.changes import CHANGE, SCORED_IN, RowChanges, changes_schema
from assay.score.operations.difference import comparable, paired, published_files
from assay.score.operations.disclosure import masked, masked_schema
from assay.score.operations.export_targets import ExportData
from assay.store import Run, RunFiles, Store, open_store
from assay.store.exports import Exported

PENDING = ".pending"


@dataclass(frozen=True)
class ChangesReport(export.ExportReport):
    """What a target got.

    Attributes
    ----------
    since
        The night and run that the rows were compared with; None if the target got nothing before.
    changes
        Rows by what happened to them: see `RowChanges.kinds`.
    file
        The new file; None if the target is none of files, or had got the run before.
    """

    since: str | None
    changes: dict[str, int]
    file: str | None


def run(
    root: Path,
    params: Params,
    partition: str,
    to: str,
    by: float | None = None,
    show_private: str | None = None,
) -> ChangesReport:
    """Give a target the rows of a night whose decision changed since it got something last.

    They are compared with the run that the target got of that night, or else of the last night
    before. A target that got this run gets nothing.

    Parameters
    ----------
    to
        As for `assay.score.operations.export.run`, but for files a folder, which gets a new one.
    by
        Also rows whose score changed by more.
    show_private
        As for `assay.score.operations.export.run`.

    Raises
    ------
    NothingScored
        No run has published the night.
    UsageError
        A regression decides nothing, so ``by`` is needed; or the runs cannot be compared.
    RunUnknown
        Files of the run that the target got last are gone.
    ExportFailed
        The target did not take the rows, or the night changed in the meantime.
    """
    started = time.monotonic()
    name, send = export.parse(to, root)
    kind, _, rest = to.partition(":")
    if kind == "csv":
        check_parent(Path(name), f"--to {to}")
    store = open_store(root, params)
    private = private_columns(root, params) if show_private is None else ()
    changes = _Changes(root, store, published_files(store, partition), name, by, private)
    require_run(root, params, changes.new.run)
    disclosure.record(root, store, f"export to {name}", partition, show_private)
    file: Path | None = None
    if kind in {"csv", "parquet"}:
        file = _to_folder(kind, Path(name), changes)
    elif kind == "function":
        target = f"function:{rest}"
        changed = changes.since(store.exports(target))
        if changed is not None:
            send(changed[1])
            store.append_export(target, replace(changed[0], rows=changes.written))
    else:
        postgres.append_changes(postgres.parse(to), changes.data(iter(())), changes.since)
    return ChangesReport(
        partition=partition,
        run_id=changes.new.run.run_id,
        since=changes.before,
        changes=dict(changes.counts),
        rows=changes.written,
        target=name,
        file=None if file is None else str(file),
        seconds=round(time.monotonic() - started, 3),
    )


class _Changes:
    """The rows that a target is to get, counted while it takes them."""

    def __init__(
        self,
        root: Path,
        store: Store,
        new: RunFiles,
        name: str,
        by: float | None,
        private: Collection[str],
    ) -> None:
        self.private = private
        self.root, self.store, self.new, self.by = root, store, new, by
        keys, task = comparable(store, new, new)
        if task == "regression" and by is None:
            raise UsageError(
                "a regression has no decision that could change",
                where="assay export --changed",
                expected="--by X: rows whose prediction changed by more",
            )
        text = [pa.field(column, pa.string()) for column in (store.column, "run_id")]
        self.task = task
        whole = pa.schema([text[0], *changes_schema(new.schema, keys, task), text[1]])
        self.schema = masked_schema(whole, private)
        self.unchanged = export.unchanged(store, new.run, name)
        self.before: str | None = None
        self.counts: Counter[str] = Counter()
        self.read = 0

    @property
    def written(self) -> int:
        return sum(self.counts.values())

    def since(self, got: Sequence[Exported]) -> tuple[Exported, ExportData] | None:
        """What the target gets after what it got, in order; None if it got this run last."""
        run = self.new.run
        last = {each.partition: each for each in got if each.partition <= run.partition}
        before = last[max(last)] if last else None
        old = RunFiles(run, (), self.new.schema)
        if before is not None:
            self.before = f"{before.partition}, run {before.run_id}"
            if (before.partition, before.run_id) == (run.partition, run.run_id):
                return None
            old = self._files(before)
        export = Exported(run.partition, run.run_id, len(got) + 1)
        return export, self.data(self._batches(old))

    def data(self, batches: Iterator[pa.RecordBatch]) -> ExportData:
        column, partition = self.store.column, self.new.run.partition
        return ExportData(
            column, partition, self.schema, batches, lambda _: self.unchanged(self.read)
        )

    def _files(self, before: Exported) -> RunFiles:
        known = {each.run_id: each for each in self.store.runs(before.partition)}
        lost = Run(run_id=before.run_id, event="published", partition=before.partition)
        try:
            return self.store.files_of_run(known.get(before.run_id, lost))
        except RunUnknown as error:
            raise RunUnknown(
                "what the target got last cannot be compared with: its files are gone",
                where=error.where,
                fix="Export to another folder, table or function: it gets all rows as new.",
            ) from None

    def _batches(self, old: RunFiles) -> Iterator[pa.RecordBatch]:
        partition, run_id = self.new.run.partition, self.new.run.run_id
        for table in paired(self.store, old, self.new, self.root):
            rows = RowChanges(table, self.task)
            self.read += int(pc.sum(pc.not_equal(table[SCORED_IN], "old")).as_py() or 0)
            changed = rows.select(self.by)
            self.counts.update(changed[CHANGE].to_pylist())
            for name, value in ((self.store.column, partition), ("run_id", run_id)):
                changed = changed.append_column(name, pa.repeat(value, len(changed)))
            yield from masked(changed.select(self.schema.names).to_batches(), self.private)


def _to_folder(kind: str, folder: Path, changes: _Changes) -> Path | None:
    place, root = folder.expanduser().resolve(), changes.root.resolve()
    if place.is_file():
        raise UsageError(
            "this is a file",
            where=f"assay export --changed --to {kind}:{folder}",
            expected="a folder, which gets a new file with each export",
        )
    inside = place.relative_to(root) if place.is_relative_to(root) else place
    target = f"{kind}:{inside}"
    got = changes.store.exports(target)
    for each in got:
        _show(folder, kind, each)
    delete_abandoned(folder, f".*{PENDING}*")
    changed = changes.since(got)
    if changed is None:
        return None
    made, data = changed
    made = replace(made, staged=f".{uuid.uuid4().hex}{PENDING}")
    export.write_rows(kind, folder / made.staged, data.schema, data.batches, data.check)
    if not changes.store.append_export(target, replace(made, rows=changes.written)):
        (folder / made.staged).unlink()
        raise ExportFailed(
            "another export to it came first",
            where=str(folder),
            fix="Nothing was written. Export again.",
        )
    return _show(folder, kind, made)


def _show(folder: Path, kind: str, made: Exported) -> Path:
    """Give a file that was recorded its name, unless it has it, or somebody took it."""
    night = quote(made.partition, safe=" ")
    file = folder / f"{made.number:06}-{night}-{made.run_id}.{kind}"
    try:
        with suppress(FileNotFoundError):
            (folder / made.staged).replace(file)
    except OSError as error:
        raise ExportFailed(
            "the file cannot get its name",
            where=str(file),
            found=str(error),
            fix=f"Export again: the rows are kept in {made.staged}.",
        ) from None
    return file
