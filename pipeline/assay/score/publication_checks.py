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

from assay.columns.break_limits import EXPLAINED, describe_breaks, describe_emptied
from assay.columns.distance import js_distance
from assay.columns.profile import ColumnProfile
from assay.columns.reference import ordinary_rows
from assay.contract import text_parser
from assay.contract.definition import Contract
from assay.contract.table_checks import TableStatistics, check_table
from assay.errors import ParamsError
from assay.model import prediction
from assay.model.bundle import Bundle
from assay.project import layout
from assay.project.params import Params, Publish, Quarantine, TableRule
from assay.score.duplicate_keys import UNIQUE
from assay.score.scoring_job import Tally
from assay.store import RecentRuns

Counts: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RunCounts:
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
        Unexplained gross breaks (`assay.columns.break_limits.describe_breaks`) in the model's
        answers and, if ``publish.hold_broken`` says so, in its features.
    emptied
        Features that many more rows lack (`assay.columns.break_limits.describe_emptied`).
    farthest
        The largest distance of the scores of a reference night from those of all the others.
    before
        Rows of each night of the reference.
    repeats
        Whether nights with the same rows are ordinary, as some in the reference had.
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
    emptied: tuple[str, ...] = ()
    farthest: float = 0.0
    before: tuple[int, ...] = ()
    repeats: bool = False


