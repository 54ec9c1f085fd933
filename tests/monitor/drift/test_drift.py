"""Ordinary nights pass, shifted ones cross, and what cannot be compared never passes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from assay.columns.distance import learnt_limit
from assay.columns.features import FrameFeatures
from assay.columns.grid import SCORE_GRID
from assay.columns.profile import Profile
from assay.columns.profile_counter import compute_profile, empty_profile
from assay.columns.reference import Reference, build_reference
from assay.model.prediction import PROBABILITY as SCORE
from assay.monitor.drift.drift import DriftDecision, decide
from assay.project.params import Monitor

NUMERIC, CATEGORICAL = ["x", "y", "gust"], ["c"]
SCORES = {SCORE: SCORE_GRID}
ROWS, NIGHTS = 900, 120


def night(seed: int, shift: float = 0.0, rows: int = ROWS) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    calm = rng.random() < 0.2
    table = pd.DataFrame(
        {
            # Nights differ in level, as weather does.
            "x": rng.normal(rng.normal(0, 0.3) + shift, 1, rows),
            "y": rng.normal(shift, 1, rows),
            "gust": np.where((rng.random(rows) < 0.5) | calm, np.nan, rng.normal(size=rows)),
            "c": rng.choice(["a", "b", "c"], rows),
        }
    )
    table[SCORE] = 1 / (1 + np.exp(-(table["x"] + table["y"]) / 2))
    return table


@pytest.fixture(scope="module")
def reference() -> Reference:
    tables = [night(seed) for seed in range(NIGHTS)]
    values = pd.Series(np.repeat(np.arange(NIGHTS), ROWS)).astype(str)
    return build_reference(
        pd.concat(tables, ignore_index=True), values, NUMERIC, CATEGORICAL, SCORES
    )


def profile(reference: Reference, table: pd.DataFrame) -> Profile:
    return compute_profile(FrameFeatures(table), reference.grid)


def crossed(reference: Reference, table: pd.DataFrame) -> tuple[bool, tuple[str, ...]]:
    decision = decide(reference, profile(reference, table), Monitor(), len(table))
    assert decision.crossed == bool(decision.reasons)
    return decision.crossed, decision.reasons


def test_ordinary_nights_mostly_pass(reference: Reference) -> None:
    of_reference = sum(crossed(reference, night(seed))[0] for seed in range(NIGHTS))
    fresh = sum(crossed(reference, night(seed))[0] for seed in range(1000, 1100))
    assert of_reference <= 0.05 * NIGHTS
    assert fresh <= 10


def test_a_shift_crosses_and_is_named_first(reference: Reference) -> None:
    table = night(7)
    table[SCORE] = table[SCORE] ** 3
    decision = decide(reference, profile(reference, table), Monitor(), ROWS)
    assert decision.crossed
    assert decision.findings[0].column == SCORE
    assert decision.reasons[0].startswith("probability: distance")
    assert decision.drifted == ()


def test_many_drifted_features_cross_though_the_score_does_not(reference: Reference) -> None:
    table = night(7)
    table["y"] += 0.3
    few = decide(reference, profile(reference, table), Monitor(), ROWS)
    assert (few.crossed, few.drifted) == (False, ("y",))
    assert few.findings[0].column == "y"
    assert few.findings[0].crossed and not few.findings[0].decisive
    table["x"] += 0.9
    table.loc[::9, "c"] = "a"
    many = decide(reference, profile(reference, table), Monitor(), ROWS)
    assert many.reasons == ("3 of 4 features drifted (at most 50% may)",)
    assert many.drifted_share == 0.75


def broken(reference: Reference, how: str) -> tuple[Profile, int]:
    table = night(7)
    if how == "all null":
        table["y"] = np.nan
    elif how == "nulls":
        table.loc[: ROWS // 5, "x"] = np.nan
    elif how == "new category":
        table.loc[: ROWS // 20, "c"] = "never seen"
    elif how == "score all null":
        table[SCORE] = np.nan
    counted = dict(profile(reference, table))
    if how == "no rows":
        return empty_profile(reference.grid), 0
    if how == "column missing":
        del counted["x"]
    elif how == "score missing":
        del counted[SCORE]
    elif how == "other grid":
        counted["x"] = replace(counted["x"], counts=(*counted["x"].counts, 0))
    elif how == "part of the night":
        return counted, ROWS + 1
    elif how == "no profile":
        return {}, ROWS
    return counted, ROWS


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("all null", "y: null in every row"),
        ("score all null", "probability: null in every row"),
        ("nulls", "x: null share"),
        ("new category", "c: 5.1% of its values are new categories"),
        ("no rows", "no row was scored"),
        ("column missing", "x: not in the night's profile"),
        ("score missing", "probability: not in the night's profile"),
        ("other grid", "x: counted in"),
        ("part of the night", "counts 900 rows, the run scored 901"),
        ("no profile", "not in the night's profile"),
    ],
)
def test_fails_closed(reference: Reference, how: str, reason: str) -> None:
    counted, rows = broken(reference, how)
    decision = decide(reference, counted, Monitor(), rows)
    assert decision.crossed
    assert any(reason in found for found in decision.reasons), decision.reasons


@pytest.mark.parametrize("what", ["one night", "null reference", "no features"])
def test_a_reference_that_teaches_nothing_passes_nothing(what: str) -> None:
    table, rows = night(1), ROWS
    if what == "one night":
        taught = build_reference(table, pd.Series(["n"] * ROWS), NUMERIC, CATEGORICAL, SCORES)
    elif what == "null reference":
        halves = pd.Series(np.arange(ROWS) % 2).astype(str)
        taught = build_reference(table.assign(x=np.nan), halves, ["x"], [], SCORES)
    else:
        taught = build_reference(table, pd.Series(np.arange(ROWS) % 2).astype(str), [], [], SCORES)
    decision = decide(taught, compute_profile(FrameFeatures(table), taught.grid), Monitor(), rows)
    assert decision.crossed
    expected = {
        "one night": "no limit could be learnt",
        "null reference": "null in every row of the reference",
        "no features": "no feature to compare",
    }[what]
    assert any(expected in reason for reason in decision.reasons)


def test_a_column_that_is_often_null_all_night_does_not_cry_wolf(reference: Reference) -> None:
    table = night(7)
    table["gust"] = np.nan
    decision = decide(reference, profile(reference, table), Monitor(), ROWS)
    gust = next(f for f in decision.findings if f.column == "gust")
    assert gust.reasons == ("null in every row",)
    assert gust.drifted and gust.crossed and not gust.decisive
    assert not decision.crossed


def test_the_limit_is_a_distance_that_occurred() -> None:
    distances = [i / 100 for i in range(1, 101)]
    assert learnt_limit(distances, 0.985) == 0.99
    assert learnt_limit(distances, 0.9) == 0.91
    assert learnt_limit([0.2], 0.99) == 0.2
    assert learnt_limit([], 0.99) is None
    assert learnt_limit([0.1, float("nan")], 0.99) is None


MANY = [f"x{number}" for number in range(10)]


def of_many(seed: int, moved: int = 0, by: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng([3, seed])
    table = pd.DataFrame({name: rng.normal(rng.normal(0, 0.1), 1, ROWS) for name in MANY})
    table[MANY[:moved]] += by
    table[SCORE] = rng.random(ROWS)
    return table


def test_many_columns_that_are_far_count_by_themselves() -> None:
    tables = [of_many(seed) for seed in range(NIGHTS)]
    values = pd.Series(np.repeat(np.arange(NIGHTS), ROWS)).astype(str)
    taught = build_reference(pd.concat(tables, ignore_index=True), values, MANY, [], SCORES)

    def decided(table: pd.DataFrame) -> DriftDecision:
        return decide(taught, profile(taught, table), Monitor(), len(table))

    def together(table: pd.DataFrame) -> bool:
        return any("all features" in reason for reason in decided(table).reasons)

    assert not any(together(of_many(seed)) for seed in range(2000, 2100))
    for seed in range(3000, 3010):
        found = decided(of_many(seed, moved=5, by=0.7))
        assert len(found.drifted) == 5 and found.crossed
        assert "5 of 10 features drifted; distance of all features" in found.reasons[0]
        broken = [f.column for f in found.findings if f.breaks]
        assert sorted(broken) == MANY[:5]
    # One of them alone, or all a little, is left to the budget; few rows are no reason.
    assert not any(together(of_many(seed, 1, 0.4)) for seed in range(4000, 4010))
    assert not any(together(of_many(seed).head(12)) for seed in range(5000, 5010))
