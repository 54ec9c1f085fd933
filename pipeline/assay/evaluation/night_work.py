"""The work of a Spark task in the rehearsal of a night: score each piece with both models, count.

Nothing is written and no row leaves a task. Both models see the same rows in the same order: of one
reading if their contracts are the same, else each as its own contract reads them, since which rows
are refused may be the contract's doing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial, reduce
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assay.columns.features import Floats, SliceField
from assay.columns.grid import NumberGrid
from assay.columns.profile_counter import ProfileCounter
from assay.contract.definition import Contract
from assay.errors.base import describe_error
from assay.model import prediction
from assay.model.batch import InputBatch, ScoredBatch, new_counter, score_batch
from assay.model.bundle import COMPILED, Bundle, Files
from assay.project import extras
from assay.project.tasks import Task
from assay.score.inputs.split import RowGroups, batches, read_as
from assay.score.scoring_job import cached_bundle
from assay.score.tally import Tally

Counts = TypeVar("Counts", "ModelCounts", "PairCounts")
Bools: TypeAlias = npt.NDArray[np.bool_]
SliceKey: TypeAlias = tuple[str, str | None]
"""A slice field and its value; None stands for all values that are not counted one by one."""


@dataclass(frozen=True)
class ModelCounts:
    """What one model did with some rows; ``ModelCounts()`` is the zero.

    Attributes
    ----------
    tally
        As of a scoring run, with the profile that decides whether a night is held.
    scored, quarantined
        Rows of the two tables that a run would have written.
    seconds
        Time in the scoring function, of all workers together.
    """

    tally: Tally = field(default_factory=Tally)
    scored: int = 0
    quarantined: int = 0
    seconds: float = 0.0

    def __add__(self, other: ModelCounts) -> ModelCounts:
        return _sum(self, other)


@dataclass(frozen=True)
class PairCounts:
    """What became of some rows that two models were given; ``PairCounts()`` is the zero.

    Attributes
    ----------
    rows
        Rows to which both gave a score. All of the following but the first three are about these.
    newly_quarantined, newly_refused_by
        Rows that only the challenger refuses, and how many of them break each of its rules.
    newly_null
        Rows to which only the challenger gives no score, though its contract lets them pass.
    flipped
        Rows with another prediction; stays 0 for a regression.
    challenger_sum, champion_sum, absolute_change
        Sums of both scores, and of their absolute differences.
    challenger_cells, champion_cells
        Histograms of both scores on the champion's grid: number of a cell -> rows.
    slice_rows, slice_flipped
        Rows and flips by slice. Each row is in one slice of every field.
    """

    rows: int = 0
    newly_quarantined: int = 0
    newly_refused_by: Counter[str] = field(default_factory=Counter)
    newly_null: int = 0
    flipped: int = 0
    challenger_sum: float = 0.0
    champion_sum: float = 0.0
    absolute_change: float = 0.0
    challenger_cells: Counter[int] = field(default_factory=Counter)
    champion_cells: Counter[int] = field(default_factory=Counter)
    slice_rows: Counter[SliceKey] = field(default_factory=Counter)
    slice_flipped: Counter[SliceKey] = field(default_factory=Counter)

    def __add__(self, other: PairCounts) -> PairCounts:
        return _sum(self, other)


@dataclass(frozen=True)
class NightCounts:
    """The counts of both models, and of the pair; ``NightCounts()`` is the zero.

    Attributes
    ----------
    failure
        Why the champion could not score some rows; None if it could score all, or was not asked.
        Its counts are then about a part of the rows.
    """

    challenger: ModelCounts = field(default_factory=ModelCounts)
    champion: ModelCounts = field(default_factory=ModelCounts)
    pair: PairCounts = field(default_factory=PairCounts)
    failure: str | None = None

    def __add__(self, other: NightCounts) -> NightCounts:
        return NightCounts(
            self.challenger + other.challenger,
            self.champion + other.champion,
            self.pair + other.pair,
            other.failure if self.failure is None else self.failure,
        )


def total(parts: Iterable[NightCounts]) -> NightCounts:
    """The sum of all counts."""
    return reduce(lambda one, two: one + two, parts, NightCounts())


def count_model(scored: ScoredBatch, seconds: float) -> ModelCounts:
    """The counts of a piece, without its profile, which is made once for all pieces of a task."""
    return ModelCounts(
        Tally.of(scored), scored.predictions.num_rows, scored.quarantine.num_rows, seconds
    )


def count_pair(
    task: Task,
    grid: NumberGrid,
    slices: Iterable[SliceField],
    challenger: ScoredBatch,
    champion: ScoredBatch,
) -> PairCounts:
    """The counts of the same rows, in the same order, scored by both models.

    Parameters
    ----------
    grid
        On which both scores are counted.
    slices
        Of the challenger's reference.
    """
    mine, theirs = _scores(task, challenger), _scores(task, champion)
    both = ~np.isnan(mine) & ~np.isnan(theirs)
    newly = challenger.bad & ~champion.bad
    passed = ~challenger.bad & ~champion.bad
    after, before = mine[both], theirs[both]
    flipped = np.zeros(len(after), dtype=np.bool_)
    if task != "regression":
        flipped = _unequal(_predictions(challenger, both), _predictions(champion, both))
    slice_rows, slice_flipped = _by_slice(slices, challenger, both, flipped)
    return PairCounts(
        rows=len(after),
        newly_quarantined=int(np.count_nonzero(newly)),
        newly_refused_by=_rules(challenger, newly),
        newly_null=int(np.count_nonzero(passed & np.isnan(mine) & ~np.isnan(theirs))),
        flipped=int(np.count_nonzero(flipped)),
        challenger_sum=float(after.sum()),
        champion_sum=float(before.sum()),
        absolute_change=float(np.abs(after - before).sum()),
        challenger_cells=_cells(after, grid),
        champion_cells=_cells(before, grid),
        slice_rows=slice_rows,
        slice_flipped=slice_flipped,
    )


def _scores(task: Task, scored: ScoredBatch) -> Floats:
    """The score of each row of the piece; NaN where it was refused or got none."""
    found = np.full(scored.rows, np.nan)
    column = scored.predictions[prediction.score_column(task)]
    found[~scored.bad] = column.to_numpy()
    return found


def _predictions(scored: ScoredBatch, wanted: Bools) -> pa.ChunkedArray:
    return scored.predictions[prediction.PREDICTION].filter(pa.array(wanted[~scored.bad]))


def _unequal(left: pa.ChunkedArray, right: pa.ChunkedArray) -> Bools:
    found: Bools = pc.not_equal(left, right).to_numpy()
    return found.astype(np.bool_)


def _rules(scored: ScoredBatch, wanted: Bools) -> Counter[str]:
    """How many of the wanted rows, all of them refused, break each rule."""
    if not wanted.any():
        return Counter()
    broken = scored.quarantine["broken_rules"].filter(pa.array(wanted[scored.bad]))
    return Counter(name for names in broken.to_pylist() for name in names)


def _cells(scores: Floats, grid: NumberGrid) -> Counter[int]:
    return _counted(np.searchsorted(np.asarray(grid.edges), scores, side="right"))


def _by_slice(
    slices: Iterable[SliceField], scored: ScoredBatch, wanted: Bools, flipped: Bools
) -> tuple[Counter[SliceKey], Counter[SliceKey]]:
    rows: Counter[SliceKey] = Counter()
    flips: Counter[SliceKey] = Counter()
    features = scored.good.filter(wanted[~scored.bad])
    for each in slices:
        codes, places = each.codes(features)
        place = places[codes + 1]
        values = (*each.values, *(() if each.null is None else (each.null,)), None)
        for found, picked in ((rows, place), (flips, place[flipped])):
            # Index -1 is the last value: all others.
            for at, count in _counted(picked).items():
                found[each.name, values[at]] += count
    return rows, flips


def _counted(numbers: npt.NDArray[np.integer]) -> Counter[int]:
    values, counts = np.unique(numbers, return_counts=True)
    return Counter(dict(zip(values.tolist(), counts.tolist(), strict=True)))


def _sum(one: Counts, other: Counts) -> Counts:
    """The sum of two counts, field by field."""
    added = (getattr(one, each.name) + getattr(other, each.name) for each in fields(one))
    return type(one)(*added)


WARM_UP_ROWS = 1000
"""Rows that each model scores once more in each task before its time is taken: code is compiled
and caches are filled by then."""

Reading = Callable[[], InputBatch]
PiecePair = tuple[InputBatch, Reading]
"""The same rows as the challenger's contract reads them, and as the champion's will, if it can."""


@dataclass(frozen=True)
class SentModel:
    """A model and its contract at scoring time, as they are sent to workers.

    Attributes
    ----------
    files
        `assay.model.bundle.Bundle.scoring_files`.
    """

    files: Files
    digest: str
    allow_types: tuple[str, ...]
    contract: Contract


@dataclass(frozen=True)
class NightWork:
    """Counts a night's rows by what the models do with them; see `assay.score.local.Work`.

    Parameters
    ----------
    champion
        None if the challenger scores alone.
    """

    where: str
    batch_rows: int
    challenger: SentModel
    champion: SentModel | None = None

    @property
    def threaded(self) -> bool:
        models = (self.challenger, self.champion)
        return all(COMPILED in each.files for each in models if each is not None)

    def process_files(self, parts: Sequence[RowGroups], name: str) -> NightCounts:
        """The counts of row groups of files; nothing is written under ``name``."""
        models = [each for each in (self.challenger, self.champion) if each is not None]
        fields = [field for each in models for field in each.contract.fields]
        columns = list(dict.fromkeys(field.name for field in fields))
        texts = [field.name for field in fields if field.kind == "string"]
        return self._count(
            self._read(batch, text)
            for batch, text in batches(parts, columns, texts, self.batch_rows)
        )

    def _read(self, batch: pa.RecordBatch, text: bool) -> PiecePair:
        mine, champion = read_as(self.challenger.contract, batch, text), self.champion
        if champion is None or reads_alike(self.challenger.contract, champion.contract):
            return mine, lambda: mine
        # A query's columns are checked against the challenger's contract alone.
        return mine, partial(read_as, champion.contract, batch, text)

    def _count(self, pieces: Iterable[PiecePair]) -> NightCounts:
        challenger = _Scoring(self.challenger)
        champion = None if self.champion is None else _Scoring(self.champion)
        pair, failure = PairCounts(), None
        for mine, theirs in pieces:
            after = challenger.score(mine)
            if champion is None or failure is not None:
                continue
            try:
                before = champion.score(theirs())
            except Exception as error:  # runs the model's own code, which may raise anything
                extras.raise_if_missing(error)
                # An answer that ends nothing: the challenger scores on alone.
                failure = f"it cannot score: {describe_error(error, Path.cwd())}"
                continue
            task = challenger.bundle.manifest.task
            grid = champion.bundle.reference.grid[prediction.score_column(task)]
            assert isinstance(grid, NumberGrid), "scores are numbers"
            pair += count_pair(task, grid, challenger.bundle.reference.slices, after, before)
        theirs_counted = ModelCounts() if champion is None else champion.counts
        return NightCounts(challenger.counts, theirs_counted, pair, failure)


def reads_alike(one: Contract, other: Contract) -> bool:
    """Whether two contracts are the same text, wherever it lies."""
    return (one.source, one.code, one.has_label) == (other.source, other.code, other.has_label)


class _Scoring:
    """One model in one task: its bundle, warm after the first piece, and its counts so far."""

    def __init__(self, sent: SentModel) -> None:
        self._sent = sent
        self._counts = ModelCounts()
        self._counter: ProfileCounter | None = None
        self._bundle: Bundle | None = None

    @property
    def bundle(self) -> Bundle:
        if self._bundle is None:
            self._bundle = cached_bundle(self._sent)
        return self._bundle

    @property
    def counts(self) -> ModelCounts:
        """Of all pieces, with their profile."""
        profile = None if self._counter is None else self._counter.profile()
        return replace(self._counts, tally=replace(self._counts.tally, profile=profile))

    def score(self, piece: InputBatch) -> ScoredBatch:
        bundle, contract = self.bundle, self._sent.contract
        if self._counter is None:
            score_batch(bundle, contract, piece.rows.slice(0, WARM_UP_ROWS))
        began = time.perf_counter()
        scored = score_batch(bundle, contract, piece.rows, unread=piece.unread)
        seconds = time.perf_counter() - began
        if self._counter is None:
            self._counter = new_counter(scored.reference)
        scored.count(self._counter)
        self._counts += count_model(scored, seconds)
        return scored
