"""How many of the trials something held in, with its interval."""

from __future__ import annotations

from dataclasses import dataclass

from scipy import stats


@dataclass(frozen=True)
class Share:
    """How many of the trials something held in."""

    count: int
    trials: int

    @property
    def value(self) -> float:
        return self.count / self.trials

    @property
    def interval(self) -> tuple[float, float]:
        """Clopper and Pearson's, at 95 %."""
        found = stats.binomtest(self.count, self.trials).proportion_ci(0.95, method="exact")
        return float(found.low), float(found.high)
