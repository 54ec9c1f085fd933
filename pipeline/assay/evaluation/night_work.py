"""The work of a Spark task in the rehearsal of a night: score each piece with both models, count.

Nothing is written and no row leaves a task. Both models see the same rows in the same order: of one
reading if their contracts are the same, else each as its own contract reads them, since which rows
are refused may be the contract's doing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assay.columns.features import Floats, SliceField
from assay.contract.definition import Contract
from assay.errors.base import describe_error
from assay.model import prediction
from assay.model.batch import InputBatch, ScoredBatch, score_batch
from assay.model.bundle import COMPILED
from assay.model.bundle_files import Files
from assay.project import extras
from assay.project.tasks import Task
from assay.score.inputs.split import RowGroups, batches, read_as
from assay.score.scoring_job import cached_bundle

Bools: TypeAlias = npt.NDArray[np.bool_]
SliceKey: TypeAlias = tuple[str, str | None]
"""A slice field and its value; None stands for all values that are not counted one by one."""


@dataclass(frozen=True)
class FlipCounts:
    """What became of some rows that two models were given; ``FlipCounts()`` is the zero.

    Attributes
    ----------
    read
        All of them.
    rows, flipped
        Rows to which both gave a score, and those of them with another prediction.
    slice_rows, slice_flipped
        The same by slice. Each row is in one slice of every field.
    failure
        Why the champion could not score some rows, or None; the counts are then about a part.
    """

    read: int = 0
    rows: int = 0
    flipped: int = 0
    slice_rows: Counter[SliceKey] = field(default_factory=Counter)
    slice_flipped: Counter[SliceKey] = field(default_factory=Counter)
    failure: str | None = None

    def __add__(self, other: FlipCounts) -> FlipCounts:
        return FlipCounts(
            self.read + other.read,
            self.rows + other.rows,
            self.flipped + other.flipped,
            self.slice_rows + other.slice_rows,
            self.slice_flipped + other.slice_flipped,
            other.failure if self.failure is None else self.failure,
        )


def count_flips(
    task: Task, slices: Iterable[SliceField], challenger: ScoredBatch, champion: ScoredBatch
) -> FlipCounts:
    """The counts of the same rows, in the same order, scored by both models.

    Parameters
    ----------
    slices
        Of the challenger's reference.
    """
    both = ~np.isnan(_scores(task, challenger)) & ~np.isnan(_scores(task, champion))
    differs = pc.not_equal(_predictions(challenger, both), _predictions(champion, both))
    flipped = differs.to_numpy().astype(np.bool_)
    slice_rows, slice_flipped = _by_slice(slices, challenger, both, flipped)
    return FlipCounts(challenger.rows, len(flipped), int(flipped.sum()), slice_rows, slice_flipped)


def _scores(task: Task, scored: ScoredBatch) -> Floats:
    """The score of each row of the piece; NaN where it was refused or got none."""
    scores = np.full(scored.rows, np.nan)
    column = scored.predictions[prediction.score_column(task)]
    scores[~scored.bad] = column.to_numpy()
    return scores


def _predictions(scored: ScoredBatch, wanted: Bools) -> pa.ChunkedArray:
    return scored.predictions[prediction.PREDICTION].filter(pa.array(wanted[~scored.bad]))


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
        for counts_of, picked in ((rows, place), (flips, place[flipped])):
            # Index -1 is the last value: all others.
            for at, count in _counted(picked).items():
                counts_of[each.name, values[at]] += count
    return rows, flips


def _counted(numbers: npt.NDArray[np.integer]) -> Counter[int]:
    values, counts = np.unique(numbers, return_counts=True)
    return Counter(dict(zip(values.tolist(), counts.tolist(), strict=True)))


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
class DecisionCounter:
    """Counts the rows of a night that two models decide otherwise; see `assay.score.local.Work`."""

    where: str
    batch_rows: int
    challenger: SentModel
    champion: SentModel

    @property
    def threaded(self) -> bool:
        return all(COMPILED in each.files for each in (self.challenger, self.champion))

    def process_files(self, parts: Sequence[RowGroups], name: str) -> FlipCounts:
        """The counts of row groups of files; nothing is written under ``name``."""
        fields = [*self.challenger.contract.fields, *self.champion.contract.fields]
        columns = list(dict.fromkeys(field.name for field in fields))
        texts = [field.name for field in fields if field.kind == "string"]
        return self._count(
            self._read(batch, text)
            for batch, text in batches(parts, columns, texts, self.batch_rows)
        )

    def _read(self, batch: pa.RecordBatch, text: bool) -> PiecePair:
        mine = read_as(self.challenger.contract, batch, text)
        if reads_alike(self.challenger.contract, self.champion.contract):
            return mine, lambda: mine
        # A query's columns are checked against the challenger's contract alone.
        return mine, partial(read_as, self.champion.contract, batch, text)

    def _count(self, pieces: Iterable[PiecePair]) -> FlipCounts:
        counts = FlipCounts()
        for mine, theirs in pieces:
            bundle = cached_bundle(self.challenger)
            after = score_batch(bundle, self.challenger.contract, mine.rows, unread=mine.unread)
            if counts.failure is not None:
                counts += FlipCounts(read=after.rows)
                continue
            try:
                piece = theirs()
                before = score_batch(
                    cached_bundle(self.champion),
                    self.champion.contract,
                    piece.rows,
                    unread=piece.unread,
                )
            except Exception as error:  # runs the model's own code, which may raise anything
                extras.raise_if_missing(error)
                # An answer that ends nothing: the challenger scores on alone.
                failure = f"it cannot score: {describe_error(error, Path.cwd())}"
                counts += FlipCounts(read=after.rows, failure=failure)
                continue
            counts += count_flips(bundle.manifest.task, bundle.reference.slices, after, before)
        return counts


def reads_alike(one: Contract, other: Contract) -> bool:
    """Whether two contracts are the same text, wherever it lies."""
    return (one.source, one.code, one.has_label) == (other.source, other.code, other.has_label)
