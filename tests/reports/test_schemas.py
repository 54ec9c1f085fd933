"""The published schemas of reports, held to the classes and to what stages write."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from assay.monitor.status import (
    IncidentsStatus,
    MissingPart,
    PerformanceStatus,
    QuarantineStatus,
    RetrainStatus,
    Status,
)
from assay.ops.doctor.finding import diagnosis, failed, ok
from assay.project.document import Report, SparseDocument
from assay.reports.champion import StageHolder
from assay.reports.rehearsal import LastNights, ListedNight
from assay.reports.verdict import Finding, ModelTests, Outcome
from assay.training.candidates.agreed import AgreedModel, SiteResult
from assay.training.train.select import Selection
from scripts.schemas import REPORTS, place, schema
from tests.advice import retrain_advice
from tests.builders import plans
from tests.gate import build
from tests.verdicts import verdict

WRITTEN: dict[str, Report] = {
    "Evaluation": build.evaluation(
        build.share(80, 100),
        build.place("JFK", build.share(70, 100)),
        build.place("EWR", None, rows=20, selected=5),
    ),
    "StageHolder": StageHolder(
        state="unreadable", stage="prod", version="v0.1.0", why="its bundle is gone"
    ),
    "Leakage": build.leakage(time_overlap="suspect", identifier="unknown"),
    "LastNights": LastNights(
        input="parquet",
        nights=(
            ListedNight(day="2013-12-30", fingerprint="sha256:n", rows=968),
            ListedNight(day="2013-12-31", why="a column is missing"),
        ),
        why=None,
    ),
    "Rehearsal": build.rehearsal(
        memory_mb=None, why="no /proc here", nights=build.nights(build.night())
    ),
    "ContractResult": build.contract(ok=False, broken=("unique_key",)),
    "Selection": Selection(
        by="auc",
        candidates={"logistic": {"auc": 0.75, "f1": None}, "prior": {"auc": 0.5, "f1": 0.0}},
        selected="logistic",
    ),
    "Verdict": verdict(
        Finding(rule="ranks", kind="rule", outcome=Outcome.FAIL, detail="too low", observed=0.5),
        tests=ModelTests(collected=2, ran=1),
    ),
    "RetrainAdvice": retrain_advice("train again: auc is low"),
    "Status": Status(
        name="late-flights",
        stage="prod",
        champion=MissingPart(none="nothing holds the stage"),
        night=MissingPart(none="no night has been published yet"),
        quarantine=QuarantineStatus(
            partition="2013-07-01",
            rows=3,
            rules={"x: finite": 3},
            last_nights=1,
            last_nights_rows=3,
        ),
        drift=MissingPart(none="no night has been monitored yet"),
        performance=PerformanceStatus(
            metric="auc",
            partition="2013-07-01",
            maturity_days=7,
            realized=0.7,
            low=0.6,
            high=0.8,
            estimated=None,
            nights=0,
            mean_realized=None,
            mean_estimated=None,
        ),
        incidents=IncidentsStatus(to=None, open=(), snoozed=0),
        retrain=RetrainStatus(version="v0.1.0", until="2013-07-02", reasons=("train again",)),
        damaged=("the store is gone",),
    ),
    "Diagnosis": diagnosis(
        [
            ok("commit 0123456789").named("git"),
            failed("1 tag", "git fetch --tags").named("tags"),
        ]
    ),
    "Plan": plans.plan(),
    "AgreedModel": AgreedModel(
        session="2024-06",
        agreement="sha256:0",
        sites=("a", "b", "c"),
        task="binary",
        label="late",
        penalty=1.0,
        numeric=("weight",),
        categorical=("depot",),
        categories={"depot": ("north",)},
        nullable=("weight",),
        fill=(2.5,),
        center=(2.5, 0.1),
        scale=(1.0, 0.3),
        coefficients=(0.1, 0.2, 0.3, 0.4),
        intercept=-1.0,
        rows=100,
        rounds=8,
        results={"a": SiteResult(rows=9, metric="log_loss", alone=None, agreed=None)},
    ),
    "Comparison": build.comparison(
        build.difference(0.02, 1e-13 / 3),
        build.compared_place("JFK", build.difference(None)),
        build.compared_place("EWR", None, rows=20),
    ),
}


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.__name__)
def test_the_schema_in_the_docs_is_current(report: type[Report]) -> None:
    told = f"{place(report).name} is old: python -m scripts.schemas"
    assert place(report).read_text(encoding="utf-8") == schema(report), told


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.__name__)
def test_what_is_written_keeps_it_and_what_is_cut_short_does_not(report: type[Report]) -> None:
    check = jsonschema.Draft202012Validator(json.loads(schema(report)))
    tree: dict[str, Any] = WRITTEN[report.__name__].tree()
    assert [error.message for error in check.iter_errors(tree)] == []
    for name in tree.keys() - {"schema", "types"}:
        cut = {key: value for key, value in tree.items() if key != name}
        sparse = issubclass(report, SparseDocument)
        optional = sparse and not report.model_fields[name].is_required()
        assert check.is_valid(cut) == optional, name


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.__name__)
def test_what_is_written_is_read_again_as_it_was(report: type[Report]) -> None:
    found = WRITTEN[report.__name__]
    assert report.parse(json.dumps(found.tree()), report.FILE).tree() == found.tree()
