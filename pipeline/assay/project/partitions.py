"""Tables in a folder for each night, and where a night lies in an input of files.

Date-partitioned Parquet is ``<root>/<column>=<value>/<part>.parquet``: the partition column is in
the folder name, not in the files, as Spark, Arrow and Delta write it. A data set is built in a
temporary folder beside its target and moved into place at the end.

An input may have names of its own: with a placeholder, such as ``incoming/parcels-{night}.csv``, a
night is a file of that name, or a folder.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from assay.errors import UsageError
from assay.project.params.inputs import NIGHT_IN_PATH
from assay.project.params.values import Every

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds


@contextmanager
def replace_folder(target: Path) -> Iterator[Path]:
    """A temporary folder that replaces ``target`` if the block ends without an error."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        yield made
        if target.exists():
            target.rename(Path(scratch) / "old")
        made.rename(target)


def check_parent(folder: Path, option: str) -> None:
    """Refuse a folder, named by an option, that would be made in one that is not there.

    Raises
    ------
    UsageError
        Its parent is no folder. A path with a slip in it would make folders anywhere.
    """
    parent = folder.expanduser().absolute().parent
    if not parent.is_dir():
        raise UsageError(
            f"there is no folder {parent}",
            where=option,
            expected="a path of which at most the last folder is new",
            fix="Correct the path, or make the folder.",
        )


def write(table: pa.Table, root: Path, column: str, part: str) -> None:
    """Partition ``table`` by ``column`` and write one file per value."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    values = table.column(column).cast(pa.string())
    rows = table.drop_columns([column])
    order = pc.sort_indices(pa.table({"value": values}), sort_keys=[("value", "ascending")])
    values, rows = values.take(order).combine_chunks(), rows.take(order)
    runs = pc.run_end_encode(values)
    start = 0
    for value, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        folder = root / f"{column}={quote(value, safe=' ')}"
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows.slice(start, end - start), folder / f"{part}.parquet")
        start = end


def first_day(day: date, every: Every) -> date:
    """The first day of the day's week (a Monday), month or year; a night is named by it."""
    if every == "week":
        return day - timedelta(days=day.weekday())
    if every == "month":
        return day.replace(day=1)
    return day.replace(month=1, day=1) if every == "year" else day


def first_days(times: pa.ChunkedArray | pa.Array, every: Every) -> pa.ChunkedArray | pa.Array:
    """The night of each time, as text: its day, or the `first_day` of its week, month or year."""
    import pyarrow.compute as pc

    days = pc.floor_temporal(times, 1, every, week_starts_monday=True)
    return pc.strftime(days, "%Y-%m-%d")


def parse_day(value: str) -> date | None:
    """The date of a partition value; None if it is not an ISO date."""
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def usual_step(days: Sequence[date]) -> int:
    """The most frequent number of days between neighbours, the smallest of several; at least 1.

    1 for fewer than two days. One step alone may be a gap, and is a step only if a night may be so
    long: whole weeks, or at least a month.

    >>> usual_step([date(2024, 3, 1), date(2024, 3, 4)])
    1
    >>> usual_step([date(2024, 3, 1), date(2024, 3, 8)])
    7
    """
    steps = [(after - before).days for before, after in pairwise(sorted(set(days)))]
    if len(steps) == 1 and steps[0] % 7 and steps[0] < _SHORTEST_MONTH:
        return 1
    return _most_frequent(steps)


def missing_dates(days: Iterable[date], until: date | None = None) -> list[date]:
    """The dates between nights on which one would be expected and none is, in order.

    Nights on one day of the month, such as the first, are months, quarters or years. Others follow
    each other at the usual step.

    Parameters
    ----------
    until
        Also the dates after the last night, up to this one.
    """
    known = sorted(set(days))
    after_last = [] if until is None or not known else [max(until, known[-1]) + timedelta(days=1)]
    monthly = len({day.day for day in known}) == 1 and known[0].day <= _SHORTEST_MONTH
    if monthly and len(known) > 1:
        months = [12 * day.year + day.month - 1 for day in known]
        step = _most_frequent(after - before for before, after in pairwise(months))
        ends = [12 * day.year + day.month - (day.day <= known[0].day) for day in after_last]
        between = [past for a, b in pairwise([*months, *ends]) for past in range(a + step, b, step)]
        return [date(past // 12, past % 12 + 1, known[0].day) for past in between]
    step = usual_step(known)
    return [
        before + timedelta(days=past)
        for before, after in pairwise([*known, *after_last])
        for past in range(step, (after - before).days, step)
    ]


_SHORTEST_MONTH = 28


def _most_frequent(steps: Iterable[int]) -> int:
    """The smallest of several; 1 if there are none."""
    counts = Counter(steps)
    return min(counts, key=lambda each: (-counts[each], each), default=1)


def values(root: Path, column: str) -> list[str]:
    """The existing partition values, sorted."""
    prefix = f"{column}="
    if not root.is_dir():
        return []
    return sorted(
        unquote(folder.name.removeprefix(prefix))
        for folder in root.iterdir()
        if folder.is_dir() and folder.name.startswith(prefix)
    )


def folder(root: Path, column: str, value: str) -> Path:
    """The folder of one partition."""
    return root / f"{column}={quote(value, safe=' ')}"


def read(root: Path, column: str, *, start: str, end: str) -> pa.Table:
    """All rows whose partition value is between ``start`` and ``end``, both included.

    The partition column is always text.
    """
    import pyarrow.compute as pc

    wanted = (pc.field(column) >= start) & (pc.field(column) <= end)
    return open_dataset(root, column).to_table(filter=wanted)


def open_dataset(root: Path, column: str) -> ds.Dataset:
    """All rows, to be read piece by piece; the partition column is text."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    partitioning = ds.partitioning(pa.schema([(column, pa.string())]), flavor="hive")
    return ds.dataset(root, format="parquet", partitioning=partitioning)


@dataclass(frozen=True)
class FolderNames:
    """The folder that holds all nights, and the text around a night's value in their names.

    ``column`` is that of the partition if the nights are folders named after it, else None.
    """

    folder: str
    before: str
    after: str
    column: str | None

    @classmethod
    def of(cls, path: str, column: str) -> FolderNames:
        """The names below an address without a trailing slash."""
        if NIGHT_IN_PATH not in path:
            return cls(path, f"{column}=", "", column)
        folder, _, last = path.rpartition("/")
        before, _, after = last.partition(NIGHT_IN_PATH)
        return cls(folder, before, after, None)

    @property
    def expected(self) -> str:
        """What lies in the folder, for errors."""
        if self.column is not None:
            return f"folders {self.before}..."
        return f"files {self.before}{NIGHT_IN_PATH}{self.after}"

    def name(self, value: str) -> str:
        """The name of a night's folder or file."""
        shown = value if self.column is None else quote(value, safe=" ")
        return f"{self.before}{shown}{self.after}"

    def values(self, names: Iterable[str]) -> tuple[str, ...]:
        """The nights among names in the folder, sorted as text."""
        around = len(self.before) + len(self.after)
        nights = (
            name[len(self.before) : len(name) - len(self.after)]
            for name in names
            if name.startswith(self.before)
            and name.endswith(self.after)
            and len(name) > around
            and name[0] not in "._"
        )
        return tuple(sorted(each if self.column is None else unquote(each) for each in nights))
