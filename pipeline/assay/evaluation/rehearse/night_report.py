"""What the report says of a night, from its counts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from assay.columns.distance import js_distance
from assay.evaluation.rehearse.champion import NightModel
from assay.evaluation.rehearse.night_counts import ModelCounts, NightCounts, PairCounts
from assay.model import prediction
from assay.project.params import Params, UniqueKey
from assay.project.tasks import Task
from assay.reports.last_nights import ListedNight
from assay.reports.rehearsed_nights import ModelNight, NightChange, RehearsedNight, SliceFlips
from assay.score import publication_checks
from assay.store import RecentRuns

SIGNIFICANT = 12
"""Significant digits of a mean or distance; the last ones depend on the order of adding up."""


def describe_night(
    params: Params,
    listed: ListedNight,
    counts: NightCounts,
    challenger: NightModel,
    champion: NightModel | None,
    why: str | None,
) -> RehearsedNight:
    """The night that was scored.

    Parameters
    ----------
    why
        Why the champion was not asked; None if it was, or if there is none.
    """
    failure = counts.failure if why is None else why
    beside = champion if failure is None else None
    return RehearsedNight(
        day=listed.day,
        fingerprint=listed.fingerprint,
        rows=counts.challenger.tally.rows,
        challenger=_model(params, listed.day, counts.challenger, challenger),
        champion=None if beside is None else _model(params, listed.day, counts.champion, beside),
        champion_why=failure,
        change=None if beside is None else _change(challenger.bundle.manifest.task, counts.pair),
    )


def _model(params: Params, day: str, counts: ModelCounts, model: NightModel) -> ModelNight:
    tally = counts.tally
    score = prediction.score_column(model.bundle.manifest.task)
    column = None if tally.profile is None else tally.profile[score]
    known = 0 if column is None else column.rows - column.nulls
    return ModelNight(
        scored=counts.scored,
        quarantined=counts.quarantined,
        refused_by=_most_first(tally.broken),
        null_scores=tally.null_scores,
        mean=_short(column.total / known) if column is not None and known else None,
        held=_held(params, day, counts, model),
        seconds=round(counts.seconds, 6),
    )


def _held(params: Params, day: str, counts: ModelCounts, model: NightModel) -> tuple[str, ...]:
    """Why the night would be held back, judged alone: no earlier night is compared with."""
    facts = publication_checks.collect_facts(
        counts.tally, counts.quarantined, model.bundle, params, None
    )
    rules = tuple(rule for rule in model.rules.night if not isinstance(rule, UniqueKey))
    return publication_checks.hold_reasons(
        facts, rules, params.quarantine, params.publish, RecentRuns(), date.fromisoformat(day)
    )


def _change(task: Task, pair: PairCounts) -> NightChange:
    rows, classes = pair.rows, task != "regression"
    cells = sorted({*pair.challenger_cells, *pair.champion_cells})
    distance = js_distance(
        [pair.champion_cells.get(cell, 0) for cell in cells],
        [pair.challenger_cells.get(cell, 0) for cell in cells],
    )
    return NightChange(
        newly_quarantined=pair.newly_quarantined,
        newly_refused_by=_most_first(pair.newly_refused_by),
        newly_null=pair.newly_null,
        rows=rows,
        flipped=pair.flipped if classes else None,
        challenger_mean=_short(pair.challenger_sum / rows) if rows else None,
        champion_mean=_short(pair.champion_sum / rows) if rows else None,
        distance=_short(float(distance)) if rows else None,
        absolute_change=_short(pair.absolute_change / rows) if rows and not classes else None,
        slices=_slices(pair) if classes else (),
    )


def _slices(pair: PairCounts) -> tuple[SliceFlips, ...]:
    """By field, the slice with the most flips first; the values that are not listed come last."""
    found = [
        SliceFlips(field=field, value=value, rows=rows, flipped=pair.slice_flipped.get(key, 0))
        for key, rows in pair.slice_rows.items()
        for field, value in (key,)
    ]
    found.sort(key=lambda one: (one.field, one.value is None, -one.flipped, one.value or ""))
    return tuple(found)


def _most_first(rows: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(rows.items(), key=lambda item: (-item[1], item[0])))


def _short(value: float) -> float:
    return float(f"{value:.{SIGNIFICANT}g}")
