"""Publication checks: rules on a run's counts that decide whether to hold it back. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from statistics import median
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from assay.columns.break_limits import EXPLAINED, describe_score_breaks
from assay.columns.distance import js_distance
from assay.columns.profile import ColumnProfile
from assay.contract.definition import Contract
from assay.contract.table_checks import TableStatistics, check_table
from assay.contract.text import text_parser
from assay.errors import ParamsError
from assay.model import prediction
from assay.model.bundle import Bundle
from assay.project import layout
from assay.project.params import Publish, Quarantine, TableRule
from assay.project.params.drift import DriftParams
from assay.score.duplicate_keys import UNIQUE
from assay.score.tally import Tally
from assay.store import RecentRuns

Counts: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class NightFacts:
    """The counts of a run.

    Parameters
    ----------
    rows
        Rows read, including the quarantined ones.
    null_scores
        Rows that were scored but got no score.
    broken
        Number of rows that broke each rule of the contract.
    nulls, newest, duplicate_keys
        As `assay.contract.table_checks.TableStatistics`.
    score
        The distribution of the scores; None if no row was scored.
    breaks
        Unexplained gross breaks in the model's answers
        (`assay.columns.break_limits.describe_score_breaks`).
    farthest
        The largest distance of the scores of a reference night from those of all the others.
    """

    rows: int
    quarantined: int
    null_scores: int
    broken: Mapping[str, int]
    nulls: Mapping[str, int]
    newest: date | None
    duplicate_keys: int | None
    score: ColumnProfile | None
    breaks: tuple[str, ...] = ()
    farthest: float = 0.0


def collect_facts(
    tally: Tally, quarantined: int, bundle: Bundle, monitor: DriftParams, duplicate_keys: int | None
) -> NightFacts:
    """The facts of a night that a model scored, whether or not its rows were written.

    Gross breaks are only looked for against the model's own reference.
    """
    score = prediction.score_column(bundle.manifest.task)
    breaks: tuple[str, ...] = ()
    if tally.profile and monitor.baseline == "reference":
        breaks = describe_score_breaks(
            bundle.reference, tally.profile, monitor.budget, monitor.limits
        )
    return NightFacts(
        rows=tally.rows,
        quarantined=quarantined,
        null_scores=tally.null_scores,
        broken=tally.broken,
        nulls=tally.nulls,
        newest=tally.newest,
        duplicate_keys=duplicate_keys,
        score=tally.profile[score] if tally.profile else None,
        breaks=breaks,
        farthest=max(bundle.reference.distances.get(score, ()), default=0.0),
    )


def check_budget(budget: Quarantine, contract: Contract) -> None:
    """Check that every rule with its own quarantine budget exists in the contract.

    Raises
    ------
    ParamsError
        Naming each unknown rule, with the closest known one.
    """
    known = (*contract.row_rules, *text_parser.parsing_rules(contract), UNIQUE)
    mistakes = []
    for name in budget.rules:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            mistakes.append(
                f"{layout.PARAMS}: quarantine.rules: the contract has no rule '{name}'"
                + (f"; did you mean '{near[0]}'?" if near else f": {', '.join(contract.row_rules)}")
            )
    if mistakes:
        raise ParamsError(mistakes)


def hold_reasons(
    facts: NightFacts,
    rules: tuple[TableRule, ...],
    budget: Quarantine,
    limits: Publish,
    recent: RecentRuns,
    as_of: date,
) -> tuple[str, ...]:
    """One sentence for each rule that the night breaks; none means publish.

    Parameters
    ----------
    rules
        The contract's rules about the whole night.
    recent
        Earlier nights to compare with. With fewer than ``limits.min_nights``, nothing is compared.
    as_of
        The night's date.
    """
    return (
        *_table(facts, rules, as_of),
        *_quarantine(facts, budget),
        *_null_scores(facts, limits),
        *_row_change(facts, limits, recent),
        *_score_distance(facts, limits, recent),
        *(f"gross break: {each}, {EXPLAINED}" for each in facts.breaks),
    )


def _table(facts: NightFacts, rules: tuple[TableRule, ...], as_of: date) -> Iterator[str]:
    table = TableStatistics(
        rows=facts.rows,
        nulls=facts.nulls,
        duplicate_keys=facts.duplicate_keys,
        newest=facts.newest,
        as_of=as_of,
    )
    for result in check_table(rules, table):
        if result.broken:
            yield f"{result.rule}: expected {result.expected}, found {result.found}"


def _quarantine(facts: NightFacts, budget: Quarantine) -> Iterator[str]:
    share = _share(facts.quarantined, facts.rows)
    if not share <= budget.max_share:
        worst = max(facts.broken, key=lambda rule: facts.broken[rule], default="no rule")
        yield (
            f"quarantine: expected at most {budget.max_share:.2%} of the rows, found "
            f"{share:.2%} ({facts.quarantined} of {facts.rows}; most broke '{worst}')"
        )
    for rule, limit in budget.rules.items():
        broken = facts.broken.get(rule, 0)
        share = _share(broken, facts.rows)
        if not share <= limit:
            yield (
                f"quarantine by '{rule}': expected at most {limit:.2%} of the rows, found "
                f"{share:.2%} ({broken} of {facts.rows})"
            )


def _null_scores(facts: NightFacts, limits: Publish) -> Iterator[str]:
    scored = facts.rows - facts.quarantined
    share = _share(facts.null_scores, scored)
    if facts.null_scores and not share <= limits.max_null_share:
        yield (
            f"null scores: expected at most {limits.max_null_share:.2%} of the scored rows, "
            f"found {share:.2%} ({facts.null_scores} of {scored})"
        )


def _row_change(facts: NightFacts, limits: Publish, recent: RecentRuns) -> Iterator[str]:
    if len(recent.rows) < limits.min_nights:
        return
    usual = median(recent.rows)
    if not abs(facts.rows - usual) <= limits.max_row_change * usual:
        yield (
            f"row count: expected within {limits.max_row_change:.0%} of {usual:,.0f} rows, the "
            f"median of {len(recent.rows)} recent nights, found {facts.rows:,}"
        )


def _score_distance(facts: NightFacts, limits: Publish, recent: RecentRuns) -> Iterator[str]:
    if facts.score is None:
        return
    # Histograms with other bins cannot be compared.
    cells = len(facts.score.counts)
    nights = [score.counts for score in recent.scores if len(score.counts) == cells]
    if len(nights) < limits.min_nights:
        return
    usual = np.sum(np.asarray(nights, dtype=np.int64), axis=0)
    found = np.asarray(facts.score.counts, dtype=np.int64)
    distance = float(js_distance(usual, found))
    limit = max(limits.max_score_distance, _ordinary(facts.farthest, len(nights)))
    if not (distance <= limit or distance <= by_chance(usual, found)):
        yield (
            f"score distribution: expected within {limit:.2f} of "
            f"{len(nights)} recent nights (Jensen-Shannon distance), found {distance:.2f}"
        )


def _ordinary(farthest: float, nights: int) -> float:
    """How far an ordinary night's scores may be from those of some nights before it.

    The rows of a night hang together, by its weather or its news, so that nights differ by more
    than chance. In the reference each was compared with all the others; fewer nights vary too, and
    their mean by as many times less.
    """
    return farthest * math.sqrt(1 + 1 / nights)


DRAWS = 500
"""A night like the others is farther away than each of so many draws once in 501 nights."""


def by_chance(usual: Counts, found: Counts) -> float:
    """How far two samples of these sizes may be apart although they are of one distribution.

    Few rows leave most cells empty, so that any two small samples are far apart: 12 rows and 36 of
    one distribution by 0.7.

    Parameters
    ----------
    usual, found
        Rows in each cell, shape (cells,).

    Returns
    -------
    float
        The largest Jensen-Shannon distance over `DRAWS` divisions of all rows into two samples of
        these sizes, always the same ones.
    """
    every = usual + found
    draws = np.random.default_rng(0).multivariate_hypergeometric(
        every, int(found.sum()), size=DRAWS, method="marginals"
    )
    return float(js_distance(every - draws, draws).max())


def _share(part: int, whole: int) -> float:
    """The share of rows; 1 for a night without rows, so that it exceeds any limit."""
    return part / whole if whole else 1.0
