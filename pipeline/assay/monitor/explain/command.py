"""``assay night explain``: why a night's scores and decisions differ from an earlier night's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from assay.columns import moved_scores
from assay.columns.features import Floats, FrameFeatures
from assay.columns.profile import ColumnProfile
from assay.columns.summary_statistics import student_t_quantile
from assay.errors import NothingScored, PublishConflict, SchemaMismatch, SourceError, UsageError
from assay.metrics import slices
from assay.metrics.estimate import round_value
from assay.model.prediction import PREDICTION, PROBABILITY, score_column
from assay.monitor.explain import decomposition
from assay.monitor.nights.sample import published_sample
from assay.project.params import Params
from assay.registry.pin import load_run_bundle
from assay.score.operations.export import nothing_published
from assay.store import open_store

if TYPE_CHECKING:
    import pandas as pd

    from assay.model.bundle import Bundle
    from assay.model.manifest import Manifest
    from assay.store import Run, Store


SAME = 1e-6
"""Largest relative difference at which a recomputed score counts as the published one."""


@dataclass(frozen=True)
class ExplainedSide:
    """One of the two nights.

    Attributes
    ----------
    published
        Mean outcomes of all published rows, shape (outcomes,).
    rows
        The sampled rows, with features and slice fields.
    changed
        How many sampled rows no longer get their published score and were left out.
    """

    record: Run
    loaded: Bundle
    published: Floats
    rows: pd.DataFrame
    changed: int


@dataclass(frozen=True)
class ExplainedChange:
    """The change of each outcome between two nights, as parts that add up to it.

    Attributes
    ----------
    usual
        What changes of the mean score are ordinary; None if the nights before are too few, or of
        another version.
    reasons
        Of each feature the mean absolute contribution before and after, the largest change first;
        empty if a night's profile does not tell, or another version scored it.
    """

    before: ExplainedSide
    after: ExplainedSide
    names: tuple[str, ...]
    parts: decomposition.Decomposition
    usual: UsualChange | None
    reasons: Mapping[str, tuple[float, float]]

    @property
    def unseen(self) -> Floats:
        """The change in the published rows that the sampled rows do not show."""
        change = self.after.published - self.before.published
        return np.asarray(change - (self.parts.after - self.parts.before), dtype=np.float64)

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "night": _night(self.after),
            "against": _night(self.before),
            "usual": None if self.usual is None else asdict(self.usual),
            "outcomes": {
                name: {
                    "before": round_value(float(self.before.published[at])),
                    "after": round_value(float(self.after.published[at])),
                    "model": round_value(float(self.parts.model[at])),
                    "mix": round_value(float(self.parts.mix[at])),
                    "columns": {
                        title: round_value(float(part[at]))
                        for title, part in self.parts.columns.items()
                    },
                    "unseen": round_value(float(self.unseen[at])),
                }
                for at, name in enumerate(self.names)
            },
            "reasons": {
                name: {"before": round_value(one), "after": round_value(other)}
                for name, (one, other) in self.reasons.items()
            },
            "slices": [
                {
                    "slice": one.title,
                    "before": round_value(one.before),
                    "after": round_value(one.after),
                    "mix": round_value(float(one.mix[0])),
                }
                for one in self.parts.slices[:5]
            ],
        }


def _night(night: ExplainedSide) -> dict[str, Any]:
    return {
        "partition": night.record.partition,
        "run_id": night.record.run_id,
        "version": night.record.version,
        "rows": night.record.rows_scored,
        "looked_at": len(night.rows),
        "left_out": night.changed,
    }


def run(root: Path, params: Params, partition: str, against: str | None = None) -> ExplainedChange:
    """Split the change of scores between two nights: model, mix of rows, and each column.

    Parameters
    ----------
    partition
        The night to be explained.
    against
        The night to compare with; the published one before it if None.

    Raises
    ------
    UsageError
        Both nights are the same.
    NothingScored
        One of the nights is not published, has no score, or has no published night before it.
    PublishConflict
        Another run published one of the nights meanwhile.
    SourceError, SchemaMismatch
        The input of a night is gone, or is no longer what was scored.
    """
    store = open_store(root, params)
    earlier = against or _before(store, partition)
    if earlier == partition:
        raise UsageError("a night cannot be compared with itself", where=f"--against {earlier}")
    records = [_record(store, night) for night in (earlier, partition)]
    bundles = [load_run_bundle(root, params, record) for record in records]
    manifests = [each.manifest for each in bundles]
    names = outcome_names(manifests)
    features = tuple(dict.fromkeys([*manifests[0].features, *manifests[1].features]))
    fields = manifests[1].slices
    before, after = (
        _look(
            root, params, store, record, loaded, names, tuple(dict.fromkeys((*features, *fields)))
        )
        for record, loaded in zip(records, bundles, strict=True)
    )
    distinct = bundles if bundles[0].digest != bundles[1].digest else bundles[:1]
    free = [name for name in features if name not in fields]
    parts = decomposition.decompose(
        before.rows,
        after.rows,
        (_slices(before.rows, fields), _slices(after.rows, fields)),
        [_answer(each, names) for each in distinct],
        decomposition.groups_of(before.rows, after.rows, free, bundles[1].reference.grid),
        params.seed,
    )
    usual, reasons = _usual(store, params, before, after), _reasons(store, before, after)
    return ExplainedChange(before, after, names, parts, usual, reasons)


def _reasons(
    store: Store, before: ExplainedSide, after: ExplainedSide
) -> Mapping[str, tuple[float, float]]:
    """What moved the scores of both nights, in the units of one model's raw output."""
    if before.record.bundle != after.record.bundle:
        return {}
    first, second = (
        moved_scores.means_of(store.profile(each.record.run_id, each.record.partition))
        for each in (before, after)
    )
    both = {name: (first[name], second[name]) for name in first if name in second}
    return dict(sorted(both.items(), key=lambda each: -abs(each[1][1] - each[1][0])))


