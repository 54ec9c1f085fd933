"""The calibration that serves rows it was not fitted on is the one that is taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assay.cli.__main__ import main
from assay.compiled import fitted_model
from assay.model import bundle
from assay.project import layout
from assay.training.train import calibrate
from assay.training.train import fit as choose

ROWS = 6000
BLOCK = np.arange(ROWS) * 5 // ROWS


def drawn(seed: int, bent) -> tuple[np.ndarray, np.ndarray]:
    """Labels of true probabilities, and the scores that a model bent them to."""
    random = np.random.default_rng(seed)
    true = random.uniform(0.05, 0.95, ROWS)
    return bent(true), random.random(ROWS) < true


BENT = {
    "none": lambda p: p,
    "sigmoid": lambda p: 1 / (1 + (1 / p - 1) ** 2),
    "isotonic": lambda p: np.where(p < 0.5, p / 10, 0.99 + p / 100),
}


@pytest.mark.parametrize("expected", BENT)
def test_auto_takes_what_fixes_the_scores(expected: str) -> None:
    found = choose.choose_calibration("binary", "auto", *drawn(1, BENT[expected]), BLOCK)
    assert found.method == expected
    assert found.losses[expected] == min(found.losses.values())


def test_a_step_function_is_not_judged_on_its_own_rows() -> None:
    random = np.random.default_rng(2)
    raw, label = random.random(ROWS) / 5 + 0.4, random.random(ROWS) < 0.5
    fitted = calibrate.fit_calibrator("binary", "isotonic", raw, label)
    own = fitted_model.calibrate("binary", fitted, raw)
    flattered = -np.log(np.where(label, own, 1 - own).clip(1e-15)).mean()
    found = choose.choose_calibration("binary", "auto", raw, label, BLOCK)
    assert flattered < np.log(2) < found.losses["isotonic"]


def test_one_row_does_not_decide_against_a_step_function() -> None:
    """A step at 0 would make one positive beyond it cost 36 nats, more than all other rows."""
    random = np.random.default_rng(5)
    odds = 1.2 * random.normal(size=40_000)
    raw, true = 1 / (1 + np.exp(-odds)), 1 / (1 + np.exp(-odds - 0.5 * np.minimum(odds, 0)))
    label, block = random.random(40_000) < true, np.arange(40_000) * 5 // 40_000
    assert choose.choose_calibration("binary", "auto", raw, label, block).method == "isotonic"


@pytest.mark.parametrize("label", [[True] * 6, [False] * 6, [False] * 3 + [True] * 3])
def test_a_step_function_is_never_certain(label: list[bool]) -> None:
    raw = np.arange(1, 7) / 10
    fitted = calibrate.fit_calibrator("binary", "isotonic", raw, np.array(label))
    found = fitted_model.calibrate("binary", fitted, np.array([0.0, *raw, 1.0]))
    assert ((found > 0) & (found < 1)).all() and (np.diff(found) >= 0).all()
    if len(set(label)) == 2:
        # Three rows and one that is imagined.
        assert found[[0, -1]] == pytest.approx([1 / 4, 3 / 4])


def test_several_classes_are_chosen_for_together() -> None:
    random = np.random.default_rng(3)
    true = random.dirichlet([2, 2, 1], ROWS)
    label = (random.random((ROWS, 1)) > true.cumsum(axis=1)).sum(axis=1)
    assert choose.choose_calibration("multiclass", "auto", true, label, BLOCK).method == "none"
    sure = true**3 / (true**3).sum(axis=1, keepdims=True)
    assert choose.choose_calibration("multiclass", "auto", sure, label, BLOCK).method == "sigmoid"


def test_what_is_named_is_taken_and_a_regression_gets_none() -> None:
    raw, label = drawn(1, BENT["isotonic"])
    assert choose.choose_calibration(
        "binary", "sigmoid", raw, label, BLOCK
    ) == choose.CalibrationChoice("sigmoid")
    assert choose.choose_calibration(
        "regression", "auto", raw, raw, BLOCK
    ) == choose.CalibrationChoice("none")


def test_training_says_which_it_took(parcels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = parcels / "params.yaml"
    path.write_text(path.read_text().replace("calibration: sigmoid", "calibration: auto"))
    assert main(["stage", "train", "logistic", "--root", str(parcels)]) == 0
    folder = parcels / layout.CANDIDATES / "logistic"
    manifest = bundle.load(folder, expected=None, allow_types=()).manifest
    losses = manifest.calibration_losses
    assert manifest.calibration == min(losses, key=lambda method: losses[method])
    told = f"{manifest.calibration}, chosen by cross-fitted log loss (none "
    said = capsys.readouterr()
    assert f"calibration {told}" in said.out
    assert said.err.splitlines()[0] == "train: logistic: fold 1 of 4 scored"
    assert told in (folder / bundle.CARD).read_text()
    proof = manifest.compiled
    assert proof["used"] and proof["max_difference"] <= proof["tolerance"]
