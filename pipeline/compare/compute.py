"""From both models' scores of the same rows to a comparison; no file is read or written here."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pipeline import outcome
from pipeline.compare.results import SliceComparison, Stability
from pipeline.distance import js_distance
from pipeline.features import Floats
from pipeline.metrics.scored import Scored
from pipeline.metrics.table import Bools, Ints
from pipeline.paired.difference import Difference, differences
from pipeline.params import Evaluate
from pipeline.profile import ColumnGrid, NumberGrid
from pipeline.score_grid import probability_grid
from pipeline.slices import Part, parts

if TYPE_CHECKING:
    import pandas as pd


def overall(
    champion: Scored, challenger: Scored, settings: Evaluate, seed: int
) -> dict[str, Difference]:
    """Every metric's difference over all rows."""
    return differences(
        champion,
        challenger,
        replicates=settings.replicates,
        confidence=settings.confidence,
        seed=seed,
    )


def by_slice(
    frame: pd.DataFrame,
    champion: Scored,
    challenger: Scored,
    fields: Sequence[str],
    settings: Evaluate,
    seed: int,
) -> tuple[SliceComparison, ...]:
    """The same in each value of each field, and in the pairs that ``settings`` asks for.

    Nothing is left out: a slice with too few rows is listed with the reason, so that a rule
    about it fails instead of passing over it. Each slice has a random stream of its own, so
    adding a slice changes no other.

    Raises
    ------
    SchemaMismatch
        ``frame`` lacks fields.
    """
    found = parts(frame, fields, settings.pairs)
    return tuple(
        _one(part, champion.rows(part.rows), challenger.rows(part.rows), settings, seed)
        for part in found
    )


def _one(
    part: Part, champion: Scored, challenger: Scored, settings: Evaluate, seed: int
) -> SliceComparison:
    rows = len(part.rows)
    if rows < settings.min_slice_rows:
        why = f"{rows} rows, fewer than {settings.min_slice_rows}"
        return SliceComparison(part.field, part.value, rows, None, why)
    found = differences(
        champion,
        challenger,
        replicates=settings.replicates,
        confidence=settings.confidence,
        seed=[seed, _stream(part)],
    )
    return SliceComparison(part.field, part.value, rows, found)


def _stream(part: Part) -> int:
    name = f"{len(part.field)}:{part.field}={part.value}"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


def stability(champion: Scored, challenger: Scored) -> Stability:
    """How far the answers of one model are from the other's on the same rows.

    The distance of several classes is that of the class whose probabilities moved most.
    """
    before, after = _columns(champion), _columns(challenger)
    moved = [
        float(js_distance(_counts(old, grid), _counts(new, grid)))
        for old, new, grid in zip(before, after, _grids(champion, challenger), strict=True)
    ]
    other = _flipped(champion, challenger)
    if other is None:
        return Stability(max(moved), None, None)
    rows = int(np.count_nonzero(other))
    return Stability(max(moved), rows / len(other), rows)


def _columns(scored: Scored) -> list[Floats]:
    return list(scored.scores.T) if scored.task == "multiclass" else [scored.scores]


def _grids(champion: Scored, challenger: Scored) -> list[ColumnGrid]:
    """Cells of equal share of the scores, of each column of them."""
    if champion.task == "regression":
        drawn = outcome.grids("regression", (), champion.scores)
        return [drawn[outcome.score_name("regression")]]
    both = zip(_columns(champion), _columns(challenger), strict=True)
    return [probability_grid(np.concatenate(scores)) for scores in both]


def _counts(scores: Floats, grid: ColumnGrid) -> Ints:
    assert isinstance(grid, NumberGrid)
    cells = np.searchsorted(np.asarray(grid.edges), scores, side="right")
    return np.bincount(cells, minlength=grid.cells).astype(np.intp)


def _flipped(champion: Scored, challenger: Scored) -> Bools | None:
    """Which rows get another prediction; a regression predicts what it scores."""
    if champion.task == "regression":
        return None
    if champion.task == "binary":
        return np.asarray(
            (champion.scores >= champion.threshold) != (challenger.scores >= challenger.threshold)
        )
    return np.asarray(champion.scores.argmax(axis=1) != challenger.scores.argmax(axis=1))