def collect_facts(
    tally: Tally, quarantined: int, bundle: Bundle, params: Params, duplicate_keys: int | None
) -> RunCounts:
    """The facts of a night that a model scored, whether or not its rows were written.

    Gross breaks are only looked for against the model's own reference.
    """
    score = prediction.score_column(bundle.manifest.task)
    monitor, reference = params.monitor, bundle.reference
    breaks: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()
    if tally.profile:
        emptied = describe_emptied(reference, tally.profile, monitor.budget, monitor.limits)
    if tally.profile and monitor.baseline == "reference":
        names = reference.scores if params.publish.hold_broken == "scores" else [*reference.grid]
        breaks = describe_breaks(reference, tally.profile, names, monitor.budget, monitor.limits)
    usual = reference.distances.get(score, ())
    # Two nights that are equally far from all the others by both measures had the same rows.
    pairs = list(zip(usual, reference.moved.get(score, usual), strict=False))
    return RunCounts(
        rows=tally.rows,
        quarantined=quarantined,
        null_scores=tally.null_scores,
        broken=tally.broken,
        nulls=tally.nulls,
        newest=tally.newest,
        duplicate_keys=duplicate_keys,
        score=tally.profile[score] if tally.profile else None,
        breaks=breaks,
        emptied=emptied,
        farthest=max(usual, default=0.0),
        before=reference.rows,
        repeats=len(set(pairs)) < len(pairs),
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
    facts: RunCounts,
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
        Earlier nights to compare with. With fewer than ``limits.min_nights``, rows are compared
        with the nights of the reference.
    as_of
        The night's date.
    """
    return (
        *_table(facts, rules, as_of),
        *_quarantine(facts, budget),
        *_null_scores(facts, limits),
        *_row_change(facts, limits, recent),
        *_score_distance(facts, limits, recent),
        *_same_rows(facts, recent),
        *(f"gross break: {each}, {EXPLAINED}" for each in facts.breaks),
        *(f"empty column: {each}" for each in facts.emptied),
    )


def _table(facts: RunCounts, rules: tuple[TableRule, ...], as_of: date) -> Iterator[str]:
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


def _quarantine(facts: RunCounts, budget: Quarantine) -> Iterator[str]:
    share = _share(facts.quarantined, facts.rows)
    if not (
        share <= budget.max_share or _is_one_row(facts.quarantined, facts.rows, budget.max_share)
    ):
        # Of several, the first by name: their order depends on who counted first.
        worst = max(sorted(facts.broken), key=lambda rule: facts.broken[rule], default="no rule")
        yield (
            f"quarantine: expected at most {budget.max_share:.2%} of the rows, found "
            f"{share:.2%} ({facts.quarantined} of {facts.rows}; most broke '{worst}')"
        )
    for rule, limit in budget.rules.items():
        broken = facts.broken.get(rule, 0)
        share = _share(broken, facts.rows)
        if not (share <= limit or _is_one_row(broken, facts.rows, limit)):
            yield (
                f"quarantine by '{rule}': expected at most {limit:.2%} of the rows, found "
                f"{share:.2%} ({broken} of {facts.rows})"
            )


def _null_scores(facts: RunCounts, limits: Publish) -> Iterator[str]:
    scored = facts.rows - facts.quarantined
    share = _share(facts.null_scores, scored)
    if facts.null_scores and not share <= limits.max_null_share:
        yield (
            f"null scores: expected at most {limits.max_null_share:.2%} of the scored rows, "
            f"found {share:.2%} ({facts.null_scores} of {scored})"
        )


def _row_change(facts: RunCounts, limits: Publish, recent: RecentRuns) -> Iterator[str]:
    times = 1 + limits.max_row_change
    if len(recent.rows) < limits.min_nights:
        if len(facts.before) >= limits.min_nights:
            yield from _first_rows(facts.rows, facts.before, times, limits.min_nights)
        return
    usual = median(recent.rows)
    if not usual / times <= facts.rows <= usual * times:
        yield (
            f"row count: expected {usual / times:,.0f} to {usual * times:,.0f} rows, as the median "
            f"of {len(recent.rows)} recent nights is {usual:,.0f}, found {facts.rows:,}"
        )


def _first_rows(rows: int, before: tuple[int, ...], times: float, nights: int) -> Iterator[str]:
    """Whether a first night is like those of the reference, as too few others are published."""
    least, most = ordinary_rows(before)
    if not least / times <= rows <= most * times:
        yield (
            f"row count: expected {least / times:,.0f} to {most * times:,.0f} rows, as the nights "
            f"of training had {least:,} to {most:,} and fewer than {nights} are published to "
            f"compare with, found {rows:,}"
        )


def _score_distance(facts: RunCounts, limits: Publish, recent: RecentRuns) -> Iterator[str]:
    if facts.score is None:
        return
    # Histograms with other bins cannot be compared.
    cells = len(facts.score.counts)
    nights = [score.counts for score in recent.scores if len(score.counts) == cells]
    if len(nights) < limits.min_nights:
        return
    if not sum(facts.score.counts):
        yield "score distribution: no row has a score to compare with those of recent nights"
        return
    usual = np.sum(np.asarray(nights, dtype=np.int64), axis=0)
    counts = np.asarray(facts.score.counts, dtype=np.int64)
    distance = float(js_distance(usual, counts))
    limit = max(limits.max_score_distance, _ordinary(facts.farthest, len(nights)))
    if not (distance <= limit or distance <= by_chance(usual, counts)):
        yield (
            f"score distribution: expected within {limit:.2f} of "
            f"{len(nights)} recent nights (Jensen-Shannon distance), found {distance:.2f}"
        )


def _ordinary(farthest: float, nights: int) -> float:
    """How far an ordinary night's scores may be from those of some nights before it.

    The rows of a night are clustered, by its weather or its news, so that nights differ by more
    than chance. In the reference each was compared with all the others; fewer nights vary too, and
    their mean by as many times less.
    """
    return farthest * math.sqrt(1 + 1 / nights)


UNLIKELY = math.log(1e-6)
"""Two nights of one distribution have the same counts less often than this."""


def _same_rows(facts: RunCounts, recent: RecentRuns) -> Iterator[str]:
    """Whether an earlier night was delivered once more, under this one's name."""
    score = facts.score
    if score is None or facts.repeats or _chance_of_counts(_cells(score)) > UNLIKELY:
        return
    for night, before in zip(recent.nights, recent.scores, strict=True):
        same = (before.rows, _cells(before), before.low, before.high) == (
            (score.rows, _cells(score), score.low, score.high)
        )
        if same and math.isclose(before.total, score.total, rel_tol=1e-9):
            yield (
                f"the same rows again: expected other scores than on night {night}, found the same "
                f"{score.rows:,}, as if its rows were delivered once more"
            )
            return


def _cells(score: ColumnProfile) -> tuple[int, ...]:
    """The finest counts that there are."""
    return tuple(score.fine.counts.tolist()) or score.counts


def _chance_of_counts(counts: tuple[int, ...]) -> float:
    """About the logarithm of the chance that a second sample has the same counts in all cells.

    By Stirling's formula, for cells that are Poisson with these counts as their means.
    """
    return -0.5 * sum(math.log(2 * math.pi * count) for count in counts if count)


DRAWS = 500
"""A night like the others is farther away than each of so many draws once in 501 nights."""


def by_chance(usual: Counts, night: Counts) -> float:
    """How far two samples of these sizes may be apart although they are of one distribution.

    Few rows leave most cells empty, so that any two small samples are far apart: 12 rows and 36 of
    one distribution by 0.7.

    Parameters
    ----------
    usual, night
        Rows in each cell, shape (cells,).

    Returns
    -------
    float
        The largest Jensen-Shannon distance over `DRAWS` divisions of all rows into two samples of
        these sizes, always the same ones.
    """
    every = usual + night
    draws = np.random.default_rng(0).multivariate_hypergeometric(
        every, int(night.sum()), size=DRAWS, method="marginals"
    )
    return float(js_distance(every - draws, draws).max())


ONE_OF = 20
"""Rows of a night from which on one row alone, as a new kind, is no reason to hold it."""


def _is_one_row(part: int, rows: int, limit: float) -> bool:
    """Whether it is one row alone, where some may be."""
    return part == 1 and rows >= ONE_OF and limit > 0


def _share(part: int, whole: int) -> float:
    """The share of rows; 1 for a night without rows, so that it exceeds any limit."""
    return part / whole if whole else 1.0
