"""``assay monitor --from --to``: judge a range of nights and find the incidents across them.

All published nights up to the last one are judged, because an incident may have begun before the
first requested one. Pages and documents are written for the requested nights.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from assay.errors import LimitCrossed, NothingScored, UsageError
from assay.monitor.front import command as front
from assay.monitor.incidents import alert
from assay.monitor.incidents.collect import all_nights
from assay.monitor.incidents.document import IncidentHistory
from assay.monitor.judge import Judge
from assay.monitor.judge_nights import judge_nights
from assay.monitor.night_writer import NightWriter, summary_of
from assay.monitor.nights import documents
from assay.monitor.nights import facts as night_facts
from assay.monitor.nights.night import Night
from assay.project import layout
from assay.project.params import Params
from assay.project.textfile import write
from assay.registry.pin import run_bundle_loader
from assay.reports.incidents import Incidents
from assay.store import open_store


@dataclass(frozen=True, slots=True)
class MonitoredNights:
    """The incidents, and the status of each requested night."""

    book: IncidentHistory
    nights: tuple[Night, ...]

    def document(self) -> Incidents:
        return self.book.document()


def run(
    root: Path,
    params: Params,
    first: str,
    last: str,
    notify: bool = False,
    evidently: bool = False,
) -> MonitoredNights:
    """Judge nights, write their pages and documents, then ``reports/incidents.json``.

    Parameters
    ----------
    first, last
        Partition values, both included.
    notify
        Also send new alerts, as ``assay alert`` does.
    evidently
        Make Evidently's report of each night too, whatever ``monitor.evidently`` says.

    Raises
    ------
    UsageError
        ``last`` is before ``first``.
    NothingScored
        None of the nights has a published run.
    LimitCrossed
        After everything is written: the last night crossed its limits, or an incident is open.
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
    # Load.
    known = night_facts.load(root, store, [name for name in names if name >= first])
    # Judge.
    judge = Judge(
        params.monitor, params.evaluate.confidence, known, run_bundle_loader(root, params)
    )
    judged = judge_nights(root, store, judge, names, first)
    book = judge.incidents(params.name, first, last, judged)
    # Fold.
    measured = [row for night in judged.nights for row in night.expected]
    facts = known.with_performance(measured).with_incidents(book.listed())
    in_alarm, open_at_end = book.in_alarm(), book.open_at_end()
    summaries = [
        replace(summary_of(night, facts, params), in_alarm=in_alarm.get(night.partition))
        for night in judged.nights
    ]
    facts = facts.with_documents(documents.of_summary(each) for each in summaries)
    every = all_nights(facts)
    # Write.
    store.append_performance(measured)
    write(root / layout.INCIDENTS, book.to_json())
    writer = NightWriter(root, params, store)
    mine = list(zip(judged.nights, summaries, strict=True))
    facts = writer.write(every, facts, mine, known.documents, keep=True, evidently=evidently)
    front.write_page(root, params, every, facts)
    # Notify.
    asked = tuple(night for night in every.nights if first <= night.partition <= last)
    found = MonitoredNights(book, asked)
    end = next(night for night in reversed(asked) if night.partition == names[-1])
    alarming = end.stand.alarming or bool(book.open)
    if notify:
        alert.notify(root, params, facts, answered=alarming)
    if alarming:
        why = open_at_end or next(iter(end.reasons()), "")
        raise LimitCrossed(
            f"{end.stand.headline(end.partition)}; {why}",
            where=f"nights {first} to {last}",
            mend=f"See {layout.INCIDENTS}",
        ).attach_report(found)
    return found
