"""``assay export``: copy a night's published predictions to files or a database.

A target gets the complete night, or keeps what it had. Rows are copied in batches, so memory does
not grow with the night.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from assay.contract.private_columns import private_columns
from assay.errors import ExportFailed, NothingScored, UsageError
from assay.project.params import Params
from assay.project.partitions import parse_day
from assay.project.processes import delete_abandoned
from assay.project.text import counted
from assay.registry.allowed import require_run
from assay.score.due import not_a_day, step_sentence
from assay.score.operations import disclosure, postgres
from assay.score.operations.disclosure import masked, masked_schema
from assay.score.operations.export_targets import (
    ExportData,
    check_target,
    lists_as_text,
    load_sink,
    write_csv,
    write_to_sink,
)
from assay.store import Run, Store, open_store
from assay.store.history import find_visible_run

GRAMMAR = (
    "parquet:FOLDER, csv:FILE, postgresql://USER@HOST:PORT/DATABASE?table=NAME, "
    "or function:MODULE.NAME of the project's own code"
)
LONGEST_KIND = 12
PART = "part-00000.parquet"


@dataclass(frozen=True)
class ExportReport:
    """What was copied, and where to."""

    partition: str
    run_id: str
    rows: int
    target: str
    seconds: float


Target = Callable[[ExportData], None]


def run(
    root: Path, params: Params, partition: str, to: str, show_private: str | None = None
) -> ExportReport:
    """Copy the published rows of a night, replacing the target's rows of that night.

    Parameters
    ----------
    to
        In the form of `GRAMMAR`; file paths are relative to the current folder.
    show_private
        Why private keys are to be written too; without a reason they are masked.

    Raises
    ------
    NothingScored
        No run has published the night.
    UsageError
        It is no valid target, a folder where CSV needs a file, or in a folder that is not there.
    ExportFailed
        The night's published run changed in the meantime.
    """
    started = time.monotonic()
    name, target = parse(to, root)
    if to.startswith("csv:") and Path(name).is_dir():
        raise UsageError("it is a folder", where=f"--to {to}", expected="a file's name")
    store = open_store(root, params)
    record = store.published_run(partition)
    if record is None:
        raise nothing_published(store, partition)
    require_run(root, params, record)
    rows: list[int] = []
    check = unchanged(store, record, name)

    def counting(written: int) -> None:
        check(written)
        rows.append(written)

    schema, batches = _opened(store, partition)
    if show_private is None:
        private = private_columns(root, params)
        schema, batches = masked_schema(schema, private), masked(batches, private)
    disclosure.record(root, store, f"export to {name}", partition, show_private)
    target(ExportData(store.column, partition, schema, batches, counting))
    seconds = round(time.monotonic() - started, 3)
    return ExportReport(partition, record.run_id, rows[-1], name, seconds)


def unchanged(store: Store, record: Run, name: str) -> Callable[[int], None]:
    """Checks, given how many rows of a night were read, that readers see the same files still.

    Of the files, because the run's record has the rows that it had before some were forgotten.
    """
    partition = record.partition
    before = find_visible_run(store, partition)
    rows = 0 if before is None else before.rows_scored

    def check(read: int) -> None:
        now = find_visible_run(store, partition)
        if now is None or now.run_id != record.run_id or now != before or read != rows:
            raise ExportFailed(
                "the night changed while it was copied",
                where=f"{store.column}={partition}",
                expected=f"{counted(rows, 'row')} of run {record.run_id}",
                found=f"{counted(read, 'row')}, run {store.visible_run(partition)} visible now",
                fix=f"{name} keeps what it had. Export again.",
            )

    return check


def nothing_published(store: Store, partition: str) -> NothingScored | UsageError:
    """The error that readers see nothing of a night."""
    if parse_day(partition) is None:
        return not_a_day(partition)
    held = [run for run in store.runs(partition) if run.event == "held"]
    text = f"no run has published {store.column}={partition}"
    if not held:
        return NothingScored(text, where=store.uri, fix=f"Score it: assay score --date {partition}")
    return NothingScored(
        f"{text}; run {held[-1].run_id} is held",
        where=store.uri,
        fix=step_sentence(partition, held[-1].run_id, bool(held[-1].rows_quarantined)),
    )


def parse(to: str, root: Path) -> tuple[str, Target]:
    """The target's name, and a function that writes to it; no file in ``root`` that git would add.

    Raises
    ------
    UsageError
        It is not a valid target.
    PluginError
        The project has no such function.
    """
    kind, _, rest = to.partition(":")
    if kind == "parquet" and rest:
        folder = check_target(root, Path(rest).expanduser(), "--to", folder=True)
        return str(folder), lambda night: _parquet(folder, night)
    if kind == "csv" and rest:
        file = check_target(root, Path(rest).expanduser(), "--to")
        return str(file), lambda night: write_rows(
            "csv", file, night.schema, night.batches, night.check
        )
    if kind == "function" and rest:
        function = load_sink(rest, root)
        return rest, lambda night: write_to_sink(rest, function, night)
    if kind in {"postgresql", "postgres"}:
        address = postgres.parse(to)
        return address.shown, lambda night: postgres.write(address, night)
    # The value is not shown, because it may contain a password.
    known = rest and kind.isascii() and kind.isalnum() and len(kind) <= LONGEST_KIND
    found = f"{kind}:..." if known else None
    raise UsageError("no such target", where="--to", expected=GRAMMAR, found=found)


def _opened(store: Store, partition: str) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    batches = store.prediction_batches(partition)
    first = next(batches, None)
    if first is None:
        return store.predictions(partition).schema, iter(())
    return first.schema, itertools.chain([first], batches)


def _parquet(folder: Path, night: ExportData) -> None:
    """Write the night as one file, in a folder named by its partition."""
    inner = folder / f"{night.column}={quote(night.partition, safe=' ')}"
    try:
        others = [each.name for each in inner.iterdir() if each.name[0] not in "._"]
    except FileNotFoundError:
        others = []
    except OSError as error:
        raise ExportFailed("cannot be read", where=str(inner), found=error.strerror) from None
    if set(others) - {PART}:
        raise ExportFailed(
            "holds files of others",
            where=str(inner),
            expected=f"nothing but {PART}",
            found=", ".join(sorted(set(others) - {PART})[:3]),
            fix="Move them away, or export to another folder.",
        )
    schema = night.schema.remove(night.schema.get_field_index(night.column))
    batches = (batch.select(schema.names) for batch in night.batches)
    write_rows("parquet", inner / PART, schema, batches, night.check)


def write_rows(
    kind: str,
    file: Path,
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    check: Callable[[int], None],
) -> None:
    """Write one file, which replaces what is there; CSV with a header line and lists as JSON.

    Parameters
    ----------
    kind
        ``csv`` or ``parquet``.
    check
        Called with the number of rows before they become visible.

    Raises
    ------
    ExportFailed
        The file cannot be written.
    """
    rows = 0
    with _replacing(file) as sink:
        if kind == "parquet":
            with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
                for batch in batches:
                    writer.write_batch(batch)
                    rows += batch.num_rows
        else:
            header = True
            for batch in itertools.chain(batches, [_none(schema)]):
                sink.write(write_csv(lists_as_text(batch, "[", "]"), header))
                rows, header = rows + batch.num_rows, False
        check(rows)


def _none(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema)


@contextmanager
def _replacing(file: Path) -> Iterator[IO[Any]]:
    """A temporary file to write, which replaces ``file`` if the block succeeds."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        delete_abandoned(file.parent, f".{escape(file.name)}-*")
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.name}-") as scratch:
            made = Path(scratch) / file.name
            with made.open("wb") as sink:
                yield sink
                sink.flush()
                os.fsync(sink.fileno())
            made.replace(file)
    except (OSError, pa.ArrowException) as error:
        raise ExportFailed(
            "cannot be written",
            where=str(file),
            found=getattr(error, "strerror", None) or str(error).partition("\n")[0][:160],
            fix="It keeps what it had.",
        ) from None
