"""An estimate doubts itself where the night has left the reference, and only there."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import cross_val_predict

from assay.columns.features import FrameFeatures
from assay.columns.night_effects import learn_probability
from assay.columns.profile_counter import compute_profile
from assay.columns.reference import build_reference
from assay.compiled.fitted_model import Model
from assay.metrics.labelled_scores import LabelledScores
from assay.model import prediction
from assay.monitor.drift.drift import decide
from assay.performance.estimate import trust
from assay.performance.estimate.night import NightEstimate, estimate_night
from assay.project.params import Monitor
from assay.training.train.reference import permutation_importance

NIGHTS, ROWS = 18, 356
NUMBERS = tuple(f"x{place}" for place in range(12))
CATEGORIES = ("c", "d")


def table(seed: int, rows: int = ROWS) -> pd.DataFrame:
    """A night of 14 columns; nights differ a little in level, as they do."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        random.gamma(3, 1, (rows, 12)) + random.normal(0, 0.1, 12), columns=NUMBERS
    )
    frame["x11"] = np.where(random.random(rows) < 0.2, np.nan, frame["x11"])
    frame["c"], frame["d"] = random.choice(["a", "b", "e"], rows), random.choice(["u", "v"], rows)
    odds = 6 - 2.6 * frame["x0"] + 0.4 * frame["x1"] + (frame["c"] == "a")
    frame["y"] = random.random(rows) < 1 / (1 + np.exp(-odds))
    return frame


@pytest.fixture(scope="module")
def made() -> Any:
    """A model on 18 nights, as much of its bundle as an estimate reads, and what scores."""
    frame = pd.concat([table(seed) for seed in range(NIGHTS)], ignore_index=True)
    night = pd.Series(np.repeat(np.arange(NIGHTS), ROWS)).astype(str)
    estimator = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=8, random_state=1)
    numbers = frame[[*NUMBERS]]
    p = cross_val_predict(estimator, numbers, frame["y"], cv=3, method="predict_proba")[:, 1]
    model = Model(estimator.fit(numbers, frame["y"]), None, NUMBERS, ())
    moved = permutation_importance(model, frame.head(1500), (*NUMBERS, *CATEGORIES), 1)
    reference = build_reference(
        frame.assign(probability=p),
        night,
        NUMBERS,
        CATEGORIES,
        prediction.score_grids("binary", (), p, 0.5),
        importance=moved,
        effects={"probability": learn_probability(p, frame["y"].to_numpy(), night.astype(int))},
    )
    manifest = SimpleNamespace(
        task="binary", classes=(), threshold=0.5, calibration="none", out_of_fold={}
    )
    return SimpleNamespace(manifest=manifest, reference=reference, model=model)


def judged(made: Any, frame: pd.DataFrame) -> tuple[NightEstimate, LabelledScores]:
    """What is expected of a night, and what comes out."""
    features = FrameFeatures(frame)
    p = made.model.scores(features)
    profile = compute_profile(features, made.reference.grid, {"probability": p})
    findings = decide(made.reference, profile, Monitor(), len(frame)).findings
    found = estimate_night(made, profile, 0.95, findings)
    return found, LabelledScores("binary", frame["y"].to_numpy(), p, (), 0.5)


def test_one_important_feature_in_other_units_is_not_believed(made: Any) -> None:
    for seed in (100, 101, 102):
        frame = table(seed)
        found, scored = judged(made, frame.assign(x0=60 * frame["x0"]))
        accuracy = found.parts[0].metrics["accuracy"]
        # It is far off, and looks surer than ever.
        assert accuracy.value - scored.values()["accuracy"] > 0.3
        assert not found.trusted and found.distrust[0].startswith("x0: 100% values unlike any")
        assert (accuracy.low, accuracy.high) == (None, None)
        assert accuracy.why == found.distrust[0]
        for row in found.rows():
            assert (row["trusted"], row["low"], row["high"]) == (False, None, None)
            assert row["why"] == found.distrust[0]


def test_ordinary_nights_are_believed_and_right(made: Any) -> None:
    off = []
    for seed in range(200, 230):
        found, scored = judged(made, table(seed))
        assert found.trusted, found.distrust
        assert all(row["trusted"] and row["why"] is None for row in found.rows())
        off.append(found.parts[0].metrics["accuracy"].value - scored.values()["accuracy"])
    assert abs(np.mean(off)) < 0.02


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (lambda f: f.assign(x0=1e12 * f["x0"]), "x0: 100% values unlike any"),
        (lambda f: f.assign(x0=-f["x0"]), "x0: 100% values unlike any"),
        (
            lambda f: f.assign(x0=f["x0"].where(f.index % 10 > 0, np.inf)),
            "x0: 10% values unlike any",
        ),
        (lambda f: f.assign(x0=np.nan), "x0: 100% values missing"),
        (lambda f: f.assign(x0=2.5), "x0: distance"),
        # Within the range, but no rows of the reference.
        (lambda f: f.assign(x0=2 * f["x0"]), "x0: distance"),
        (lambda f: f.assign(x0=0.6 * f["x0"]), "x0: distance"),
        (lambda f: f.assign(x0=f["x0"] + 1.5), "x0: distance"),
        (lambda f: f.assign(x0=(2 * f["x5"]).clip(upper=10)), "x0: distance"),
    ],
    ids=[
        *("times 1e12", "negated", "infinite in a tenth", "missing", "constant"),
        *("doubled", "other units", "offset", "another column's"),
    ],
)
def test_what_is_grossly_broken_is_not_believed(made: Any, broken: Any, told: str) -> None:
    found, _ = judged(made, broken(table(300)))
    assert found.distrust and found.distrust[0].startswith(told)


