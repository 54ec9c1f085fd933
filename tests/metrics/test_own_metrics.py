"""What a function of the project's own gets, what it may not do, and how that is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from assay.errors import PluginError
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.own_metrics import checked_value, load_own_metrics

CODE = """
import random
import sys


def saved(truth, predicted, price, threshold):
    price[:] = price * 1.0
    return float((price * (predicted & truth)).sum()) + threshold


def named(truth, predicted, classes, weight=3):
    assert set(truth) | set(predicted) <= set(classes)
    return (truth == predicted).mean()


def where(place, scores):
    return sum(each is None for each in place) + scores.mean() * 0


def unseeded(truth):
    return random.random()


def broken(truth):
    return {}["nothing"]


def ends(truth):
    sys.exit(0)


def text(truth):
    return "0.5"


def yes(truth):
    return True


def several(truth):
    return truth


def nothing(truth):
    pass


def asks(y_true):
    return 1.0


def plain():
    return 1.0


def near(thrut):
    return 1.0


value = 3


class Metric:
    pass
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "own").mkdir()
    (tmp_path / "own/metrics.py").write_text(CODE, encoding="utf-8")
    return tmp_path


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "price": pd.array([1, 2, None, 4], dtype="Int64"),
            "place": pd.Series(["a", None, "b", "a"]),
            "paid": [1, 2, 3, 4],
        }
    )


def binary() -> LabelledScores:
    truth = np.array([True, True, False, False])
    return LabelledScores("binary", truth, np.array([0.9, 0.2, 0.8, 0.1]), threshold=0.5)


def measured(root: Path, frame: pd.DataFrame, name: str, scored: LabelledScores) -> float:
    (metric,) = load_own_metrics({f"own.metrics.{name}": "lower"}, root, [*frame.columns])
    assert metric.better == "lower"
    return checked_value(metric, metric.measure(frame, scored), len(scored))


def test_a_function_gets_what_its_parameters_are_called(root: Path, frame: pd.DataFrame) -> None:
    frame["price"] = [10.0, 20.0, 30.0, 40.0]
    assert measured(root, frame, "saved", binary()) == 10.5
    # Though the function writes into what it gets.
    assert frame["price"].tolist() == [10.0, 20.0, 30.0, 40.0]
    assert measured(root, frame, "where", binary()) == 1


def test_a_number_that_is_missing_is_not_a_number(root: Path, frame: pd.DataFrame) -> None:
    assert np.isnan(
        measured(root, frame.assign(price=pd.array([None] * 4, "Int64")), "saved", binary())
    )


def test_classes_go_by_their_names(root: Path, frame: pd.DataFrame) -> None:
    scores = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1], [0.1, 0.1, 0.8]])
    scored = LabelledScores("multiclass", np.array([0, 1, 2, 2]), scores, ("a", "b", "c"))
    assert measured(root, frame, "named", scored) == 0.75


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("unseeded", "another value for the same rows"),
        ("broken", r"KeyError: 'nothing' .*own/metrics\.py:25"),
        ("ends", "failed with SystemExit"),
        ("text", "returns no number .*found str"),
        ("yes", "returns no number .*found bool"),
        ("several", "returns no number .*found ndarray"),
        ("nothing", "returns no number .*found NoneType"),
        ("asks", "asks for 'y_true', which it cannot get"),
        ("near", "Did you mean 'truth'"),
        ("plain", "asks for nothing"),
        ("value", "no function .*found own.metrics.value, which is of type int"),
        ("Metric", "no function .*which is a class"),
        ("savd", "Did you mean 'saved'"),
    ],
)
def test_what_is_wrong_is_one_line(root: Path, frame: pd.DataFrame, name: str, words: str) -> None:
    with pytest.raises(PluginError, match=words) as found:
        measured(root, frame, name, binary())
    line = found.value.line()
    assert "\n" not in line and f"params.yaml: evaluate.metrics.own.metrics.{name}" in line
