"""The scoring function: takes a batch of rows, returns predictions, quarantined rows and counts.

It does not depend on Spark, files or the store. Evaluation, the gate, tests and every
carrier call it, so all of them score in the same way.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assay.columns.features import Floats, FrameFeatures, Scorer
from assay.columns.profile import Profile
from assay.columns.profile_counter import ProfileCounter
from assay.columns.reference import Reference
from assay.compiled.fitted_model import FILE
from assay.contract.checks.check_runner import TooManyFailed, call_around_failing_rows
from assay.contract.checks.row_checks import RowCheck, check_rows
from assay.contract.columns import Columns
from assay.contract.definition import Contract
from assay.contract.table_checks import newest_day, null_counts
from assay.errors import ScoresInvalid
from assay.model import prediction
from assay.model.bundle import Bundle
from assay.model.quarantine import quarantine_rows
from assay.project.text import counted

Bools: TypeAlias = npt.NDArray[np.bool_]
Unread: TypeAlias = Mapping[str, Bools]

ALL_READ: Unread = MappingProxyType({})

MOST_TRIES = 5_000
"""How often a model is asked about parts of a batch, to find the rows that it raises for."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class InputBatch:
    """Input rows for the scoring function, with its other arguments; see `score_batch`."""

    rows: pa.RecordBatch | pa.Table
    text: pa.RecordBatch | None = None
    unread: Unread = field(default_factory=lambda: ALL_READ)


if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ScoredBatch:
    """The result of scoring a batch: every row is in ``predictions`` or in ``quarantine``.

    Parameters
    ----------
    columns
        The columns of the batch, converted to the contract's types.
    bad
        Which rows are quarantined, shape (rows,).
    predictions
        Key columns and prediction columns (`assay.model.prediction.prediction_columns`) of the good
        rows.
    quarantine
        Key columns, ``broken_rules`` (list of text) and ``row`` (JSON) of the bad rows.
    null_scores
        Number of good rows without a valid score.
    broken
        Number of rows that broke each rule.
    nulls, newest
        Inputs of the table rules, over all rows: nulls per column, day of the newest row.
    good, counted
        The good rows, and the score columns that are profiled
        (`assay.model.prediction.profiled_scores` and `assay.model.prediction.class_probabilities`).
    reference
        States which columns are profiled, and on which grids.
    """

    columns: Columns
    bad: Bools
    predictions: pa.Table
    quarantine: pa.Table
    null_scores: int
    broken: Mapping[str, int]
    nulls: Mapping[str, int]
    newest: date | None
    good: Columns
    counted: prediction.ProfiledScores
    reference: Reference

    @property
    def rows(self) -> int:
        return self.columns.rows

    def count(self, counter: ProfileCounter) -> None:
        """Add the good rows to a counter, which may hold other batches already."""
        counter.add(self.reference.measured(self.good), self.counted)

    @cached_property
    def profile(self) -> Profile:
        """Counts of the good rows alone: features, scores, and scores in slices."""
        counter = new_counter(self.reference)
        self.count(counter)
        return counter.profile()


def new_counter(reference: Reference) -> ProfileCounter:
    """An empty counter for scored rows, on the reference's grids."""
    losses = [name for name in prediction.LOSSES if name in reference.beside]
    return ProfileCounter(reference.counted, (*reference.scores, *losses), reference.slices)


def score_frame(bundle: Bundle, frame: pd.DataFrame) -> Floats:
    """The score of each row of ``frame``; shapes as `assay.columns.features.Scorer` states.

    Raises
    ------
    ScoresInvalid
        The model gave a row an invalid score.
    """
    scores = bundle.scorer.scores(FrameFeatures(frame))
    odd = prediction.invalid_scores(bundle.manifest.task, scores)
    if odd.any():
        raise ScoresInvalid(
            f"the model gave {int(odd.sum())} of {len(odd)} rows no score",
            where=f"bundle {bundle.digest[:19]}",
            expected="finite numbers"
            if bundle.manifest.task == "regression"
            else "probabilities from 0 to 1",
            found=str(scores[odd][0]),
        )
    return scores


