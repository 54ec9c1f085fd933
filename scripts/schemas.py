"""`python -m scripts.schemas`: write the JSON schema of each report into docs/schemas/.

A test holds the files to the classes that reports are written and read by (tests/reports).
"""

from __future__ import annotations

import json
from pathlib import Path

from assay.contract.result import ContractResult
from assay.monitor.status import Status
from assay.ops.doctor.finding import Diagnosis
from assay.plan.document import Plan
from assay.project.document import Report
from assay.reports.champion import StageHolder
from assay.reports.comparison import Comparison
from assay.reports.evaluation import Evaluation
from assay.reports.rehearsal import LastNights, Rehearsal
from assay.reports.retrain import RetrainAdvice
from assay.reports.verdict import Verdict
from assay.training.candidates.agreed import AgreedModel
from assay.training.leakage.report import Leakage
from assay.training.train.select import Selection

ROOT = Path(__file__).resolve().parents[1]
REPORTS: tuple[type[Report], ...] = (
    ContractResult,
    Leakage,
    Evaluation,
    StageHolder,
    Comparison,
    LastNights,
    Rehearsal,
    Selection,
    Verdict,
    RetrainAdvice,
    Status,
    Diagnosis,
    Plan,
    AgreedModel,
)


def schema(report: type[Report]) -> str:
    """Of JSON Schema 2020-12, as text."""
    found = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **report.model_json_schema(by_alias=True),
        "title": report.FILE,
    }
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def place(report: type[Report]) -> Path:
    """Where its schema lies."""
    return ROOT / "docs" / "schemas" / f"{Path(report.FILE).stem}.schema.json"


if __name__ == "__main__":
    for each in REPORTS:
        place(each).write_text(schema(each), encoding="utf-8")
        print(place(each).relative_to(ROOT))
