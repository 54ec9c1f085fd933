from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from assay.init.leaks import Halves, Leaks, find_leaks
from assay.project.tasks import Task

ROWS = 4000


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    amount = rng.gamma(2, 50, ROWS)
    bad = amount + rng.normal(0, 20, ROWS) > 110
    kind = rng.choice(["a", "b", "c"], ROWS)
    return pd.DataFrame(
        {
            "amount": amount,
            "bad": bad,
            "written_off": np.where(bad, rng.uniform(1, 100, ROWS), 0.0),
            "status": np.where(bad, "closed", "open"),
            "kind": kind,
            "kind_code": pd.Series(kind).map({"a": 10, "b": 20, "c": 30}),
            "is_a": kind == "a",
            "petal": rng.uniform(0, 9999, ROWS) + 9999 * (kind == "a"),
            "in_cents": np.round(amount * 100),
            "odd": np.where(np.arange(ROWS) % 50, amount, np.inf),
            "noise": rng.choice([f"{number:05}" for number in range(ROWS)], ROWS),
        }
    )


def found(rows: pd.DataFrame, label: str, task: Task, *columns: str) -> Leaks:
    return find_leaks(Halves(rows, label, task), columns)


@pytest.mark.parametrize(
    ("label", "task", "columns", "certain", "likely"),
    [
        # The label was made of amount; whether that is known before, only a person knows.
        ("bad", "binary", "amount written_off status kind noise odd", "written_off status",
         "amount odd"),
        # A measure that parts one class from the others may do so by right.
        ("kind", "multiclass", "kind_code is_a amount petal", "kind_code is_a", "petal"),
        ("amount", "regression", "in_cents bad noise", "in_cents", ""),
    ],
)  # fmt: skip
def test_what_is_known_only_with_the_label_is_found(
    rows: pd.DataFrame, label: str, task: Task, columns: str, certain: str, likely: str
) -> None:
    leaks = found(rows, label, task, *columns.split())
    assert ({*leaks.certain}, {*leaks.likely}) == ({*certain.split()}, {*likely.split()})
    assert leaks.powers.keys() == {*columns.split()}


def test_few_rows_or_few_of_a_class_accuse_nobody(rows: pd.DataFrame) -> None:
    assert found(rows.head(50), "bad", "binary", "status") == Leaks()
    rare = rows.assign(rare=rows.index < 2)
    assert found(rare, "rare", "binary", "amount", "noise") == Leaks()


@pytest.mark.parametrize("many", [124, 300, 900])
def test_of_few_rows_too_a_function_of_the_label_gives_it_away(many: int) -> None:
    rng = np.random.default_rng(4)
    y, noise = rng.normal(6, 2, many), rng.normal(size=many)
    few = pd.DataFrame({"y": y, "price": 1e4 - 25 * y, "noise": noise})
    few["near"] = y + rng.normal(0, 1, many)
    number = found(few, "y", "regression", "price", "noise", "near")
    assert ({*number.certain}, {*number.likely}) == ({"price"}, set())
