"""Where each stage leaves its work, relative to the project's root.

dvc.yaml states the same paths as ``outs``; ``tests/test_architecture.py`` holds the two
together.
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

CONTRACT_REPORT = "reports/contract"
SELECTION = "reports/selection.json"
METRICS = "reports/evaluate/metrics.json"
EVALUATION = "reports/evaluate/evaluation.json"
PLOTS = "reports/evaluate/plots"
EVALUATION_PAGE = "reports/evaluate/index.html"
GATE_REPORT = "reports/gate"
VERDICT = f"{GATE_REPORT}/verdict.json"
NIGHTS = "reports/nights"

WORK = ".assay"
"""Scratch that may be deleted at any time: fetched bundles, the Java shim."""
