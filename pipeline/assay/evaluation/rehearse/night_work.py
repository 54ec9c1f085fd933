"""The work of a Spark task in the rehearsal of a night: score each piece with both models, count.

Nothing is written and no row leaves a task. Both models see the same rows in the same order: of one
reading if their contracts are the same, else each as its own contract reads them, since which rows
are refused may be the contract's doing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pyarrow as pa

from assay.columns.grid import NumberGrid
from assay.columns.profile_counter import ProfileCounter
from assay.contract.definition import Contract
from assay.errors.base import describe_error
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
from assay.score.inputs.split import RowGroups, batches, read_as
from assay.score.scoring_job import cached_bundle

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
