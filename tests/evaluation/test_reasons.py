"""Reasons over the holdout: importance with intervals, and what changed since the champion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import ReasonsUnknown
from assay.evaluation import evaluate, reasons
from assay.evaluation.reasons import (
    ExplainedRows,
    compare_reasons,
    explain_rows,
    measure_reasons,
)
from assay.metrics.estimate import Estimate
from assay.metrics.sampling_units import SamplingUnits
from assay.model import bundle as bundles
from assay.model import holdout
from assay.model.bundle_files import verified_digest
from assay.project import layout
from assay.project import params as parameters
from assay.project.params import Evaluate
from tests.evaluation.rehearsals import edit

FEW = Evaluate(min_slice_rows=50)


def explained(
    values: Any, *, features: tuple[str, ...] = ("x", "y"), against: str = "all", **columns: Any
) -> ExplainedRows:
    values = np.asarray(values, np.float64)
    frame = pd.DataFrame(columns, index=np.arange(len(values)))
    return ExplainedRows(frame, np.arange(len(values)), features, values, "log odds", against)


def test_the_mean_absolute_contribution_overall_and_on_slices() -> None:
    values = np.random.default_rng(1).normal([0.1, -2], 1, (300, 2))
    origin = np.repeat(["JFK", "LGA", "rare"], [200, 60, 40])
    found = measure_reasons(
        explained(values, origin=origin), SamplingUnits.rows(300), ("origin",), FEW
    )
    assert found.whole is not None and found.scale == "log odds"
    assert [*found.whole.features] == ["y", "x"] and found.whole.rows == 300
    one = found.whole.features["y"]
    assert one.value == pytest.approx(np.abs(values[:, 1]).mean(), rel=1e-5)
    assert one.low < one.value < one.high
    assert {title: part.rows for title, part in found.slices.items()} == {
        "origin=JFK": 200,
        "origin=LGA": 60,
    }
    jfk = found.slices["origin=JFK"].features["x"].value
    assert jfk == pytest.approx(np.abs(values[:200, 0]).mean(), rel=1e-5)


def test_nights_widen_it() -> None:
    random = np.random.default_rng(3)
    nights = np.repeat(np.arange(30), 40)
    values = (np.repeat(random.normal(3, 1, 30), 40) + random.normal(0, 0.1, 1200))[:, None]
    rows = explained(values, features=("x",))

    def measured(units: SamplingUnits) -> Estimate:
        whole = measure_reasons(rows, units, (), FEW).whole
        assert whole is not None and whole.units == units.count
        return whole.features["x"]

    by_row = measured(SamplingUnits.rows(1200))
    wide = measured(SamplingUnits.of("night", pd.Series(nights)))
    assert wide.high - wide.low > 4 * (by_row.high - by_row.low)
    few = measured(SamplingUnits.of("night", pd.Series(nights % 5)))
    assert few.doubt == "it has 5 nights, fewer than 10" and few.low is not None
    none = measured(SamplingUnits.of("night", pd.Series(nights % 2)))
    assert none.few and none.low is None and none.needed == 10


@given(st.integers(0, 100), st.integers(1, 4))
def test_strongest_reasons_are_compared_by_name(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    names = tuple("abcd"[:count])
    values = random.normal(size=(60, count)) * (random.random((60, 1)) < 0.8)
    order = random.permutation(count)
    one = explained(values, features=names)
    other = explained(-2 * values[:, order], features=tuple(names[place] for place in order))
    same = compare_reasons(one, other, SamplingUnits.rows(60), (), FEW)
    assert same.whole is not None and same.whole.changed.value == 0
    assert all(was == pytest.approx(now) for was, now in same.parts.values())
    swapped = explained(values, features=tuple(name.upper() for name in names))
    all_other = compare_reasons(one, swapped, SamplingUnits.rows(60), (), FEW)
    moved = float((values != 0).any(axis=1).mean())  # what nothing moves has no reason to change
    assert all_other.whole is not None
    assert all_other.whole.changed.value == pytest.approx(moved)
    assert set(all_other.parts) == {*names, *(name.upper() for name in names)}


def test_without_exact_reasons_nothing_is_compared() -> None:
    rows = explained([[1.0, 0.0]])
    for before, after, whose in (("no trees", rows, "champion"), (rows, "no trees", "challenger")):
        found = compare_reasons(before, after, SamplingUnits.rows(1), (), FEW)
        assert (found.whole, found.why) == (None, f"{whose}: no trees")
    other = compare_reasons(
        explained([[1.0, 0.0]], against="30 rows"), rows, SamplingUnits.rows(1), (), FEW
    )
    assert other.whole is None and "30 rows for the champion, all for the" in str(other.why)


def test_at_most_so_many_rows_are_explained_the_same_for_both(
    parcels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reasons, "ROWS", 100)
    frame = holdout.read(parcels)
    drawn = []
    for name in ("logistic", "prior"):
        bundle = bundles.load(parcels / layout.CANDIDATES / name, expected=None, allow_types=())
        found = explain_rows(bundle, frame, holdout.score(bundle, frame), 3)
        assert isinstance(found, ExplainedRows)
        drawn.append(found.rows)
    assert len(drawn[0]) == 100 and (np.diff(drawn[0]) > 0).all()
    assert (drawn[0] == drawn[1]).all()


def _refuse(_: object) -> None:
    raise ReasonsUnknown("the reasons are not known", found="no <trees>")


def test_a_model_that_is_not_compiled_keeps_its_permutation_importance_by_that_name(
    parcels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reasons, "explainer_of", _refuse)
    found = evaluate.run(parcels, parameters.load(parcels))
    assert found.importance is not None and found.importance.metric == "log_loss"
    assert found.reasons is not None and found.reasons.whole is None
    html = (parcels / layout.EVALUATION_PAGE).read_text()
    assert "Not by exact contributions</b> (the reasons are not known: no &lt;trees&gt;)" in html
    assert "By how much log_loss gets worse".lower() in html.replace("\n", " ").lower()
    assert "Mean absolute contribution" not in html


def test_compare_writes_what_changed(match: Any) -> None:
    edit(match.root, "params.yaml", "unit: row", "unit: day")
    found = match.compared().reasons
    frame = pd.read_parquet(match.root / layout.HOLDOUT_TABLE)
    # With the prior nothing moves a score, so every row has another strongest reason now.
    assert found.whole.changed.value == 1 and found.whole.rows == len(frame)
    assert {was for was, _ in found.parts.values()} == {0.0}
    assert sum(now for _, now in found.parts.values()) == pytest.approx(1)
    assert {title.partition("=")[0] for title in found.slices} == {"depot"}
    page = (match.root / layout.COMPARISON_PAGE).read_text()
    assert "<b>Reasons:</b> 100.0% of rows have another strongest reason" in page
    match.champion("logistic")
    assert match.compared().reasons.whole.changed.value == 0


def test_a_champion_that_cannot_be_explained_keeps_its_other_numbers(
    match: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion = verified_digest(match.root / layout.CHAMPION_BUNDLE)
    exact = reasons.explainer_of
    monkeypatch.setattr(
        reasons,
        "explainer_of",
        lambda bundle: _refuse(bundle) if bundle.digest == champion else exact(bundle),
    )
    found = match.compared()
    assert found.differences is not None
    assert found.reasons.whole is None
    assert found.reasons.why == "champion: the reasons are not known: no <trees>"
    assert json.loads((match.root / layout.COMPARISON).read_text())["reasons"]["why"]
