"""What changed between two scorings, row by row, paired by key.

Memory does not grow with the rows: pairs come as tables of bounded size, and `Changes` and
`Strongest` are folded over them.
"""

from __future__ import annotations

import operator
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as t

from assay.columns.categories import hash_texts
from assay.columns.features import Floats
from assay.errors import KeyUnknown, UsageError
from assay.model.prediction import PREDICTION, score_column
from assay.project.processes import delete_abandoned
from assay.project.tasks import Task
from assay.project.text import counted
from assay.score.duplicate_keys import Hashes, mix_hashes
from assay.store.delta.location import translate_errors

Bools: TypeAlias = npt.NDArray[np.bool_]
Places: TypeAlias = npt.NDArray[np.int64]
Side: TypeAlias = Literal["old", "new"]
SIDES: tuple[Side, Side] = ("old", "new")

SCORED_IN = "scored_in"
"""The column that says in which scoring a row is: ``both``, ``old`` or ``new``."""
CHANGE = "change"
"""What became of a row: see `RowChanges.kinds`."""
SCORE_CHANGE = "score_change"
"""The new score less the old one; null where one of them is missing."""

MOST_IN_MEMORY = 500_000
"""Rows of both sides that are held at a time; if there are more, they are paired on the disk."""
BUCKETS = 64
"""Parts of the rows on the disk, by a hash of their keys; one at a time is held."""
BINS = 41
"""Of the histogram of changes: an odd number, so that no change is the middle of a bin."""


def answer_columns(task: Task) -> list[str]:
    """The columns that say what a model answers: its prediction and its score."""
    return list(dict.fromkeys([PREDICTION, score_column(task)]))


def changes_schema(predictions: pa.Schema, keys: Sequence[str], task: Task) -> pa.Schema:
    """The columns of rows that changed.

    Parameters
    ----------
    predictions
        The columns of the predictions table.
    """
    answers = [(side, predictions.field(name)) for side in SIDES for name in answer_columns(task)]
    return pa.schema(
        [
            *(predictions.field(name) for name in keys),
            *(pa.field(f"{side}_{field.name}", field.type) for side, field in answers),
            pa.field(CHANGE, pa.string()),
            pa.field(SCORE_CHANGE, pa.float64()),
        ]
    )


def spread(scores: Iterable[pa.RecordBatch]) -> float:
    """The largest value of a column less the smallest, or 1 if that is no distance."""
    least, most = np.inf, -np.inf
    for batch in scores:
        ends = pc.min_max(batch.column(0)).as_py()
        if ends["min"] is not None:
            least, most = min(least, ends["min"]), max(most, ends["max"])
    return float(most - least) if 0 < most - least < np.inf else 1.0


# ----------------------------------------------------------------------------------- pairs


def pair_by_key(
    old: Callable[[], Iterator[pa.RecordBatch]],
    new: Callable[[], Iterator[pa.RecordBatch]],
    keys: Sequence[str],
    columns: Sequence[str],
    scratch: Path,
) -> Iterator[pa.Table]:
    """Pair the rows of two scorings that have the same key, and pass on those without a partner.

    Keys are equal if all their columns are; null equals null, and NaN equals NaN.

    Parameters
    ----------
    columns
        What else is needed of each row.
    scratch
        A folder for temporary files, if there are more than `MOST_IN_MEMORY` rows.

    Returns
    -------
    iterator of Table
        The key columns, ``old_`` and ``new_`` with each name of ``columns``, and `SCORED_IN`; at
        least one table, unless neither side has a batch.

    Raises
    ------
    KeyUnknown
        Several rows of a side have the same key.
    UsageError
        A key column has the name of one that is added.
    StoreError
        The temporary files cannot be written.
    """
    added = [f"{side}_{name}" for side in SIDES for name in columns]
    taken = {*added, SCORED_IN, CHANGE, SCORE_CHANGE} & {*keys}
    if taken:
        raise UsageError(
            f"a comparison has columns of its own called {', '.join(sorted(taken))}",
            where="the contract's keys",
            expected="other names",
            fix="Rename them where the data is ingested.",
        )
    for parts in _parts(zip(SIDES, (old, new), strict=True), keys, columns, scratch):
        yield _pair(*parts, keys, columns)


