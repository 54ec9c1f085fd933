"""``assay monitor``: judge a published night on all its rows; write its page and document."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from assay.errors import LimitCrossed, NothingScored
from assay.monitor.drift.baselines import weekdays_before
from assay.monitor.front import command as front
from assay.monitor.incidents import alert
from assay.monitor.incidents.collect import all_nights
from assay.monitor.judge import Judge
from assay.monitor.night_writer import NightWriter, previous_summary, summary_of
from assay.monitor.nights import documents, history
from assay.monitor.nights import facts as night_facts
from assay.monitor.nights.history import Published
from assay.monitor.nights.summary import NightSummary
from assay.project.params import Params
from assay.registry.pin import run_bundle_loader
from assay.score.held_steps import step_sentence
from assay.store import Store, open_store


def run(
    root: Path, params: Params, partition: str, notify: bool = False, evidently: bool = False
) -> NightSummary:
    """Compare the night's published run with the reference of the version that scored it.

    Parameters
    ----------
    partition
        The night, such as ``2013-07-01``.
    notify
        Also send new alerts, as ``assay alert`` does.
    evidently
        Make Evidently's report of the night too, whatever ``monitor.evidently`` says.

    Raises
    ------
    NothingScored
        The night has no published run.
    LimitCrossed
        After everything is written: a limit was crossed, or the night is part of an open incident.
    """
    store = open_store(root, params)
    known = night_facts.load(root, store, [partition])
    published, earlier = read_published_night(store, params, partition)
    judge = Judge(
        params.monitor, params.evaluate.confidence, known, run_bundle_loader(root, params)
    )
    night = judge.night(published, earlier)
    facts = known.with_performance(night.expected)
    summary = summary_of(night, facts, params)
    old = previous_summary(known.documents, partition, params.monitor)
    if old is not None and (old.run_id, old.bundle) == (summary.run_id, summary.bundle):
        # The same run was judged with the nights before it; those alarms still hold.
        summary = replace(summary, in_alarm=old.in_alarm)
    facts = facts.with_documents([documents.of_summary(summary)])
    every = all_nights(facts)
    store.append_performance(night.expected)
    writer = NightWriter(root, params, store)
    facts = writer.write(every, facts, [(night, summary)], known.documents, evidently=evidently)
    front.write_page(root, params, every, facts)
    found = previous_summary(facts.documents, partition, params.monitor)
    assert found is not None  # written above
    if notify:
        alert.notify(root, params, facts, answered=found.stand.alarming)
    if found.stand.alarming:
        first, *more = found.reasons()
        raise LimitCrossed(
            f"{found.stand.words}: {first}" + (f"; and {len(more)} more" if more else ""),
            where=f"night {partition}",
            mend=f"See {found.page}",
        ).attach_report(found)
    return found


def read_published_night(
    store: Store, params: Params, partition: str
) -> tuple[Published, list[Published]]:
    """The night's published run, and those of the same weekdays before it.

    Raises
    ------
    NothingScored
        The night has no published run.
    """
    weeks = weekdays_before(partition, params.monitor.baseline_weeks)
    found = history.read_published(store, [*weeks, partition])
    if not found or found[-1].record.partition != partition:
        held = [run for run in store.runs(partition) if run.event == "held"]
        raise NothingScored(
            "no run has published this night"
            + (f"; run {held[-1].run_id} is held" if held else ""),
            where=partition,
            mend=step_sentence(partition, held[-1].run_id, bool(held[-1].rows_quarantined))
            if held
            else f"Score it: assay score --date {partition}",
        )
    return found[-1], found[:-1]
