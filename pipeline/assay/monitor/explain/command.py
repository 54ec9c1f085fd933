"""``assay explain-night``: why a night's scores and decisions differ from an earlier night's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.columns.features import Floats
from assay.errors import NothingScored, PublishConflict, SchemaMismatch, SourceError, UsageError
from assay.metrics import slices
from assay.metrics.estimate import round_value
from assay.model.prediction import PREDICTION, PROBABILITY, score_column
from assay.monitor.explain import decomposition, outcomes
from assay.monitor.explain.usual import NIGHTS, UsualChange, usual_change
from assay.monitor.nights.sample import night_sample
from assay.project.params import Params
from assay.registry.pin import load_run_bundle
from assay.store import open_store

if TYPE_CHECKING:
    import pandas as pd

    from assay.model.bundle import Bundle
    from assay.store import Run, Store

SAME = 1e-6
"""Largest relative difference at which a recomputed score counts as the published one."""


@dataclass(frozen=True)
class ExplainedNight:
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
    """

    before: ExplainedNight
    after: ExplainedNight
    names: tuple[str, ...]
    parts: decomposition.Decomposition
    usual: UsualChange | None

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


def _night(night: ExplainedNight) -> dict[str, Any]:
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
    names = outcomes.names(manifests)
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
    return ExplainedChange(before, after, names, parts, _usual(store, params, before, after))


def _usual(
    store: Store, params: Params, before: ExplainedNight, after: ExplainedNight
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
        raise NothingScored(
            "no run has published this night",
            where=partition,
            fix=f"Score it: assay score --date {partition}",
        )
    return record


def _look(
    root: Path,
    params: Params,
    store: Store,
    record: Run,
    loaded: Bundle,
    names: Sequence[str],
    columns: tuple[str, ...],
) -> ExplainedNight:
    """The mean outcomes of all published rows, and the features of a sample."""
    task, keys = loaded.manifest.task, loaded.manifest.keys
    said = [PREDICTION] if task == "regression" else [PREDICTION, PROBABILITY]
    total, known, drawn, seen = np.zeros(len(names)), 0, [], 0
    chosen = _chosen(record.rows_scored or 0, params)
    wanted = [*dict.fromkeys([*keys, *said]), "model_version"]
    for batch in store.prediction_batches(record.partition, wanted):
        if set(batch.column("model_version").unique().to_pylist()) - {record.version}:
            raise PublishConflict(
                "another run published the night in the meantime", where=record.partition
            )
        found = outcomes.of_published(batch, task, names)
        scored = np.isfinite(found).all(axis=1)
        total += found[scored].sum(axis=0)
        known += int(scored.sum())
        places = chosen[(chosen >= seen) & (chosen < seen + batch.num_rows)] - seen
        places = places[np.isin(places, np.flatnonzero(scored))]
        drawn.append(pa.Table.from_batches([batch]).take(pa.array(places)))
        seen += batch.num_rows
    if not known:
        raise NothingScored("no row of this night has a score", where=record.partition)
    rows, why_none = night_sample(
        root,
        params,
        record.partition,
        replace(loaded.manifest, features=columns),
        pa.concat_tables(drawn),
        [score_column(task)],
    )
    rows, changed = _as_published(rows, why_none, record, loaded, columns)
    return ExplainedNight(record, loaded, total / known, rows, changed)


def _chosen(rows: int, params: Params) -> NDArray[np.int64]:
    """Positions of the sampled rows: all rows, or as many as a sample may have."""
    limit = params.monitor.sample_rows
    if rows <= limit:
        return np.arange(rows, dtype=np.int64)
    random = np.random.default_rng(params.seed)
    chosen = random.choice(rows, limit, replace=False, shuffle=False)
    return np.sort(chosen).astype(np.int64)


def _as_published(
    rows: pd.DataFrame, why_none: str, record: Run, loaded: Bundle, columns: tuple[str, ...]
) -> tuple[pd.DataFrame, int]:
    """The rows that still get their published score, and how many do not.

    The input may differ from what was scored: it may have been rewritten, and replayed rows were
    repaired.
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
    again = _answer(loaded, outcomes.names([loaded.manifest]))(rows)[:, 0]
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
            return outcomes.of_rows(loaded, rows, names)
        except (TypeError, ValueError) as error:
            raise SchemaMismatch([f"the rows cannot be scored again ({error})"]) from None

    return answer


def _slices(rows: pd.DataFrame, fields: Sequence[str]) -> decomposition.Slices:
    titles = np.full(len(rows), "", dtype=object)
    for field in fields:
        joined = np.where(titles == "", "", slices.AND)
        titles = titles + joined + f"{field}=" + slices.slice_names(rows[field])
    return titles
