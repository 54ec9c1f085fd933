"""Features that a model listens to, and slices that are worth counting."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from assay.columns.features import Features, Floats
from assay.contract.loader import load_contract
from assay.model import bundle
from assay.project import layout
from assay.training.train.reference import permutation_importance, select_slice_fields


class Sum:
    """A model of two features; the third it does not read."""

    def __init__(self, classes: int = 0) -> None:
        self.classes = classes

    def scores(self, features: Features) -> Floats:
        coded = features.coded("c")
        known = np.array([{"a": 0.0, "b": 0.5}[name] for name in coded.categories])
        score = features.numbers("x") + known[coded.codes]
        if not self.classes:
            return score
        return np.stack([score, 1 - score, np.zeros(len(score))], axis=1)


@pytest.fixture
def sample() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "x": rng.uniform(0, 0.1, 500),
            "c": rng.choice(["a", "b"], 500),
            "unused": rng.choice([True, False], 500),
        }
    )


def test_what_moves_the_score_more_is_more_important(sample: pd.DataFrame) -> None:
    found = permutation_importance(Sum(), sample, ["x", "c", "unused"], seed=1)
    assert list(found) == ["x", "c", "unused"]
    assert found["unused"] == 0
    # Two draws of a uniform lie a third of its width apart, two of a coin half of the time.
    assert found["x"] == pytest.approx(0.1 / 3, rel=0.1)
    assert found["c"] == pytest.approx(0.25, rel=0.1)


def test_it_is_seeded_and_each_feature_is_on_its_own(sample: pd.DataFrame) -> None:
    both = permutation_importance(Sum(), sample, ["x", "c"], seed=1)
    assert permutation_importance(Sum(), sample, ["c", "x"], seed=1) == both
    assert permutation_importance(Sum(), sample, ["c"], seed=1)["c"] == both["c"]
    assert permutation_importance(Sum(), sample, ["x", "c"], seed=2) != both


def test_of_several_classes_it_is_the_share_that_moved(sample: pd.DataFrame) -> None:
    one = permutation_importance(Sum(), sample, ["c"], seed=1)
    assert permutation_importance(Sum(3), sample, ["c"], seed=1)["c"] == pytest.approx(one["c"])


def test_a_bundle_says_what_matters_and_what_is_watched(trained: Path) -> None:
    loaded = bundle.load(trained / layout.BUNDLE, expected=None, allow_types=())
    reference = loaded.reference
    assert set(reference.importance) == set(loaded.manifest.features)
    assert max(reference.importance.values()) > 0
    (depot,) = reference.slices
    assert (depot.name, depot.values, depot.numeric, depot.null) == (
        "depot",
        ("north", "south", "west"),
        False,
        None,
    )
    counted = [reference.profile[name] for name in depot.columns("probability")]
    whole = reference.profile["probability"]
    assert sum(column.rows for column in counted) == whole.rows
    assert min(column.rows for column in counted) >= 100
    assert reference.label is not None and "label" not in reference.grid
    positives = loaded.manifest.positives
    assert reference.label.profile.counts == (loaded.manifest.rows - positives, positives, 0)


def test_slices_with_few_rows_are_not_watched(trained: Path) -> None:
    contract = load_contract(trained / "data" / "contract.py")
    frame = pd.DataFrame({"depot": ["north"] * 5 + ["west"] * 3 + [None] * 4})
    (few,) = select_slice_fields(contract, frame, 4)
    assert few.titles == ("depot=north", "depot=(missing)")
    assert select_slice_fields(contract, frame, 6) == ()