def score_batch(
    bundle: Bundle,
    contract: Contract,
    batch: pa.RecordBatch | pa.Table,
    *,
    text: pa.RecordBatch | None = None,
    unread: Unread = ALL_READ,
) -> ScoredBatch:
    """Check, score and count one batch.

    Parameters
    ----------
    contract
        The contract at scoring time: ``Contract.without_label()``.
    batch
        At least the contract's columns.
    text
        The rows as the text that ``batch`` was parsed from, so that quarantine shows what arrived.
    unread
        Rules that rows broke while they were read: for each rule a mask of shape (rows,).
    """
    columns = Columns(contract, batch)
    check = _with(unread, check_rows(contract, columns))
    good = columns.filter(~check.bad)
    scores, null_scores = _scores(bundle, good)
    manifest = bundle.manifest
    predicted = prediction.prediction_columns(
        manifest.task, manifest.classes, manifest.threshold, scores
    )
    predictions = good.select(contract.keys)
    for name, values in predicted.items():
        predictions = predictions.append_column(name, values)
    return ScoredBatch(
        columns=columns,
        bad=check.bad,
        predictions=predictions,
        quarantine=quarantine_rows(contract, columns, check, text),
        null_scores=null_scores,
        broken={rule: int(np.count_nonzero(mask)) for rule, mask in check.broken.items()},
        nulls=null_counts(contract, columns),
        newest=newest_day(contract, columns),
        good=good,
        counted={
            **prediction.profiled_scores(manifest.task, manifest.classes, scores),
            **prediction.class_probabilities(manifest.task, manifest.classes, scores),
            **_losses(bundle, good, scores),
        },
        reference=bundle.reference,
    )


def _losses(bundle: Bundle, features: Columns, scores: Floats) -> dict[str, Floats]:
    """Expected errors of rows that have a score, NaN for the others."""
    counted = [name for name in bundle.losses if name in bundle.reference.beside]
    losses = {
        name: np.maximum(_around_failing_rows(bundle.losses[name], features), 0.0)
        for name in counted
    }
    for values in losses.values():
        values[np.isnan(scores)] = np.nan
    return losses


def _scores(bundle: Bundle, features: Columns) -> tuple[Floats, int]:
    """Scores, NaN where the model gave no valid one, and the number of those rows."""
    classes = len(bundle.manifest.classes) if bundle.manifest.task == "multiclass" else 0
    scores = _around_failing_rows(bundle.scorer, features, classes)
    odd = prediction.invalid_scores(bundle.manifest.task, scores)
    missing = int(np.count_nonzero(odd))
    if missing:
        scores = scores.copy()
        scores[odd] = np.nan
    return scores, missing


def _around_failing_rows(scorer: Scorer, features: Columns, classes: int = 0) -> Floats:
    """Scores, NaN for the rows that the model raises an error for, as a compiled model gives them.

    Parameters
    ----------
    classes
        The number of scores of a row; 0 if scores are of shape (rows,).

    Raises
    ------
    ScoresInvalid
        There are very many such rows.
    """
    try:
        return scorer.scores(features)
    except ScoresInvalid as error:
        text = error.found

    def call(start: int, stop: int) -> Floats:
        return scorer.scores(features.take(np.arange(start, stop)))

    rows = features.rows
    result = np.full((rows, classes) if classes else rows, np.nan)
    scored = 0
    try:
        for start, stop, scores in call_around_failing_rows(call, rows, MOST_TRIES):
            result[start:stop] = scores
            scored += stop - start
    except TooManyFailed:
        raise ScoresInvalid(
            "the model raised an error for very many rows",
            where=FILE,
            expected="errors for few rows: they get no score",
            found=text,
            fix="Give the columns limits in the contract, which refuses such rows by name. Or is "
            "it not the model that was trained?",
        ) from None
    _log.warning(
        "the model raised an error for %s of %s, which get no score: %s",
        counted(rows - scored, "row"),
        f"{rows:,}",
        text,
    )
    return result


def _with(unread: Unread, check: RowCheck) -> RowCheck:
    broken = {name: mask for name, mask in unread.items() if mask.any()}
    if not broken:
        return check
    # An unreadable row is quarantined only for that: checks of its other cells are unreliable.
    unreadable = np.logical_or.reduce(list(broken.values()))
    for name, mask in check.broken.items():
        rest = mask & ~unreadable
        if rest.any():
            broken[name] = rest
    return RowCheck(bad=check.bad | unreadable, broken=broken)
