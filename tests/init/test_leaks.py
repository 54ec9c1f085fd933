from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from assay.init.leaks import Leaks, find_leaks

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
            "in_cents": np.round(amount * 100),
            "noise": rng.choice([f"{number:05}" for number in range(ROWS)], ROWS),
        }
    )


def test_what_is_known_only_with_the_label_is_found(rows: pd.DataFrame) -> None:
    found = find_leaks(rows, "bad", "binary", ["amount", "written_off", "status", "kind", "noise"])
    assert set(found.certain) == {"written_off", "status"}
    assert "AUC of 1.000" in found.certain["status"]
    # The label was made of it; whether that is known before, only a person knows.
    assert set(found.likely) == {"amount"}
    assert found.likely["amount"].startswith(
        "alone it ranks rows with an AUC of 0.977: is it known"
    )


def test_a_class_in_other_words_is_found_and_so_is_one_of_several(rows: pd.DataFrame) -> None:
    found = find_leaks(rows, "kind", "multiclass", ["kind_code", "is_a", "amount"])
    assert {name: why.rpartition("alone ")[2] for name, why in found.certain.items()} == {
        "kind_code": "it ranks rows with an AUC of 1.000",
        "is_a": "it ranks kind=a with an AUC of 1.000",
    }
    # A measure that parts one class from the others may do so by right.
    measured = rows.assign(petal=rows["noise"].astype(float) + 9999 * rows["is_a"])
    petal = find_leaks(measured, "kind", "multiclass", ["petal"])
    assert petal.certain == {} and "ranks kind=a" in petal.likely["petal"]


@pytest.mark.parametrize("many", [2000, 20_000])
def test_a_rare_class_is_ranked_exactly(many: int) -> None:
    rng = np.random.default_rng(7)
    weight = rng.normal(3000, 500, many).round()
    rare = pd.DataFrame({"small": weight <= np.sort(weight)[40], "weight": weight})
    rare["blurred"] = weight + rng.normal(0, 250, many)
    rare["gaps"] = rare["weight"].where(rng.random(many) < 0.98)
    found = find_leaks(rare, "small", "binary", ["weight", "blurred", "gaps"])
    assert "AUC of 1.000" in found.certain["weight"]
    said = {**found.certain, **found.likely}["blurred"]
    told = float(said.partition("AUC of ")[2][:5])
    assert told == pytest.approx(roc_auc_score(rare["small"], -rare["blurred"]), abs=0.001)


def test_too_few_rows_of_a_class_accuse_nobody() -> None:
    noise = pd.DataFrame(np.random.default_rng(8).normal(size=(500, 60)))
    noise.columns = [f"n{number}" for number in noise]
    rare = noise.assign(odd=noise.index < 2)
    assert find_leaks(rare, "odd", "binary", list(noise)) == Leaks()


def test_a_number_in_another_unit_is_found(rows: pd.DataFrame) -> None:
    assert set(find_leaks(rows, "amount", "regression", ["in_cents", "bad", "noise"]).certain) == {
        "in_cents"
    }


def test_few_rows_accuse_nobody(rows: pd.DataFrame) -> None:
    assert find_leaks(rows.head(90), "bad", "binary", ["status"]) == Leaks()


def test_infinities_are_values_like_others(rows: pd.DataFrame) -> None:
    odd = np.where(rows.index % 50, rows["amount"], np.inf)
    assert find_leaks(rows.assign(odd=odd), "bad", "binary", ["odd"]).certain == {}


@pytest.mark.parametrize("many", [124, 300, 900])
def test_of_few_rows_too_a_function_of_the_label_gives_it_away(many: int) -> None:
    rng = np.random.default_rng(4)
    y, noise, x = rng.normal(6, 2, many), rng.normal(size=many), rng.normal(size=many)
    few = pd.DataFrame({"y": y, "yes": x > 0, "x": x, "price": 1e4 - 25 * y, "noise": noise})
    few["near"] = y + rng.normal(0, 1, many)
    number = find_leaks(few, "y", "regression", ["price", "noise", "near", "x"])
    assert (set(number.certain), set(number.likely)) == ({"price"}, set())
    truth = find_leaks(few, "yes", "binary", ["x", "noise", "near"])
    assert {*truth.certain, *truth.likely} == {"x"}
