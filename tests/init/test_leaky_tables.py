"""Tables whose features give the label away, none of them alone, as their users meet them."""

from __future__ import annotations

import shutil
from contextlib import chdir
from pathlib import Path

import numpy as np
import pandas as pd

from assay.cli.__main__ import main
from assay.gate.rules.kinds import _with_advice, read_policy
from assay.gate.rules.leakage import NoLeakage
from assay.gate.rules.leakage import evaluate as leakage
from assay.project import layout, params
from assay.reports.evaluation import Evaluation
from assay.reports.verdict import Finding, Outcome
from assay.training.leakage.report import Leakage
from tests import projects
from tests.gate import build

ROWS = 3000
STAGES = ("ingest", "contract", "prepare")
FIRST = pd.Timestamp("2024-01-01")


def rides() -> pd.DataFrame:
    """A tip, predicted with the total that contains it."""
    rng = np.random.default_rng(5)
    fare = rng.gamma(3, 5, ROWS).round(2)
    tolls = np.where(rng.random(ROWS) < 0.1, 6.5, 0)
    card = rng.random(ROWS) < 0.7
    tip = np.where(card, fare * rng.uniform(0.1, 0.3, ROWS), 0).round(2)
    return pd.DataFrame(
        {
            "pickup": FIRST + pd.to_timedelta(np.arange(ROWS) * 30, unit="min"),
            "fare": fare,
            "tolls": tolls,
            "card": card,
            "riders": rng.integers(1, 6, ROWS),
            "paid": fare + tolls + tip + rng.choice([0.8, 1.3, 1.8], ROWS),
            "tip": tip,
        }
    )


def arrivals() -> pd.DataFrame:
    """A flight is late if it lands a quarter of an hour after its time."""
    rng = np.random.default_rng(6)
    planned, miles = rng.integers(300, 1400, ROWS), rng.integers(100, 2500, ROWS)
    landed = planned + rng.normal(miles / 200, 20, ROWS).round()
    return pd.DataFrame(
        {
            "day": FIRST + pd.to_timedelta(np.arange(ROWS) * 30, unit="min"),
            "miles": miles,
            "planned": planned,
            "landed": landed,
            "late": landed - planned > 15,
        }
    )


def scored() -> pd.DataFrame:
    """Customers with the answers of the model of last year."""
    rng = np.random.default_rng(7)
    visits, age = rng.poisson(5, ROWS), rng.integers(1, 60, ROWS)
    odds = 3 - visits + age / 30
    return pd.DataFrame(
        {
            "day": FIRST + pd.to_timedelta(np.arange(ROWS) * 30, unit="min"),
            "visits": visits,
            "months": age,
            "riskScore": (100 / (1 + np.exp(-odds))).round(1),
            "model_prediction": (odds > 0).astype(int),
            "left": odds + rng.logistic(size=ROWS) > 0,
        }
    )


def bills() -> pd.DataFrame:
    """An amount that quantity and price tell nearly exactly, and none of them alone."""
    rng = np.random.default_rng(8)
    quantity, price = rng.integers(1, 20, ROWS), rng.gamma(2, 5, ROWS).round(2)
    return pd.DataFrame(
        {
            "day": FIRST + pd.to_timedelta(np.arange(ROWS) * 30, unit="min"),
            "quantity": quantity,
            "price": price,
            "weight": rng.gamma(2, 1, ROWS).round(2),
            "amount": (quantity * price * rng.uniform(0.95, 1.05, ROWS)).round(2),
        }
    )


def init(folder: Path, table: pd.DataFrame, target: str) -> None:
    """A project for the table."""
    table.to_csv(folder / "table.csv", index=False)
    given = ["--data", str(folder / "table.csv"), "--target", target]
    assert main(["init", str(folder / "project"), *given]) == 0


def suspects(folder: Path, *stages: str) -> dict[str, list[str]]:
    """What the stage leakage finds, after stages that are to run before."""
    root = folder / "project"
    with chdir(root):
        for stage in (*stages, "leakage"):
            assert main(["stage", stage]) == 0
    checks = Leakage.read(root).checks
    return {each.check: list(each.columns) for each in checks if each.outcome != "ok"}


def gate_failures(root: Path) -> list[Finding]:
    """What the gate's rule makes of the tables, of a model that shows no leak."""
    (rule,) = (each for each in read_policy(params.load(root)).rules if isinstance(each, NoLeakage))
    told = leakage(rule, Leakage.read(root), build.evaluation(), build.alone("none"))
    failed = [each for each in told if each.outcome is Outcome.FAIL]
    return [_with_advice(rule, each) for each in failed]


def test_a_total_that_contains_the_label_fails_the_gate(tmp_path: Path) -> None:
    init(tmp_path, rides(), "tip")
    assert suspects(tmp_path, *STAGES) == {"label_sum": ["fare", "tolls", "paid"]}
    found = gate_failures(tmp_path / "project")
    assert [each.slice for each in found] == ["label_sum"]
    assert "'tip' is nearly 'paid' - 'fare' - 'tolls', which explains 97" in found[0].detail
    assert "as a total is, out of data/contract.py" in (found[0].fix or "")


def test_a_comparison_of_two_columns_that_is_the_label(tmp_path: Path) -> None:
    init(tmp_path, arrivals(), "late")
    assert suspects(tmp_path, *STAGES) == {"label_sum": ["planned", "landed"]}


def test_answers_of_an_old_model_as_features(tmp_path: Path) -> None:
    init(tmp_path, scored(), "left")
    assert suspects(tmp_path, *STAGES) == {"label_name": ["risk_score", "model_prediction"]}
    # A person who knows better says so, by name.
    file = tmp_path / "project/params.yaml"
    text = file.read_text(encoding="utf-8")
    trusted = text.replace("trusted_columns: []", "trusted_columns: [risk_score]")
    file.write_text(trusted, encoding="utf-8")
    assert suspects(tmp_path) == {"label_name": ["model_prediction"]}
    file.write_text(trusted.replace("[risk_score]", "[riskscore]"), encoding="utf-8")
    told = projects.call(tmp_path / "project", "assay", "stage", "leakage", code=10)
    assert "leakage.trusted_columns: data/contract.py has no feature 'riskscore'" in told


def test_a_good_model_of_features_known_before_passes(tmp_path: Path) -> None:
    init(tmp_path, bills(), "amount")
    root = tmp_path / "project"
    assert suspects(tmp_path, "code", *STAGES) == {}
    with chdir(root):
        assert main(["stage", "train", "boosting"]) == 0
        shutil.copytree(root / layout.CANDIDATES / "boosting", root / layout.BUNDLE)
        assert main(["stage", "evaluate"]) == 0
    (rule,) = (each for each in read_policy(params.load(root)).rules if isinstance(each, NoLeakage))
    told = leakage(rule, Leakage.read(root), Evaluation.read(root), build.alone("none"))
    assert [each.detail for each in told if each.blocks] == []
    # That it is far better than any feature alone is for a person to read.
    assert [each.slice for each in told if each.outcome is not Outcome.PASS] == ["error_jump"]
