"""What must never pass, one case a line of the table, shown for real.

A case ends in GateNotPassed with a FAIL in the verdict, or in an error of its own; in no case is a
verdict left that says PASS. Where model tests are the point, pytest runs as the stage gate runs it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.errors import AssayError, ContractBroken, GateNotPassed, LabelError, RunError
from assay.evaluation.evaluate import evaluate
from assay.gate import waivers
from assay.gate.pytest_run import decided
from assay.gate.stage import run
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.sampling_units import SamplingUnits
from assay.model import holdout
from assay.project import layout
from assay.project.params import Evaluate
from assay.reports.verdict import Outcome, Verdict
from tests.gate import build
from tests.gate.test_stage_alone import Stand

ROOT = Path(__file__).resolve().parents[2]
NAN, INF = float("nan"), float("inf")
AUC = {"value": 0.8, "low": 0.75, "high": 0.85}
SLICE = "name: everywhere, metric: auc, slice: place, min: 0.6"
SOON = (waivers.today() + timedelta(days=30)).isoformat()
WAIVER = f'[{{rule: ranks, because: so, owner: us, until: "{SOON}"}}]'
TABLE: dict[str, Callable[[Any], None]] = {}


def case(prepare: Callable[[Any], None]) -> Callable[[Any], None]:
    """One line of the table; its name is the function's."""
    TABLE[prepare.__name__] = prepare
    return prepare


def measured(truth: Any, scores: Any) -> dict[str, Any]:
    """What evaluate makes of these rows, all in one place."""
    frame = pd.DataFrame({"place": ["east"] * len(truth)})
    scored = LabelledScores("binary", np.array(truth), np.array(scores, dtype=float), (), 0.5)
    found = evaluate(frame, scored, SamplingUnits.rows(len(frame)), ["place"], Evaluate())
    return json.loads(json.dumps(found.tree()))  # type: ignore[no-any-return]


@case
def empty_holdout(tiny: Any) -> None:
    tiny.evaluation(rows=0, positives=0, selected=0)


@case
def empty_holdout_of_every_report(tiny: Any) -> None:
    """No limit is asked for, and every other kind of rule fails by itself."""
    tiny.policy("name: fast, kind: cost, of: latency_ms, max: 100")
    nothing = {"rows": 0, "batch_rows": 0, "latency_ms": 0.0, "memory_mb": 0.0}
    tiny.rehearsal(**nothing, parity=(build.parity(rows=0),))


@case
def empty_slice(tiny: Any) -> None:
    slices = tiny.tree()["slices"]
    tiny.evaluation(slices=[slices[0], {**slices[1], "rows": 0}])


@case
def empty_slices(tiny: Any) -> None:
    tiny.evaluation(slices=[])


@case
def nan_metric(tiny: Any) -> None:
    tiny.evaluation(metrics={"auc": {**AUC, "value": NAN}})


@case
def infinite_metric(tiny: Any) -> None:
    tiny.evaluation(metrics={"auc": {**AUC, "value": INF, "high": INF}})


@case
def nan_end_of_an_interval(tiny: Any) -> None:
    tiny.evaluation(metrics={"auc": {**AUC, "low": NAN}})


@case
def infinite_difference(tiny: Any) -> None:
    tiny.policy("name: no worse, kind: change, metric: auc, margin: 0.5")
    tiny.comparison(build.comparison(build.difference(INF)))


@case
def nan_difference(tiny: Any) -> None:
    tiny.policy("name: no worse, kind: change, metric: auc, margin: 0.5")
    tiny.comparison(build.comparison(build.difference(NAN, 0.0)))


@case
def constant_scores(tiny: Any) -> None:
    tiny.evaluation(**measured([True, False] * 300, [0.3] * 600))


@case
def one_class(tiny: Any) -> None:
    tiny.evaluation(**measured([True] * 600, np.linspace(0, 1, 600)))


@case
def missing_metric(tiny: Any) -> None:
    tiny.evaluation(metrics={"brier": AUC})


@case
def unknown_rule_kind(tiny: Any) -> None:
    tiny.policy("name: ranks, kind: limt, metric: auc, min: 0.1")


@case
def unknown_metric(tiny: Any) -> None:
    tiny.policy("name: ranks, metric: acu, min: 0.1")


@case
def unknown_slice(tiny: Any) -> None:
    tiny.policy("name: everywhere, metric: auc, slice: plaec, min: 0.1")


