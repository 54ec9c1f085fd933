"""The reasons of scores over the holdout: which features moved them, and what a champion's did.

Shapley values are exact for each row (docs/reasons.md), so all that varies is which rows there
are: intervals are by unit, as those of metrics.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from assay.columns.features import Floats, FrameFeatures
from assay.errors import AssayError
from assay.evaluation.importance import draw_rows
from assay.metrics.evaluator import Ints
from assay.metrics.intervals.estimates import estimate_mean_size, estimate_share
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.sampling_units import SamplingUnits
from assay.metrics.slices import iter_slices
from assay.model.bundle import Bundle
from assay.model.reasons import compared_with, explainer_of, scale
from assay.project.params import Evaluate
from assay.reports.comparison import ChangedPart, ReasonChanges
from assay.reports.evaluation import ExplainedPart, Reasons

if TYPE_CHECKING:
    import pandas as pd

ROWS = 20_000
"""The most rows of the holdout that are explained."""
_AT_ONCE = 2_000
"""Of 50 classes and 100 features so many rows have contributions of 80 MB."""


@dataclass(frozen=True)
class ExplainedRows:
    """Rows of the holdout with their reasons.

    Attributes
    ----------
    rows
        Their numbers in the holdout, ascending ``(n,)``.
    values
        Contributions ``(n, features)`` to the output that decides about a row: with several
        classes, that of the class it is predicted to be of.
    scale, against
        What they are in, and what they compare a row with.
    """

    frame: pd.DataFrame
    rows: Ints
    features: tuple[str, ...]
    values: Floats
    scale: str
    against: str


def explain_rows(
    bundle: Bundle, frame: pd.DataFrame, scored: LabelledScores, seed: int
) -> ExplainedRows | str:
    """The reasons of at most `ROWS` rows, drawn with ``seed``; why there are none if not exact.

    Equal numbers of rows give the same draw, so that two models are explained on the same rows.
    """
    rows = draw_rows(len(frame), ROWS, seed)
    try:
        explainer = explainer_of(bundle)
    except AssayError as error:  # a champion that scores may lack what explains it
        return ": ".join(filter(None, (error.what, error.found)))
    parts = []
    for some in np.array_split(rows, max(1, len(rows) // _AT_ONCE)):
        contributions = explainer.contributions(FrameFeatures(frame.iloc[some]))
        outputs = scored.scores[some].argmax(axis=1) if len(contributions.base) > 1 else 0
        parts.append(contributions.values[np.arange(len(some)), outputs])
    terms = (scale(explainer, bundle), compared_with(bundle.manifest))
    values = np.concatenate(parts)
    return ExplainedRows(frame.iloc[rows], rows, explainer.features, values, *terms)


def measure_reasons(
    explained: ExplainedRows | str,
    units: SamplingUnits,
    slices: Sequence[str],
    settings: Evaluate,
) -> Reasons:
    """The mean absolute contribution of each feature, overall and on each slice.

    Parameters
    ----------
    units
        The unit of each row of the holdout.
    slices
        The fields to slice by.
    """
    if isinstance(explained, str):
        return Reasons(why=explained)
    sizes = np.abs(explained.values)
    by_slice = {}
    for title, rows, of in _parts(explained, units, slices, settings):
        each = {
            name: estimate_mean_size(sizes[rows, place], of, settings.confidence)
            for place, name in enumerate(explained.features)
        }
        ranked = sorted(each, key=lambda name: (-(each[name].value or 0.0), name))
        features = {name: replace(each[name], design_effect=None, worth=None) for name in ranked}
        by_slice[title] = ExplainedPart(rows=len(rows), units=of.count, features=features)
    terms = {"scale": explained.scale, "against": explained.against}
    return Reasons(**terms, whole=by_slice.pop(""), slices=by_slice)


def compare_reasons(
    before: ExplainedRows | str,
    after: ExplainedRows | str,
    units: SamplingUnits,
    slices: Sequence[str],
    settings: Evaluate,
) -> ReasonChanges:
    """How many rows have another strongest reason, and which features move scores more or less.

    Parameters
    ----------
    before, after
        The champion's and the challenger's reasons of the same rows.
    """
    for whose, explained in (("champion", before), ("challenger", after)):
        if isinstance(explained, str):
            return ReasonChanges(why=f"{whose}: {explained}")
    assert not isinstance(before, str) and not isinstance(after, str)
    if before.against != after.against:
        other_game = f"{before.against} for the champion, {after.against} for the challenger"
        return ReasonChanges(why=f"rows were compared with {other_game} (bundle.reasons)")
    other = _strongest(before) != _strongest(after)
    changed = {
        title: ChangedPart(
            rows=len(rows),
            units=of.count,
            changed=estimate_share(other[rows], of, settings.confidence),
        )
        for title, rows, of in _parts(after, units, slices, settings)
    }
    was, now = _shares(before), _shares(after)
    return ReasonChanges(
        whole=changed.pop(""),
        slices=changed,
        parts={name: (was.get(name, 0.0), now.get(name, 0.0)) for name in {**now, **was}},
    )


def _parts(
    explained: ExplainedRows, units: SamplingUnits, slices: Sequence[str], settings: Evaluate
) -> Iterator[tuple[str, Ints, SamplingUnits]]:
    """All rows under an empty title, then each slice: the places of its rows and their units.

    Slices with too few rows are left out.
    """
    units = units.take(explained.rows)
    yield "", np.arange(len(explained.rows)), units
    for part in iter_slices(explained.frame, slices, settings.pairs):
        if len(part.rows) >= settings.min_slice_rows:
            yield part.title, part.rows, units.take(part.rows)


def _strongest(explained: ExplainedRows) -> np.ndarray:
    """The name of each row's strongest feature ``(n,)``; empty if nothing moved its score."""
    sizes = np.abs(explained.values)
    names = np.array([*explained.features, ""], dtype=object)
    return np.asarray(names[np.where(sizes.any(axis=1), sizes.argmax(axis=1), -1)])


def _shares(explained: ExplainedRows) -> Mapping[str, float]:
    """Each feature's part of all absolute contributions."""
    sizes = np.abs(explained.values).mean(axis=0)
    shares = sizes / (float(sizes.sum()) or 1.0)
    return dict(zip(explained.features, shares.tolist(), strict=True))
