"""Populations to draw holdouts from, whose every metric is known, with clustered rows.

Binary: a row's score follows its label's log odds, and a unit has an effect on the log odds of
its labels that no model sees, one on what is measured of its rows, and one on how wrong the
challenger is on it. The intraclass correlation says how much of each is the unit's (of the log
odds on the logistic scale, where a row's own variance is pi^2 / 3). Regression: errors that are
normal, Student's t with three degrees, or lognormal, each with a normal effect of the unit, all
with a variance of 1.

Truths are those of a holdout of millions of rows in tens of thousands of units.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal, Protocol

import numpy as np
from scipy import optimize, signal, special

from assay.metrics.evaluator import calibration_bins
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.sampling_units import NIGHT, SamplingUnits
from assay.project.tasks import orient_value

Floats = np.ndarray

LARGE, PIECES = 500_000, 4
"""Rows of a piece of the holdout that truths are taken of, and how many there are."""
ROWS_A_UNIT = 50
"""Of that holdout."""


@dataclass(frozen=True)
class Structure:
    """How rows are clustered: in ``units``, or every row by itself if there are none.

    ``follow`` is the correlation of what two successive units share.
    """

    units: int = 0
    icc: float = 0.0
    follow: float = 0.0

    @property
    def title(self) -> str:
        if not self.units:
            return "independent rows"
        follow = f", autocorrelation {self.follow:g}" if self.follow else ""
        return f"{self.units} nights, ICC {self.icc:g}{follow}"

    def shared(self, random: np.random.Generator, units: int) -> Floats:
        """A normal effect of each unit, (units,): an autoregression of order 1."""
        drawn = random.normal(size=units)
        step = np.sqrt(1 - self.follow**2)
        if self.follow:
            drawn = signal.lfilter([step], [1, -self.follow], drawn, zi=[(1 - step) * drawn[0]])[0]
        return drawn

    def drawn(self, random: np.random.Generator, rows: int) -> SamplingUnits:
        """The units of a holdout; of unequal size, as rows fall into them by chance."""
        if not self.units:
            return SamplingUnits.rows(rows)
        _, codes = np.unique(random.integers(0, self.units, rows), return_inverse=True)
        return SamplingUnits(NIGHT, int(codes.max()) + 1, codes.astype(np.intp))

    def noise(self, random: np.random.Generator, rows: int, units: SamplingUnits) -> Floats:
        """Normal, with the intraclass correlation."""
        own = random.normal(size=rows)
        if units.codes is None:
            return own
        shared = self.shared(random, units.count)[units.codes]
        return np.sqrt(1 - self.icc) * own + np.sqrt(self.icc) * shared


class Population(Protocol):
    """Where holdouts come from."""

    structure: Structure

    @property
    def title(self) -> str: ...

    def draw(
        self, random: np.random.Generator, rows: int, structure: Structure
    ) -> tuple[LabelledScores, LabelledScores, SamplingUnits]:
        """Champion and challenger on the same rows, and how these are clustered."""
        ...


@dataclass(frozen=True)
class Binary:
    """Two classifiers, of which the challenger's measurements are a little worse.

    Attributes
    ----------
    share
        Of positives.
    sure
        Share of the rows in which the challenger is sure and wrong.
    """

    share: float
    structure: Structure = field(default_factory=Structure)
    sure: float = 0.0

    @property
    def title(self) -> str:
        odd = f", {self.sure:.1%} of rows sure and wrong" if self.sure else ""
        return f"{self.share:.1%} positives{odd}"

    @cached_property
    def _middle(self) -> float:
        """The log odds at which so many rows are positive."""
        x, weight = np.polynomial.hermite_e.hermegauss(60)
        at = np.sqrt(2.25 + self._effect**2) * x
        found = optimize.brentq(
            lambda a: float(special.expit(a + at) @ weight / weight.sum()) - self.share, -20, 5
        )
        return float(found)

    @property
    def _effect(self) -> float:
        """The spread of what a unit does to its labels' log odds."""
        icc = self.structure.icc if self.structure.units else 0.0
        return float(np.sqrt(icc / (1 - icc) * np.pi**2 / 3))

    def _said(self, measured: Floats) -> Floats:
        return np.asarray(special.expit(self._middle + 1.3 * measured))

    @cached_property
    def _threshold(self) -> float:
        """One and a half times as many rows get a yes as are positive."""
        at = special.ndtri(1 - min(0.5, 1.5 * self.share)) * np.sqrt(1.16)
        return float(self._said(at))

    def draw(
        self, random: np.random.Generator, rows: int, structure: Structure
    ) -> tuple[LabelledScores, LabelledScores, SamplingUnits]:
        return self.known(random, rows, structure)[:3]

    def known(
        self, random: np.random.Generator, rows: int, structure: Structure
    ) -> tuple[LabelledScores, LabelledScores, SamplingUnits, Floats]:
        """A holdout, and each row's true probability to be positive."""
        units = structure.drawn(random, rows)
        clear = structure.noise(random, rows, units)
        effect = 0.0
        if units.codes is not None:
            effect = self._effect * structure.shared(random, units.count)[units.codes]
        chance = special.expit(self._middle + 1.5 * clear + effect)
        truth = random.random(rows) < chance
        blur = random.normal(size=rows)
        worse = 0.8 * blur + 0.6 * structure.noise(random, rows, units)
        old, new = self._said(clear + 0.4 * blur), self._said(clear + 0.5 * worse)
        if self.sure:
            wrong = random.random(rows) < self.sure
            new = np.where(wrong, np.where(truth, 0.0, 1.0), new)
        champion, challenger = (
            LabelledScores("binary", truth, p, threshold=self._threshold) for p in (old, new)
        )
        return champion, challenger, units, chance