@case
def unknown_fairness_field(tiny: Any) -> None:
    tiny.policy("name: fair, kind: fairness, of: auc, across: plaec, max_difference: 1")


@case
def duplicate_rule(tiny: Any) -> None:
    tiny.policy("name: ranks, metric: auc, min: 0.1", "name: ranks, metric: auc, min: 0.1")


@case
def zero_rules(tiny: Any) -> None:
    tiny.policy()
    text = (tiny.root / layout.PARAMS).read_text()
    before, _, rest = text.partition("  rules:\n")
    tiny.write(layout.PARAMS, f"{before}  rules: []\nscore:{rest.partition('score:')[2]}")


@case
def only_warnings(tiny: Any) -> None:
    """Rules that decide nothing, and no model test: nothing decided is not PASS."""
    tiny.policy("name: ranks, metric: auc, min: 0.1, severity: warn")
    (tiny.root / "tests/model/test_it.py").unlink()


@case
def unreadable_champion(tiny: Any) -> None:
    """Though no rule asks about it."""
    tiny.comparison(build.alone("unreadable", "the bundle is gone"))


@case
def champion_whose_features_are_gone(tiny: Any) -> None:
    tiny.comparison(build.alone("features_missing", "no column 'wind'"))


@case
def champion_of_another_question(tiny: Any) -> None:
    tiny.comparison(build.alone("incomparable", "other classes"))


@case
def missing_comparison(tiny: Any) -> None:
    (tiny.root / layout.COMPARISON).unlink()


@case
def malformed_comparison(tiny: Any) -> None:
    tiny.write(layout.COMPARISON, "{}")


@case
def missing_rehearsal(tiny: Any) -> None:
    tiny.policy("name: same, kind: parity")
    (tiny.root / layout.REHEARSAL).unlink()


@case
def missing_leakage(tiny: Any) -> None:
    tiny.policy("name: apart, kind: leakage")
    (tiny.root / layout.LEAKAGE).unlink()


@case
def missing_contract_result(tiny: Any) -> None:
    tiny.policy("name: kept, kind: contract, max_bad_share: 1")
    (tiny.root / layout.CONTRACT_REPORT / "result.json").unlink()


