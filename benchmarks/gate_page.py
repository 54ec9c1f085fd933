"""What `make simulate` found, as a page that shows the bad cells and a table of all of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

from benchmarks.shares import Share

PAGE = "gate.md"
TABLE = "gate.csv"

COVERED = (0.93, 0.97)
MOST_PASSED = 0.05
POWER, POWER_WITHIN = 0.8, 0.05
FEW_ANSWERS = 0.05
"""Cells in which fewer trials than this have an interval are counted as not reached."""


@dataclass(frozen=True)
class Line:
    """One metric (or its difference, where ``paired``) in one population at one size."""

    population: str
    structure: str
    rows: int
    metric: str
    paired: bool
    trials: int
    answered: int
    covered: int
    passed: int
    told: int | None
    least: float | None

    @property
    def reached(self) -> bool:
        """Whether the gate answers here at all."""
        return self.answered >= FEW_ANSWERS * self.trials

    @property
    def coverage(self) -> float:
        return self.covered / self.answered if self.answered else float("nan")

    @property
    def false_passes(self) -> float:
        return self.passed / self.trials

    @property
    def missed(self) -> list[str]:
        """What is not as required, beyond what chance in the trials explains."""
        found = []
        if self.reached:
            low, high = Share(self.covered, self.answered).interval
            if high < COVERED[0]:
                found.append("covers too little")
            if low > COVERED[1]:
                found.append("covers too much")
        if Share(self.passed, self.trials).interval[0] > MOST_PASSED:
            found.append("passes too often")
        return found


def summary(found: Sequence[Line], ends: dict[str, int]) -> str:
    """In a few lines, for a terminal."""
    reached = [one for one in found if one.reached]
    good = [one for one in reached if COVERED[0] <= one.coverage <= COVERED[1]]
    return "\n".join(
        [
            f"{len(found):,} cells; {len(reached):,} have an answer, the others say that rows, "
            "labels or nights are too few",
            f"coverage from {COVERED[0]:.0%} to {COVERED[1]:.0%} in {len(good):,} of "
            f"{len(reached):,}; below in "
            f"{sum(one.coverage < COVERED[0] for one in reached):,}, above in "
            f"{sum(one.coverage > COVERED[1] for one in reached):,}",
            f"passes with the truth at the limit: {max(one.false_passes for one in found):.1%} at "
            f"most, over {MOST_PASSED:.0%} in "
            f"{sum(one.false_passes > MOST_PASSED for one in found):,}",
            f"beyond what chance in the trials explains: "
            f"{sum(bool(one.missed) for one in found):,} cells",
            "a rule over 20 slices of 250 rows for a model that changed nothing: "
            + ", ".join(f"{name} {count}" for name, count in sorted(ends.items())),
        ]
    )


def table(found: Sequence[Line]) -> str:
    """All of it as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [each.name for each in fields(Line)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(one) for one in found)
    return text.getvalue()


def page(found: Sequence[Line], ends: dict[str, int]) -> str:
    """For people: what holds, what does not, and where there is no answer."""
    trials = max(one.trials for one in found)
    parts = [
        "# How often the gate is right\n",
        f"Written by `make simulate`: {trials:,} holdouts a cell (a third of that at the largest "
        "size), drawn from populations whose "
        "truth is known (benchmarks/gate_populations.py), put through the functions of the gate. "
        "A cell is a metric of one model, or the difference of two, in a population at a size. "
        f"All cells are in {TABLE}. With so many trials a coverage of 95 % is known to within "
        f"{196 * (0.05 * 0.95 / trials) ** 0.5:.1f} points.\n",
        "Required: intervals of 95 % hold the truth in 93 to 97 % of holdouts; with the truth "
        "exactly at the limit or margin at most 5 % pass.\n",
        "What to do with it: where a metric covers too little below, let another decide (the MAE "
        "for the RMSE if errors have heavy tails); where it covers too much, a rule is more often "
        "INCONCLUSIVE than it had to be, and more nights are the only remedy.\n",
        "```",
        summary(found, ends),
        "```\n",
        "## By metric\n",
        "The median, least and greatest coverage over all cells that have an answer, and the most "
        "passes.\n",
        "| metric | | cells | no answer | coverage | least | greatest | most passes |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
        *_by_metric(found),
        "\n## Cells that are not as required\n",
        "Beyond what chance in the trials explains. `told` is how often a difference was told "
        "that the gate says it tells with a power of 80 %.\n",
        "| metric | | population | rows | answered | coverage | passes | told | |",
        "|---|---|---|--:|--:|--:|--:|--:|---|",
        *(_row(one) for one in found if one.missed),
        "\n## Where there is no answer\n",
        "Fewer than 5 % of the holdouts had an interval: the rule says INCONCLUSIVE, and why.\n",
        "| population | rows | metrics |",
        "|---|--:|---|",
        *_silent(found),
        "\n## Power\n",
        "How often a difference was told that the gate says it tells with a power of 80 %, over "
        "the cells that have an answer.\n",
        "| rows | structure | least | median | greatest |",
        "|--:|---|--:|--:|--:|",
        *_power(found),
    ]
    return "\n".join(parts) + "\n"


def _by_metric(found: Sequence[Line]) -> list[str]:
    rows = []
    for metric, paired in dict.fromkeys((one.metric, one.paired) for one in found):
        mine = [one for one in found if (one.metric, one.paired) == (metric, paired)]
        shares = sorted(one.coverage for one in mine if one.reached)
        silent = sum(not one.reached for one in mine)
        middle = f"{shares[len(shares) // 2]:.1%}" if shares else "-"
        ends = [f"{share:.1%}" for share in (shares[0], shares[-1])] if shares else ["-", "-"]
        rows.append(
            f"| {metric} | {'difference' if paired else 'limit'} | {len(mine)} | {silent} | "
            f"{middle} | {ends[0]} | {ends[1]} | {max(one.false_passes for one in mine):.1%} |"
        )
    return rows


def _row(one: Line) -> str:
    told = "-" if one.told is None or not one.answered else f"{one.told / one.answered:.0%}"
    return (
        f"| {one.metric} | {'difference' if one.paired else 'limit'} | {one.population}, "
        f"{one.structure} | {one.rows:,} | {one.answered / one.trials:.0%} | "
        f"{one.coverage:.1%} | {one.false_passes:.1%} | {told} | {'; '.join(one.missed)} |"
    )


def _silent(found: Sequence[Line]) -> list[str]:
    by_place: dict[tuple[str, int], list[str]] = {}
    for one in found:
        if not one.reached:
            place = (f"{one.population}, {one.structure}", one.rows)
            name = f"{one.metric}{' (difference)' if one.paired else ''}"
            by_place.setdefault(place, []).append(name)
    sizes = {place: len([one for one in found if _place(one) == place]) for place in by_place}
    return [
        f"| {place[0]} | {place[1]:,} | "
        f"{'all' if len(names) == sizes[place] else ', '.join(names)} |"
        for place, names in by_place.items()
    ]


def _place(one: Line) -> tuple[str, int]:
    return f"{one.population}, {one.structure}", one.rows


def _power(found: Sequence[Line]) -> list[str]:
    rows = []
    for size, structure in dict.fromkeys((one.rows, one.structure) for one in found):
        told = sorted(
            one.told / one.answered
            for one in found
            if one.told is not None
            and one.reached
            and (one.rows, one.structure) == (size, structure)
        )
        if told:
            middle = told[len(told) // 2]
            rows.append(
                f"| {size:,} | {structure} | {told[0]:.0%} | {middle:.0%} | {told[-1]:.0%} |"
            )
    return rows
