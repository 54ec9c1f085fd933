"""Nights that were scored, refused or released, what labels say of them, and why a row's score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from assay.cli.result import fits, lines, table, to_tree
from assay.cli.terminal import Line, wrapped
from assay.pages.letters import signed_bar
from assay.project.tasks import METRICS
from assay.project.text import counted, first_few, format_fixed, quote_value
from assay.score.due import DECIDED

if TYPE_CHECKING:
    from assay.ops.nightly import NightlySteps, Step
    from assay.performance.comparison import AllMetrics, PerformancePairs
    from assay.performance.labels import LabelsOutcome
    from assay.performance.measure import MaturityMeasurement, MeasuredRun
    from assay.score.due import DueNights
    from assay.score.operations.quarantine import QuarantineFile, QuarantineReport
    from assay.score.operations.store_commands import ReleaseReport, RunHistory
    from assay.score.operations.why import Why
    from assay.score.run import ScoredRun
    from assay.score.stage import ScoringOutcomes
    from assay.store import Retraction

SHOWN = 5
"""The most partition values that are named of those that are no days."""


def score_lines(nights: ScoringOutcomes) -> Iterator[Line]:
    """The published nights, also when a later one failed."""
    outcomes = nights.outcomes
    reports = [each.report for each in outcomes if each.report is not None]
    if reports:
        yield from _scored(nights, reports)
    rules: Counter[str] = Counter()
    for report in reports:
        rules.update(report.broken)
    for rule, count in rules.most_common():
        yield f"quarantined: {counted(count, 'row')} broke '{rule}'"
    if rules:
        refused = [report for report in reports if report.rows_quarantined]
        yield f"look at them: assay quarantine show --date {refused[-1].partition}"
    if reports:
        yield f"published to {nights.store}/predictions, scored by {reports[0].scorer}"
    skipped = [each.partition for each in outcomes if each.outcome == "skipped"]
    if skipped:
        named = skipped[0] if len(skipped) == 1 else counted(len(skipped), "night")
        yield (
            f"skipped {named}: published already with the same version, input and contract "
            "(--force scores again)"
        )
    for outcome in ("held", "failed"):
        named = ", ".join(each.partition for each in outcomes if each.outcome == outcome)
        if named:
            yield f"{outcome}: {named}"
    if nights.due is not None:
        yield from _due_lines(nights.due)


def _scored(nights: ScoringOutcomes, reports: Sequence[ScoredRun]) -> Iterator[Line]:
    names = ("partition", "rows_read", "rows_scored", "rows_quarantined", "mean", "seconds")
    columns = (*names, "version", "run_id")
    published: list[dict[str, Any]] = [row for row in to_tree(nights) if "rows_read" in row]
    rows = [{name: row[name] for name in columns} for row in published]
    if len(rows) > 1:
        total = {name: sum(row[name] for row in rows) for name in (*names[1:4], "seconds")}
        rows.append({"partition": counted(len(reports), "night"), **total})
    if fits(rows):
        yield from table(rows, columns, title="scored")
        return
    # Run ids are copied by users, so without room for them they get lines of their own.
    yield from table(rows, names, title="scored")
    for report in reports:
        yield f"{report.partition}: {report.version}, run {report.run_id}"


def _due_lines(due: DueNights) -> Iterator[str]:
    """What no run can be seen of: nothing new, and nights that wait for a person."""
    if due.after is not None:
        yield (
            f"no night was published before, so those after {due.after} are due, the last day of "
            "the holdout (--from DAY names another first one)"
        )
    if due.ignored:
        yield f"left out of the input, no days: {first_few(map(quote_value, due.ignored), SHOWN)}"
    for state, how in DECIDED.items():
        waiting = [night for night, why in due.left.items() if why == state]
        if waiting:
            yield f"{state}, so a person decides ({how}): {', '.join(waiting)}"
    if due.absent:
        yield f"due, and without input: {', '.join(due.absent)}"
    if due.changed:
        yield (
            "published, and the input has changed since (assay score --date DAY scores it again): "
            + ", ".join(due.changed)
        )
    if not due.nights:
        yield (
            "nothing is due: the input has no nights there"
            if due.first is None
            else f"nothing is due: every night with input from {due.first} to {due.last} is "
            + ("published, held or retracted" if due.left else "published")
        )


def release_lines(run: ReleaseReport) -> Iterator[Line]:
    rows = "" if run.rows_scored is None else f", {counted(run.rows_scored, 'row')}"
    yield f"released: readers of {run.partition} see run {run.run_id}{rows}"


def retract_lines(done: Retraction) -> Iterator[Line]:
    now = f"run {done.back_to} again" if done.back_to else "nothing"
    yield f"retracted: readers of {done.partition} see {now}"


def history_lines(history: RunHistory) -> Iterator[Line]:
    """Each event, and which run readers see."""
    columns = (
        "at,run_id,event,name,version,rows_read,rows_scored,rows_quarantined,by,because,detail"
    )
    yield from lines(to_tree(history), f"events({columns})?")
    if any(event.by for event in history.events):
        yield "who did it (by) is what their git said, which nothing signs: docs/access.md"
    if history.visible is None:
        yield f"readers of {history.partition} see nothing"
        return
    lost = ""
    if history.lost:
        lost = (
            "; no event tells when: it was killed right after, or a commit of runs was lost "
            "(assay fsck --fix adds what is known)"
        )
    yield f"readers of {history.partition} see run {history.visible.run_id}{lost}"


def quarantine_lines(report: QuarantineReport) -> Iterator[Line]:
    """The broken rules with examples, and how the night is published all the same."""
    yield from lines(to_tree(report))
    if report.run.event == "held":
        yield f"Publish it as it is: assay release {report.run.run_id} --because WHY"


def refused_file_lines(file: QuarantineFile) -> Iterator[Line]:
    """Where the rows are."""
    yield f"quarantine: {counted(file.rows, 'row')} of {file.run.partition} written to {file.file}"


def labels_lines(outcome: LabelsOutcome) -> Iterator[Line]:
    """The labels taken of each night, then the measurements."""
    for each in outcome.taken:
        facts = {
            "new": each.new,
            "corrected": each.corrected,
            "known already, now dated earlier": each.redated,
            "rows without a truth yet": each.untold,
            "rows without their key": each.keyless,
            "of refused rows": each.quarantined,
            "of keys that the night does not know": each.unknown,
        }
        shown = ", ".join(f"{count:,} {what}" for what, count in facts.items() if count)
        truths = counted(each.truths, "truth")
        yield f"{each.partition}: {truths} ({shown or 'nothing new'})"
    for night, why in outcome.absent.items():
        yield f"{night}: none yet ({why})"
    if outcome.elsewhere:
        yield f"{counted(outcome.elsewhere, 'row')} of other nights left alone"
    for measured in outcome.measured:
        yield from _measured(measured)
    for night, why in outcome.unmeasured.items():
        yield f"{night} could not be measured: {why}"
    if not (outcome.taken or outcome.absent or outcome.measured or outcome.unmeasured):
        yield "no night has labels yet, and labels.input in params.yaml names none"


def _measured(measured: MeasuredRun) -> Iterator[Line]:
    night = measured.record.partition
    if not measured.maturities:
        yield f"{night}: no maturity reached yet, so nothing was measured"
    # Where all labels came at once, the numbers are those of each maturity.
    for words, alike in groupby(measured.maturities, lambda each: _words(measured, each)):
        *more, last = [each.days for each in alike]
        before = f"{', '.join(map(str, more))} and " if more else ""
        yield f"{night} after {before}{counted(last, 'day')}: {words}"
    if measured.no_slices:
        yield f"{night}: slices that need the input are missing: {measured.no_slices}"


def _words(measured: MeasuredRun, each: MaturityMeasurement) -> str:
    wanted = {name for names in METRICS.values() for name in names[:1]}
    number = next(n for n in each.numbers if not n.slice and n.metric in wanted)
    value = format_fixed(number.value, none="no value")
    late = ""
    if each.late:
        counts = "counted here all the same" if each.late_count else "not counted here"
        late = f"; {each.late:,} arrived later, {counts} (--arrived DAY corrects when)"
    between = "" if number.low is None else f" ({number.low:.3f} to {number.high:.3f})"
    return (
        f"{number.metric} {value}{between}, "
        f"{number.labelled_share:.1%} of {measured.rows:,} rows labelled"
        + late
        + (f"; no interval: {number.why}" if number.low is None and number.why else "")
        + ("" if each.final else "; may change until the day is over")
    )


def performance_lines(metrics: AllMetrics | PerformancePairs) -> Iterator[Line]:
    """A row for each metric with its newest night or week, or for each of them of one metric."""
    tree, days, by = to_tree(metrics), counted(metrics.maturity_days, "day"), metrics.by
    if "pairs" in tree:
        names = f"{by},estimated,realized,error,rows,labelled_share,distrust,unmeasured"
        named = [{by: pair["night"], **pair} for pair in tree["pairs"]]
        yield from lines({**tree, "pairs": named}, f"metric slice? by pairs({names})")
        errors = [abs(pair["error"]) for pair in tree["pairs"] if pair["error"] is not None]
        if errors:
            yield (
                f"{tree['metric']} after {days}: the estimate was off by "
                f"{sum(errors) / len(errors):.3f} on the mean of {len(errors)}, "
                f"by {max(errors):.3f} at most"
            )
        return
    rows = []
    for each in tree["metrics"]:
        known = [pair for pair in each["pairs"] if pair["realized"] is not None]
        newest = (known or each["pairs"])[-1]
        count = {"metric": each["metric"], f"{by}s": len(each["pairs"])}
        rows.append({**count, f"newest {by}": newest["night"], **newest, **each})
    values = ("estimated", "realized", "error", "mean_error", "labelled_share", "distrust")
    yield from table(rows, ("metric", f"{by}s", f"newest {by}", *values, "unmeasured"))
    yield (
        f"realized after {days}"
        + (f", in {metrics.slice}" if metrics.slice else "")
        + f"; {by} by {by}: assay performance --metric {rows[0]['metric']}"
        + (f" --slice {metrics.slice}" if metrics.slice else "")
        + (" --by week" if by == "week" else "")
    )


def nightly_lines(steps: NightlySteps) -> Iterator[Line]:
    """A line for each step: its exit code, and the command to run it again.

    An error that follows is not printed here too.
    """
    yield "nightly:"
    for step in steps.steps:
        known = steps.raised and step is steps.deciding
        yield f"  {step.exit_code:>3}  {step.shown}{_remark(step, known)}"


def _remark(step: Step, known: bool) -> str:
    if step.exit_code == 0:
        return ""
    what = "nothing to do" if step.fine else "failed" if step.failed else "an answer"
    return f"  ({what})" if known else f"  ({what}: {step.words})"


# ----------- why a row got its score: a waterfall in letters, and what else would have been decided


def why_lines(answer: Why, top: int) -> Iterator[Line]:
    """The score, the strongest features, and the nearest changes."""
    from assay.score.operations.why import before_words, change_words, score_words, sum_words

    yield wrapped(score_words(answer))
    yield wrapped(sum_words(answer))
    yield f"scored by {answer.version} in run {answer.run_id}"
    yield ""
    reach = max((abs(each.contribution) for each in answer.reasons), default=0.0)
    yield from table(
        [
            {
                "feature": each.words,
                "value": "none" if each.value is None else str(each.value),
                "added": f"{each.contribution:+.4f}",
                "less or more": signed_bar(each.contribution, reach),
                "share": f"{each.share:.1%}",
            }
            for each in answer.reasons[:top]
        ]
    )
    rest = answer.reasons[top:]
    if rest:
        added = sum(each.contribution for each in rest)
        yield f"{counted(len(rest), 'other feature')} added {added:+.4f}"
    if answer.changes:
        yield ""
        yield "another decision, if one feature alone were another:"
        yield from (wrapped(f"  {change_words(each)}") for each in answer.changes[:top])
    elif answer.score is not None:
        yield ""
        yield "no value of one feature alone that the contract allows gives another decision"
    yield ""
    yield wrapped(before_words(answer.before))
