"""`python -m benchmarks.estimate_peer`: our estimates beside NannyML's, on its own data sets.

Four runs over the chunks of 5,000 rows of NannyML's shipped sets, whose labels are known:

- ``binary``: car loans as shipped. NannyML calibrates the scores itself; ours come through the
  calibration that ``auto`` chooses on the same reference, as a bundle's would. AUC only: the
  shipped decisions are on uncalibrated scores.
- ``same``: car loans, both with the same calibrated scores and a threshold of 0.5: the two
  methods on the same input, every metric.
- ``multiclass``: credit cards, scores as shipped, accuracy and the macro metrics.
- ``regression``: car prices; both learn the loss on all features of the reference, NannyML with
  LightGBM, which also sees the prediction.

Ours see the counts of a night's profile, nothing else, and go through the product's own functions:
the drift decision, trust and intervals. Nights of the reference are its days.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.columns.features import Floats
from assay.compiled.fitted_model import calibrate_class
from assay.metrics.labelled_scores import LabelledScores
from assay.performance.estimate.metric_estimate import MetricEstimate
from assay.project.tasks import Task
from assay.training.train.calibrate import cross_calibrate, fit_calibrator
from assay.training.train.fit import AUTO, choose_calibration
from benchmarks import estimated_bundle, peer_env, results
from benchmarks.contender import ROOT
from benchmarks.measure import say
from benchmarks.results import Result

CHUNK = 5000
BLOCKS = 5
"""Parts of the reference that calibrations are chosen on, as `train.folds` has it."""

THRESHOLD = 0.5
CONFIDENCE = 0.95
KINDS = {"multiclass": np.intp, "binary": np.bool_, "regression": np.float64}
"""What labels of a task are."""

CLASSES = ("prepaid card", "highstreet card", "upmarket card")
THEIRS = {
    "auc": "roc_auc",
    "macro_precision": "precision",
    "macro_recall": "recall",
    "macro_f1": "f1",
}
"""Metrics that NannyML calls otherwise."""

WITHIN = 0.5
"""Sampling errors that an estimate on the same input may lie from NannyML's."""


@dataclass(frozen=True)
class Line:
    """One metric of one chunk."""

    metric: str
    ours: MetricEstimate
    theirs: float
    their_error: float
    realized: float

    @property
    def apart(self) -> float:
        """How far the two lie from each other, in sampling errors of NannyML's."""
        return abs(float(self.ours.value or np.nan) - self.theirs) / self.their_error

    @property
    def off(self) -> tuple[float, float]:
        """How far ours and theirs turned out to be from the truth."""
        ours = float(self.ours.value or np.nan)
        return abs(ours - self.realized), abs(self.theirs - self.realized)

    @property
    def doubted(self) -> bool:
        """Whether ours has no interval."""
        return self.ours.low is None

    @property
    def held(self) -> bool:
        """Whether our interval held the truth."""
        low, high = self.ours.low, self.ours.high
        return low is not None and high is not None and low <= self.realized <= high


def lines(name: str, rows: dict[str, Floats], told: dict[str, Any]) -> Iterator[Line]:
    """Every chunk's metrics, ours and theirs and the truth."""
    ours = _ours(name, rows)
    for number, start in enumerate(range(0, len(rows["truth"]), CHUNK)):
        chunk = slice(start, start + CHUNK)
        found, realized = ours(chunk)
        for metric, one in found.items():
            theirs = told["chunks"].get(THEIRS.get(metric, metric))
            if theirs is None or (name == "binary" and metric != "auc"):
                continue
            value, error = theirs["value"][number], theirs["error"][number]
            yield Line(metric, one, value, error, realized[metric])


def _ours(name: str, rows: dict[str, Floats]) -> Any:
    """From a chunk to our estimates and the truth, by the functions that a night goes through."""
    task: Task = "binary" if name == "same" else name  # type: ignore[assignment]
    before, after = _features(rows, "reference_feature:"), _features(rows, "feature:")
    nights = rows["reference_night"].astype(np.intp)
    made, score = _fitted(name, task, rows, nights * BLOCKS // (int(nights.max()) + 1))
    learnt = estimated_bundle.learn(made, before, nights, THRESHOLD, BLOCKS)
    say(f"{TITLES[name]}: features show more than the score, t = {learnt.reference.depends:.1f}")

    def estimated(chunk: slice) -> tuple[Mapping[str, MetricEstimate], Mapping[str, float]]:
        night = after[chunk].reset_index(drop=True)
        found = estimated_bundle.estimate(learnt, night, score[chunk], CONFIDENCE)
        kind = rows["truth"][chunk].astype(KINDS[task])
        # The truth of what was shipped: of the scores as they were.
        classes = made.scored.classes
        realized = LabelledScores(task, kind, rows["score"][chunk], classes, THRESHOLD).values()
        return found.parts[0].metrics, realized

    return estimated


def _features(rows: Mapping[str, Floats], prefix: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            name.removeprefix(prefix): values if values.dtype.kind == "f" else values.astype(object)
            for name, values in rows.items()
            if name.startswith(prefix)
        }
    )


