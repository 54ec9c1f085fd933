"""Paths of stage outputs, relative to the project root.

dvc.yaml lists the same paths as ``outs``. ``tests/test_architecture.py`` checks that they agree.
"""

from __future__ import annotations

PARAMS = "params.yaml"
DVC_YAML = "dvc.yaml"
DVC_LOCK = "dvc.lock"

RAW = "data/raw"
CHECKED = "data/checked"
PREPARED = "data/prepared"
TRAIN_TABLE = f"{PREPARED}/train.parquet"
HOLDOUT_TABLE = f"{PREPARED}/holdout.parquet"

CANDIDATES = "models/candidates"
BUNDLE = "models/bundle"
CHAMPION = "models/champion"
CHAMPION_FACTS = f"{CHAMPION}/champion.json"
CHAMPION_BUNDLE = f"{CHAMPION}/bundle"
CHAMPION_CODE = f"{CHAMPION}/code"
CHAMPION_CONTRACT = f"{CHAMPION}/contract"

CODE = "reports/code.json"
CONTRACT_REPORT = "reports/contract"
CONTRACT_PAGE = f"{CONTRACT_REPORT}/index.html"
CONTRACT_RESULT = f"{CONTRACT_REPORT}/result.json"
LEAKAGE = "reports/leakage/leakage.json"
SELECTION = "reports/selection.json"
METRICS = "reports/evaluate/metrics.json"
EVALUATION = "reports/evaluate/evaluation.json"
PLOTS = "reports/evaluate/plots"
EVALUATION_PAGE = "reports/evaluate/index.html"
COMPARISON = "reports/compare/comparison.json"
COMPARISON_PAGE = "reports/compare/index.html"
LAST_NIGHTS = "reports/rehearse/nights.json"
REHEARSAL = "reports/rehearse/rehearsal.json"
GATE_REPORT = "reports/gate"
GATE_PAGE = f"{GATE_REPORT}/index.html"
VERDICT = f"{GATE_REPORT}/verdict.json"
NIGHTS = "reports/nights"
FRONT = "reports/index.html"
INCIDENTS = "reports/incidents.json"
PERFORMANCE = "reports/performance"
RETRAIN = "reports/retrain.json"
ALERTS = "reports/alerts.json"
INCIDENT = "reports/incident.md"
ASK = "reports/ask.json"

WORK = ".assay"
"""Cache folder that may be deleted at any time: fetched bundles, the Java shim."""
