"""Macro metrics of several classes, expected from counts alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from assay.columns.features import FrameFeatures
from assay.columns.night_effects import NightEffects
from assay.columns.profile import merge_profiles
from assay.columns.profile_counter import compute_profile
from assay.metrics.labelled_scores import LabelledScores
from assay.model import prediction
from assay.performance.estimate import multiclass
from assay.performance.estimate.decisions import ScoreCells, cells_from_profile
from assay.performance.estimate.metric_estimate import missing_estimate
from assay.performance.estimate.multiclass import ClassCells

ALIKE = NightEffects(0.0, 0.0, 0.0, 0.0, 1000)
"""Nights that do not differ."""


CLASSES = ("a", "b", "c")
NAMES = tuple(multiclass.MACRO.values())


def drawn(seed: int, rows: int, classes: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.linspace(1.5, 0.6, classes), rows)


REFERENCE = drawn(0, 20_000)


def counted(scores: np.ndarray, parts: int = 1) -> list[ClassCells]:
    grids = prediction.class_grids("multiclass", CLASSES, REFERENCE)
    profiles = [
        compute_profile(
            FrameFeatures(pd.DataFrame(index=range(len(part)))),
            grids,
            prediction.class_probabilities("multiclass", CLASSES, part),
        )
        for part in np.array_split(scores, parts)
    ]
    whole = profiles[0]
    for more in profiles[1:]:
        whole = merge_profiles(whole, more)
    return [
        ClassCells(name, grids[every], whole[every], whole[said], ALIKE)
        for name, (every, said) in prediction.class_columns(CLASSES).items()
    ]


def realized(scores: np.ndarray, random: np.random.Generator) -> dict[str, float]:
    truth = (random.random((len(scores), 1)) > scores.cumsum(axis=1)).sum(axis=1)
    return LabelledScores("multiclass", truth, scores, CLASSES).values()


def test_what_is_expected_is_what_comes_out_and_intervals_hold() -> None:
    scores, random, trials = drawn(1, 1500), np.random.default_rng(2), 300
    found = multiclass.macro(counted(scores, 3), 0.95)
    assert tuple(found) == NAMES
    seen = [realized(scores, random) for _ in range(trials)]
    for name in NAMES:
        each = np.array([one[name] for one in seen])
        assert found[name].value == pytest.approx(each.mean(), abs=0.003), name
        inside = ((each >= found[name].low) & (each <= found[name].high)).mean()
        assert inside >= 0.93, name
        # The worst case is not much worse than the case.
        assert found[name].high - found[name].low < 2.2 * 2 * 1.96 * each.std(), name


def test_a_class_that_is_never_said_leaves_precision_unknown() -> None:
    scores = drawn(3, 2000)
    scores = scores / scores.sum(axis=1, keepdims=True) * [1, 1, 0.01]
    scores = scores / scores.sum(axis=1, keepdims=True)
    found = multiclass.macro(counted(scores), 0.95)
    assert found["macro_precision"].why == "it has no value of c"
    assert found["macro_recall"].low is None and "class c" in str(found["macro_recall"].why)


def test_no_rows_and_too_many_classes() -> None:
    found = multiclass.macro(counted(REFERENCE[:0]), 0.95)
    assert {one.why for one in found.values()} == {"it has no value of a, b, c"}
    many = tuple(f"k{place}" for place in range(prediction.MOST_CLASSES + 1))
    assert prediction.class_probabilities("multiclass", many, drawn(1, 10, len(many))) == {}
    assert prediction.class_grids("multiclass", many, drawn(1, 10, len(many))) == {}
    assert prediction.class_probabilities("binary", (), np.array([0.5])) == {}


def test_rows_without_scores_are_of_no_class() -> None:
    scores = np.vstack([REFERENCE[:50], np.full((2, 3), np.nan)])
    found = prediction.class_probabilities("multiclass", CLASSES, scores)
    for every, said in prediction.class_columns(CLASSES).values():
        assert np.isnan(found[every][-2:]).all() and np.isnan(found[said][-2:]).all()
    together = sum(
        np.count_nonzero(~np.isnan(found[said]))
        for _, said in prediction.class_columns(CLASSES).values()
    )
    assert together == 50


def errors(scores: np.ndarray, metric: str, place: int) -> tuple[float, float, float]:
    """A class's metric from every row, the error of its labels, and its slope by the log odds."""
    p, said = scores[:, place], scores.argmax(axis=1) == place
    true, positives, called = p[said].sum(), p.sum(), said.sum()
    value, label = {
        "macro_precision": (true / called, said / called),
        "macro_recall": (true / positives, (said - true / positives) / positives),
        "macro_f1": (
            2 * true / (called + positives),
            (2 * said - 2 * true / (called + positives)) / (called + positives),
        ),
    }[metric]
    spread = p * (1 - p)
    return float(value), float(label**2 @ spread) ** 0.5, float(label @ spread)