def _fitted(
    name: str, task: Task, rows: Mapping[str, Floats], block: NDArray[np.int64]
) -> tuple[Any, Floats]:
    """As much of a fitted model as estimates learn from, and the scores of the chunks."""
    before, truth, score = rows["reference_score"], rows["reference_truth"], rows["score"]
    truth = truth.astype(KINDS[task])
    unseen = before
    if name == "binary":
        method = choose_calibration("binary", AUTO, before, truth, block).method
        unseen = cross_calibrate("binary", method, before, truth, block)
        fitted = fit_calibrator("binary", method, before, truth)
        score, before = calibrate_class(fitted, score), calibrate_class(fitted, before)
    classes = CLASSES if task == "multiclass" else ()
    scored = LabelledScores(task, truth, before, classes, THRESHOLD)
    return SimpleNamespace(scored=scored, unseen=unseen), score


TITLES = {
    "binary": "car loans as shipped",
    "same": "car loans, same calibrated scores",
    "multiclass": "credit cards",
    "regression": "car prices",
}


def entries(name: str, found: list[Line], rows: int, per_chunk: float) -> list[Result]:
    """How far ours lie from theirs, and from the truth."""
    metrics = list(dict.fromkeys(line.metric for line in found))
    about: dict[str, Any] = {
        "better": "lower",
        "rows": rows,
        "repeats": len(found) // len(metrics),
        "versions": results.versions(nannyml=peer_env.NANNYML),
        "machine": results.machine(1),
    }
    apart = [line.apart for line in found]
    limit = WITHIN if name == "same" else None
    scale = limit or 1.0
    made = [
        Result(
            name=f"estimate, {TITLES[name]}: largest distance, in NannyML's sampling errors",
            ratio=round(max(apart) / scale, 4),
            target=None if limit is None else 1.0,
            unit="sampling errors",
            ours_median=round(max(apart), 4),
            peer_median=scale,
            spread=(round(min(apart) / scale, 4), round(max(apart) / scale, 4)),
            details={
                f"largest, {metric}": round(max(i.apart for i in found if i.metric == metric), 4)
                for metric in metrics
            },
            **about,
        )
    ]
    for metric in metrics:
        mine = [line for line in found if line.metric == metric]
        ours, theirs = np.array([line.off for line in mine]).T
        scale = 1 if name == "regression" else 1000
        unit = "of the label's unit" if name == "regression" else "thousandths"
        made.append(
            Result(
                name=f"estimate, {TITLES[name]}: mean error of {metric} against the truth",
                ratio=round(float(ours.mean() / theirs.mean()), 4),
                target=None,
                unit=unit,
                ours_median=round(float(ours.mean()) * scale, 4),
                peer_median=round(float(theirs.mean()) * scale, 4),
                spread=(
                    round(float((ours / theirs).min()), 4),
                    round(float((ours / theirs).max()), 4),
                ),
                details={
                    "chunks with an interval of ours": sum(not line.doubted for line in mine),
                    "of these, with the truth in it": sum(line.held for line in mine),
                    "microseconds a chunk, ours": round(per_chunk * 1e6, 1),
                },
                **about,
            )
        )
    return made


def run(python: Path, folder: Path) -> list[Result]:
    """Let NannyML estimate, then estimate ourselves."""
    # It would report its use to its makers.
    quiet = {**os.environ, "NML_DISABLE_USAGE_LOGGING": "1"}
    script = Path(__file__).with_name("nannyml_run.py")
    subprocess.run([str(python), str(script), str(folder)], check=True, env=quiet)
    made = []
    for name in TITLES:
        rows = dict(np.load(folder / f"{name}.npz"))
        told = json.loads((folder / f"{name}.json").read_text())
        started = time.monotonic()
        found = list(lines(name, rows, told))
        took = (time.monotonic() - started) * CHUNK / len(rows["truth"])
        say(f"{TITLES[name]}: NannyML calibrates: {told['calibrates']}", took)
        made += entries(name, found, len(rows["truth"]), took)
    return made


def main() -> int:
    """Compare, and keep what came out; 0 if the methods agree on the same input."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.estimate_peer")
    parser.add_argument(
        "--env", type=Path, default=ROOT / "build" / "nannyml", help="NannyML's environment"
    )
    parser.add_argument(
        "--out", type=Path, default=ROOT / "reports" / "benchmarks", help="folder of the results"
    )
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        made = run(peer_env.nannyml(wanted.env.resolve()), Path(scratch))
    results.record(wanted.out, made)
    print(results.table(made))
    return 1 if any(each.met is False for each in made) else 0


if __name__ == "__main__":
    sys.exit(main())
