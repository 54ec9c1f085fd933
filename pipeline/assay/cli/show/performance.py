"""Labels that were taken, estimated and realized metrics, and retraining advice."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from assay.cli.terminal import Line
from assay.project.tasks import METRICS
from assay.project.text import counted, format_count, format_fixed

if TYPE_CHECKING:
    from assay.performance.comparison import AllMetrics, PerformancePair, PerformancePairs
    from assay.performance.labels import LabelsOutcome
    from assay.performance.measure import MaturityMeasurement, NightMeasurement
    from assay.performance.retrain import MovedWindow


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
        yield f"labels: {each.partition}: {truths} ({shown or 'nothing new'})"
    for night, why in outcome.absent.items():
        yield f"labels: {night}: none yet ({why})"
    if outcome.elsewhere:
        yield f"labels: {counted(outcome.elsewhere, 'row')} of other nights left alone"
    for measured in outcome.measured:
        yield from _measured(measured)
    for night, why in outcome.unmeasured.items():
        yield f"labels: {night} could not be measured: {why}"


def _measured(measured: NightMeasurement) -> Iterator[Line]:
    night = measured.record.partition
    if not measured.maturities:
        yield f"labels: {night}: no maturity reached yet, so nothing was measured"
    # Where all labels came at once, the numbers are those of each maturity.
    for words, alike in groupby(measured.maturities, lambda each: _words(measured, each)):
        *more, last = [each.days for each in alike]
        before = f"{', '.join(map(str, more))} and " if more else ""
        yield f"labels: {night} after {before}{counted(last, 'day')}: {words}"
    if measured.no_slices:
        yield f"labels: {night}: slices that need the input are missing: {measured.no_slices}"


def _words(measured: NightMeasurement, each: MaturityMeasurement) -> str:
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


def lines(found: AllMetrics | PerformancePairs) -> Iterator[Line]:
    """All metrics, or one of them night by night."""
    from assay.performance.comparison import AllMetrics

    return all_metrics_lines(found) if isinstance(found, AllMetrics) else performance_lines(found)


def performance_lines(found: PerformancePairs) -> Iterator[Line]:
    """A row per night or week, then the error of the estimates."""
    yield (
        f"{'week of' if found.by == 'week' else 'night':<12}{'estimated':>10}{'realized':>10}"
        f"{'error':>8}{'rows':>10}{'labelled':>10}"
    )
    for pair in found.pairs:
        labelled = "" if pair.labelled_share is None else f"{pair.labelled_share:.1%}"
        yield (
            f"{pair.night:<12}{format_fixed(pair.estimated):>10}{format_fixed(pair.realized):>10}"
            f"{format_fixed(pair.error):>8}{format_count(pair.rows):>10}{labelled:>10}"
            + _notes(pair)
        )
    if errors := found.errors:
        days = found.maturity_days
        yield (
            f"{found.metric} after {counted(days, 'day')}: the estimate was off "
            f"by {sum(errors) / len(errors):.3f} on the mean of {len(errors)}, "
            f"by {max(errors):.3f} at most"
        )


def all_metrics_lines(found: AllMetrics) -> Iterator[Line]:
    """A row per metric with its newest night or week, then how to see one of them in full."""
    wide = max(len("metric"), *(len(each.metric) for each in found.metrics)) + 2
    unit = found.by
    newest = "newest week of" if unit == "week" else "newest night"
    yield (
        f"{'metric':<{wide}}{unit + 's':>6}  {newest:<16}"
        f"{'estimated':>10}{'realized':>10}{'error':>8}{'mean error':>12}{'labelled':>10}"
    )
    for each in found.metrics:
        pair = each.newest
        labelled = "" if pair.labelled_share is None else f"{pair.labelled_share:.1%}"
        yield (
            f"{each.metric:<{wide}}{len(each.pairs):>6}  "
            f"{pair.night:<16}"
            f"{format_fixed(pair.estimated):>10}{format_fixed(pair.realized):>10}"
            f"{format_fixed(pair.error):>8}{format_fixed(each.mean_error):>12}{labelled:>10}"
            + _notes(pair)
        )
    days = found.maturity_days
    yield (
        f"realized after {counted(days, 'day')}"
        + (f", in {found.slice}" if found.slice else "")
        + f"; {unit} by {unit}: assay performance --metric {found.metrics[0].metric}"
        + (f" --slice {found.slice}" if found.slice else "")
        + (" --by week" if unit == "week" else "")
    )


def _notes(pair: PerformancePair) -> str:
    """What is to be known about a row, at its end."""
    notes = []
    if pair.unmeasured is not None:
        notes.append(f"not measured: {pair.unmeasured}")
    if pair.distrust is not None:
        notes.append(f"estimate not to be trusted: {pair.distrust}")
    return "".join(f"  {note}" for note in notes)


def window_lines(found: MovedWindow) -> Iterator[str]:
    """The windows, and why they moved or stayed."""
    what = f"moved by {counted(found.days, 'day')}" if found.days else "as before"
    yield (
        f"window: {what}: train {found.train[0]} to {found.train[1]}, holdout "
        f"{found.holdout[0]} to {found.holdout[1]} ({found.why})"
    )
