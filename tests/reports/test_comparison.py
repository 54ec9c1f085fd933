from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import DataError, StageInputMissing
from assay.metrics.estimate import Estimate
from assay.metrics.intervals.difference import Difference
from assay.project.document import dumps
from assay.reports.comparison import (
    Challenger,
    ComparedChampion,
    Comparison,
    SliceComparison,
    Stability,
    sort_slices,
)
from tests.gate.build import changed

ONE = Difference(
    *(0.7, 0.75, 0.05, 0.01, 0.2, 31.5, 0.03, 0.07, "DeLong"),
    *(None, 2.5, False, None, "tails", 12.5),
)
NO_VALUE = Difference(
    *(None, None, None, None, 0.0, None, None, None, "none"),
    *("one class only", None, True, 12, None, None),
)


def part(
    value: str, rows: int, units: int, differences: Any, why: str | None = None
) -> SliceComparison:
    return SliceComparison(
        field="depot", value=value, rows=rows, units=units, differences=differences, why=why
    )


FOUND = Comparison(
    name="parcels",
    task="binary",
    state="compared",
    why=None,
    challenger=Challenger(candidate="logistic", bundle="sha256:1"),
    champion=ComparedChampion(version="v0.1.0", bundle="sha256:2"),
    data="sha256:3",
    contract="sha256:4",
    rows=1000,
    confidence=0.95,
    unit="night",
    units=30,
    differences={"auc": ONE, "brier": NO_VALUE},
    slices=(
        part("north", 600, 30, {"auc": ONE}),
        part("", 300, 29, {"auc": replace(ONE, value=-0.01)}),
        part("west", 100, 9, None, "100 rows, fewer than 200"),
    ),
    stability=Stability(
        distance=0.125, flipped=Estimate(0.25, 0.2, 0.3, None, 28.5, 2.5), rows=250
    ),
)
NONE = changed(
    FOUND,
    state="none",
    why="nothing holds prod",
    champion=None,
    differences=None,
    slices=(),
    stability=None,
)


def tree(found: Comparison) -> dict[str, Any]:
    return json.loads(dumps(found.tree()))


@pytest.mark.parametrize(
    "found",
    [
        FOUND,
        NONE,
        changed(
            NONE,
            state="unreadable",
            champion=ComparedChampion(version="v0.1.0", bundle=None),
            why="gone",
        ),
        changed(NONE, state="incomparable", champion=FOUND.champion, why="task"),
        changed(
            FOUND,
            task="regression",
            stability=Stability(distance=0.5, flipped=None, rows=None),
        ),
    ],
    ids=["compared", "none", "unreadable", "incomparable", "regression"],
)
def test_what_is_written_is_what_is_read(found: Comparison) -> None:
    assert Comparison.parse(dumps(found.tree()), "it") == found


small = st.floats(allow_nan=False, allow_infinity=False)


@given(value=small, error=st.floats(min_value=5e-324, max_value=1e308))
def test_numbers_keep_their_sign_and_size(value: float, error: float) -> None:
    one = replace(ONE, value=value, standard_error=error)
    found = Comparison.parse(dumps(changed(FOUND, differences={"mae": one}).tree()), "it")
    assert found.differences is not None
    read_back = found.differences["mae"]
    assert math.isclose(read_back.value or 0.0, value, rel_tol=1e-11)
    # An error that reads 0 says that the models are identical.
    assert read_back.standard_error is not None and read_back.standard_error > 0


def test_nan_is_let_in_for_the_rules_to_refuse() -> None:
    spoilt = tree(FOUND)
    spoilt["differences"]["auc"]["standard_error"] = math.nan
    found = Comparison.parse(json.dumps(spoilt), "it").differences
    assert found is not None and math.isnan(found["auc"].standard_error or 0.0)


