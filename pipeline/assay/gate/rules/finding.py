"""Constructors of findings, shared by all rules."""

from __future__ import annotations

import math
from typing import Any

from assay.gate.rules import wording
from assay.metrics.sampling_units import SamplingUnits, format_rounded_count
from assay.project.params.gate import RuleKeys
from assay.project.text import counted
from assay.reports.verdict import Finding, Outcome


def make_finding(rule: RuleKeys, outcome: Outcome, detail: str, **facts: Any) -> Finding:
    """A finding of ``rule``, with the rule's name, severity, owner and reason."""
    return Finding(
        rule=rule.name,
        kind="rule",
        outcome=outcome,
        detail=detail,
        severity=rule.severity,
        tolerated=rule.inconclusive == "pass",
        owner=rule.owner,
        because=rule.because,
        **facts,
    )


def fail(rule: RuleKeys, reason: str, **facts: Any) -> Finding:
    """A FAIL: the rule could not be evaluated for ``reason``."""
    return make_finding(rule, Outcome.FAIL, reason, **facts)


def unmeasured_slice(rule: RuleKeys, title: str, rows: int, why: str) -> Finding:
    """An INCONCLUSIVE for a slice that was not measured."""
    return make_finding(
        rule,
        Outcome.INCONCLUSIVE,
        f"{title} is too small to measure: {why}",
        slice=title,
        rows=rows,
    )


def insufficient_data(
    rule: RuleKeys, why: str, title: str | None, rows: int, units: SamplingUnits, needed: int | None
) -> Finding:
    """An INCONCLUSIVE for too few rows, labels or units.

    Parameters
    ----------
    needed
        Number of units that would be enough, if known.
    """
    metric = getattr(rule, "metric", None)
    where = f" on {title}" if title else ""
    takes = "" if needed is None else f"; it takes about {format_rounded_count(needed, units.name)}"
    return make_finding(
        rule,
        Outcome.INCONCLUSIVE,
        f"{metric or 'the answer'}{where} cannot be judged yet: {why}{takes}",
        metric=metric,
        slice=title,
        rows=rows,
        unit=units.name,
        units=units.count,
        units_needed=needed,
    )


def excluded_slice(rule: RuleKeys, title: str, rows: int, min_rows: int) -> Finding:
    """A tolerated INCONCLUSIVE for a slice below the rule's ``min_rows``."""
    detail = f"{title} has {counted(rows, 'row')}; the rule is about {min_rows:,} or more"
    return tolerate(make_finding(rule, Outcome.INCONCLUSIVE, detail, slice=title, rows=rows))


def at_most(
    rule: RuleKeys,
    metric: str,
    value: float,
    limit: float,
    words_for: str,
    rows: int,
    where: str | None = None,
) -> Finding:
    """The finding for a number without an interval against an upper limit."""
    if not math.isfinite(value) or value < 0:
        reason = f"{words_for} {value}, which is no number to decide on"
        return fail(rule, reason, metric=metric, slice=where, rows=rows)
    met = value <= limit
    verb = "meets" if met else "misses"
    return make_finding(
        rule,
        Outcome.PASS if met else Outcome.FAIL,
        f"{words_for} {wording.format_number(value, limit)}, which {verb} the limit of "
        f"{wording.format_limit(limit, 'max')}",
        metric=metric,
        slice=where,
        observed=value,
        limit=limit,
        direction="max",
        rows=rows,
        method="the value alone",
    )


def tolerate(finding: Finding) -> Finding:
    """A copy of the finding that cannot block if it is INCONCLUSIVE."""
    return finding.model_copy(update={"tolerated": True})


def finite_or_none(value: float | None) -> float | None:
    """The number, or None if it is missing, NaN or infinite."""
    return value if value is not None and math.isfinite(value) else None
