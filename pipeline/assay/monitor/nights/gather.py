"""All nights, gathered from the store, their documents and what was measured of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from assay.monitor.nights import documents, fold
from assay.monitor.nights.night import Night
from assay.project import layout
from assay.project.params import Params
from assay.store import Store, history, open_store


def nights(root: Path, params: Params) -> list[Night]:
    """The nights alone, all of them, as if nobody had looked at them together."""
    store = open_store(root, params)
    return nights_of(root, store, performance(store))


def nights_of(root: Path, store: Store, measured: list[Mapping[str, Any]]) -> list[Night]:
    """The same, of an open store whose performance table was read."""
    pages = frozenset(unquote(page.stem) for page in (root / layout.NIGHTS).glob("*.html"))
    return fold.nights(
        store.runs(), history.visible_runs(store), documents.read(root), measured, pages
    )


def performance(store: Store) -> list[Mapping[str, Any]]:
    """Rows of the performance table; none before anything was measured."""
    rows = store.performance().to_pylist()
    return [{**row, "partition": row[store.column]} for row in rows]
