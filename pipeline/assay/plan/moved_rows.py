"""The rows whose scores a plan moves most, with the reasons of both scores. Never in git."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from assay.contract.columns import Columns
from assay.contract.definition import Contract
from assay.errors import AssayError
from assay.model import reasons
from assay.model.prediction import PREDICTION, score_column
from assay.model.reasons import Reason
from assay.plan.rows import rows_with
from assay.project.params import Params
from assay.registry.pin import PinnedVersion, pin_run
from assay.score.duplicate_keys import hash_keys
from assay.score.inputs.format import InputUnreadable
from assay.score.inputs.formats import open_input
from assay.score.operations.changes import SCORE_CHANGE, Strongest
from assay.store import Run

MOST = 100
"""Rows that are shown each way."""


@dataclass(frozen=True)
class MovedRow:
    """A row and both its scores; reasons are the strongest first, empty where they are not known.

    ``key`` is what names it: the keys' values by column.
    """

    night: str
    key: Mapping[str, Any]
    old_prediction: Any
    new_prediction: Any
    old_score: float
    new_score: float
    change: float
    old_reasons: tuple[Reason, ...] = ()
    new_reasons: tuple[Reason, ...] = ()


@dataclass
class MovedRows:
    """Collects the rows that moved most, over all nights."""

    root: Path
    params: Params
    pinned: PinnedVersion
    keyed: Contract
    _tables: list[tuple[Run, pa.Table]] = field(default_factory=list)
    _former: dict[str, PinnedVersion | None] = field(default_factory=dict)

    def add(self, shown: Run, strongest: Strongest) -> None:
        """The rows of one night, compared with the run that readers see."""
        self._tables += [(shown, table) for table in (strongest.up, strongest.down) if len(table)]

    def rows(self) -> tuple[MovedRow, ...]:
        """At most `MOST` each way, the strongest first: those that rose, then those that fell."""
        changes = [
            (float(change), number, place)
            for number, (_, table) in enumerate(self._tables)
            for place, change in enumerate(table.column(SCORE_CHANGE).to_pylist())
        ]
        rose = sorted((-c, n, p) for c, n, p in changes if c > 0)[:MOST]
        fell = sorted((c, n, p) for c, n, p in changes if c < 0)[:MOST]
        wanted = [(number, place) for _, number, place in (*rose, *fell)]
        made: dict[tuple[int, int], MovedRow] = {}
        for number in dict.fromkeys(number for number, _ in wanted):
            shown, table = self._tables[number]
            places = [place for each, place in wanted if each == number]
            for place, row in zip(places, self._night(shown, table.take(places)), strict=True):
                made[number, place] = row
        return tuple(made[each] for each in wanted)

    def threshold_of(self, version: str) -> float | None:
        """The threshold of a version that made a run which was added; None of another."""
        pinned = next((self._pin(run) for run, _ in self._tables if run.version == version), None)
        return pinned.bundle.manifest.threshold if pinned else None

    def _night(self, shown: Run, table: pa.Table) -> Iterator[MovedRow]:
        """The rows of a table of one night, in its order."""
        contract, score = self.pinned.contract, score_column(self.pinned.bundle.manifest.task)
        hashes = hash_keys(Columns(self.keyed, table))
        former = self._pin(shown)
        columns = [*contract.columns, *(former.contract.columns if former else ())]
        source, cells = open_input(self.root, self.params), dict[int, pa.Table]()
        try:
            batches = source.rows(shown.partition, list(dict.fromkeys(columns)))
            cells = dict(rows_with(batches, self.keyed, np.unique(hashes)))
        except InputUnreadable:
            pass  # the rows are shown without their reasons
        for mark, row in zip(hashes.tolist(), table.to_pylist(), strict=True):
            cell = cells.get(mark)
            yield MovedRow(
                night=shown.partition,
                key=contract.mask_row({name: row[name] for name in self.keyed.keys}),
                old_prediction=row[f"old_{PREDICTION}"],
                new_prediction=row[f"new_{PREDICTION}"],
                old_score=row[f"old_{score}"],
                new_score=row[f"new_{score}"],
                change=row[SCORE_CHANGE],
                old_reasons=_reasons(former, cell, row[f"old_{PREDICTION}"]),
                new_reasons=_reasons(self.pinned, cell, row[f"new_{PREDICTION}"]),
            )

    def _pin(self, shown: Run) -> PinnedVersion | None:
        """The version that made a run; None if it cannot be had any more."""
        if shown.version not in self._former:
            try:
                self._former[shown.version] = pin_run(self.root, self.params, shown)
            except AssayError:
                self._former[shown.version] = None
        return self._former[shown.version]


def _reasons(
    pinned: PinnedVersion | None, row: pa.Table | None, decided: Any
) -> tuple[Reason, ...]:
    if pinned is None or row is None or not set(pinned.contract.columns) <= {*row.column_names}:
        return ()
    try:
        explanation = reasons.row_reasons(pinned.bundle, pinned.contract, row, decided)
    except AssayError:
        return ()
    return explanation.reasons
