"""The bundle's card: what a person should know before using the model."""

from __future__ import annotations

from pipeline.bundle import Manifest
from pipeline.params import METRICS


def card(manifest: Manifest) -> str:
    """Markdown; the same manifest gives the same text."""
    scores = "\n".join(
        f"| {name} | {_number(manifest.out_of_fold.get(name))} |" for name in METRICS
    )
    versions = ", ".join(f"{name} {value}" for name, value in sorted(manifest.versions.items()))
    arguments = ", ".join(f"{key}={value!r}" for key, value in sorted(manifest.args.items()))
    return f"""# {manifest.name}: candidate {manifest.candidate}

Gives the probability that `{manifest.label}` is true for one row.

- Estimator: `{manifest.estimator}({arguments})`, features encoded {manifest.encoding}
- Calibration: {manifest.calibration}, fitted on out-of-fold scores
- Decision: true from a probability of {manifest.threshold}
- Trained on {manifest.window}: {manifest.rows:,} rows, {manifest.positives / manifest.rows:.1%} \
of them true
- Features: {", ".join(manifest.features)}
- Row key: {", ".join(manifest.keys)}; time: {manifest.time}; \
slices: {", ".join(manifest.slices) or "none"}
- Made with {versions}

Out-of-fold metrics on the training window (what candidates are selected by; the gate looks
at the holdout instead):

| metric | value |
|---|---|
{scores}
"""


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"
