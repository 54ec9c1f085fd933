"""The stage ``compare``: compare bundle and champion on the holdout, and write a page of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from assay.columns.distance import js_distance
from assay.columns.features import Floats
from assay.columns.grid import ColumnGrid, NumberGrid
from assay.columns.score_grid import probability_grid
from assay.errors.base import describe_error
from assay.evaluation import compare_page
from assay.evaluation.champion import load_challenger, load_champion
from assay.evaluation.reasons import compare_reasons, explain_rows
from assay.metrics.evaluator import Bools, Ints
from assay.metrics.intervals.difference import Difference, alike, differences
from assay.metrics.intervals.estimates import estimate_share
from assay.metrics.intervals.own import NONE, OwnMeasures
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.own_metrics import load_own_metrics
from assay.metrics.sampling_units import SamplingUnits, units_of
from assay.metrics.slices import SliceRows, iter_slices
from assay.model import holdout, prediction
from assay.model.bundle import Bundle
from assay.model.manifest import Manifest
from assay.pages.templating import compose_page
from assay.project import digests, extras, layout
from assay.project.document import write_text
from assay.project.params import Evaluate, Params, Window
from assay.project.text import counted
from assay.reports.comparison import (
    Challenger,
    ComparedChampion,
    Comparison,
    SliceComparison,
    Stability,
    State,
)

if TYPE_CHECKING:
    import pandas as pd

OwnPair: TypeAlias = tuple[OwnMeasures, OwnMeasures]
"""The project's own metrics of the champion and of the challenger, on the same rows."""


def run(root: Path, params: Params) -> Comparison:
    """Compare the bundle under ``root`` with the champion on the holdout.

    Writes comparison.json and the page. If there is no usable champion, the comparison states the
    reason and has no numbers.
    """
    data = digests.data(root)
    settings = params.evaluate
    bundle = load_challenger(root, params)
    manifest, frame = bundle.manifest, holdout.read(root)
    after = holdout.score(bundle, frame)
    units = units_of(frame, settings.unit, params.ingest.partition_by)
    champion = load_champion(root, params, manifest)
    state: State = "compared" if champion.state == "loaded" else champion.state
    why = champion.why
    numbers: dict[str, Any] = {"differences": None, "slices": (), "stability": None}
    if champion.bundle is not None:
        state, before = _score(root, champion.bundle, frame)
        if isinstance(before, str):
            why = before
        else:
            why = holdout_overlap(champion.bundle.manifest, params.prepare.holdout)
            reasons = compare_reasons(
                explain_rows(champion.bundle, frame, before, params.seed),
                explain_rows(bundle, frame, after, params.seed),
                *(units, manifest.slices, settings),
            )
            units = units.followed(after.losses(), after.outputs())
            numbers = _measure(root, params, frame, before, after, units, manifest.slices)
            numbers["reasons"] = reasons
    report = Comparison(
        name=manifest.name,
        task=manifest.task,
        state=state,
        why=why,
        challenger=Challenger(candidate=manifest.candidate, bundle=bundle.digest),
        champion=None
        if state == "none"
        else ComparedChampion(version=champion.version, bundle=champion.digest),
        data=data,
        contract=digests.worktree_contract(root, params),
        rows=len(frame),
        unit=units.name,
        units=units.count,
        confidence=settings.confidence,
        own_metrics=settings.metrics,
        **numbers,
    )
    html = compose_page(compare_page.headline(report), compare_page.render(report))
    report.write(root)
    write_text(root / layout.COMPARISON_PAGE, html)
    return report


def _score(root: Path, champion: Bundle, frame: pd.DataFrame) -> tuple[State, LabelledScores | str]:
    """The champion's scores of the holdout, or the reason why there are none."""
    gone = missing_features(champion.manifest, frame)
    if gone:
        return "features_missing", gone
    try:
        return "compared", holdout.score(champion, frame)
    except Exception as error:  # runs the model's own code, which may raise anything
        extras.raise_if_missing(error)
        return "unreadable", f"it cannot score: {describe_error(error, root)}"


def _measure(
    root: Path,
    params: Params,
    frame: pd.DataFrame,
    before: LabelledScores,
    after: LabelledScores,
    units: SamplingUnits,
    slices: Sequence[str],
) -> dict[str, Any]:
    """The numbers of the comparison, by its fields."""
    settings = params.evaluate
    asked = load_own_metrics(settings.metrics, root, [*frame.columns])
    own = (
        OwnMeasures.of(asked, frame, before, params.seed),
        OwnMeasures.of(asked, frame, after, params.seed),
    )
    whole = np.arange(len(frame))
    return {
        "differences": compare_rows(before, after, whole, units, settings.confidence, own),
        "slices": compare_slices(frame, before, after, units, slices, settings, own),
        "stability": stability(before, after, units, settings.confidence),
    }


def holdout_overlap(champion: Manifest, window: Window) -> str | None:
    """Why the champion's metrics are too good, or None.

    They are if it was trained on days of this holdout.
    """
    first, _, last = champion.window.partition(" to ")
    if date.fromisoformat(first) > window.end or date.fromisoformat(last) < window.start:
        return None
    return (
        f"the champion was trained on {champion.window}, which is in part the holdout of "
        f"{window}: it has seen answers there, and looks better than it is"
    )


