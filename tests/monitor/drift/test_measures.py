"""Measures under monitor.measures: limits on Assay's, and what a project's own may do wrong."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from assay.columns.features import FrameFeatures
from assay.columns.profile_counter import compute_profile
from assay.columns.reference import Reference, build_reference
from assay.errors import AssayError, LimitCrossed, ParamsError, PluginError
from assay.model.prediction import score_grids
from assay.monitor.drift.budget import DriftTest, evidence
from assay.monitor.drift.drift import DriftFinding, decide
from assay.monitor.drift.measures import read_measures
from assay.project.params import Params, parse
from tests.monitored import PARAMS, Project, rows_of, scores_of

CODE = """\
from assay.testing import Measure


class Own(Measure):
    shift: float = 0.0

    def value(self, grid, before, night):
        return VALUE


class None_(Measure):
    pass
"""


def asked(root: Path, *measures: str, value: str = "self.shift") -> Params:
    (root / "data").mkdir(exist_ok=True)
    (root / "data/own.py").write_text(CODE.replace("VALUE", value))
    listed = ", ".join(f"{{{each}}}" for each in measures)
    text = PARAMS.replace("workspace: null", f"workspace: null, measures: [{listed}]")
    assert text != PARAMS
    return parse(text, "params.yaml")


@pytest.fixture(scope="module")
def reference() -> Reference:
    tables = [
        rows_of(f"2013-01-{day:02}", day).assign(probability=scores_of("binary", day))
        for day in range(1, 31)
    ]
    whole = pd.concat(tables, ignore_index=True)
    grids = score_grids("binary", (), whole["probability"].to_numpy())
    return build_reference(whole, whole["at"].dt.strftime("%Y-%m-%d"), ["x"], ["c"], grids)


def measured(reference: Reference, root: Path, *measures: str, **more: str) -> Any:
    """An ordinary night's findings by column, and what goes to the budget."""
    params = asked(root, *measures, **more)
    night = rows_of("2013-02-01", 100).assign(probability=scores_of("binary", 100))
    profile = compute_profile(FrameFeatures(night), reference.grid)
    limits = params.monitor
    drift = decide(reference, profile, limits, len(night), measures=read_measures(params, root))
    seen = evidence("2013-02-01", "", drift, reference, limits)
    return {each.column: each for each in drift.findings}, seen, drift


def test_a_limit_on_one_of_assays_is_one_by_hand(reference: Reference, tmp_path: Path) -> None:
    psi = "measure: psi, limit: 0, columns: [x]"
    findings, seen, drift = measured(reference, tmp_path, psi, "measure: ks")
    x: DriftFinding = findings["x"]
    over, shown = x.measured
    assert (over.title, over.value, over.limit) == ("psi", x.psi, 0)
    assert x.drifted and x.crossed and not x.decisive and over.words in x.reasons
    assert (shown.title, shown.value, shown.words) == ("ks", x.ks, "")
    assert [each.title for each in findings["probability"].measured] == ["ks"]
    assert findings["c"].measured == ()  # which has no distribution function
    assert seen.over == {DriftTest("x", "features", "psi"): over.words}
    assert not drift.crossed and drift.drifted == ("x",)


def test_a_score_over_a_limit_crosses_at_once(reference: Reference, tmp_path: Path) -> None:
    own = "measure: data.own.Own, limit: 1, shift: 2.5, columns: [probability]"
    _, seen, drift = measured(reference, tmp_path, own)
    words = "data.own.Own 2.500 over its limit 1.000"
    assert drift.reasons == (f"probability: {words}",)
    assert seen.over == {DriftTest("probability", "answers", "data.own.Own"): words}


def test_what_is_no_number_is_over_any_limit(reference: Reference, tmp_path: Path) -> None:
    own = "measure: data.own.Own, limit: 1, columns: [x]"
    findings, _, _ = measured(reference, tmp_path, own, value="float('nan')")
    (each,) = findings["x"].measured
    assert each.value is None and findings["x"].drifted
    findings, _, drift = measured(reference, tmp_path, own, value="None")
    assert findings["x"].measured == () == drift.drifted


@pytest.mark.parametrize(
    ("measure", "value", "error", "words"),
    [
        ("measure: psy", "0", ParamsError, "Did you mean 'psi'"),
        ("measure: psi, limt: 1", "0", ParamsError, r"measures\[0\].limt: .*'limit'"),
        ("measure: psi, limit: high", "0", ParamsError, r"measures\[0\].limit: expected a number"),
        ("measure: data.own.Own, shift: x", "0", ParamsError, r"measures\[0\].shift"),
        ("measure: data.own.Owm", "0", PluginError, "Did you mean 'Own'"),
        ("measure: data.own.None_", "0", PluginError, "no measure of drift"),
        ("measure: data.own.Measure", "0", PluginError, "no measure of drift"),
        ("measure: data.own.Own", "1 / 0", PluginError, r"data/own.py:8: .*ZeroDivisionError"),
        ("measure: data.own.Own", "exit(0)", PluginError, "SystemExit"),
        ("measure: data.own.Own", "'far'", PluginError, "TypeError.*data.own.Own of column"),
    ],
)
def test_what_is_wrong_is_one_line(
    reference: Reference,
    tmp_path: Path,
    measure: str,
    value: str,
    error: type[AssayError],
    words: str,
) -> None:
    with pytest.raises(error, match=words) as caught:
        measured(reference, tmp_path, measure, value=value)
    assert all("params.yaml" in line for line in caught.value.lines())


def test_a_night_is_decided_again_when_the_code_is_another(project: Project) -> None:
    project.params = asked(project.root, "measure: data.own.Own, limit: 1, columns: [x]")
    for night in ("2013-02-01", "2013-02-02"):
        project.score(night, f"run-{night}")

    def values() -> list[float]:
        with suppress(LimitCrossed):
            project.monitor("2013-02-02")
        decisions = project.store.decisions().values()
        return [float(each.partition('"measured":[{')[2].partition('"value":')[2].split(",")[0])
                for each in decisions]  # fmt: skip

    assert values() == [0, 0]
    asked(project.root, value="2.5")
    assert values() == [2.5, 2.5]
