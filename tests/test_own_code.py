"""docs/own-code.md, done: the files that it shows, in a project, each run by what runs it there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from assay.errors import ExportFailed
from assay.evaluation import evaluate
from assay.gate.inputs import GateInputs
from assay.gate.rules.kinds import evaluate_rules, read_policy
from assay.model import bundle
from assay.monitor.incidents.messages import Attempt, call_own, load_own
from assay.monitor.nights.night import Incident
from assay.project import digests, layout, params, plugins, source_code
from assay.project.params import Params, yaml_text
from assay.reports.evaluation import Evaluation
from assay.reports.verdict import Outcome
from assay.score.operations import export_targets
from assay.score.operations.export_targets import ExportData
from assay.training.train import stage as train

PAGE = Path(__file__).resolve().parents[1] / "docs" / "own-code.md"
PIPELINE = PAGE.parents[1] / "pipeline"
BLOCK = re.compile(r"^```(python|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
KINDS = (
    "transformer",
    "metric",
    "rule",
    "behaviour",
    "source",
    "input",
    "measure",
    "sink",
    "alert",
    "scheduler",
)


def written(root: Path) -> None:
    """The page's files and its keys of params.yaml, in the project at ``root``."""
    tree = json.loads(json.dumps(yaml_text.load((root / "params.yaml").read_text())))
    for language, body in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if language == "yaml":
            merge(tree, json.loads(json.dumps(yaml_text.load(body))))
        else:
            path = root / body.partition("\n")[0].removeprefix("# ")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body, encoding="utf-8")
    (root / "params.yaml").write_text(json.dumps(tree), encoding="utf-8")


def merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict) and "format" not in value:
            merge(into[key], value)
        elif isinstance(value, list) and isinstance(into.get(key), list):
            into[key] += value
        else:
            into[key] = value


@pytest.fixture(scope="module")
def root(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("own") / "parcels"
    shutil.copytree(trained, root)
    written(root)
    return root


@pytest.fixture(scope="module")
def given(root: Path) -> Params:
    return params.load(root)


@pytest.fixture(scope="module")
def evaluated(root: Path, given: Params) -> Evaluation:
    return evaluate.run(root, given)


def test_the_page_has_an_example_of_each_kind() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for kind in KINDS:
        _, heading, rest = text.partition(f"\n## A{'n' * (kind[0] in 'ai')} {kind}\n")
        assert heading and "```python\n# " in rest.partition("\n## ")[0], kind


def test_a_model_with_a_transformer_of_the_project_s_own_can_be_tested(
    root: Path, given: Params, tmp_path: Path
) -> None:
    there = tmp_path / "parcels"
    shutil.copytree(root, there)
    train.run(there, given, "clipped")
    shutil.rmtree(there / layout.BUNDLE)
    shutil.copytree(there / layout.CANDIDATES / "clipped", there / layout.BUNDLE)
    for old in (there / "tests/model").glob("test_*.py"):
        old.unlink()
    # Each section on a line of its own, as pytest looks for them.
    sections = json.loads((there / "params.yaml").read_text()).items()
    text = "".join(f"{name}: {json.dumps(value)}\n" for name, value in sections)
    (there / "params.yaml").write_text(text)
    (there / "tests/model/test_it.py").write_text(
        "def test_scores(score, bundle, holdout):\n"
        "    assert 'data/models.py' in bundle.manifest.code\n"
        "    assert len(score(holdout)) == len(holdout)\n"
    )
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "test_scores"],
        cwd=there, env={**os.environ, "PYTHONPATH": str(PIPELINE)}, capture_output=True, text=True,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout


def test_a_metric_has_an_interval_and_a_rule(root: Path, evaluated: Evaluation) -> None:
    name = "data.metrics.hours_saved"
    assert evaluated.own_metrics == {name: "higher"}
    found = evaluated.metrics[name]
    assert found.low < found.value < found.high
    assert all(part.metrics is None or part.metrics[name].low for part in evaluated.slices)
    assert name in (root / layout.EVALUATION_PAGE).read_text()
    assert json.loads((root / layout.METRICS).read_text())[name] == round(found.value, 6)
    # By hand, from the holdout.
    frame = pd.read_parquet(root / layout.HOLDOUT_TABLE)
    loaded = bundle.load(root / layout.BUNDLE, expected=None, allow_types=())
    from assay.model.batch import score_frame

    says = np.asarray(score_frame(loaded, frame)) >= loaded.manifest.threshold
    late = frame["late"].to_numpy(dtype=bool)
    people = 1 + (frame["weight"].to_numpy() > 20)
    gain = (says & late) * 0.5 - (says & ~late) * 0.1
    assert found.value == pytest.approx((gain * people).mean())


