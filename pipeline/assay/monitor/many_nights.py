"""``assay monitor --from --to``: many nights in one go, and the incidents that they add up to.

All published nights up to the last one are judged, because an incident may have begun before the
first that was asked for; pages and documents are written for those that were asked for.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.columns.profile import Profile
from assay.errors import AssayError, LimitCrossed, NothingScored, UsageError
from assay.model import bundle
from assay.monitor import one_night
from assay.monitor.drift.baselines import Habits, weekday, weekdays_before
from assay.monitor.drift.budget import Evidence, alarms
from assay.monitor.drift.drift import Decision, decide
from assay.monitor.drift.evidence import evidence
from assay.monitor.drift.snooze import covering, states
from assay.monitor.evidently import workspace
from assay.monitor.front import command as front
from assay.monitor.incidents import alert as alerts
from assay.monitor.incidents.document import Book
from assay.monitor.incidents.fold import fold
from assay.monitor.nights import history
from assay.monitor.nights import night as front_night
from assay.monitor.nights.history import Published
from assay.monitor.one_night import JudgedNight
from assay.monitor.performance import expected
from assay.monitor.performance.label_drift import label_drift
from assay.pages.terminal import console
from assay.project import layout
from assay.project.params import Params
from assay.project.textfile import write
from assay.registry import pin
from assay.store import open_store


def run(
    root: Path,
    params: Params,
    first: str,
    last: str,
    as_json: bool = False,
    notify: bool = False,
) -> Book:
    """Judge nights, write their pages and documents, then ``reports/incidents.json``.

    Parameters
    ----------
    first, last
        Partition values, both included.
    notify
        Also tell what is new, as ``assay alert`` does.

    Raises
    ------
    NothingScored
        No run has published any of them.
    VersionUnknown, BundleMissing, BundleChanged
        What scored one of them cannot be had any more.
    LimitCrossed
        After everything is written: the last night crossed its limits or lies in an open incident.
    """
    if last < first:
        raise UsageError(
            "the nights are the wrong way round",
            where="assay monitor",
            expected="--to on or after --from",
            found=f"--from {first} --to {last}",
        )
    store = open_store(root, params)
    names = [name for name in store.partitions() if name <= last]
    if not names or names[-1] < first:
        raise NothingScored(
            "no run has published any of these nights",
            where=f"{first} to {last}",
            mend=f"Score them: assay score --from {first} --to {last}",
        )
    realized: dict[str, list[dict[str, Any]]] = {}
    for row in store.performance().to_pylist():
        realized.setdefault(row[store.column], []).append(row)
    found, measured = _Found(root, params, first, realized), []
    for night in found.nights(history.published(store, names)):
        if night.record.partition >= first:
            mine = expected.rows(
                store.column, night.record, night.loaded, night.profile, params.evaluate.confidence
            )
            before = realized.get(night.record.partition, [])
            one_night.leave(root, params, store, night, [*before, *mine], keep=True)
            measured += mine
            if not as_json:
                # Where it stands depends on the nights after it.
                print(f"looked at {night.record.partition}", file=sys.stderr)
    book = _book(params, first, last, found)
    write(root / layout.INCIDENTS, book.to_json())
    store.keep_performance(measured)
    stood = front.refresh(root, params, in_alarm=_in_alarm(book))
    workspace.keep_up(root, params)
    asked = [night for night in (*stood.before, *stood.nights) if first <= night.partition <= last]
    end = next(night for night in reversed(asked) if night.partition == names[-1])
    alarming = end.stand.alarming or bool(book.open)
    if notify:
        alerts.notify(root, params, answered=alarming)
    if as_json:
        print(book.to_json(), end="")
    else:
        _table(book, asked)
    if alarming:
        raise LimitCrossed(
            _why(book, end),
            where=f"nights {first} to {last}",
            mend=f"See {layout.INCIDENTS}",
        )
    return book


def _in_alarm(book: Book) -> dict[str, tuple[str, ...]]:
    """Night -> columns in alarm that nobody snoozed, of the nights that were asked for."""
    found: dict[str, tuple[str, ...]] = {}
    for night in book.nights:
        if night.partition >= book.first:
            columns = [
                alarm.question.column
                for alarm in night.alarms
                if covering(book.limits.snooze, alarm.question.column, night.partition) is None
            ]
            found[night.partition] = tuple(dict.fromkeys(columns))
    return found


def _why(book: Book, end: front_night.Night) -> str:
    """Where the last night stands, and why."""
    if book.open:
        why = f"{len(book.open)} incident(s) open at the end: {book.open[0].sentence()}"
    else:
        why = next(iter(end.reasons()), "")
    return f"{end.stand.headline(end.partition)}; {why}"


def judge(
    root: Path, params: Params, published: Sequence[Published], first: str, last: str
) -> tuple[list[JudgedNight], Book]:
    """The nights from ``first`` on and all that they add up to; nothing is written or told.

    Parameters
    ----------
    published
        All published nights up to ``last``.

    Raises
    ------
    AssayError
        As `run`, for what cannot be had any more.
    """
    found = _Found(root, params, first, {})
    nights = [night for night in found.nights(published) if night.record.partition >= first]
    return nights, _book(params, first, last, found)


@dataclass
class _Found:
    """What the nights said, gathered while they are gone through once.

    ``realized`` are the rows of the performance table, by night.
    """

    root: Path
    params: Params
    first: str
    realized: Mapping[str, Sequence[Mapping[str, Any]]]
    evidence: list[Evidence] = field(default_factory=list)
    effects: list[dict[str, float | None]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    _bundles: dict[str, bundle.Bundle] = field(default_factory=dict)

    def nights(self, published: Sequence[Published]) -> Iterator[JudgedNight]:
        """Each night that can be judged, in its order."""
        limits = self.params.monitor
        habits, of_bundle = Habits(limits.budget.of), ""
        profiles: dict[str, Profile] = {}
        for each in published:
            record = each.record
            try:
                loaded, profile = self._bundle(each), each.profile()
            except AssayError as error:
                if record.partition >= self.first:
                    raise
                self.left_out[record.partition] = error.line()
                continue
            if record.bundle != of_bundle:
                # Another model's nights are no measure for this one's.
                habits, of_bundle, profiles = Habits(limits.budget.of), record.bundle, {}
            reference = loaded.reference
            decision = decide(reference, profile, limits, record.rows_scored or 0)
            around = weekday(record.partition, profile, profiles, limits.baseline_weeks)
            profiles[record.partition] = profile
            _forget(profiles, record.partition, limits.baseline_weeks)
            usual = habits.next(around, reference.grid)
            self.evidence.append(
                evidence(
                    record.partition,
                    record.bundle,
                    decision,
                    reference,
                    limits,
                    usual if limits.baseline == "weekday" else None,
                )
            )
            self.effects.append(_effects(decision))
            label = label_drift(
                self.realized.get(record.partition, ()),
                record.run_id,
                reference,
                limits.limit_quantile,
            )
            yield JudgedNight(record, loaded, profile, decision, around, label)

    def _bundle(self, night: Published) -> bundle.Bundle:
        digest = night.record.bundle
        if digest not in self._bundles:
            self._bundles[digest] = pin.bundle_of(self.root, self.params, night.record)
        return self._bundles[digest]


def _effects(decision: Decision) -> dict[str, float | None]:
    return {finding.column: finding.effect for finding in decision.findings}


def _forget(profiles: dict[str, Profile], partition: str, weeks: int) -> None:
    """Drop what no later night can be compared with."""
    oldest = min(weekdays_before(partition, weeks), default=partition)
    for name in [name for name in profiles if name < oldest]:
        del profiles[name]


def _book(params: Params, first: str, last: str, found: _Found) -> Book:
    limits = params.monitor
    judged = tuple(alarms(found.evidence, limits.budget))

    def snoozed(column: str, night: str) -> bool:
        return covering(limits.snooze, column, night) is not None

    columns = {
        question.column
        for night in found.evidence
        for question in (*night.seen, *night.over, *night.broken)
    }
    return Book(
        name=params.name,
        first=first,
        last=last,
        nights=judged,
        incidents=fold(zip(judged, found.effects, strict=True), limits.budget.nights, snoozed),
        snoozes=states(limits.snooze, columns, last),
        left_out=found.left_out,
        limits=limits,
    )


def _table(book: Book, nights: Sequence[front_night.Night]) -> None:
    from rich.table import Table

    table = Table(title=f"{book.name}, nights {book.first} to {book.last}", title_justify="left")
    for name in ("incident", "state", "first", "last", "nights", "columns"):
        table.add_column(name, no_wrap=name != "columns")
    for each in book.incidents:
        columns = ", ".join(each.columns[:6])
        more = f" and {len(each.columns) - 6} more" if len(each.columns) > 6 else ""
        table.add_row(each.id, each.state, each.first, each.last, str(each.nights), columns + more)
    if book.incidents:
        console(markup=False).print(table)
    counts = Counter(night.stand.words for night in nights if night.state != "missing")
    print("nights: " + ", ".join(f"{count} {words}" for words, count in counts.most_common()))
    rule = book.limits.budget
    asked = [night for night in book.nights if night.partition >= book.first]
    print(
        f"{len(asked)} nights, {sum(bool(night.alarms) for night in asked)} in alarm; "
        f"{len(book.open)} of {len(book.incidents)} incidents open"
    )
    print(
        f"an alarm takes {rule.nights} of {rule.of} nights; at most {rule.false_alarms:g} "
        f"false incidents a year are allowed for"
    )
    for line in _notes(book):
        print(line)
    print(f"incidents: {layout.INCIDENTS}")


def _notes(book: Book) -> Iterator[str]:
    """What keeps the answer from being a whole one."""
    if book.blind:
        names = book.blind_columns
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        yield (
            f"on {len(book.blind)} nights {', '.join(names[:3])}{more} could not be in alarm "
            "alone, however far away: too few nights are known to be ordinary, or they hang "
            "together too much (docs/drift.md)"
        )
    for night, why in book.left_out.items():
        yield f"{night} is left out: {why}"
    for each in book.snoozes:
        if each.state != "active":
            yield f"the snooze of {each.snooze.column} by {each.snooze.owner} is void: {each.state}"
