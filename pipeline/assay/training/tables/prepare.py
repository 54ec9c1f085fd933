"""Splits the checked rows into the training and the holdout table.

Rows of the training window that lack a label have a table too, for the stage ``leakage``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from numpy.typing import NDArray

from assay.contract.definition import Contract
from assay.contract.loader import load_contract
from assay.errors import LabelError, ParamsError, StageInputMissing
from assay.project import layout, partitions
from assay.project.params import Params, Window
from assay.project.processes import system_allocator
from assay.project.tasks import Task, infer_task
from assay.project.text import counted, mark_blanks


@dataclass(frozen=True)
class WindowRows:
    """The rows of one window; ``labels`` is from `assay.training.tables.prepare.label_facts`.

    ``apart`` is the number of rows that were left out since the holdout has rows of the same group.
    """

    window: str
    labels: dict[str, Any]
    without_label: int
    apart: int = 0

    def document(self) -> dict[str, Any]:
        document = {"window": self.window, **self.labels, "without_label": self.without_label}
        return document | ({"apart": self.apart} if self.apart else {})


def run(root: Path, params: Params) -> dict[str, WindowRows]:
    """Split ``data/checked`` by time into ``data/prepared``.

    Returns
    -------
    ``train`` and ``holdout``

    Raises
    ------
    StageInputMissing
        ``data/checked`` does not exist.
    ParamsError
        The contract lacks the column ``prepare.apart``.
    LabelError
        A window has no usable labels, or no group is left to train on.
    """
    source, column = root / layout.CHECKED, params.ingest.partition_by
    if not partitions.values(source, column):
        raise StageInputMissing(
            "there are no checked rows", where=layout.CHECKED, fix="Run dvc repro contract."
        )
    contract = load_contract(root / params.contract.file, params.contract.file, root=root)
    group = params.prepare.apart
    if group is not None and group not in contract.columns:
        raise ParamsError([f"{layout.PARAMS}: prepare.apart: {contract.file} has no '{group}'"])
    label = contract.label
    task = infer_task(contract.field(label).kind, label)
    groups = [] if group is None else [group]
    sides: dict[str, WindowRows] = {}
    with system_allocator(), partitions.replace_folder(root / layout.PREPARED) as made:
        table = RowGather(partitions.open_dataset(source, column))
        deciding = table.columns([contract.time, label, *contract.keys, *groups])
        for name, window in (("train", params.prepare.train), ("holdout", params.prepare.holdout)):
            # Of a table of many rows even these few columns are large: none is kept for long.
            seen = filter_window(deciding, contract.time, window)
            nights = table.count_by(column, seen[ROW].to_numpy())
            rows, lacking = split_by_label(seen, label)
            del seen
            labelled, without_label = rows.num_rows, lacking.num_rows
            if group is not None and name == "train":
                held, _ = split_by_label(
                    filter_window(deciding, contract.time, params.prepare.holdout), label
                )
                known = pc.unique(held[group]).drop_null()
                del held
                rows, lacking = (without_groups(each, known, group) for each in (rows, lacking))
                if labelled and not rows.num_rows:
                    raise _no_group_left(group, len(known))
            facts = label_facts(rows, label, task, name, window)
            apart = labelled - rows.num_rows
            sides[name] = WindowRows(str(window), facts, without_label, apart)
            numbers = row_numbers(rows, contract)
            del rows
            table.write(numbers, made / f"{name}.parquet", nights)
            if name == "train":
                table.write(
                    row_numbers(lacking, contract), made / Path(layout.UNLABELLED_TABLE).name
                )
            del lacking, numbers
    return sides


# ------------------ rows of a partitioned table, written in another order without holding the table
# A wide table does not fit memory several times over. So a few columns decide which rows are
# written, and in which order. Then the rows are gathered and written a piece at a time. Rows that
# are sorted by time come from few files a piece, so each file is read about once.

Ints: TypeAlias = NDArray[np.int64]

CELLS = 4_000_000
"""Cells that are held at a time: 32 MB of numbers."""

ROW = "\0row"
"""A column of row numbers; no column of a contract can have this name."""


NIGHTS = b"assay.nights"
NO_NIGHTS: Mapping[str, int] = MappingProxyType({})


def read_night_rows(path: Path) -> Mapping[str, int]:
    """Rows of each night of a prepared table's window, with those that the table leaves out.

    A table that somebody else prepared has none.
    """
    rows: Mapping[str, int] = json.loads((pq.read_schema(path).metadata or {}).get(NIGHTS, b"{}"))
    return rows


class RowGather:
    """The rows of a data set, numbered from 0 in the order of its files.

    Parameters
    ----------
    data
        Its files must not change meanwhile.
    cells
        How many cells are held at a time.
    """

    def __init__(self, data: ds.Dataset, cells: int = CELLS) -> None:
        self.schema = data.schema
        self._files = [*data.get_fragments()]
        self._starts = np.cumsum([0, *(file.count_rows() for file in self._files)])
        self._size = max(1, cells // max(1, len(self.schema)))

    def columns(self, names: Sequence[str]) -> pa.Table:
        """Some columns of all rows, with the number of each row in the column `ROW`."""
        wanted = [*dict.fromkeys(names)]
        parts = [file.to_table(schema=self.schema, columns=wanted) for file in self._files]
        numbers = pa.array(np.arange(self._starts[-1], dtype=np.int64))
        return pa.concat_tables(parts).append_column(ROW, numbers)

    def count_by(self, column: str, rows: Ints) -> dict[str, int]:
        """How many of these increasing numbers each value of the partition column has."""
        counts: Counter[str] = Counter()
        cuts = np.searchsorted(rows, self._starts)
        for file, begin, end in zip(self._files, cuts, cuts[1:], strict=False):
            value = ds.get_partition_keys(file.partition_expression)[column]
            counts[str(value)] += int(end - begin)
        return {value: count for value, count in sorted(counts.items()) if count}

    def write(self, rows: Ints, path: Path, nights: Mapping[str, int] = NO_NIGHTS) -> None:
        """Write the rows of these numbers, in this order, to a Parquet file.

        ``nights`` is what `read_night_rows` then gives.
        """
        told = {**(self.schema.metadata or {}), NIGHTS: json.dumps(dict(nights)).encode()}
        with pq.ParquetWriter(path, self.schema.with_metadata(told)) as writer:
            for start in range(0, len(rows), self._size):
                writer.write_table(self._gathered(rows[start : start + self._size]))

    def _gathered(self, rows: Ints) -> pa.Table:
        order = np.argsort(rows, kind="stable")
        rows_read = pa.Table.from_batches(self._taken(rows[order]), self.schema)
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return rows_read.take(pa.array(back))

    def _taken(self, rows: Ints) -> Iterator[pa.RecordBatch]:
        """The rows of these increasing numbers."""
        cuts = np.searchsorted(rows, self._starts)
        for file, start, begin, end in zip(self._files, self._starts, cuts, cuts[1:], strict=False):
            if begin == end:
                continue
            at, mine = 0, rows[begin:end] - start
            # One batch ahead and no more: Arrow would read sixteen large ones.
            for batch in file.to_batches(
                schema=self.schema, batch_size=self._size, batch_readahead=1
            ):
                low, high = np.searchsorted(mine, (at, at + batch.num_rows))
                if low < high:
                    yield batch.take(pa.array(mine[low:high] - at))
                at += batch.num_rows


# ---------------- splits rows into training and holdout by time alone, without learning from either


def split_by_label(table: pa.Table, label: str) -> tuple[pa.Table, pa.Table]:
    """The rows that have a label, and those without; NaN is a null, as in the contract."""
    lacking = pc.is_null(table.column(label), nan_is_null=True)
    # Mostly none lacks, and a copy of a large table is large.
    labelled = table.filter(pc.invert(lacking)) if pc.any(lacking).as_py() else table
    return labelled, table.filter(lacking)


def filter_window(table: pa.Table, time: str, window: Window) -> pa.Table:
    """The rows whose ``time`` lies on a day of ``window``."""
    column = table.column(time)
    start = pa.scalar(window.start).cast(column.type)
    after = pa.scalar(window.end + timedelta(days=1)).cast(column.type)
    return table.filter(pc.and_(pc.greater_equal(column, start), pc.less(column, after)))


def without_groups(table: pa.Table, known: pa.Array, group: str) -> pa.Table:
    """The rows that are in none of the groups; those without a group stay."""
    return table.filter(pc.invert(pc.is_in(table.column(group), value_set=known)))


def _no_group_left(group: str, groups: int) -> LabelError:
    return LabelError(
        f"each value of '{group}' in training is in the holdout too, so no row is left",
        where="params.yaml: prepare.apart",
        expected="values that are in one of the windows only",
        found=counted(groups, "value"),
        fix="Take a shorter holdout, or leave prepare.apart out.",
    )


def row_numbers(rows: pa.Table, contract: Contract) -> Ints:
    """Their numbers by time, then key, so that the same rows always give the same file."""
    names = [contract.time, *(key for key in contract.keys if key != contract.time)]
    order = pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in names])
    numbers: Ints = np.asarray(rows[ROW])[np.asarray(order)]
    return numbers


def label_facts(
    table: pa.Table, label: str, task: Task, name: str, window: Window
) -> dict[str, Any]:
    """Number of rows and label statistics of a window.

    Returns
    -------
    dict
        ``rows``, and by task ``positives``, ``classes`` (rows of each) or ``mean``.

    Raises
    ------
    LabelError
        There are no rows, or the labels cannot be learnt from.
    """
    where = f"the {name} window, {window}"
    if table.num_rows == 0:
        raise LabelError(
            "no row has a label",
            where=where,
            expected=f"rows with a value in '{label}'",
            found="none",
            fix=f"Check prepare.{name} in params.yaml against the days in data/raw.",
        )
    column = table.column(label)
    if task == "regression":
        return {"rows": table.num_rows, "mean": _spread(column, label, where)}
    counts = pc.value_counts(column).to_pylist()
    seen = sorted(((item["values"], item["counts"]) for item in counts), key=str)
    shown = ", ".join(f"{mark_blanks(value)} in {counted(count, 'row')}" for value, count in seen)
    if task == "binary" and not {value for value, _ in seen} <= {0, 1}:
        raise LabelError(
            "only labels of two classes can be learnt",
            where=where,
            expected=f"true and false (or 1 and 0) in '{label}'",
            found=shown if len(seen) <= 5 else counted(len(seen), "class", "classes"),
        )
    if len(seen) < 2:
        raise LabelError(
            "the label has one class only",
            where=where,
            expected=f"both true and false in '{label}'"
            if task == "binary"
            else f"two or more classes in '{label}'",
            found=shown,
            fix="Choose a window in which both happen."
            if task == "binary"
            else "Choose a longer window.",
        )
    if task == "binary":
        return {"rows": table.num_rows, "positives": sum(n for value, n in seen if value)}
    return {"rows": table.num_rows, "classes": {str(value): count for value, count in seen}}


def _spread(column: pa.ChunkedArray, label: str, where: str) -> float:
    """The mean of labels that are not all equal."""
    ends = pc.min_max(column).as_py()
    if ends["min"] == ends["max"]:
        raise LabelError(
            "every label is the same number",
            where=where,
            expected=f"different numbers in '{label}'",
            found=f"{ends['min']} in {counted(len(column), 'row')}",
            fix="Choose a longer window.",
        )
    return float(pc.mean(column).as_py())
