"""The scoring function: every row accounted for, and the same scores however rows are cut."""

from __future__ import annotations

import copy
import itertools
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.columns.profile import merge_profiles
from assay.contract.columns import to_frame
from assay.contract.loader import load_contract
from assay.errors import ScoresInvalid
from assay.model import batch, bundle
from assay.model.batch import score_batch, score_frame
from assay.project import layout, partitions


@pytest.fixture(scope="module")
def loaded(trained: Path) -> bundle.Bundle:
    return bundle.load(trained / layout.BUNDLE, expected=None, allow_types=())


@pytest.fixture(scope="module")
def contract(trained: Path):
    return load_contract(trained / "data" / "contract.py").without_label()


@pytest.fixture(scope="module")
def night(trained: Path) -> pa.Table:
    return partitions.read(trained / layout.RAW, "day", start="2024-03-02", end="2024-03-02")


class Odd:
    """Scores like another model, but gives some rows what is no score."""

    def __init__(self, of, values: list[float]) -> None:
        self.of, self.values = of, values

    def scores(self, features):
        scores = self.of.scores(features).copy()
        scores[: len(self.values)] = self.values
        return scores


@pytest.fixture
def odd(trained: Path) -> bundle.Bundle:
    made = bundle.load(trained / layout.BUNDLE, expected=None, allow_types=())
    made.__dict__["scorer"] = Odd(made.model, [np.nan, np.inf, 1.5, -0.1])
    return made


def test_scores_are_scikit_learns_own(loaded, contract, night):
    scored = score_batch(loaded, contract, night)
    good = night.filter(pc.is_in(night["parcel"], scored.predictions["parcel"]))
    frame = to_frame(contract, good)
    own = loaded.model.estimator.predict_proba(
        frame[list(loaded.manifest.features)].assign(express=frame["express"].astype(float))
    )[:, 1]
    expected = loaded.model.calibrator.predict_proba(np.log(own / (1 - own)).reshape(-1, 1))[:, 1]
    assert np.allclose(scored.predictions["probability"].to_numpy(), expected, rtol=0, atol=1e-12)


def test_frames_and_batches_are_scored_alike_bit_for_bit(loaded, contract, night):
    scored = score_batch(loaded, contract, night)
    good = night.filter(pc.is_in(night["parcel"], scored.predictions["parcel"]))
    by_frame = score_frame(loaded, to_frame(contract, good))
    assert (scored.predictions["probability"].to_numpy() == by_frame).all()


def test_bad_rows_are_kept_in_the_contracts_columns_with_every_reason(loaded, contract, night):
    scored = score_batch(loaded, contract, night)
    assert scored.rows == 50
    assert scored.predictions.num_rows == 47
    reasons = scored.quarantine["broken_rules"].to_pylist()
    assert sorted(map(tuple, reasons)) == [
        ("depot: isin(north, south, west)",),
        ("depot: not null",),
        ("weight: greater_than(0)",),
    ]
    rows = [json.loads(row) for row in scored.quarantine["row"].to_pylist()]
    assert set(night.column_names) > set(contract.columns)
    assert all(set(row) == set(contract.columns) for row in rows)
    assert {row["depot"] for row in rows} >= {None, "moon"}
    assert dict(scored.broken) == {reason[0]: 1 for reason in reasons}


def test_a_row_that_could_not_be_read_is_refused_for_that_alone(loaded, contract, night):
    unread = np.zeros(50, dtype=bool)
    unread[:2] = True
    name = "weight: readable as float"
    scored = score_batch(loaded, contract, night, unread={name: unread})
    assert scored.predictions.num_rows == 50 - len({*range(2), *range(3)})
    assert scored.quarantine["broken_rules"].to_pylist()[:2] == [[name], [name]]
    assert scored.broken[name] == 2


def test_the_truth_is_not_needed_and_does_not_matter(loaded, contract, night):
    with_label = score_batch(loaded, contract, night)
    without = score_batch(loaded, contract, night.drop_columns(["late"]))
    assert with_label.predictions == without.predictions


@given(cuts=st.lists(st.integers(0, 50), max_size=4).map(sorted))
@settings(deadline=None, max_examples=10)
def test_cutting_a_night_anywhere_changes_nothing(loaded, contract, night, cuts: list[int]):
    whole = score_batch(loaded, contract, night)
    bounds = [0, *cuts, night.num_rows]
    parts = [
        score_batch(loaded, contract, night.slice(start, end - start))
        for start, end in itertools.pairwise(bounds)
    ]
    assert pa.concat_tables([part.predictions for part in parts]) == whole.predictions
    assert pa.concat_tables([part.quarantine for part in parts]) == whole.quarantine
    merged = parts[0].profile
    for part in parts[1:]:
        merged = merge_profiles(merged, part.profile)
    assert {name: c.counts for name, c in merged.items()} == {
        name: c.counts for name, c in whole.profile.items()
    }
    for part in parts:
        assert part.rows == part.predictions.num_rows + part.quarantine.num_rows


def test_what_is_no_score_is_null_and_counted(odd, contract, night):
    scored = score_batch(odd, contract, night)
    assert scored.null_scores == 4
    assert scored.predictions["probability"].null_count == 4
    assert scored.predictions["prediction"].null_count == 4
    assert scored.profile["probability"].nulls == 4


def test_what_is_no_score_stops_an_evaluation(odd, contract, night):
    with pytest.raises(ScoresInvalid, match=r"4 of 50 rows no score.*from 0 to 1.*nan"):
        score_frame(odd, to_frame(contract, night))


class Picky:
    """Scores like another model, but refuses a batch in which a parcel is sent far."""

    def __init__(self, of, far: float) -> None:
        self.of, self.far = of, far

    def scores(self, features):
        if (features.numbers("distance") > self.far).any():
            raise ScoresInvalid("the model raised an error", found="ValueError: too far")
        return self.of.scores(features)


def picky(of: bundle.Bundle, far: float) -> bundle.Bundle:
    made = copy.copy(of)
    made.__dict__["scorer"] = Picky(of.scorer, far)
    return made


@settings(max_examples=15, deadline=None)
@given(
    share=st.floats(0, 1),
    cuts=st.lists(st.integers(0, 50), max_size=5),
)
def test_rows_that_a_model_raises_for_have_no_score_however_the_night_is_cut(
    loaded, contract, night, share: float, cuts: list[int]
) -> None:
    whole = score_batch(loaded, contract, night)
    distance = whole.good.numbers("distance")
    far = float(np.nanquantile(distance, share))
    edges = sorted({0, night.num_rows, *cuts})
    parts = [
        score_batch(picky(loaded, far), contract, night.slice(start, stop - start))
        for start, stop in itertools.pairwise(edges)
    ]
    scores = np.concatenate([part.counted["probability"] for part in parts])
    expected = np.where(distance > far, np.nan, whole.counted["probability"])
    np.testing.assert_array_equal(scores, expected)
    assert sum(part.null_scores for part in parts) == np.count_nonzero(distance > far)


def test_a_model_that_raises_for_very_many_rows_ends_the_run(
    loaded, contract, night, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MOST_TRIES", 20)
    told = r"for very many rows.*found ValueError: too far.*Give the columns limits"
    with pytest.raises(ScoresInvalid, match=told):
        score_batch(picky(loaded, -1.0), contract, night)
