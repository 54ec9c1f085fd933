"""The stage ``contract``: checks data/raw and writes the good rows to data/checked."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from assay.contract.checks.row_checks import check_rows
from assay.contract.definition import Contract
from assay.contract.loader import load_contract
from assay.contract.result import (
    EXAMPLES,
    ContractResult,
    Examples,
    describe_result,
    row_results,
)
from assay.contract.schema import canonical_schema, check_schema, conform
from assay.contract.table_checks import (
    TableStatistics,
    check_table,
    count_duplicates,
    newest_day,
    null_counts,
)
from assay.errors import ContractBroken, NightEmpty, SchemaMismatch, SourceError, StageInputMissing
from assay.pages import templating
from assay.pages.templating import compose_page
from assay.project import layout, partitions
from assay.project.document import write_text
from assay.project.text import format_exact_percent, quote_value

if TYPE_CHECKING:
    from assay.project.params import Params

CHUNK = 100_000
"""Rows in memory at once; only keys are kept of all rows."""


@dataclass(frozen=True)
class Partition:
    """One day's folder of the raw data."""

    column: str
    value: str
    files: tuple[Path, ...]


def run(root: Path, params: Params) -> ContractResult:
    """Check the days from the start of the training window to the end of the holdout.

    Always writes ``layout.CONTRACT_REPORT``. Writes ``layout.CHECKED`` only if the contract holds:
    the contract's columns of the good rows, one file a day, in their original order. If the
    contract is broken, a ``data/checked`` from an earlier run is deleted.

    Raises
    ------
    ContractBroken
        If the share of bad rows is above ``contract.max_bad_share``, or a table rule is broken.
        Raised after the report is written, and carries the result.
    """
    contract = load_contract(root / params.contract.file, params.contract.file, root=root)
    start, end = params.prepare.train.start, params.prepare.holdout.end
    days = list_partitions(root, params.ingest.partition_by, start, end)
    where = f"{layout.RAW}, {start} to {end}"
    checked = root / layout.CHECKED
    with partitions.replace_folder(checked) as made:
        result = _check(root, contract, params, days, made, where, end)
        _report(root, contract, result)
        if not result.ok:
            if checked.exists():
                shutil.rmtree(checked)
            raise ContractBroken(
                f"the contract is broken: {describe_result(result).rstrip('.')}",
                where=where,
                fix=f"Look at the rows in {layout.CONTRACT_PAGE}",
            ).attach_report(result)
    return result


def list_partitions(root: Path, column: str, start: date, end: date) -> list[Partition]:
    """The folders ``data/raw/<column>=<day>`` from ``start`` to ``end``, in order of day.

    Raises
    ------
    StageInputMissing
        If there is no raw data at all.
    SourceError
        If a folder's value is not a day such as 2013-01-31.
    NightEmpty
        If no folder lies in these days.
    """
    raw = root / layout.RAW
    fix = "Run 'dvc repro ingest' first"
    if not raw.is_dir():
        raise StageInputMissing("no such folder", where=layout.RAW, fix=fix)
    values = partitions.values(raw, column)
    if not values:
        raise StageInputMissing(
            "no partitions in it",
            where=layout.RAW,
            expected=f"folders {column}=YYYY-MM-DD",
            fix=fix,
        )
    found = []
    for value in values:
        try:
            day = date.fromisoformat(value)
        except ValueError:
            day = None
        if day is None or day.isoformat() != value:
            raise SourceError(
                "a partition is not a day",
                where=f"{layout.RAW}/{column}={value}",
                expected=f"{column}=YYYY-MM-DD",
                found=quote_value(value),
            )
        if start <= day <= end:
            folder = partitions.folder(raw, column, value)
            found.append(Partition(column, value, tuple(sorted(folder.glob("*.parquet")))))
    if not found:
        raise _empty(start, end)
    return found


