"""One broken column among fourteen: whether its night is in alarm at once, later, or never.

Tables of a few hundred rows a night are counted, compared and judged by the functions that
`assay monitor --from --to` calls. Nights differ a little in the level of each column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from assay.columns.features import FrameFeatures
from assay.columns.profile_counter import compute_profile
from assay.columns.reference import Reference, build_reference
from assay.model.prediction import PROBABILITY, score_grids
from assay.monitor.drift.budget import alarms, evidence
from assay.monitor.drift.drift import decide
from assay.project.params import Monitor
from benchmarks.shares import Share

ROWS = 355
NUMBERS = [f"x{place}" for place in range(12)]
CATEGORIES = ["c", "d"]
LEVEL = 0.1
"""Standard deviation of a night's level, in standard deviations of a column."""
REFERENCES = (10, 18, 40, 150)
WITHIN = 5


def _doubled(values: pd.Series) -> pd.Series:
    return values.where(values < values.quantile(0.9), 2 * values)


def _infinite(values: pd.Series) -> pd.Series:
    return values.mask(np.arange(len(values)) % 10 == 0, np.inf)


def _filled(
    every: int, of: int, value: Callable[[pd.Series], float]
) -> Callable[[pd.Series], pd.Series]:
    """So many of so many rows have one value."""
    return lambda values: values.mask(np.arange(len(values)) % of < every, value(values))


def _times(factor: float) -> Callable[[pd.Series], pd.Series]:
    return lambda values: factor * values


GROSS: Mapping[str, Callable[[pd.Series], pd.Series]] = {
    "times 60": lambda values: 60 * values,
    "constant": lambda values: 0 * values + 1.0,
    "negated": lambda values: -values,
    "infinite in a tenth": _infinite,
    "top decile doubled": _doubled,
}
BREAKS: Mapping[str, Callable[[pd.Series], pd.Series]] = {
    **GROSS,
    **{
        f"{name} in {percent} %": _filled(percent // 5, 20, value)
        for name, value in (("zero", lambda _: 0.0), ("its median", pd.Series.median))
        for percent in (10, 20, 35, 50)
    },
    **{f"times {factor:g}": _times(factor) for factor in (1.1, 1.3, 2, 3)},
}
"""Smaller ones too, which show how small a break may be to be found."""


@dataclass(frozen=True)
class Seen:
    """How often a break was seen on its first night, and within `WITHIN`."""

    at_once: Share
    within: Share


def table(random: np.random.Generator, nights: int) -> pd.DataFrame:
    """Nights one after another; half of the numbers are skewed."""
    level = np.repeat(random.normal(0, LEVEL, (nights, len(NUMBERS))), ROWS, axis=0)
    values = random.normal(size=level.shape) + level
    values[:, ::2] = np.exp(values[:, ::2])
    found = pd.DataFrame(values, columns=NUMBERS)
    for name, shares in zip(CATEGORIES, ([0.6, 0.3, 0.1], [0.5, 0.5]), strict=True):
        found[name] = random.choice(list("abc")[: len(shares)], len(found), p=shares)
    return found


def scored(rows: pd.DataFrame) -> pd.DataFrame:
    """What a model that knows three of the columns makes of them."""
    logit = 1.2 * rows["x0"] + 0.3 * rows["x1"] - 0.5 * rows["x3"] - 2
    return rows.assign(**{PROBABILITY: 1 / (1 + np.exp(-logit.clip(-30, 30)))})


def _reference(random: np.random.Generator, nights: int) -> Reference:
    rows = scored(table(random, nights))
    names = pd.Series(np.repeat([f"{night:03}" for night in range(nights)], ROWS))
    scores = score_grids("binary", (), rows[PROBABILITY].to_numpy())
    return build_reference(rows, names, NUMBERS, CATEGORIES, scores)


def run(
    trials: int, seed: int, references: Sequence[int] = REFERENCES
) -> dict[tuple[str, int], Seen]:
    """Each break of the first column, of which the score knows nothing: it is left as it was."""
    limits, found = Monitor(), {}
    for nights in references:
        seen = {how: [0, 0] for how in BREAKS}
        for trial in range(trials):
            random = np.random.default_rng([seed, nights, trial])
            reference = _reference(random, nights)
            tonight = [scored(table(random, 1)) for _ in range(WITHIN)]
            for how, break_of in BREAKS.items():
                judged = alarms(
                    (
                        evidence(
                            f"{night}",
                            "bundle",
                            decide(
                                reference,
                                compute_profile(
                                    FrameFeatures(rows.assign(x0=break_of(rows["x0"]))),
                                    reference.grid,
                                ),
                                limits,
                                ROWS,
                            ),
                            reference,
                            limits,
                        )
                        for night, rows in enumerate(tonight)
                    ),
                    limits.budget,
                )
                told = [
                    any(alarm.question.column == "x0" for alarm in night.alarms) for night in judged
                ]
                seen[how][0] += told[0]
                seen[how][1] += any(told)
        for how, (at_once, within) in seen.items():
            found[how, nights] = Seen(Share(at_once, trials), Share(within, trials))
    return found


def lines(found: Mapping[tuple[str, int], Seen]) -> list[str]:
    """As Markdown."""
    made = [
        f"\n## One of {len(NUMBERS) + len(CATEGORIES)} columns breaks\n",
        f"Nights of {ROWS} rows, whose columns differ in level by {LEVEL:g} of their standard "
        "deviation; the score is left as it was.\n",
        f"| what | reference nights | in alarm on its first night | within {WITHIN} nights |",
        "|---|--:|--:|--:|",
    ]
    for (how, nights), seen in found.items():
        low, high = seen.at_once.interval
        made.append(
            f"| {how} | {nights} | {seen.at_once.value:.1%} ({low:.1%} to {high:.1%}) | "
            f"{seen.within.value:.1%} |"
        )
    return made
