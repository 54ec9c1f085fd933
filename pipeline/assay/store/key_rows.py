"""Which rows of a table are those of some keys."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assay.contract.text_parser import LINE
from assay.store.delta.tables import PRIVATE

ROW = "row"
"""The column of quarantine with the whole row as it was read, as JSON, but for `PRIVATE`."""


def whole_row(refused: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a row of quarantine, with the cells that are masked in it."""
    return {**read_row(refused[ROW]), **read_row(refused.get(PRIVATE) or "{}")}


def read_row(text: str) -> dict[str, Any]:
    """The cells of a refused row; infinities stay text, which JSON and people can read."""
    cells: dict[str, Any] = json.loads(text, parse_constant=str)
    return cells


class KeyRows:
    """Keys, by all columns of the rows' key or by some: one of a customer is in many rows.

    Parameters
    ----------
    texts
        Each key as it was given: text by column, the same columns in each.
    keys
        The same in the types of the tables, row by row; no nulls.
    """

    def __init__(self, texts: Sequence[Mapping[str, str]], keys: pa.Table) -> None:
        self.texts, self.keys = list(texts), keys

    @property
    def columns(self) -> list[str]:
        return list(self.keys.column_names)

    def find(self, batch: pa.RecordBatch) -> npt.NDArray[np.int64]:
        """For each row the number of the key that it has, -1 for none; shape (rows,).

        A refused row whose key could not be read has nulls there: its `ROW` is compared as text.
        A line that could not be cut into cells is taken for a key's if it has all its values.
        """
        places = np.full(batch.num_rows, -1)
        likely = np.ones(batch.num_rows, bool)
        unread = np.zeros(batch.num_rows, bool)
        # Spark writes times with a zone, which the keys have not.
        typed = batch.select(self.columns).cast(self.keys.schema)
        for name in self.columns:
            wanted = self.keys.column(name).combine_chunks()
            likely &= pc.is_in(typed[name], value_set=wanted).to_numpy(zero_copy_only=False)
            unread |= typed[name].is_null().to_numpy(zero_copy_only=False)
        for at, cells in _rows(typed, likely):
            places[at] = self._numbers.get(tuple(cells.values()), -1)
        if ROW in batch.schema.names:
            for at, cells in _rows(batch, unread):
                written = cells | whole_row(cells)
                if written.get(LINE) is not None:
                    places[at] = self._in_line(str(written[LINE]))
                elif None not in (read := [written.get(name) for name in self.columns]):
                    places[at] = self._spelt.get(tuple(str(each).strip() for each in read), -1)
        return places

    def _in_line(self, line: str) -> int:
        """The number of a key whose values are all in a line, none inside of a longer word."""
        for spelt, at in self._spelt.items():
            if all(
                each in line and re.search(rf"(?<!\w){re.escape(each)}(?!\w)", line)
                for each in spelt
            ):
                return at
        return -1

    @cached_property
    def _numbers(self) -> dict[tuple[object, ...], int]:
        return {tuple(row.values()): at for at, row in enumerate(self.keys.to_pylist())}

    @cached_property
    def _spelt(self) -> dict[tuple[str, ...], int]:
        rows = ([row[name].strip() for name in self.columns] for row in self.texts)
        return {tuple(row): at for at, row in enumerate(rows)}


def _rows(
    batch: pa.RecordBatch, some: npt.NDArray[np.bool_]
) -> Iterator[tuple[int, dict[str, object]]]:
    at = np.flatnonzero(some)
    if len(at):
        yield from zip(at.tolist(), batch.take(pa.array(at)).to_pylist(), strict=True)