def _parts(
    sides: Iterable[tuple[Side, Callable[[], Iterator[pa.RecordBatch]]]],
    keys: Sequence[str],
    columns: Sequence[str],
    scratch: Path,
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """The rows of both sides in parts; a row and its partner are in the same part."""
    schemas: dict[Side, pa.Schema] = {}
    held: dict[Side, list[pa.RecordBatch]] = {side: [] for side in SIDES}
    files: dict[Side, list[Path]] = {side: [] for side in SIDES}
    with ExitStack() as stack:

        def spill() -> None:
            with translate_errors(str(scratch), "temporary files cannot be written"):
                scratch.mkdir(parents=True, exist_ok=True)
                delete_abandoned(scratch)
                made = tempfile.TemporaryDirectory(dir=scratch, prefix="pairs-")
                _to_disk(Path(stack.enter_context(made)), held, files, keys)

        for side, batches in sides:
            for batch in batches():
                held[side].append(batch.select([*keys, *columns]))
                schemas.setdefault(side, held[side][-1].schema)
                if sum(map(len, (*held["old"], *held["new"]))) > MOST_IN_MEMORY:
                    spill()
        if any(files.values()):
            spill()
        types = [schemas.get(side) or next(iter(schemas.values())) for side in SIDES if schemas]
        for bucket in range(BUCKETS if any(files.values()) else len(types[:1])):
            if any(files.values()):
                held = {side: [_read(file, bucket) for file in files[side]] for side in SIDES}
            old, new = map(pa.Table.from_batches, (held[side] for side in SIDES), types)
            yield old, new


def _to_disk(
    folder: Path,
    held: Mapping[Side, list[pa.RecordBatch]],
    files: Mapping[Side, list[Path]],
    keys: Sequence[str],
) -> None:
    """Move what is held to a file of each side, as a batch for each bucket of hashes of keys."""
    for side, batches in held.items():
        if batches:
            every = pa.concat_batches(batches)
            batches.clear()
            buckets = (_hash_keys(every.select(keys)) % np.uint64(BUCKETS)).astype(np.int64)
            ends = np.cumsum(np.bincount(buckets, minlength=BUCKETS)).tolist()
            every = every.take(pa.array(np.argsort(buckets, kind="stable")))
            files[side].append(folder / f"{side}.arrow")
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            with pa.ipc.new_file(str(files[side][-1]), every.schema, options=options) as writer:
                for start, end in pairwise([0, *ends]):
                    writer.write_batch(every.slice(start, end - start))


def _read(file: Path, bucket: int) -> pa.RecordBatch:
    with pa.OSFile(str(file)) as source:
        return pa.ipc.open_file(source).get_batch(bucket)


def _hash_keys(keys: pa.RecordBatch) -> Hashes:
    hashes = np.zeros(keys.num_rows, np.uint64)
    for column in keys.columns:
        mix_hashes(hashes, hash_texts(pc.fill_null(pc.cast(_plain(column), pa.string()), "")))
    return hashes


def _plain(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """A key column in which equal values have equal bits: adding zero turns -0.0 into 0.0."""
    return pc.add(column, pa.scalar(0, column.type)) if t.is_floating(column.type) else column


def _pair(old: pa.Table, new: pa.Table, keys: Sequence[str], columns: Sequence[str]) -> pa.Table:
    """The rows of one part: the old ones in their order, then those that only the new side has."""
    both = pa.concat_tables([old.select(keys), new.select(keys)]).combine_chunks()
    numbers = _number_keys(both)
    mine, theirs = numbers[: len(old)], numbers[len(old) :]
    for side, each in (("old", mine), ("new", theirs)):
        more = len(each) - int(np.count_nonzero(np.bincount(each)))
        if more:
            raise KeyUnknown(
                "rows cannot be paired: a key is that of more than one row",
                where=f"key {', '.join(keys)} in the {side} scoring",
                expected="each key once",
                found=f"{counted(more, 'row')} or more with the key of another",
                fix="Add a column that tells the rows apart to the contract's keys.",
            )
    count = int(numbers.max(initial=-1)) + 1
    place = np.full(count, -1)
    place[theirs] = np.arange(len(new))
    partner = place[mine]
    place[mine] = -1
    alone = place[place >= 0]
    alone.sort()
    old_places = np.concatenate([np.arange(len(old)), np.full(len(alone), -1)])
    new_places = np.concatenate([partner, alone])
    first = np.where(old_places >= 0, old_places, len(old) + new_places)
    made = both.take(pa.array(first))
    for side, table, places in (("old", old, old_places), ("new", new, new_places)):
        rows = pa.array(places, mask=places < 0)
        for name in columns:
            made = made.append_column(f"{side}_{name}", table.column(name).take(rows))
    where = np.where(old_places < 0, 2, np.where(new_places < 0, 1, 0))
    return made.append_column(SCORED_IN, pa.array(["both", *SIDES]).take(pa.array(where)))


def _number_keys(keys: pa.Table) -> Places:
    """A number for each row, from 0 on without gaps; that of equal keys is the same."""
    numbers = np.zeros(len(keys), np.int64)
    for column in keys.columns:
        codes = _codes(_plain(column))
        # Both are less than the number of rows, so that their product is no overflow.
        numbers = _codes(pa.array(numbers * (int(codes.max(initial=0)) + 1) + codes))
    return numbers


def _codes(column: pa.Array | pa.ChunkedArray) -> Places:
    encoded = column.dictionary_encode(null_encoding="encode")
    chunks = encoded.chunks if isinstance(encoded, pa.ChunkedArray) else [encoded]
    numbers = [np.asarray(each.indices).astype(np.int64) for each in chunks]
    return np.concatenate([np.empty(0, np.int64), *numbers])


# ---------------------------------------------------------------------------------- changes


@dataclass(frozen=True)
class RowChanges:
    """What became of each row of a table of `pair_by_key`; arrays have shape (rows,).

    Attributes
    ----------
    table
        With ``old_`` and ``new_`` of `assay.model.prediction.PREDICTION` and `score_column`.
    """

    table: pa.Table
    task: Task

    def side(self, name: Literal["both", "old", "new"]) -> Bools:
        """The rows of both scorings, or of one alone."""
        rows: Bools = np.asarray(pc.equal(self.table[SCORED_IN], name))
        return rows

    @cached_property
    def score_change(self) -> Floats:
        """The new score less the old one; NaN if one of them is missing.

        Of a multiclass model the probability of whichever class is predicted.
        """
        old, new = self._scores
        # Not the difference of equal scores: infinities would yield NaN.
        with np.errstate(invalid="ignore"):
            change: Floats = np.where(old == new, 0.0, new - old)
        return change

    @cached_property
    def once(self) -> Bools:
        """Rows of both scorings that have a score in only one of them."""
        old, new = map(np.isnan, self._scores)
        rows: Bools = self.side("both") & (old != new)
        return rows

    @cached_property
    def decided(self) -> Bools:
        """Rows of both whose prediction changed; none of a regression, which decides nothing."""
        if self.task == "regression":
            return np.zeros(len(self.table), np.bool_)
        old, new = (self.table[f"{side}_{PREDICTION}"] for side in SIDES)
        other = pc.or_kleene(pc.not_equal(old, new), pc.xor(pc.is_null(old), pc.is_null(new)))
        rows: Bools = self.side("both") & np.asarray(pc.fill_null(other, False))
        return rows

    def predicts(self, side: Side, answer: bool) -> Bools:
        """Rows of a binary model whose prediction in a scoring is ``answer``."""
        if self.task != "binary":
            return np.zeros(len(self.table), np.bool_)
        rows = pc.equal(self.table[f"{side}_{PREDICTION}"], answer)
        return np.asarray(pc.fill_null(rows, False))

    def crossed(self, to: bool) -> Bools:
        """Rows of a binary model whose prediction became ``to``, having been the other one."""
        return self.predicts("old", not to) & self.predicts("new", to)

    def moved(self, by: float) -> Bools:
        """Rows whose score changed by more than ``by``."""
        with np.errstate(invalid="ignore"):
            rows: Bools = np.abs(self.score_change) > by
        return rows

    def kinds(self, by: float | None) -> pa.Array:
        """What happened to each row; null if nothing did.

        ``new`` or ``gone``: it is in one scoring only; ``up``, ``down``: a binary prediction became
        true or false; ``changed``: another prediction, or a score where there was none or none
        where there was one; ``moved``: the score changed by more than ``by``, if that is a number.
        """
        names = ["new", "gone", "up", "down", "changed", "moved"]
        asked = [
            self.side("new"),
            self.side("old"),
            self.crossed(True),
            self.crossed(False),
            self.decided | self.once,
            np.zeros(len(self.table), np.bool_) if by is None else self.moved(by),
        ]
        kind = np.select(asked, range(len(names)), -1)
        return pa.array(names).take(pa.array(kind, mask=kind < 0))

    def select(self, by: float | None) -> pa.Table:
        """The rows to which something happened, with the columns of `changes_schema`."""
        change = self.score_change
        kinds, amount = self.kinds(by), pa.array(change, mask=np.isnan(change))
        table = self.table.append_column(CHANGE, kinds).append_column(SCORE_CHANGE, amount)
        return table.drop_columns(SCORED_IN).filter(pc.is_valid(kinds))

    @property
    def _scores(self) -> tuple[Floats, Floats]:
        name = score_column(self.task)
        old, new = (np.asarray(self.table[f"{side}_{name}"], np.float64) for side in SIDES)
        return old, new


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Counts of what changed. Those of parts of the rows can be merged to those of all.

    Attributes
    ----------
    by
        Rows count as moved if their score changed by more.
    scale
        The histogram reaches from a change of -``scale`` to one of ``scale``; what is beyond counts
        in its outermost bins. 1 for probabilities, for a regression the spread of the old scores.
    both, only_old, only_new
        Rows of both scorings, or of one alone.
    decided
        Rows of both whose prediction changed: of a binary model to true (``up``), to false
        (``down``), or from or to none. 0 for a regression.
    old_true
        Rows that the old scoring of a binary model decides true.
    moved
        Rows whose score changed by more than ``by``.
    once
        Rows of both that have a score in only one of them.
    total, largest
        Sum of the absolute changes of the scores, and the largest of them.
    histogram
        Rows by the change of their score, in `BINS` bins of equal width.
    """

    by: float = 0.0
    scale: float = 1.0
    both: int = 0
    only_old: int = 0
    only_new: int = 0
    decided: int = 0
    up: int = 0
    down: int = 0
    old_true: int = 0
    moved: int = 0
    once: int = 0
    total: float = 0.0
    largest: float = 0.0
    histogram: tuple[int, ...] = (0,) * BINS

    @classmethod
    def of(cls, rows: RowChanges, by: float = 0.0, scale: float = 1.0) -> Changes:
        change = rows.score_change[~np.isnan(rows.score_change)]
        bins = np.clip((change / scale + 1) / 2 * BINS, 0, BINS - 1).astype(np.int64)
        counts = {
            "both": rows.side("both"),
            "only_old": rows.side("old"),
            "only_new": rows.side("new"),
            "decided": rows.decided,
            "up": rows.crossed(True),
            "down": rows.crossed(False),
            "old_true": rows.predicts("old", True),
            "moved": rows.moved(by),
            "once": rows.once,
        }
        return cls(
            by=by,
            scale=scale,
            **{name: int(mask.sum()) for name, mask in counts.items()},
            total=float(np.abs(change).sum()),
            largest=float(np.abs(change).max(initial=0.0)),
            histogram=tuple(np.bincount(bins, minlength=BINS).tolist()),
        )

    def merge(self, other: Changes) -> Changes:
        """The counts of the rows of both; ``by`` and ``scale`` have to be the same."""
        if (self.by, self.scale) != (other.by, other.scale):
            raise ValueError("counts of changes by other limits cannot be added up")
        sums = {name: getattr(self, name) + getattr(other, name) for name in COUNTED}
        return replace(
            self,
            **sums,
            largest=max(self.largest, other.largest),
            histogram=tuple(map(operator.add, self.histogram, other.histogram)),
        )

    @property
    def mean(self) -> float | None:
        """The mean absolute change of a score; None if no row has one in both."""
        rows = sum(self.histogram)
        return self.total / rows if rows else None


COUNTED = (
    *("both", "only_old", "only_new", "decided", "up", "down"),
    *("old_true", "moved", "once", "total"),
)


@dataclass(frozen=True)
class Strongest:
    """The rows of both scorings whose score changed most, each way.

    Attributes
    ----------
    up, down
        The columns of `pair_by_key` and `SCORE_CHANGE`; the strongest first, of equal changes by
        key. At most ``n`` rows each; no column if there is none.
    """

    keys: tuple[str, ...]
    n: int
    up: pa.Table = field(default_factory=lambda: pa.table({}))
    down: pa.Table = field(default_factory=lambda: pa.table({}))

    def add(self, rows: RowChanges) -> Strongest:
        """The strongest of these rows and the ones so far."""
        change = rows.score_change
        table = rows.table.append_column(SCORE_CHANGE, pa.array(change))
        return replace(
            self,
            up=self._top(self.up, table.filter(pa.array(change > 0)), "descending"),
            down=self._top(self.down, table.filter(pa.array(change < 0)), "ascending"),
        )

    def _top(self, known: pa.Table, more: pa.Table, order: str) -> pa.Table:
        every = pa.concat_tables([known, more]) if known.num_rows else more
        by = [(SCORE_CHANGE, order), *((name, "ascending") for name in self.keys)]
        return every.take(pc.select_k_unstable(every, self.n, by))