def test_what_the_model_does_not_listen_to_may_be_anything(made: Any) -> None:
    assert made.reference.importance["d"] == 0
    found, _ = judged(made, table(400).assign(d="never seen"))
    assert found.trusted


@pytest.mark.parametrize(
    "chosen",
    [
        lambda f: f["c"] == "a",
        lambda f: f["d"] == "u",
        lambda f: f["x1"] > f["x1"].median(),
        lambda f: f["x1"] < f["x1"].median(),
        lambda f: f["x5"] > f["x5"].quantile(0.9),
        lambda f: (f["c"] != "b") & (f["x2"] < f["x2"].median()),
    ],
    ids=["c is a", "d is u", "upper x1", "lower x1", "top tenth of x5", "no b and lower x2"],
)
def test_a_harmless_choice_of_rows_is_what_estimates_are_for(made: Any, chosen: Any) -> None:
    frame = pd.concat([table(seed) for seed in range(500, 506)], ignore_index=True)
    found, scored = judged(made, frame[chosen(frame)].reset_index(drop=True))
    assert found.trusted, found.distrust
    accuracy = found.parts[0].metrics["accuracy"]
    assert accuracy.value == pytest.approx(scored.values()["accuracy"], abs=0.05)


@pytest.mark.parametrize(
    "preferred",
    [lambda f: 0.2 * f["x0"], lambda f: -0.2 * f["x1"], lambda f: 0.15 * (f["x0"] - f["x1"])],
    ids=["high x0", "low x1", "both"],
)
def test_a_night_that_prefers_some_rows_is_believed_nine_times_of_ten(
    made: Any, preferred: Any
) -> None:
    believed = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        frame = pd.concat([table(800 + 20 * seed + one) for one in range(15)], ignore_index=True)
        weight = np.exp(preferred(frame))
        rows = random.choice(len(frame), ROWS, False, weight / weight.sum())
        believed += judged(made, frame.iloc[rows].reset_index(drop=True))[0].trusted
    assert believed >= 18


def test_a_choice_of_rows_matters_where_outcomes_depend_on_more_than_the_score(made: Any) -> None:
    seen = SimpleNamespace(**vars(made) | {"reference": replace(made.reference, depends=5.0)})
    frame = pd.concat([table(seed) for seed in range(500, 503)], ignore_index=True)
    chosen = frame[frame["x0"] > frame["x0"].quantile(0.15)].reset_index(drop=True)
    chance = replace(made.reference, depends=trust.CLEAR)
    for reference, doubted in ((seen.reference, True), (chance, False)):
        bundle = SimpleNamespace(**vars(made) | {"reference": reference})
        found, _ = judged(bundle, chosen.head(ROWS))
        why = [one for one in found.distrust if "depend on the features beyond" in one]
        assert bool(why) is doubted
    assert sum(judged(seen, table(seed))[0].trusted for seed in range(200, 230)) == 30


def test_a_choice_of_rows_that_breaks_the_scores_is_not_told_from_a_wrong_column(made: Any) -> None:
    frame = pd.concat([table(500), table(501)], ignore_index=True)
    found, scored = judged(made, frame[frame["x0"] > 2.2].reset_index(drop=True))
    assert found.distrust[0].startswith("x0: distance")
    accuracy = found.parts[0].metrics["accuracy"]
    assert accuracy.value == pytest.approx(scored.values()["accuracy"], abs=0.05)


def test_a_few_rows_are_not_far_away_by_chance(made: Any) -> None:
    assert all(judged(made, table(600 + seed, 12))[0].trusted for seed in range(40))


def test_scores_alone_may_leave_the_reference(made: Any) -> None:
    frame = table(700)
    profile = compute_profile(
        FrameFeatures(frame), made.reference.grid, {"probability": np.full(ROWS, 0.999999)}
    )
    (reason,) = trust.distrust_reasons(made.reference, profile, ())
    assert reason.startswith("probability: 100% values unlike any")


def test_a_column_counted_otherwise_is_not_believed(made: Any) -> None:
    found = compute_profile(
        FrameFeatures(table(1)), made.reference.grid, {"probability": np.full(ROWS, 0.5)}
    )
    reasons = trust.distrust_reasons(made.reference, {**found, "x0": found["c"]}, ())
    assert "x0 was counted in other cells than the reference" in reasons
