"""How often the interval of `kind: flips` holds the share of nights to come, and what it misses.

``python -m benchmarks.flipped_nights`` draws nights of 600 to 1,000 rows whose share of changed
decisions moves from night to night on the log odds, as an autoregression, and gives their counts to
the function that the gate uses. The truth is the share over infinitely many nights.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence

import numpy as np
from scipy import special

from assay.metrics.intervals.estimates import estimate_share_of_counts
from assay.metrics.sampling_units import NIGHT, SamplingUnits


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.flipped_nights", description=__doc__)
    parser.add_argument("--trials", type=int, default=400)
    asked = parser.parse_args(argv)
    rng = np.random.default_rng(7)
    many = rng.normal(size=200_000)
    print("nights  follow  share  spread  covered  above  (% of trials)")
    for nights, follows, share, spread in itertools.product(
        (10, 14, 30), (0.0, 0.5, 0.8), (0.02, 0.1), (0.0, 0.4)
    ):
        middle = special.logit(share)
        truth = special.expit(middle + spread * many).mean()
        ends = []
        for _ in range(asked.trials):
            effects = np.empty(nights)
            last = rng.normal()
            for night in range(nights):
                effects[night] = last
                last = follows * last + (1 - follows**2) ** 0.5 * rng.normal()
            rows = rng.integers(600, 1001, nights)
            hits = rng.binomial(rows, special.expit(middle + spread * effects))
            units = SamplingUnits.of_counts(NIGHT, rows.astype(np.float64))
            found = estimate_share_of_counts(hits.astype(np.float64), units, 0.95)
            ends.append((found.low, found.high))
        low, high = np.array(ends, dtype=np.float64).T
        covered, above = ((low <= truth) & (truth <= high)).mean(), (high < truth).mean()
        print(
            f"{nights:6}  {follows:6}  {share:5}  {spread:6}  {covered:7.1%}  {above:5.1%}",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
