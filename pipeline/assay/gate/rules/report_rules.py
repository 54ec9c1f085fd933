"""Rules that read their result directly from a report.

These are stability, parity, cost, contract and leakage.
"""

from __future__ import annotations

from assay.contract.result import ContractResult
from assay.gate.rules import change, finding, model_leakage, wording
from assay.gate.rules.leakage_words import with_meaning
from assay.metrics.sampling_units import SamplingUnits
from assay.project.params.gate import (
    LEAKAGE_CHECKS,
    ContractRule,
    CostRule,
    LeakageRule,
    ParityRule,
    StabilityRule,
)
from assay.reports.comparison import Comparison
from assay.reports.evaluation import Evaluation
from assay.reports.leakage import Leakage
from assay.reports.rehearsal import Parity, Rehearsal
from assay.reports.verdict import Finding, Outcome

UNITS = {
    "latency_ms": "milliseconds to score 1,000 rows",
    "memory_mb": "megabytes of memory to score",
    "bundle_mb": "megabytes of the bundle on disk",
}


def stability(rule: StabilityRule, comparison: Comparison) -> tuple[Finding, ...]:
    """The distance of the scores, or the share of flipped predictions with a Wilson interval."""
    if comparison.state != "compared" or comparison.stability is None:
        return (change.no_champion_finding(rule, comparison),)
    found = comparison.stability
    rows = comparison.rows
    if rows == 0:
        return (finding.fail(rule, "scores were compared on no rows"),)
    if rule.max_distance is not None:
        words_for = "the Jensen-Shannon distance between both models' scores is"
        return (
            finding.at_most(rule, "distance", found.distance, rule.max_distance, words_for, rows),
        )
    assert rule.max_flipped is not None
    if found.flipped is None or found.rows is None:
        reason = f"a {comparison.task} model gives no answers that could be counted as flipped"
        return (finding.fail(rule, reason),)
    share, limit = found.flipped, rule.max_flipped
    if not 0 <= found.rows <= rows:
        return (finding.fail(rule, f"{found.rows} of {rows} rows are flipped, which cannot be"),)
    if share.value is None or abs(found.rows / rows - share.value) > 1e-6:
        reason = f"{found.rows} of {rows} rows are flipped, which is no share of {share.value}"
        return (finding.fail(rule, reason),)
    if share.low is None or share.high is None:
        if not share.few:
            return (finding.fail(rule, "the share of flipped rows has no interval"),)
        why = share.why or "too few"
        units = SamplingUnits(comparison.unit, comparison.units)
        return (finding.insufficient_data(rule, why, None, rows, units, share.needed),)
    if not share.low <= share.value <= share.high:
        reason = f"the interval {share.low} to {share.high} does not hold {share.value}"
        return (finding.fail(rule, reason),)
    outcome, verb = Outcome.INCONCLUSIVE, "cannot be told from"
    if share.high <= limit:
        outcome, verb = Outcome.PASS, "meets"
    elif share.low > limit:
        outcome, verb = Outcome.FAIL, "misses"
    numbers = wording.format_interval(
        share.value, share.low, share.high, limit, comparison.confidence
    )
    told = finding.make_finding(
        rule,
        outcome,
        f"the share of rows with another answer is {numbers} which {verb} the limit of "
        f"{wording.format_limit(limit, 'max')}",
        metric="flipped",
        observed=share.value,
        low=share.low,
        high=share.high,
        limit=limit,
        direction="max",
        rows=rows,
        unit=comparison.unit,
        units=comparison.units,
        design_effect=finding.finite_or_none(share.design_effect),
        method="Wilson",
    )
    return (told,)


def parity(rule: ParityRule, rehearsal: Rehearsal) -> tuple[Finding, ...]:
    """One finding per rehearsed carrier."""
    if not rehearsal.parity:
        return (finding.fail(rule, "no carrier rehearsed the night"),)
    return tuple(_alike(rule, each) for each in rehearsal.parity)


def _alike(rule: ParityRule, found: Parity) -> Finding:
    where = f"carrier={found.carrier}"
    told = f"{found.differing:,} of {found.rows:,} rows differ on the nightly path"
    if found.rows == 0 or found.largest is None:
        return finding.fail(rule, "no row was scored on both paths", slice=where, rows=found.rows)
    if found.differing:
        return finding.fail(rule, told, slice=where, rows=found.rows)
    metric, words_for = "largest difference", f"{told}; the largest difference is"
    return finding.at_most(
        rule, metric, found.largest, rule.tolerance, words_for, found.rows, where
    )


def cost(rule: CostRule, rehearsal: Rehearsal) -> tuple[Finding, ...]:
    """The cost that was measured in the rehearsal."""
    values = {
        "latency_ms": rehearsal.cost.latency_ms,
        "memory_mb": rehearsal.cost.memory_mb,
        "bundle_mb": rehearsal.bundle_mb,
    }
    value = values[rule.of]
    if rule.of != "bundle_mb" and not rehearsal.cost.batch_rows:
        return (finding.fail(rule, f"{rule.of} was measured on no rows", metric=rule.of),)
    if value is None:
        reason = f"{rule.of} could not be measured: {rehearsal.why or 'no reason was given'}"
        return (finding.fail(rule, reason, metric=rule.of),)
    return (finding.at_most(rule, rule.of, value, rule.max, f"{UNITS[rule.of]}:", rehearsal.rows),)


def contract(rule: ContractRule, report: ContractResult) -> tuple[Finding, ...]:
    """The result of the contract check on the training table."""
    if report.rows == 0:
        return (finding.fail(rule, "the contract was checked on no rows"),)
    if not report.ok:
        broken = ", ".join(report.broken) or "its share of bad rows"
        return (finding.fail(rule, f"{report.where} breaks its contract: {broken}"),)
    share = report.bad_rows / report.rows
    words_for = f"{report.bad_rows:,} of {report.rows:,} rows break a row rule, a share of"
    return (finding.at_most(rule, "bad share", share, rule.max_bad_share, words_for, report.rows),)


def leakage(
    rule: LeakageRule, report: Leakage, evaluation: Evaluation, comparison: Comparison
) -> tuple[Finding, ...]:
    """One finding per check of the tables and of the model; a missing check is FAIL."""
    by_name = {check.check: check for check in report.checks}
    found = []
    for name in LEAKAGE_CHECKS:
        check = by_name.get(name)
        if check is None:
            found.append(finding.fail(rule, f"the report has no check '{name}'", slice=name))
            continue
        outcome = {"ok": Outcome.PASS, "suspect": Outcome.FAIL}.get(
            check.outcome, Outcome.INCONCLUSIVE
        )
        found.append(
            finding.make_finding(
                rule,
                outcome,
                check.detail,
                slice=name,
                metric=name,
                observed=finding.finite_or_none(check.observed),
                limit=finding.finite_or_none(check.limit),
                direction=None if check.limit is None else "max",
            )
        )
    if evaluation.task == "regression":  # the losses of a sure classifier have no bound
        found.append(model_leakage.shuffled_error(rule, evaluation))
    found.append(model_leakage.error_jump(rule, report, evaluation, comparison))
    told = map(with_meaning, found)
    return tuple(_allowed(each) if each.metric in rule.allow else each for each in told)


def _allowed(told: Finding) -> Finding:
    """A finding that was allowed by name is shown, and does not decide."""
    if told.outcome is Outcome.PASS:
        return told
    detail = f"{told.detail} (allowed by name)"
    return told.model_copy(update={"severity": "warn", "detail": detail})