Kind = Literal["normal", "t3", "lognormal"]


@dataclass(frozen=True)
class Regression:
    """Two regressions, of which the challenger's errors are 5 % larger."""

    kind: Kind
    structure: Structure = field(default_factory=Structure)

    @property
    def title(self) -> str:
        return f"{self.kind} errors"

    def draw(
        self, random: np.random.Generator, rows: int, structure: Structure
    ) -> tuple[LabelledScores, LabelledScores, SamplingUnits]:
        units = structure.drawn(random, rows)
        truth = random.normal(size=rows)
        one, other = (self._errors(random, rows, structure, units) for _ in range(2))
        champion, challenger = (
            LabelledScores("regression", truth, truth + error)
            for error in (one, 1.05 * (0.8 * one + 0.6 * other))
        )
        return champion, challenger, units

    def _errors(
        self, random: np.random.Generator, rows: int, structure: Structure, units: SamplingUnits
    ) -> Floats:
        if self.kind == "normal":
            own = random.normal(size=rows)
        elif self.kind == "t3":
            own = random.standard_t(3, size=rows) / np.sqrt(3)
        else:
            own = (np.exp(random.normal(size=rows)) - np.exp(0.5)) / np.sqrt((np.e - 1) * np.e)
        if units.codes is None:
            return own
        shared = structure.shared(random, units.count)[units.codes]
        return np.sqrt(1 - structure.icc) * own + np.sqrt(structure.icc) * shared


@lru_cache(maxsize=64)
def truths(population: Binary | Regression) -> dict[str, tuple[float, float]]:
    """By metric, the champion's and the challenger's."""
    icc = population.structure.icc
    structure = Structure(LARGE // ROWS_A_UNIT, icc) if population.structure.units else Structure()
    found: list[tuple[dict[str, float], dict[str, float]]] = []
    gaps: list[tuple[Floats, Floats]] = []
    for piece in range(PIECES):
        random = np.random.default_rng([20130701, piece])
        if isinstance(population, Binary):
            champion, challenger, _, chance = population.known(random, LARGE, structure)
            gaps.append((gaps_of(champion, chance), gaps_of(challenger, chance)))
        else:
            champion, challenger, _ = population.draw(random, LARGE, structure)
        found.append((champion.values(), challenger.values()))
    names = found[0][0]
    means = {
        name: tuple(float(np.mean([pair[which][name] for pair in found])) for which in (0, 1))
        for name in names
    }
    if gaps:
        # Even of so many rows, the noise of labels adds as much to it as a good model has.
        means["calibration_error"] = tuple(
            float(np.abs(np.mean([pair[which] for pair in gaps], axis=0)).sum()) for which in (0, 1)
        )
    if isinstance(population, Regression):
        # The mean of squares with so heavy tails converges slowly, and is known.
        means["rmse"] = (1.0, 1.05)
        means["r2"] = (0.0, 1 - 1.05**2)
    return {name: (pair[0], pair[1]) for name, pair in means.items()}


def gaps_of(scored: LabelledScores, chance: Floats) -> Floats:
    """Of each calibration bin, the share of rows times how far the model is off, ``(bins,)``."""
    bins = calibration_bins(scored.scores)
    found: Floats = np.bincount(bins, weights=scored.scores - chance) / len(scored)
    return found


def better_by(metric: str, pair: tuple[float, float]) -> float:
    """How much better the challenger truly is; below 0 for a drop."""
    return orient_value(metric, pair[1]) - orient_value(metric, pair[0])