def missing_features(champion: Manifest, frame: pd.DataFrame) -> str | None:
    """The champion's features that the holdout lacks or has with another type; None if none."""
    import pandas as pd

    absent = [name for name in champion.features if name not in frame.columns]
    if absent:
        return f"the holdout has no {', '.join(absent)}"
    odd = []
    for kind, names in (("numbers", champion.numeric), ("text", champion.categorical)):
        for name in names:
            # Booleans with nulls have the dtype object too, so check the values, not the dtype.
            inferred = pd.api.types.infer_dtype(frame[name], skipna=True)
            if (inferred in ("string", "categorical")) is not (kind == "text") and (
                inferred != "empty"
            ):
                odd.append(f"{name} is {inferred} in the holdout, where the champion reads {kind}")
    return "; ".join(odd) or None


def compare_slices(
    frame: pd.DataFrame,
    champion: LabelledScores,
    challenger: LabelledScores,
    units: SamplingUnits,
    fields: Sequence[str],
    settings: Evaluate,
    own: OwnPair = (NONE, NONE),
) -> tuple[SliceComparison, ...]:
    """The differences of all metrics on each slice, and on the configured pairs of fields.

    A slice with too few rows is listed with the reason, so that rules about it can see it.

    Parameters
    ----------
    own
        The project's own metrics of champion and challenger.
    """
    parts = iter_slices(frame, fields, settings.pairs)
    return tuple(_one(part, champion, challenger, units, settings, own) for part in parts)


def compare_rows(
    champion: LabelledScores,
    challenger: LabelledScores,
    rows: Ints,
    units: SamplingUnits,
    confidence: float,
    own: OwnPair = (NONE, NONE),
) -> dict[str, Difference]:
    """The differences of all metrics, the project's own among them, on a selection of the rows."""
    before, after = champion.take(rows), challenger.take(rows)
    old, new = own
    return {
        **differences(before, after, units=units, confidence=confidence),
        **new.differences(old, rows, units, confidence, alike=alike(before, after)),
    }


def _one(
    part: SliceRows,
    champion: LabelledScores,
    challenger: LabelledScores,
    units: SamplingUnits,
    settings: Evaluate,
    own: OwnPair,
) -> SliceComparison:
    rows, of_part = len(part.rows), units.take(part.rows)
    if rows < settings.min_slice_rows:
        why = f"{counted(rows, 'row')}, fewer than {settings.min_slice_rows}"
        return SliceComparison(
            field=part.field,
            value=part.value,
            rows=rows,
            units=of_part.count,
            differences=None,
            why=why,
        )
    compared = compare_rows(champion, challenger, part.rows, of_part, settings.confidence, own)
    return SliceComparison(
        field=part.field, value=part.value, rows=rows, units=of_part.count, differences=compared
    )


def stability(
    champion: LabelledScores, challenger: LabelledScores, units: SamplingUnits, confidence: float
) -> Stability:
    """How far one model's predictions are from the other's on the same rows.

    For several classes, the distance is that of the class whose probabilities moved most.
    """
    before, after = _columns(champion), _columns(challenger)
    moved = [
        float(js_distance(_counts(old, grid), _counts(new, grid)))
        for old, new, grid in zip(before, after, _grids(champion, challenger), strict=True)
    ]
    other = _flipped(champion, challenger)
    if other is None:
        return Stability(distance=max(moved), flipped=None, rows=None)
    flipped = estimate_share(other, units, confidence)
    return Stability(distance=max(moved), flipped=flipped, rows=int(np.count_nonzero(other)))


def _columns(scored: LabelledScores) -> list[Floats]:
    return list(scored.scores.T) if scored.task == "multiclass" else [scored.scores]


def _grids(champion: LabelledScores, challenger: LabelledScores) -> list[ColumnGrid]:
    """A histogram grid with cells of equal frequency for each score column."""
    if champion.task == "regression":
        drawn = prediction.score_grids("regression", (), champion.scores)
        return [drawn[prediction.score_column("regression")]]
    both = zip(_columns(champion), _columns(challenger), strict=True)
    return [probability_grid(np.concatenate(scores)) for scores in both]


def _counts(scores: Floats, grid: ColumnGrid) -> Ints:
    assert isinstance(grid, NumberGrid)
    cells = np.searchsorted(np.asarray(grid.edges), scores, side="right")
    return np.bincount(cells, minlength=grid.cells).astype(np.intp)


def _flipped(champion: LabelledScores, challenger: LabelledScores) -> Bools | None:
    """Mask of the rows with another predicted class; None for a regression."""
    if champion.task == "regression":
        return None
    if champion.task == "binary":
        return np.asarray(
            (champion.scores >= champion.threshold) != (challenger.scores >= challenger.threshold)
        )
    return np.asarray(champion.scores.argmax(axis=1) != challenger.scores.argmax(axis=1))
