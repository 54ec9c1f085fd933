"""What the front page shows, read from the store, the documents, git and other reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pipeline import layout
from pipeline.errors import AssayError
from pipeline.monitor.alerts.incident import Incident, incidents
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
    incidents
        Of all nights; ``incidents_words`` says why there are none to show.
    """

    name: str
    stage: str
    nights: tuple[Night, ...]
    champion: Part
    metric: str | None
    max_drifted_share: float
    max_quarantine_share: float
    incidents: tuple[Incident, ...]
    incidents_words: str = ""


def gather(root: Path, params: Params, last: int) -> Front:
    """Look at everything; what is no part of the store is told in words if it is broken.

    Parameters
    ----------
    last
        How many nights are shown.

    Raises
    ------
    StoreError
        The store is there and cannot be read.
    """
    store = open_store(root, params)
    measured = performance(store)
    known = _nights(root, store, measured)
    found, words = _incidents(root, known)
    return Front(
        name=params.name,
        stage=params.registry.stage,
        nights=tuple(known[-last:]),
        champion=champion_of(root, params),
        metric=fold.metric_of(measured),
        max_drifted_share=params.monitor.max_drifted_share,
        max_quarantine_share=params.quarantine.max_share,
        incidents=found,
        incidents_words=words,
    )


def nights(root: Path, params: Params) -> list[Night]:
    """The nights alone, all of them."""
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


def _incidents(root: Path, known: list[Night]) -> tuple[tuple[Incident, ...], str]:
    try:
        return incidents(root, known).incidents, ""
    except AssayError as error:
        return (), f"cannot be told: {error.line()}"