@pytest.mark.parametrize("metric", ["macro_precision", "macro_recall", "macro_f1"])
def test_errors_of_classes_add_up(metric: str) -> None:
    scores = drawn(4, 3000)
    each = np.array([errors(scores, metric, place) for place in range(3)])
    value, z = each[:, 0].mean(), 1.959964
    # Rows that are said to be of different classes are different rows.
    own = np.hypot.reduce(each[:, 1]) if metric == "macro_precision" else each[:, 1].sum()
    differ = replace(ALIKE, level=0.04)
    for effects, level in ((ALIKE, 0.0), (differ, 0.2)):
        nights = 1.96234 * level * np.abs(each[:, 2]).sum()
        reach = np.hypot(z * own, nights) / 3 / (value * (1 - value))
        given = [replace(one, effects=effects) for one in counted(scores)]
        found = multiclass.macro(given, 0.95)[metric]
        assert found.value == pytest.approx(value, abs=1e-4)
        for end, sign in ((found.low, -1), (found.high, 1)):
            odds = np.log(value / (1 - value)) + sign * reach
            assert end == pytest.approx(1 / (1 + np.exp(-odds)), rel=3e-3)
    unknown = [replace(one, effects=None if one.name == "b" else ALIKE) for one in given]
    assert "3 reference nights" in str(multiclass.macro(unknown, 0.95)[metric].why)


def test_ten_rows_of_a_class_and_ten_that_are_said_to_be_of_it_are_enough() -> None:
    for many, why in ((9, "9 rows predicted b, fewer than 10"), (10, None)):
        rows = [[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8]]
        found = multiclass.macro(counted(np.repeat(rows, [100, many, 100], 0)), 0.95)
        assert found["macro_f1"].why == why
    for sure, why in ((0.55, "8.8 rows of class c expected, fewer than 10"), (0.65, None)):
        rest = (1 - sure) / 2
        rows = [[0.6, 0.4, 0.0], [0.4, 0.6, 0.0], [rest, rest, sure]]
        found = multiclass.macro(counted(np.repeat(rows, [100, 100, 16], 0)), 0.95)
        assert found["auc"].why == found["macro_f1"].why == why


@pytest.mark.parametrize("level", [0.0, 0.2])
def test_accuracy_is_how_likely_the_most_likely_class_is(level: float) -> None:
    p, rows = np.array([0.4, 0.55, 0.9]), np.array([30.0, 50.0, 120.0])
    cells = ScoreCells(p - 0.01, p + 0.01, rows, p, np.zeros(3))
    value, spread = rows @ p / 200, rows @ (p * (1 - p))
    found = multiclass.estimate(cells, 0.95, replace(ALIKE, level=level**2))["accuracy"]
    assert found.value == pytest.approx(value)
    apart = np.hypot(1.959964 * spread**0.5, 1.96234 * level * spread) / 200
    for end, sign in ((found.low, -1), (found.high, 1)):
        odds = np.log(value / (1 - value)) + sign * apart / (value * (1 - value))
        assert end == pytest.approx(1 / (1 + np.exp(-odds)), rel=1e-5)
    unknown = multiclass.estimate(cells, 0.95, None)["accuracy"]
    assert unknown.value == found.value and "3 reference nights" in str(unknown.why)


def test_without_rows_there_is_no_accuracy() -> None:
    none = np.zeros(0)
    found = multiclass.estimate(ScoreCells(none, none, none, none, none), 0.95, ALIKE)
    assert found == {"accuracy": missing_estimate("no rows")}


def test_rows_of_a_class_and_the_others_are_counted_apart() -> None:
    rare = drawn(5, 900) * [1, 1, 0.02]
    for scores in (drawn(5, 900), rare / rare.sum(axis=1, keepdims=True)):
        for place, one in enumerate(counted(scores)):
            said = scores.argmax(axis=1) == place
            for split, rows in zip(one.split, (scores[said], scores[~said]), strict=True):
                alone = counted(rows)[place]
                wanted = cells_from_profile(alone.every, alone.grid)
                for name in ("low", "high", "counts", "means", "spread"):
                    assert getattr(split, name) == pytest.approx(getattr(wanted, name)), name


def test_a_class_may_be_said_of_just_half_of_the_rows() -> None:
    scores = np.repeat([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3]], 100, 0)
    assert multiclass.macro(counted(scores), 0.95)["macro_recall"].value is not None
