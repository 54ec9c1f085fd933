"""What the front page shows, read from the store, the documents, git and other reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pipeline import layout
from pipeline.errors import AssayError
from pipeline.monitor.alerts.incident import Known, incidents
from pipeline.monitor.front import documents, fold
from pipeline.monitor.front.night import Night
from pipeline.monitor.standing import Part, champion_of
from pipeline.params import Params
from pipeline.store import Store, history, open_store


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
    champion: Part
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
        for night in _nights(root, store, measured)
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


def stood(root: Path, nights: list[Night]) -> tuple[list[Night], Known, str]:
    """All nights, each with the incidents that it lies in, and all incidents.

    Returns
    -------
    The third is why the incidents cannot be told; empty if they can.
    """
    try:
        known = incidents(root, nights)
    except AssayError as error:
        return nights, Known(), f"cannot be told: {error.line()}"
    return [replace(each, incidents=known.around(each.partition)) for each in nights], known, ""


def nights(root: Path, params: Params) -> list[Night]:
    """The nights alone, all of them, as if nobody had looked at them together."""
    store = open_store(root, params)
    return _nights(root, store, performance(store))


def _nights(root: Path, store: Store, measured: list[Mapping[str, Any]]) -> list[Night]:
    pages = frozenset(unquote(page.stem) for page in (root / layout.NIGHTS).glob("*.html"))
    return fold.nights(
        store.runs(), history.visible_runs(store), documents.read(root), measured, pages
    )


def performance(store: Store) -> list[Mapping[str, Any]]:
    """Rows of the performance table; none before anything was measured."""
    rows = store.performance().to_pylist()
    return [{**row, "partition": row[store.column]} for row in rows]
