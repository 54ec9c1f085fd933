"""``assay monitor``: judge a range of nights, or one, and find the incidents across them.

All published nights up to the last one are judged, because an incident may have begun before the
first requested one. Pages and documents are written for the requested nights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.errors import LimitCrossed, NothingScored, UsageError
from assay.monitor.drift.measures import code_of, read_measures
from assay.monitor.drift.night_decision import append_decisions
from assay.monitor.front import command as front
from assay.monitor.incidents import alert
from assay.monitor.incidents.collect import all_nights
from assay.monitor.incidents.document import IncidentHistory, history_of
from assay.monitor.judge import judge_nights
from assay.monitor.night_writer import PageWriter, nights_that_changed
from assay.monitor.nights import facts as night_facts
from assay.monitor.nights.night import Night
from assay.monitor.nights.summary import NightSummary
from assay.project import layout
from assay.project.document import write_json
from assay.project.params import Params
from assay.registry.pin import run_bundle_loader
from assay.score.operations.export import nothing_published
from assay.store import Store, open_store


@dataclass(frozen=True, slots=True)
class MonitoringResult:
    """The incidents, and the status of each requested night.

    Attributes
    ----------
    nights
        Also those that are not published.
    summaries
        Of the published ones.
    alone
        Whether one night was asked for, so that it is shown, and not the incidents.
    """

    book: IncidentHistory
    nights: tuple[Night, ...]
    summaries: tuple[NightSummary, ...]
    alone: bool = False

    def document(self) -> dict[str, Any]:
        """The night's document, or that of the incidents."""
        return self.summaries[-1].document() if self.alone else self.book.document()


def run(
    root: Path,
    params: Params,
    first: str,
    last: str,
    notify: bool = False,
    evidently: bool = False,
    alone: bool = False,
) -> MonitoringResult:
    """Judge nights, write their pages and documents, then ``reports/incidents.json``.

    Parameters
    ----------
    first, last
        Partition values, both included.
    notify
        Also send new alerts, as ``assay alert`` does.
    evidently
        Make Evidently's report of each night too, whatever ``monitor.evidently`` says.
    alone
        Return the night to be shown; see `MonitoringResult`.

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
        raise _nothing_scored(store, first, last)
    # Load.
    known = night_facts.load(root, store, [name for name in names if name >= first])
    # Judge.
    limits = params.monitor
    judged = judge_nights(
        *(store, names, first, limits, params.evaluate.confidence, known),
        run_bundle_loader(root, params),
        read_measures(params, root),
        code_of(params, root),
    )
    # Fold.
    measured = [row for night in judged.nights for row in night.expected]
    void = {night: each for night, each in known.decisions.items() if night not in known.visible}
    facts = known.with_performance(measured).with_decisions(judged.decisions, void)
    facts = facts.with_pages(night.partition for night in judged.nights)
    every = all_nights(facts)
    book = history_of(params.name, first, last, facts.decisions, judged.left_out, limits)
    # Write.
    writer = PageWriter(root, params, store, every, facts)
    summaries = writer.write(judged.nights, evidently=evidently)
    changed = set(nights_that_changed(all_nights(known), every))
    writer.write_again(changed - {night.partition for night in judged.nights})
    write_json(root / layout.INCIDENTS, book.document())
    store.append_performance(measured)
    append_decisions(store, judged.decisions, known.decisions, void)
    front.write_page(root, params, every, facts)
    # Notify.
    asked = tuple(night for night in every.nights if first <= night.partition <= last)
    result = MonitoringResult(book, asked, tuple(summaries), alone)
    end = next(night for night in reversed(asked) if night.partition == names[-1])
    alarming = end.status.alarming or bool(book.open)
    if notify:
        alert.notify(root, params, every, answered=alarming)
    if alarming:
        raise _limit_crossed(result, end, first, last)
    return result


def try_write_again(root: Path, params: Params, nights: Sequence[str]) -> None:
    """Write the pages of nights whose labels came, and the front page; a failure is only logged.

    What is new on a page is how well the night was scored, and how far its labels are from the
    reference's. A night that was not monitored has no page.
    """
    if nights:
        fix = f"assay monitor --from {min(nights)} --to {max(nights)}"
        with front.failure_logged("the pages of the nights", "are", fix):
            store = open_store(root, params)
            known = night_facts.load(root, store, nights)
            every = all_nights(known)
            PageWriter(root, params, store, every, known).write_again(nights)
            front.write_page(root, params, every, known)
            return
    front.try_run(root, params)


def _nothing_scored(store: Store, first: str, last: str) -> NothingScored | UsageError:
    if first == last:
        return nothing_published(store, first)
    return NothingScored(
        "no run has published any of these nights",
        where=f"{first} to {last}",
        fix=f"Score them: assay score --from {first} --to {last}",
    )


def _limit_crossed(result: MonitoringResult, end: Night, first: str, last: str) -> LimitCrossed:
    reasons: Sequence[str] = end.reasons()
    why = result.book.open_at_end() or next(iter(reasons), "")
    return LimitCrossed(
        f"{end.status.headline(end.partition)}; {why}",
        where=f"night {first}" if first == last else f"nights {first} to {last}",
        fix=f"See {result.summaries[-1].page if first == last else layout.INCIDENTS}",
    ).attach_report(result)