def _usual(
    store: Store, params: Params, before: ExplainedSide, after: ExplainedSide
) -> UsualChange | None:
    first, second = sorted((before.record, after.record), key=lambda record: record.partition)
    if first.version != second.version:
        return None
    limits = params.publish.model_copy(update={"recent_nights": NIGHTS})
    score = score_column(after.loaded.manifest.task)
    recent = store.recent_runs(second.partition, second.version, limits, score)
    if first.partition not in recent.nights:
        return None
    apart = recent.nights.index(first.partition) + 1
    return usual_change(recent.scores[::-1], apart, params.evaluate.confidence)


def _before(store: Store, partition: str) -> str:
    earlier = [night for night in store.partitions() if night < partition]
    if not earlier:
        raise NothingScored(
            "no night before it is published",
            where=partition,
            fix="Say which night to compare with: --against DAY",
        )
    return earlier[-1]


def _record(store: Store, partition: str) -> Run:
    record = store.published_run(partition)
    if record is None:
        raise nothing_published(store, partition)
    return record


def _look(
    root: Path,
    params: Params,
    store: Store,
    record: Run,
    loaded: Bundle,
    names: Sequence[str],
    columns: tuple[str, ...],
) -> ExplainedSide:
    """The mean outcomes of all published rows, and the features of a sample."""
    task, score = loaded.manifest.task, score_column(loaded.manifest.task)
    total, known = np.zeros(len(names)), 0
    wanted = dict.fromkeys([PREDICTION, score, "model_version"])
    for batch in store.prediction_batches(record.partition, list(wanted)):
        if set(batch.column("model_version").unique().to_pylist()) - {record.version}:
            raise PublishConflict(
                "another run published the night in the meantime", where=record.partition
            )
        outcomes = published_outcomes(batch, task, names)
        scored = outcomes[np.isfinite(outcomes).all(axis=1)]
        total += scored.sum(axis=0)
        known += len(scored)
    if not known:
        raise NothingScored("no row of this night has a score", where=record.partition)
    manifest = replace(loaded.manifest, features=columns)
    rows, why_none = published_sample(root, params, store, record, manifest, [score])
    rows = rows[rows[score].notna()]
    rows, changed = _as_published(rows, why_none, record, loaded, columns)
    return ExplainedSide(record, loaded, total / known, rows, changed)


def _as_published(
    rows: pd.DataFrame, why_none: str, record: Run, loaded: Bundle, columns: tuple[str, ...]
) -> tuple[pd.DataFrame, int]:
    """The rows that still get their published score, and how many do not.

    The input may have been rewritten since.
    """
    where = f"night {record.partition}"
    if not len(rows):
        raise SourceError(
            f"there are no rows to look at: {why_none}",
            where=where,
            fix="Files and Delta tables can be read again while they are kept.",
        )
    lacking = [name for name in columns if name not in rows]
    if lacking:
        raise SchemaMismatch([f"{where}: the input lacks {name}" for name in lacking])
    score = score_column(loaded.manifest.task)
    again = _answer(loaded, outcome_names([loaded.manifest]))(rows)[:, 0]
    published = rows[score].to_numpy(dtype=np.float64)
    same = np.abs(again - published) <= SAME * np.maximum(1.0, np.abs(published))
    if not same.any():
        raise SourceError(
            "its input is no longer what was scored: no row gets the score it was published with",
            where=where,
            fix="Restore the input, or score the night again.",
        )
    return rows[same].reset_index(drop=True), int((~same).sum())