def test_slices_that_lost_most_come_first_and_those_without_a_value_last() -> None:
    assert [each.value for each in sort_slices(FOUND)] == ["", "north", "west"]
    lower = changed(
        FOUND,
        task="regression",
        slices=tuple(
            part(name, 300, 30, {"mae": replace(ONE, value=value)})
            for name, value in (("better", -1.0), ("worse", 1.0))
        ),
    )
    assert [each.value for each in sort_slices(lower)] == ["worse", "better"]


def spoil(*path: Any, value: Any = None, drop: bool = False) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        node: Any = document
        for key in path[:-1]:
            node = node[key]
        if drop:
            del node[path[-1]]
        else:
            node[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (spoil("schema", value=1), "schema is 1, not 2"),
        (spoil("unit", drop=True), "unit is missing"),
        (spoil("units", value=-1), "units is -1, not 0 or more"),
        (spoil("slices", 0, "units", drop=True), "slices[0].units is missing"),
        (spoil("stability", "flipped", value=0.25), "stability.flipped is"),
        (spoil("state", value="fine"), "state is 'fine', not 'none', 'compared'"),
        (spoil("task", value="ranking"), "task is 'ranking'"),
        (spoil("champion", value=None), "champion is null: state is compared"),
        (spoil("champion", "bundle", value=None), "champion.bundle is null"),
        (spoil("differences", value=None), "differences is missing: state is compared"),
        (spoil("stability", value=None), "stability is missing: state is compared"),
        (spoil("stability", "rows", value=-1), "stability.rows is -1, not 0 or more"),
        (spoil("state", value="none"), "differences is there: state is none"),
        (spoil("stability", "rows", value=None), "stability.rows is null, and flipped is not"),
        (spoil("confidence", value=1.0), "confidence is 1.0, not under 1"),
        (
            spoil("differences", "auc", "value", value="0.1"),
            "differences.auc.value is '0.1', not a number",
        ),
        (spoil("differences", "auc", "low", drop=True), "differences.auc.low is missing"),
        (spoil("differences", "brier", "why", value=None), "differences.brier.why is missing"),
        (spoil("differences", "auc", "few", drop=True), "differences.auc.few is missing"),
        (spoil("differences", "brier", "needed", value=-1), "differences.brier.needed is -1"),
        (spoil("why", drop=True), "why is missing"),
        (spoil("slices", 0, "why", drop=True), "slices[0].why is missing"),
        (spoil("slices", 0, "hat", value=1), "slices[0].hat is no key that belongs here"),
        (spoil("slices", 2, "why", value=None), r"slices[2].why is missing"),
        (spoil("slices", 0, "value", value=None), r"slices[0].value is null"),
        (spoil("slices", 1, "value", value="north"), "slices has depot=north more than once"),
        (spoil("rows", value=True), "rows is True, not a whole number"),
    ],
)
def test_a_file_that_somebody_edited_is_refused(
    change: Callable[[dict[str, Any]], None], told: str
) -> None:
    document = copy.deepcopy(tree(FOUND))
    change(document)
    with pytest.raises(DataError) as caught:
        Comparison.parse(json.dumps(document), "comparison.json")
    assert told in caught.value.line()
    assert "dvc repro compare" in caught.value.line()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (spoil("why", value=None), "why is missing: state is none for no reason"),
        (spoil("champion", value={"version": "v1", "bundle": None}), "champion is there"),
        (spoil("slices", value=tree(FOUND)["slices"]), "slices are there: state is none"),
    ],
)
def test_no_champion_has_a_reason_and_no_numbers(
    change: Callable[[dict[str, Any]], None], told: str
) -> None:
    document = tree(NONE)
    change(document)
    with pytest.raises(DataError, match=told):
        Comparison.parse(json.dumps(document), "comparison.json")


def test_a_stage_that_has_not_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(StageInputMissing, match="compare has not run"):
        Comparison.read(tmp_path)
    FOUND.write(tmp_path)
    assert Comparison.read(tmp_path) == FOUND