@pytest.mark.usefixtures("evaluated")
def test_a_rule_is_decided_from_the_report(root: Path, given: Params) -> None:
    policy = read_policy(given, root)
    rules = tuple(rule for rule in policy.rules if rule.kind == "own")
    gate = policy.model_copy(update={"rules": rules})
    (calls,) = evaluate_rules(GateInputs.of(root), gate)
    assert calls.outcome is Outcome.PASS and "calls a day, and 45 can be made" in calls.detail


def test_what_they_are_made_of_is_evidence(root: Path, given: Params) -> None:
    files = digests.project_imports(source_code.file_reader(root), given, ())
    assert {
        "data/kinds.py",
        "data/metrics.py",
        "data/models.py",
        "data/rules.py",
        "data/source.py",
    } <= {*files}


def test_a_behaviour_is_a_test(root: Path) -> None:
    from assay.model.batch import score_frame

    loaded = bundle.load(root / layout.BUNDLE, expected=None, allow_types=())
    read = source_code.file_reader(root)
    test = plugins.resolve(
        "tests.model.test_express.test_express_does_not_come_later", key="gate.tests", read=read
    )
    test(partial(score_frame, loaded), pd.read_parquet(root / layout.HOLDOUT_TABLE))


def test_a_source_reads_files(root: Path, given: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    (root / "incoming").mkdir()
    row = "1,2024-03-01T10:00:00,north,2.5,,true,no\n"
    head = "parcel,sent,depot,weight,distance,express,late\n"
    for name in ("north", "west"):
        (root / f"incoming/{name}.csv").write_text(head + row)
    rows = plugins.resolve(given.ingest.source, key="ingest.source", root=root)
    table = pa.concat_tables(rows())
    assert table.column("day").to_pylist() == ["2024-03-01"] * 2
    assert table.column("late").to_pylist() == [False, False]


def test_a_sink_gets_the_whole_night_or_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    batch = pa.record_batch({"parcel": [1, 2], "probability": [0.5, 0.25], "day": ["n", "n"]})
    counted: list[int] = []

    def send(check: Any) -> None:
        sink = export_targets.load_sink("data.sinks.send", root)
        night = ExportData("day", "2024-03-01", batch.schema, [batch, batch], check)
        export_targets.write_to_sink("data.sinks.send", sink, night)

    def changed(rows: int) -> None:
        raise ExportFailed("the night changed while it was copied")

    with pytest.raises(ExportFailed, match="changed while"):
        send(changed)
    assert not (root / "exports/2024-03-01.jsonl").exists()
    send(counted.append)
    lines = (root / "exports/2024-03-01.jsonl").read_text().splitlines()
    assert counted == [4] and json.loads(lines[1]) == {"parcel": 2, "probability": 0.25}


@pytest.mark.parametrize(
    ("sink", "words"),
    [
        (lambda night, batches: next(batches), "did not take all rows .*2 rows taken"),
        (lambda night, batches: 1 / 0, "ZeroDivisionError"),
        (lambda night: None, "TypeError"),
    ],
)
def test_a_sink_that_fails_is_one_line(sink: Any, words: str) -> None:
    batch = pa.record_batch({"day": ["n", "n"]})
    night = ExportData("day", "n", batch.schema, [batch, batch], lambda rows: None)
    with pytest.raises(ExportFailed, match=words):
        export_targets.write_to_sink("data.sinks.send", sink, night)


def test_an_alert_is_told_once_and_waits_if_it_fails(
    root: Path, given: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    receiver = load_own(str(given.alerts.function), root)
    told = Incident("drift-a", "drift", "open", "2024-03-01", "2024-03-01", ("x",), "x strayed")
    assert call_own(receiver, "parcels", told) == Attempt()
    assert (root / "on-call.txt").read_text().startswith("parcels")
    answer = call_own(lambda message: message["nothing"], "parcels", told)
    assert answer == Attempt("KeyError: 'nothing'")
