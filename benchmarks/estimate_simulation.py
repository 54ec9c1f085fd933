"""`python -m benchmarks.estimate_simulation`: how often intervals of estimates hold what comes out.

Scores of three shapes (normal log odds, beta, and steps as an isotonic calibration leaves them) at
base rates down to 0.0005 are counted as a night's profile counts them, on cells that another
100,000 of their kind drew. Labels are drawn again and again from the scores, and each metric that
comes out is held against its interval. Prints a table: coverage in percent, of each shape, and by
how much the expected AUC is off the one from every row. Nothing runs but Assay itself.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

import numpy as np
import pandas as pd

from assay.columns.features import Floats, FrameFeatures
from assay.columns.profile_counter import compute_profile
from assay.columns.score_grid import probability_grid
from assay.metrics.labelled_scores import LabelledScores
from assay.performance.estimate import binary
from assay.performance.estimate.score_cells import cells_from_profile

REFERENCE = 100_000
CONFIDENCE = 0.95
SHAPES = ("normal", "beta", "steps")
NIGHTS = (
    *((0.0005, 30_000), (0.0005, 100_000), (0.005, 3_000), (0.005, 100_000)),
    *((0.3, 1_000), (0.3, 20_000)),
)
"""Base rates and rows."""


def drawn(shape: str, base: float, rows: int, random: np.random.Generator) -> Floats:
    """Probabilities with a mean near ``base``."""
    if shape == "beta":
        return np.clip(random.beta(0.7, 0.7 / base - 0.7, rows), 1e-9, 1.0)
    odds = np.log(base) - 1.8**2 / 2 + 1.8 * random.normal(size=rows)
    p = 1 / (1 + np.exp(-odds))
    return np.exp(np.round(2 * np.log(p)) / 2) if shape == "steps" else p


def area(p: Floats) -> float:
    """The expected share of pairs in the right order, from every row alone."""
    ordered = np.sort(p)
    below = np.concatenate([[0], np.cumsum(1 - ordered)[:-1]])
    pairs = ordered.sum() * (1 - ordered).sum() - ordered @ (1 - ordered)
    return float(ordered @ below / pairs)


def coverage(
    shape: str, base: float, rows: int, trials: int, seed: int
) -> tuple[float, dict[str, float | None]]:
    """How far the AUC is off, and the coverage of each metric; None where it has no interval."""
    random = np.random.default_rng(seed)
    before, p = drawn(shape, base, REFERENCE, random), drawn(shape, base, rows, random)
    threshold = float(np.quantile(before, 0.999 if base < 0.01 else 0.9))
    grid = probability_grid(before, threshold)
    profile = compute_profile(FrameFeatures(pd.DataFrame({"p": p})), {"p": grid})
    found = binary.estimate(cells_from_profile(profile["p"], grid), threshold, CONFIDENCE)
    ends = {
        name: (one.low, one.high)
        for name, one in found.items()
        if one.low is not None and one.high is not None
    }
    inside = dict.fromkeys(ends, 0)
    for _ in range(trials):
        realized = LabelledScores("binary", random.random(rows) < p, p, (), threshold).values()
        for name, (low, high) in ends.items():
            inside[name] += low <= realized[name] <= high
    off = abs(float(found["auc"].value or np.nan) - area(p))
    return off, {name: inside[name] / trials if name in ends else None for name in found}


def lines(trials: int, seed: int) -> Iterator[str]:
    """The table, a line at a time."""
    yield f"| shape | base rate | rows | AUC off by | {' | '.join(binary.METRICS)} |"
    yield "|---|--:|--:|--:|" + "--:|" * len(binary.METRICS)
    for base, rows in NIGHTS:
        for shape in SHAPES:
            off, held = coverage(shape, base, rows, trials, seed)
            shown = ("none" if one is None else f"{100 * one:.0f}" for one in held.values())
            yield f"| {shape} | {base:g} | {rows:,} | {off:.5f} | {' | '.join(shown)} |"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.estimate_simulation")
    parser.add_argument("--trials", type=int, default=200, help="sets of labels a line")
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    for line in lines(wanted.trials, wanted.seed):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
