"""Models of a regression's errors see what the prediction alone does not show."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.columns.features import FrameFeatures
from assay.columns.grid_builder import build_grid
from assay.columns.night_effects import NightEffects
from assay.columns.profile import Profile
from assay.columns.profile_counter import compute_profile
from assay.compiled import CompiledModel
from assay.model import model
from assay.model.prediction import LOSSES
from assay.performance.estimate import regression
from assay.training.train.estimate_errors import LossModel, fit_loss_models

CONTRACT: Any = SimpleNamespace(numeric=("x", "age"), categorical=("fuel",), texts=())
ROWS = 8000


def drawn(seed: int, rows: int = ROWS, old: float = 0.3) -> tuple[pd.DataFrame, np.ndarray]:
    """Features and errors. Errors grow with age and in gas cars, whatever is predicted from x."""
    random = np.random.default_rng(seed)
    age = np.where(random.random(rows) < old, 10.0, 2.0) + random.random(rows)
    fuel = random.choice(["gas", "oil"], rows)
    frame = pd.DataFrame({"x": random.normal(size=rows), "age": age, "fuel": fuel})
    return frame, random.normal(0, (1 + age / 2) * np.where(fuel == "gas", 2, 1))


@pytest.fixture(scope="module")
def learnt() -> dict[str, LossModel]:
    frame, error = drawn(1)
    return fit_loss_models(CONTRACT, frame, error, np.arange(ROWS) * 4 // ROWS, 7)


def counted(learnt: dict[str, LossModel], frame: pd.DataFrame) -> Profile:
    grid = {
        name: build_grid(pd.DataFrame({"loss": one.values}), ["loss"], [])["loss"]
        for name, one in learnt.items()
    }
    features = FrameFeatures(frame)
    losses = {name: np.maximum(one.model.scores(features), 0) for name, one in learnt.items()}
    return compute_profile(features, grid, losses)


def expected(learnt: dict[str, LossModel], frame: pd.DataFrame) -> Any:
    profile = counted(learnt, frame)
    noise = {name: one.noise for name, one in learnt.items()}
    columns = [profile[name] for name in LOSSES]
    alike = dict.fromkeys(LOSSES, NightEffects(0.0, 0.0, 0.0, 0.0, 1000))
    return regression.estimate_from_features(*columns, noise, ROWS, 0.95, alike)


def realized(error: np.ndarray) -> dict[str, float]:
    return {"mae": float(np.abs(error).mean()), "rmse": float(np.sqrt(np.mean(error**2)))}


def test_a_shift_of_what_errors_depend_on_is_foreseen(learnt: dict[str, LossModel]) -> None:
    frame, error = drawn(2, 4000, old=0.9)
    found, truth = expected(learnt, frame), realized(error)
    before = realized(drawn(1)[1])
    for name, value in truth.items():
        assert value > 1.4 * before[name]
        assert found[name].value == pytest.approx(value, rel=0.04), name


def test_intervals_hold_as_often_as_they_say(learnt: dict[str, LossModel]) -> None:
    trials, inside = 150, {"mae": 0, "rmse": 0}
    for trial in range(trials):
        frame, error = drawn(2000 + trial, 700)
        found, truth = expected(learnt, frame), realized(error)
        for name in inside:
            inside[name] += found[name].low <= truth[name] <= found[name].high
    for name, count in inside.items():
        # Three standard errors below 95 %.
        assert count / trials >= 0.89, name


def test_the_models_are_compiled_exactly_and_the_same_each_time(
    learnt: dict[str, LossModel],
) -> None:
    frame, error = drawn(1)
    again = fit_loss_models(CONTRACT, frame, error, np.arange(ROWS) * 4 // ROWS, 7)
    for name, one in learnt.items():
        packed, (arrays, proof) = model.dumps(one.model), one.compiled(frame.head(500), 1e-12)
        assert arrays is not None and proof.used
        assert packed == model.dumps(again[name].model)
        assert arrays == again[name].compiled(frame.head(500), 1e-12)[0]
        features = FrameFeatures(drawn(3, 500)[0])
        np.testing.assert_allclose(
            CompiledModel.from_bytes(arrays, name).scores(features),
            one.model.scores(features),
            1e-12,
        )
        assert not model.untrusted_types(packed)


def test_no_rows_say_nothing(learnt: dict[str, LossModel]) -> None:
    found = expected(learnt, drawn(4, 5)[0].head(0))
    assert {one.why for one in found.values()} == {"no rows"}


def test_losses_that_differ_by_night_widen_both_intervals(learnt: dict[str, LossModel]) -> None:
    profile = counted(learnt, drawn(5, 2000)[0])
    columns, noise = [profile[name] for name in LOSSES], dict.fromkeys(LOSSES, 1.0)
    found = {
        level: regression.estimate_from_features(
            *columns,
            *(noise, ROWS, 0.95),
            dict.fromkeys(LOSSES, NightEffects(0.0, level**2, 0.0, 0.0, 1000)),
        )
        for level in (0.0, 0.3)
    }
    # The logarithm of a squared loss moves the root by half as much.
    for name, moved in (("mae", 0.3), ("rmse", 0.15)):
        alone, wide = found[0.0][name], found[0.3][name]
        own = (alone.high - alone.low) / 2
        reach = 1.9623 * moved * alone.value
        assert (wide.high - wide.low) / 2 == pytest.approx(np.hypot(own, reach), rel=1e-3)
    nothing = regression.estimate_from_features(*columns, noise, ROWS, 0.95, {})
    assert {one.low for one in nothing.values()} == {None}
