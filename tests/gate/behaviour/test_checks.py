"""Each check passes a model that behaves, and fails one that does not on the rows it fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from assay.contract.definition import MASK
from assay.errors import BehaviourError
from assay.gate.behaviour.changes import parse_change
from assay.gate.behaviour.checks import direction, invariance, monotonicity, robustness
from assay.gate.behaviour.subject import RowSubset
from assay.gate.behaviour.trial import format_result
from tests.gate.behaviour.models import CLASSES, fates, probability, rows, subject

Changed = Callable[[pd.DataFrame], pd.DataFrame]

FARTHER = parse_change({"column": "distance", "add": 100})
TO_MOON = parse_change({"column": "depot", "set": "moon"})


def all_rows(number: int = 40) -> RowSubset:
    return RowSubset.of(rows(number))


def west_is_late(frame: pd.DataFrame) -> np.ndarray:
    return probability(frame) * np.where(frame["depot"] == "west", 1.0, 0.5)


# ---------------------------------------------------------------------------- invariance


def test_invariance_holds_of_what_is_not_read() -> None:
    result = invariance(subject(), all_rows(), TO_MOON, within=0.0)
    assert result.passed and result.rows == 40
    assert result.detail == "none of 40 rows move by more than 0 (the largest by 0)"


def test_invariance_shows_the_rows_that_moved() -> None:
    result = invariance(subject(west_is_late), all_rows(), TO_MOON, within=0.1)
    west = np.flatnonzero(rows()["depot"] == "west")
    assert not result.passed
    assert result.failed == len(west)
    worst = result.examples[0]
    assert worst.row in west
    assert worst.keys == {"parcel": str(1000 + (worst.row or 0))}
    assert worst.changed == (("depot", "west", "moon"),)
    assert float(worst.before) == pytest.approx(2 * float(worst.after), rel=1e-4)
    gaps = [float(each.before) - float(each.after) for each in result.examples]
    assert gaps == sorted(gaps, reverse=True) and len(gaps) == 5


def test_a_row_that_the_change_leaves_alone_does_not_count() -> None:
    swap = parse_change({"column": "depot", "swap": ["west", "moon"]})
    result = invariance(subject(), all_rows(), swap, within=0.0)
    assert result.rows == int((rows()["depot"] == "west").sum())


@pytest.mark.parametrize("check", [invariance, direction])
def test_a_change_that_alters_no_row_is_refused(check: Any) -> None:
    nothing = parse_change({"column": "distance", "swap": [-1.0, -2.0]})
    more = {"within": 0.0} if check is invariance else {"expect": "not_lower"}
    with pytest.raises(BehaviourError, match="alters no row"):
        check(subject(), all_rows(), nothing, **more)


def test_max_failed_is_a_share_of_the_rows_that_changed() -> None:
    west = int((rows()["depot"] == "west").sum())
    for share, passes in ((west / 40, True), (west / 40 - 0.001, False)):
        result = invariance(
            subject(west_is_late), all_rows(), TO_MOON, within=0.1, max_failed=share
        )
        assert result.passed is passes
        assert result.share == west / 40


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_wider_tolerance_never_fails_more(one: float, other: float) -> None:
    narrow, wide = sorted((one, other))
    asked = subject(west_is_late)
    first = invariance(asked, all_rows(), TO_MOON, within=narrow)
    second = invariance(asked, all_rows(), TO_MOON, within=wide)
    assert second.failed <= first.failed


def test_of_several_classes_the_one_that_moves_most_counts() -> None:
    asked = subject(fates, "multiclass")
    result = invariance(asked, all_rows(), FARTHER, within=0.0)
    late = invariance(subject(lambda f: fates(f)[:, 1]), all_rows(), FARTHER, within=0.0)
    assert [e.row for e in result.examples] == [e.row for e in late.examples]
    assert result.examples[0].after.endswith(" (late)")


@pytest.mark.parametrize("value", [np.nan, np.inf, 1.5, -0.1])
def test_a_score_that_is_none_fails_whatever_the_tolerance(value: float) -> None:
    def broken(frame: pd.DataFrame) -> np.ndarray:
        return np.where(frame["depot"] == "moon", value, probability(frame))

    result = invariance(subject(broken), all_rows(), TO_MOON, within=1e9)
    assert result.failed == 40
    assert result.examples[0].after == "none"
    assert "some have no score at all" in result.detail
    result = direction(
        subject(broken, numeric=("depot",)), all_rows(), TO_MOON, expect="not_lower", within=1e9
    )
    assert result.failed == 40


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda f: f.head(3), "must keep the rows"),
        (lambda f: f.iloc[::-1], "must keep the rows"),
        (lambda f: f.drop(columns="depot"), "must keep the columns"),
        (lambda f: f.assign(more=1), "must keep the columns"),
    ],
)
def test_a_change_in_python_must_keep_the_table(change: Changed, reason: str) -> None:
    with pytest.raises(BehaviourError, match=reason):
        invariance(subject(), all_rows(), change, within=0.0)


@pytest.mark.parametrize(
    ("score", "reason"),
    [
        (lambda f: fates(f), r"expected shape \(40,\), found \(40, 3\)"),
        (lambda f: probability(f)[1:], "each row its score"),
        (lambda f: 1 / 0, "ZeroDivisionError: division by zero"),
    ],
)
def test_what_is_no_model_is_refused(score: Any, reason: str) -> None:
    with pytest.raises(BehaviourError, match=reason):
        invariance(subject(score), all_rows(), FARTHER, within=0.0)


# ----------------------------------------------------------------------------- direction


def test_direction() -> None:
    asked = all_rows()
    assert direction(subject(), asked, FARTHER, expect="not_lower").passed
    result = direction(subject(), asked, FARTHER, expect="not_higher")
    assert result.failed == result.rows == int(rows()["distance"].notna().sum())
    assert "rise by more than 0 (the worst by 0.1" in result.detail


def test_a_small_step_back_may_be_allowed() -> None:
    shorter = parse_change({"column": "distance", "add": -1})
    assert not direction(subject(), all_rows(), shorter, expect="not_lower").passed
    assert direction(subject(), all_rows(), shorter, expect="not_lower", within=0.01).passed


def test_direction_of_one_class() -> None:
    asked = subject(fates, "multiclass")
    assert direction(asked, all_rows(), FARTHER, expect="not_lower", of="late").passed
    assert direction(asked, all_rows(), FARTHER, expect="not_higher", of="lost").passed
    with pytest.raises(BehaviourError, match=f"needs a class.*one of {', '.join(CLASSES)}"):
        direction(asked, all_rows(), FARTHER, expect="not_lower")
    with pytest.raises(BehaviourError, match=r"no class 'lat'.*Did you mean 'late'\?"):
        direction(asked, all_rows(), FARTHER, expect="not_lower", of="lat")
    with pytest.raises(BehaviourError, match="makes no sense of a binary model"):
        direction(subject(), all_rows(), FARTHER, expect="not_lower", of="late")


def test_direction_of_what_the_model_does_not_read_is_refused() -> None:
    later = parse_change({"column": "sent", "add": "1h"})
    with pytest.raises(BehaviourError, match="does not read 'sent'"):
        direction(subject(), all_rows(), later, expect="not_lower")


# ---------------------------------------------------------------------------- robustness


def test_robust_models_pass_every_damage() -> None:
    for perturb in ("missing", "unseen", "typo", "extreme", "shuffled_columns"):
        assert robustness(subject(), all_rows(), perturb).passed, perturb  # type: ignore[arg-type]


def test_only_rows_that_were_damaged_count() -> None:
    assert robustness(subject(), all_rows(), "missing").rows == rows()["distance"].notna().sum()


def test_a_model_that_raises_on_damage_fails_every_row_of_it() -> None:
    def strict(frame: pd.DataFrame) -> np.ndarray:
        if frame["distance"].isna().all():
            raise ValueError("Input X contains NaN.\nand much more")
        return probability(frame)

    result = robustness(subject(strict), all_rows(), "missing")
    assert result.failed == result.rows > 0
    assert "get no score" in result.detail
    assert result.examples[0].note == "ValueError: Input X contains NaN."


def test_a_row_without_a_score_fails_also_without_a_tolerance() -> None:
    def blind(frame: pd.DataFrame) -> np.ndarray:
        odd = ~frame["depot"].isin(["north", "south", "west"])
        return np.where(odd & (frame["pieces"] > 5), np.nan, probability(frame))

    result = robustness(subject(blind), all_rows(), "unseen")
    assert result.failed == int((rows()["pieces"] > 5).sum())


def test_within_holds_damaged_rows_near_their_own() -> None:
    assert robustness(subject(), all_rows(), "missing", within=1.0).passed
    result = robustness(subject(), all_rows(), "missing", within=0.01)
    assert 0 < result.failed <= result.rows
    assert result.examples[0].changed[0][2] == "(missing)"


def test_the_order_of_columns_must_not_matter_at_all() -> None:
    def by_place(frame: pd.DataFrame) -> np.ndarray:
        return frame.iloc[:, 3].map(lambda v: hash(str(v)) % 100 / 100).to_numpy(dtype=float)

    assert not robustness(subject(by_place), all_rows(), "shuffled_columns").passed


# -------------------------------------------------------------------------- monotonicity


def test_monotone_both_ways() -> None:
    def falling(frame: pd.DataFrame) -> np.ndarray:
        return 1 - probability(frame)

    go = {"start": 0.0, "end": 500.0, "steps": 6}
    assert monotonicity(subject(), all_rows(), "distance", **go, expect="increasing").passed
    assert monotonicity(subject(falling), all_rows(), "distance", **go, expect="decreasing").passed
    for asked, expect in ((subject(falling), "increasing"), (subject(), "decreasing")):
        result = monotonicity(asked, all_rows(), "distance", **go, expect=expect)  # type: ignore[arg-type]
        assert result.failed == result.rows == 40
        assert result.examples[0].changed == (("distance", "0", "500"),)


def bumpy(frame: pd.DataFrame) -> np.ndarray:
    at = frame["distance"].to_numpy()
    return 0.5 + np.where(at > 300, -0.2, 0.1 * (at > 100))


def test_a_fall_from_an_earlier_peak_is_found_wherever_it_is() -> None:
    asked = subject(bumpy)
    result = monotonicity(asked, all_rows(), "distance", 0, 400, steps=5, expect="increasing")
    assert result.examples[0].changed == (("distance", "200", "400"),)
    assert (result.examples[0].before, result.examples[0].after) == ("0.6", "0.3")
    assert "the worst by 0.3" in result.detail
    assert monotonicity(
        asked, all_rows(), "distance", 0, 400, steps=5, expect="increasing", within=0.31
    ).passed


@given(arrays(float, 6, elements=st.floats(0, 1)), st.floats(0, 1))
def test_monotone_is_no_later_point_below_an_earlier_one(course: Any, within: float) -> None:
    def model(frame: pd.DataFrame) -> np.ndarray:
        return course[frame["pieces"].to_numpy()]

    result = monotonicity(
        subject(model), all_rows(3), "pieces", 0, 5, steps=6, expect="increasing", within=within
    )
    falls = [course[i] - course[j] for i in range(6) for j in range(i, 6)]
    assert result.passed is bool(max(falls) <= within)


def test_a_gap_on_the_way_fails() -> None:
    def gappy(frame: pd.DataFrame) -> np.ndarray:
        return np.where(frame["pieces"] == 3, np.nan, 0.5)

    result = monotonicity(
        subject(gappy), all_rows(), "pieces", 1, 5, steps=5, expect="increasing", within=1.0
    )
    assert result.failed == 40
    assert result.examples[0].changed[0][2] == "3"


def test_whole_numbers_stay_whole_on_the_way() -> None:
    seen: list[Any] = []

    def watching(frame: pd.DataFrame) -> np.ndarray:
        seen.append(frame["pieces"].iloc[0])
        assert frame["pieces"].dtype == np.int64
        return probability(frame)

    monotonicity(subject(watching), all_rows(), "pieces", 1, 3, steps=9, expect="increasing")
    assert seen == [1, 2, 3]


@pytest.mark.parametrize(
    ("column", "ends", "reason"),
    [
        ("depot", (0, 1), "no numbers to go through"),
        ("pieces", (1.1, 1.2), "one whole number only"),
        ("parcel", (0, 1), "does not read 'parcel'"),
        ("peices", (0, 1), "no column 'peices'"),
    ],
)
def test_a_way_that_makes_no_sense_is_refused(column: str, ends: Any, reason: str) -> None:
    with pytest.raises(BehaviourError, match=reason):
        monotonicity(subject(), all_rows(), column, *ends, steps=3, expect="increasing")


# ----------------------------------------------------------------------------- for people


def test_the_table_shows_before_and_after() -> None:
    both = parse_change([{"column": "depot", "set": "moon"}, {"column": "pieces", "add": 1}])
    result = invariance(
        subject(west_is_late), RowSubset.of(rows(9)), both, within=0.2, max_failed=0.1
    )
    lines = format_result(result).splitlines()
    assert lines[0].startswith(f"{result.failed} of 9 rows move by more than 0.2 (the worst by ")
    assert lines[0].endswith("0.1 of them may)")
    heads = "row parcel what before after score before score after"
    assert lines[1].split() == heads.split()
    first = result.examples[0]
    assert lines[2].split() == [
        *(str(first.row), first.keys["parcel"], "depot", "west", "moon", first.before, first.after)
    ]
    assert lines[3].split()[0] == "pieces"
    assert first.sentence().startswith(f"row {first.row} (parcel {first.keys['parcel']}): depot")


def test_a_long_list_of_failures_is_counted() -> None:
    result = invariance(subject(), all_rows(), FARTHER, within=0.0)
    assert format_result(result).splitlines()[-1] == f"and {result.failed - 5} more"


def test_cells_of_sensitive_columns_are_masked() -> None:
    result = invariance(
        subject(west_is_late, sensitive=("depot",)), all_rows(), TO_MOON, within=0.1
    )
    assert not result.passed
    assert result.examples[0].changed == (("depot", MASK, MASK),)
    gone = robustness(
        subject(west_is_late, nullable=("depot",), sensitive=("depot",)),
        all_rows(),
        "missing",
        within=0.1,
    )
    assert all(("depot", MASK, "(missing)") in each.changed for each in gone.examples)
    assert gone.examples