@case
def clock_behind_the_newest_commit(tiny: Any) -> None:
    """With a waiver: nobody can tell whether it has ended."""
    tiny.policy("name: ranks, metric: auc, min: 0.1", waivers=WAIVER)
    at = f"{int(time.time()) + 3 * 86400} +0000"
    env = {**os.environ, "GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
    for command in (("init", "-q"), ("commit", "-q", "--allow-empty", "-m", "x")):
        subprocess.run(["git", *command], cwd=tiny.root, env=env, check=True)


@case
def expired_waiver(tiny: Any) -> None:
    tiny.policy("name: ranks, metric: auc, min: 0.99", waivers=WAIVER.replace(SOON, "1999-01-01"))


@case
def endless_waiver(tiny: Any) -> None:
    tiny.policy("name: ranks, metric: auc, min: 0.99", waivers=WAIVER.replace(SOON, "2999-01-01"))


@case
def changed_bundle(tiny: Any) -> None:
    tiny.write(f"{layout.BUNDLE}/manifest.json", '{"files": {}} ')


@case
def changed_data(tiny: Any) -> None:
    tiny.write(layout.HOLDOUT_TABLE, "other rows")


@case
def changed_contract(tiny: Any) -> None:
    tiny.write("data/contract.py", "# another")


@case
def bundle_changed_by_a_test(tiny: Any) -> None:
    body = "open('models/bundle/manifest.json', 'a').write(' ')"
    tiny.write("tests/model/test_it.py", f"def test_a():\n    {body}\n")


@case
def data_changed_by_a_test(tiny: Any) -> None:
    body = f"open('{layout.HOLDOUT_TABLE}', 'a').write(' ')"
    tiny.write("tests/model/test_it.py", f"def test_a():\n    {body}\n")


@case
def report_changed_by_a_conftest(tiny: Any) -> None:
    good = json.dumps(tiny.tree())
    tiny.evaluation(metrics={"auc": {"value": 0.1, "low": 0.1, "high": 0.1}})
    tiny.write(
        "tests/model/conftest.py",
        f"import pathlib\npathlib.Path('{layout.EVALUATION}').write_text({good!r})\n",
    )


TESTS_RUN = {
    only_warnings,
    bundle_changed_by_a_test,
    data_changed_by_a_test,
    report_changed_by_a_conftest,
}
"""Cases in which no stand-in takes the place of the pytest process."""


@pytest.mark.parametrize("prepare", TABLE.values(), ids=TABLE)
def test_never_a_pass(
    tiny: Any, monkeypatch: pytest.MonkeyPatch, prepare: Callable[[Any], None]
) -> None:
    prepare(tiny)
    if prepare not in TESTS_RUN:
        Stand(monkeypatch, tiny)
    with pytest.raises(AssayError) as caught:
        run(tiny.root, tiny.params)
    path = tiny.root / layout.VERDICT
    if isinstance(caught.value, GateNotPassed):
        verdict = Verdict.parse(path.read_text(), layout.VERDICT)
        # Too few of a label is no failure, and no pass either.
        few = prepare is one_class
        assert verdict.outcome is (Outcome.INCONCLUSIVE if few else Outcome.FAIL)
        # FAIL for a reason that somebody can read, not for want of anything that decides.
        assert verdict.blocking or prepare is only_warnings
    else:
        assert not path.exists()


def test_before_anything_is_wrong_it_passes(tiny: Any) -> None:
    assert run(tiny.root, tiny.params).verdict.outcome is Outcome.PASS


class TestEvaluateRefuses:
    """What never comes as far as the gate."""

    def test_an_empty_holdout(self) -> None:
        with pytest.raises(LabelError):
            holdout.labels(pd.DataFrame({"late": pd.Series([], dtype=bool)}), "late", "binary", ())

    def test_one_class(self) -> None:
        with pytest.raises(LabelError):
            holdout.labels(pd.DataFrame({"late": [True] * 9}), "late", "binary", ())

    @pytest.mark.parametrize("score", [NAN, INF, -INF, -0.1, 1.1])
    def test_scores_that_are_none(self, score: float) -> None:
        with pytest.raises(RunError):
            holdout.validate_scores([0.5, score], 2, "binary", ())


CONTRACT = """\
import datetime
import pandera.pandas as pa
class Row(pa.DataFrameModel):
    id: int = pa.Field(ge=0, metadata={"role": "key"})
    day: str = pa.Field(metadata={"role": "key"})
    at: datetime.datetime = pa.Field(metadata={"role": "time"})
    wind: float = pa.Field(lt=50, metadata={"role": "feature"})
    late: bool = pa.Field(metadata={"role": "label"})
"""
CHECK = """\
import sys
from pathlib import Path
from assay.project import params
from assay.contract import stage
root = Path(sys.argv[1])
stage.run(root, params.load(root))
"""


@pytest.mark.parametrize(
    "switch",
    [
        {"PANDERA_VALIDATION_ENABLED": "False"},
        {"PANDERA_VALIDATION_DEPTH": "SCHEMA_ONLY"},
        {"PANDERA_USE_NARWHALS_BACKEND": "True"},
    ],
    ids=lambda switch: next(iter(switch)),
)
def test_no_environment_variable_lets_bad_rows_through(tiny: Any, switch: dict[str, str]) -> None:
    """The contract stage finds them, and the gate reads what it found."""
    tiny.write("data/contract.py", CONTRACT)
    tiny.policy("name: kept, kind: contract, max_bad_share: 1")
    folder = tiny.root / layout.RAW / "day=2020-01-05"
    folder.mkdir(parents=True)
    times = [pd.Timestamp("2020-01-05")] * 3
    rows = {"id": [1, -1, 3], "at": times, "wind": [1.0, 2.0, 99.0], "late": [True, False, True]}
    pd.DataFrame(rows).to_parquet(folder / "part-0.parquet")
    env = {name: value for name, value in os.environ.items() if not name.startswith("PANDERA_")}
    done = subprocess.run(
        [sys.executable, "-c", CHECK, str(tiny.root)],
        cwd=tiny.root,
        env={**env, "PYTHONPATH": str(ROOT), **switch},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert ContractBroken.__name__ in done.stdout
    found = json.loads((tiny.root / layout.CONTRACT_REPORT / "result.json").read_text())
    assert (found["ok"], found["rows"], found["bad_rows"]) == (False, 3, 2)
    (told,) = [each.finding for each in decided.evaluate_rules(tiny.root)]
    assert (told.rule, told.outcome, told.blocks) == ("kept", Outcome.FAIL, True)
