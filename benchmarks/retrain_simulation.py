"""`python -m benchmarks.retrain_simulation`: how often the retrain rule of `assay init` is wrong.

Nights are drawn from populations that are known, and judged after each night as `assay monitor
--retrain-if` judges. Printed are, of models that are healthy, false advices a year with a 95 %
interval, and those of the rule that counts nights; and of planted losses, how many were detected
within 90 nights, and after how many.

A night's labels depend on what the model sees and on an effect of the night that nobody sees (as in
benchmarks/gate_populations.py: its intraclass correlation is on the logistic scale), which in some
worlds follows the night before. The model says exactly how likely a row is without knowing the
night. A loss blurs what it sees, until its scores say nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from scipy import optimize, special, stats

from assay.performance.retrain import advise
from assay.project.params.monitoring import RetrainRule
from benchmarks.measure import say

FIRST = date(2020, 1, 1)
LATE = datetime(9000, 1, 1, tzinfo=UTC)
BEFORE, WITHIN = 40, 90
"""Healthy nights before a loss, and in how many nights it is to be detected."""
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class World:
    """``follows``: the autocorrelation of nights' effects; ``slope``: how much the model sees."""

    share: float
    icc: float
    follows: float
    slope: float

    @property
    def rows(self) -> int:
        return 300 if self.share >= 0.1 else 1000

    @property
    def title(self) -> str:
        nights = f"ICC {self.icc:g}" + (f", following {self.follows:g}" if self.follows else "")
        return f"{self.share:.0%} positives, {nights}, slope {self.slope:g}"

    def nights(
        self, random: np.random.Generator, count: int, kept: float = 1.0, after: int = 0
    ) -> Iterator[Rows]:
        """Each night's rows of the performance table; from ``after`` on the model sees ``kept``."""
        unseen = np.sqrt(self.icc / (1 - self.icc)) * np.pi / np.sqrt(3)
        x, weight = np.polynomial.hermite_e.hermegauss(60)
        weight /= weight.sum()
        spread = np.hypot(self.slope, unseen)
        middle = optimize.brentq(
            lambda at: special.expit(at + spread * x) @ weight - self.share, -20, 5
        )
        seen_at = np.linspace(-6, 6, 601)
        says = special.expit(middle + self.slope * seen_at[:, None] + unseen * x) @ weight
        effect = random.normal()
        for night in range(count):
            seen = random.normal(size=self.rows)
            chance = special.expit(middle + self.slope * seen + unseen * effect)
            truth = random.random(self.rows) < chance
            if night >= after:
                seen = kept * seen + np.sqrt(1 - kept**2) * random.normal(size=self.rows)
            yield table(night, np.interp(seen, seen_at, says), truth, self.share)
            step = random.normal()
            effect = self.follows * effect + np.sqrt(1 - self.follows**2) * step


def table(night: int, said: np.ndarray, truth: np.ndarray, share: float) -> Rows:
    """What `assay labels` keeps of a night, of that what the rules read."""
    loss, own = float(np.square(said - truth).mean()), float(truth.mean())
    numbers = {
        "brier": loss,
        "constant_loss": float(np.square(share - truth).mean()),
        "brier_skill": 1 - loss / (own * (1 - own)) if 0 < own < 1 else None,
    }
    same = {
        "date": (FIRST + timedelta(days=night)).isoformat(), "slice": "", "maturity_days": 1,
        "labelled_share": 1.0, "estimated": False, "model_version": "v1", "rows": len(truth),
        "run_id": "r", "low": None, "high": None,
    }  # fmt: skip
    return [{**same, "metric": name, "value": value} for name, value in numbers.items()]


def advised(nights: list[Rows], rule: RetrainRule) -> np.ndarray:
    """Whether the rule advises after each night."""
    found = []
    for last in range(len(nights)):
        window = [row for rows in nights[max(0, last - 45) : last + 1] for row in rows]
        (advice,) = advise([rule], window, "date", "v1", LATE)
        found.append(advice.state == "retrain")
    return np.array(found)


def rule(**window: int) -> RetrainRule:
    return RetrainRule(metric="brier_skill", min=0, maturity=1, **window)


def skill(nights: list[Rows]) -> float:
    losses, constants = (sum(rows[at]["value"] for rows in nights) for at in (0, 1))
    return 1 - losses / constants


def starts(found: np.ndarray) -> int:
    """Advices, each from its first night until it is over."""
    return int(found[0]) + int((found[1:] & ~found[:-1]).sum())


def healthy(world: World, years: int, seed: int) -> None:
    nights = list(world.nights(np.random.default_rng([seed, 1]), 365 * years))
    new, old = (starts(advised(nights, each)) for each in (rule(pool=28), rule(nights=4, of=5)))
    low = stats.chi2.ppf(0.025, 2 * new) / 2 / years if new else 0.0
    high = stats.chi2.ppf(0.975, 2 * new + 2) / 2 / years
    say(
        f"{world.title}: skill {skill(nights):.4f}, false advices a year {new / years:.2f} "
        f"({low:.2f} to {high:.2f}); counting nights, 4 of 5: {old / years:.1f}"
    )


def planted(world: World, kept: float, trials: int, seed: int) -> None:
    delays, left = [], []
    for trial in range(trials):
        random = np.random.default_rng([seed, 2, trial])
        nights = list(world.nights(random, BEFORE + WITHIN, kept, BEFORE))
        found = np.flatnonzero(advised(nights, rule(pool=28))[BEFORE:])
        delays.append(found[0] + 1 if len(found) else np.inf)
        left.append(skill(nights[BEFORE:]))
    power, delay = np.isfinite(delays).mean(), np.median(delays)
    say(
        f"{world.title}: skill falls to {np.mean(left):.4f}, detected within {WITHIN} nights in "
        f"{power:.0%} of {trials}, after {delay:.0f} nights (median)"
    )


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--years", type=int, default=30, help="of healthy nights in each world")
    asked.add_argument("--trials", type=int, default=40, help="of each planted loss")
    asked.add_argument("--seed", type=int, default=20130701)
    given = asked.parse_args()
    worlds = [
        World(share, icc, follows, slope)
        for share in (0.2, 0.01)
        for icc, follows in ((0.0, 0.0), (0.2, 0.0), (0.2, 0.7))
        for slope in (0.4, 1.0)
    ]
    for world in worlds:
        healthy(world, given.years, given.seed)
    for world in worlds:
        for kept in (0.3, 0.0):
            planted(world, kept, given.trials, given.seed)


if __name__ == "__main__":
    main()