def _answer(loaded: Bundle, names: Sequence[str]) -> decomposition.OutcomesOf:
    def answer(rows: pd.DataFrame) -> Floats:
        try:
            return outcomes_of(loaded, rows, names)
        except (TypeError, ValueError) as error:
            raise SchemaMismatch([f"the rows cannot be scored again ({error})"]) from None

    return answer


def _slices(rows: pd.DataFrame, fields: Sequence[str]) -> decomposition.Slices:
    titles = np.full(len(rows), "", dtype=object)
    for field in fields:
        joined = np.where(titles == "", "", slices.AND)
        titles = titles + joined + f"{field}=" + slices.slice_names(rows[field])
    return titles


def outcome_names(manifests: Sequence[Manifest]) -> tuple[str, ...]:
    """The names of the outcomes; for several classes, those of any version."""
    task = manifests[0].task
    if task == "regression":
        return ("mean prediction",)
    if task == "binary":
        return ("mean probability", "share of yes")
    classes = sorted({name for each in manifests for name in each.classes})
    return ("mean probability of the answer", *(f"share of {name}" for name in classes))


def outcomes_of(loaded: Bundle, frame: pd.DataFrame, wanted: Sequence[str]) -> Floats:
    """The outcomes of rows scored now by a version, shape (rows, outcomes)."""
    manifest = loaded.manifest
    scores = loaded.scorer.scores(FrameFeatures(frame))
    if manifest.task == "regression":
        return scores[:, None]
    if manifest.task == "binary":
        return np.column_stack([scores, scores >= manifest.threshold]).astype(np.float64)
    answer = np.array(manifest.classes, dtype=object)[np.argmax(scores, axis=1)]
    decided = [answer == name.removeprefix("share of ") for name in wanted[1:]]
    return np.column_stack([scores.max(axis=1), *decided]).astype(np.float64)


def published_outcomes(batch: pa.RecordBatch, task: str, wanted: Sequence[str]) -> Floats:
    """The outcomes of published rows, NaN where a row has no score."""
    decided = batch.column(PREDICTION).to_numpy(zero_copy_only=False)
    if task == "regression":
        return np.asarray(decided, dtype=np.float64)[:, None]
    score = batch.column(PROBABILITY).to_numpy(zero_copy_only=False).astype(np.float64)
    if task == "binary":
        outcomes = [np.where(np.isnan(score), np.nan, decided == True)]  # noqa: E712
    else:
        outcomes = [
            np.where(np.isnan(score), np.nan, decided == name.removeprefix("share of "))
            for name in wanted[1:]
        ]
    return np.column_stack([score, *outcomes]).astype(np.float64)


NIGHTS = 28
"""The most nights before that are looked at."""
LEAST = 5
"""Fewer changes show too little of how much nights differ."""


@dataclass(frozen=True)
class UsualChange:
    """The interval of changes of the mean score, and how many changes it is from."""

    low: float
    high: float
    changes: int
    confidence: float

    def holds(self, change: float) -> bool:
        return self.low <= change <= self.high


def usual_change(
    scores: Sequence[ColumnProfile], apart: int, confidence: float
) -> UsualChange | None:
    """The interval that the change between two nights so far apart lies in; None if they are few.

    Student's t around no change: a night is one unit, however many rows it has.

    Parameters
    ----------
    scores
        Of the published nights before, in their order.
    apart
        How many nights the two are apart, at least 1.
    """
    known = [each for each in scores if each.rows > each.nulls]
    means = [each.total / (each.rows - each.nulls) for each in known]
    changes = [after - before for before, after in zip(means, means[apart:], strict=False)]
    if len(changes) < LEAST:
        return None
    spread = math.sqrt(math.fsum(each * each for each in changes) / len(changes))
    reach = spread * student_t_quantile((1 - confidence) / 2, len(changes))
    return UsualChange(-reach, reach, len(changes), confidence)
