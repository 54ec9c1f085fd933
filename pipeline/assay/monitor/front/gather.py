"""What the front page shows, read from the store, the documents, git and other reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from assay.monitor.incidents.collect import Known, stood
from assay.monitor.nights import fold
from assay.monitor.nights.gather import nights_of, performance
from assay.monitor.nights.night import Night
from assay.monitor.status_facts import StatusPart, champion_of
from assay.project.params import Params
from assay.store import open_store


@dataclass(frozen=True, slots=True)
class Front:
    """Everything on the page.

    Attributes
    ----------
    metric
        The name of the performance metric that is shown; None if none was measured.
    known
        The incidents of all nights; ``incidents_words`` says why there are none to show.
    before
        Nights that are older than those that are shown.
    """

    name: str
    stage: str
    nights: tuple[Night, ...]
    champion: StatusPart
    metric: str | None
    max_drifted_share: float
    max_quarantine_share: float
    known: Known = field(default_factory=Known)
    incidents_words: str = ""
    before: tuple[Night, ...] = ()


def gather(root: Path, params: Params, last: int, in_alarm: Mapping[str, tuple[str, ...]]) -> Front:
    """Look at everything; what is no part of the store is told in words if it is broken.

    Parameters
    ----------
    last
        How many nights are shown.
    in_alarm
        Night -> columns in alarm, where that is newer than what the nights' documents say.

    Raises
    ------
    StoreError
        The store is there and cannot be read.
    """
    store = open_store(root, params)
    measured = performance(store)
    found = [
        replace(night, in_alarm=in_alarm.get(night.partition, night.in_alarm))
        for night in nights_of(root, store, measured)
    ]
    every, known, words = stood(root, found)
    return Front(
        name=params.name,
        stage=params.registry.stage,
        nights=tuple(every[-last:]),
        before=tuple(every[:-last]),
        champion=champion_of(root, params),
        metric=fold.metric_of(measured),
        max_drifted_share=params.monitor.max_drifted_share,
        max_quarantine_share=params.quarantine.max_share,
        known=known,
        incidents_words=words,
    )
