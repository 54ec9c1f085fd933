"""The work of a Spark task in the rehearsal of a night: score each piece with both models, count.

Nothing is written and no row leaves a task. Both models see the same rows in the same order: of one
reading if their contracts are the same, else each as its own contract reads them, since which rows
are refused may be the contract's doing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pyarrow as pa

from assay.columns.grid import NumberGrid
from assay.columns.profile_counter import ProfileCounter
from assay.contract.definition import Contract
from assay.evaluation.rehearse.night_counts import (
    ModelCounts,
    NightCounts,
    PairCounts,
    count_model,
    count_pair,
)
from assay.model import prediction
from assay.model.batch import InputBatch, ScoredBatch, new_counter, score_batch
from assay.model.bundle import COMPILED, Bundle, Files
from assay.project import extras
from assay.project.error_text import describe_error
from assay.score.inputs.split import RowGroups, input_batches
from assay.score.scoring_job import arrived_batches, cached_bundle

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
    """Counts a night's rows by what the models do with them; see `assay.score.work.Work`.

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
        mine = input_batches(parts, self.challenger.contract, self.batch_rows)
        if self.champion is None or reads_alike(self.challenger.contract, self.champion.contract):
            return self._count((each, _read_already(each)) for each in mine)
        theirs = input_batches(parts, self.champion.contract, self.batch_rows)
        pairs = align_pieces(mine, theirs)
        return self._count((one, _read_already(other)) for one, other in pairs)

    def process_batches(
        self, batches: Iterable[pa.RecordBatch], text: bool, name: str
    ) -> NightCounts:
        """The counts of batches from Spark; ``text`` states that all cells are text."""
        return self._count(self._typed(batches, text))

    def _typed(self, batches: Iterable[pa.RecordBatch], text: bool) -> Iterator[PiecePair]:
        champion = self.champion
        alike = champion is None or reads_alike(self.challenger.contract, champion.contract)
        for batch in batches:
            mine = _read(self.challenger.contract, batch, text)
            if champion is None or alike:
                yield mine, _read_already(mine)
            else:
                # A query's columns are checked against the challenger's contract alone.
                yield mine, partial(_read, champion.contract, batch, text)

    def _count(self, pieces: Iterable[PiecePair]) -> NightCounts:
        challenger = _Scoring(self.challenger)
        champion = None if self.champion is None else _ChampionScoring(self.champion)
        pair = PairCounts()
        for mine, theirs in pieces:
            after = challenger.score(mine)
            before = None if champion is None else champion.score(theirs)
            if champion is None or before is None:
                continue
            reference = champion.model.bundle.reference
            task = challenger.bundle.manifest.task
            grid = reference.grid[prediction.score_column(task)]
            assert isinstance(grid, NumberGrid), "scores are numbers"
            pair += count_pair(task, grid, challenger.bundle.reference.slices, after, before)
        return NightCounts(
            challenger.counts,
            ModelCounts() if champion is None else champion.model.counts,
            pair,
            None if champion is None else champion.failure,
        )


def reads_alike(one: Contract, other: Contract) -> bool:
    """Whether two contracts are the same text, wherever it lies."""
    return (one.source, one.code, one.has_label) == (other.source, other.code, other.has_label)


def _read(contract: Contract, batch: pa.RecordBatch, text: bool) -> InputBatch:
    (piece,) = arrived_batches(contract, [batch], text)
    return piece


def _read_already(piece: InputBatch) -> Reading:
    return lambda: piece


def align_pieces(
    mine: Iterable[InputBatch], theirs: Iterable[InputBatch]
) -> Iterator[tuple[InputBatch, InputBatch]]:
    """Pairs of pieces with the same rows, of two readings of the same files.

    Arrow ends a batch early where a column's dictionary changes, so batches of other columns may
    have other lengths. Each piece is cut where one of both ends.
    """
    left, right = iter(mine), iter(theirs)
    one: pa.RecordBatch | pa.Table | None = None
    two: pa.RecordBatch | pa.Table | None = None
    while True:
        one = _rest(one, left)
        two = _rest(two, right)
        if one is None or two is None:
            if one is not two:
                raise ValueError("two readings of the same files have other numbers of rows")
            return
        rows = min(one.num_rows, two.num_rows)
        yield InputBatch(one.slice(0, rows)), InputBatch(two.slice(0, rows))
        one, two = one.slice(rows), two.slice(rows)


def _rest(
    held: pa.RecordBatch | pa.Table | None, more: Iterator[InputBatch]
) -> pa.RecordBatch | pa.Table | None:
    """What is left of a piece, or else the next one that has rows; None at the end."""
    while held is None or held.num_rows == 0:
        piece = next(more, None)
        if piece is None:
            return None
        held = piece.rows
    return held


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


class _ChampionScoring:
    """The champion in one task. Its failure is an answer and ends nothing."""

    def __init__(self, sent: SentModel) -> None:
        self.model = _Scoring(sent)
        self.failure: str | None = None

    def score(self, read: Reading) -> ScoredBatch | None:
        """None from the first piece on that it cannot read or score."""
        if self.failure is not None:
            return None
        try:
            return self.model.score(read())
        except Exception as error:  # runs the model's own code, which may raise anything
            extras.raise_if_missing(error)
            self.failure = f"it cannot score: {describe_error(error, Path.cwd())}"
            return None