def _check(
    root: Path,
    contract: Contract,
    params: Params,
    days: list[Partition],
    target: Path,
    where: str,
    as_of: date,
) -> ContractResult:
    """Read every day once, write good rows to ``target``, and count the bad ones."""
    examples, keys = Examples(contract), []
    rows = bad_rows = 0
    nulls = dict.fromkeys(contract.columns, 0)
    newest: date | None = None
    stored = [name for name in contract.columns if name != params.ingest.partition_by]
    for day in days:
        with _DayWriter(target, day, canonical_schema(contract), stored) as writer:
            for table in _read(root, contract, day):
                check = check_rows(contract, table)
                examples.add(table, check)
                writer.write(table.filter(pa.array(~check.bad)))
                rows += table.num_rows
                bad_rows += int(check.bad.sum())
                for name, count in null_counts(contract, table).items():
                    nulls[name] += count
                newest = max(filter(None, (newest, newest_day(contract, table))), default=None)
                keys.append(table.select(list(contract.keys)))
    if not rows:
        raise _empty(params.prepare.train.start, as_of)
    facts = TableStatistics(
        rows, nulls, count_duplicates(contract, pa.concat_tables(keys)), newest, as_of
    )
    return ContractResult.of(
        where=where,
        rows=rows,
        bad_rows=bad_rows,
        max_bad_share=params.contract.max_bad_share,
        rules=(
            *check_table(params.contract.training, facts),
            *row_results(contract, examples.counts, rows, examples.rows),
        ),
    )


def _read(root: Path, contract: Contract, day: Partition) -> Iterator[pa.Table]:
    """Yields the day's rows in canonical types, in chunks; each file's schema is checked."""
    from assay.formats.files.opened_table import open_parquet

    for path in day.files:
        where = path.relative_to(root).as_posix()
        try:
            file = open_parquet(path)
        except (OSError, pa.ArrowException) as error:
            raise SourceError(
                "not a readable Parquet file", where=where, found=str(error)
            ) from None
        with file:
            schema = file.schema_arrow
            if day.column in schema.names:
                raise SchemaMismatch(
                    [f"{where}: column {day.column!r} is in the file and in the folder's name"]
                )
            check_schema(contract, schema.append(pa.field(day.column, pa.string())), where)
            wanted = [name for name in contract.columns if name != day.column]
            for batch in file.iter_batches(CHUNK, columns=wanted):
                value = pa.repeat(pa.scalar(day.value), batch.num_rows)
                table = pa.Table.from_batches([batch]).append_column(day.column, value)
                yield conform(contract, table)


class _DayWriter:
    """Writes a day's good rows to one file; a day without good rows gets no file."""

    def __init__(self, target: Path, day: Partition, schema: pa.Schema, stored: list[str]) -> None:
        self._path = target / f"{day.column}={day.value}" / "part-0.parquet"
        self._schema = pa.schema([schema.field(name) for name in stored])
        self._writer: Any = None

    def __enter__(self) -> _DayWriter:
        return self

    def write(self, table: pa.Table) -> None:
        import pyarrow.parquet as pq

        if not table.num_rows:
            return
        if self._writer is None:
            self._path.parent.mkdir(parents=True)
            self._writer = pq.ParquetWriter(self._path, self._schema, compression="zstd")
        self._writer.write_table(table.select(self._schema.names))

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()


def _report(root: Path, contract: Contract, result: ContractResult) -> None:
    result.write(root)
    write_text(root / layout.CONTRACT_PAGE, render_html(contract, result))


def render_html(contract: Contract, result: ContractResult) -> str:
    """The result as one self-contained page; the text is reproducible."""
    main = templating.render(
        "contract.html",
        result=result,
        headline=describe_result(result),
        tables=[each for each in result.rules if each.kind == "table"],
        rows=[each for each in result.rules if each.kind == "row"],
        broken=[each for each in result.broken_row_rules if each.examples],
        about={rule.name: rule.columns for rule in contract.rules},
        most=EXAMPLES,
        percent=format_exact_percent,
    )
    return compose_page(f"Contract {'kept' if result.ok else 'broken'}: {result.where}", main)


def _empty(start: date, end: date) -> NightEmpty:
    return NightEmpty(
        "no rows in the days that training and holdout need",
        where=f"{layout.RAW}, {start} to {end}",
        fix="Ingest these days, or correct prepare.train and prepare.holdout in params.yaml",
    )
