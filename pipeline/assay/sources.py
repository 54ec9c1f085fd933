"""Reads tables for a project's ``data/source.py``, typed as it says. Only these names are stable.

::

    from assay.sources import read_csv

    def rows():
        return read_csv("data/sales.csv", separator=";", columns={
            "day": "time %d.%m.%Y", "amount": "float decimal=, thousands=.", "shop": "text"})

Paths are relative to the current folder; a stage runs in the project's root. Types are ``integer``,
``float``, ``text``, ``boolean`` and ``time``, with options (`assay.formats.definition`). A cell
that does not read as its type is an error that names the line, and never becomes a null.

`Input` is what a class of the project's own is derived from that reads the rows of nights
(docs/own-code.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from assay.formats.definition import ColumnFormat, TableFormat, parse
from assay.formats.reader import read
from assay.formats.source import (
    add_night,
    add_random_night,
    add_row_number,
    label_as_text,
    label_is_true,
)
from assay.score.inputs.own import Input

__all__ = [
    "Input",
    "add_night",
    "add_random_night",
    "add_row_number",
    "label_as_text",
    "label_is_true",
    "read_csv",
    "read_json",
    "read_parquet",
]


def read_csv(
    path: str | Path,
    *,
    separator: str = ",",
    encoding: str = "utf-8",
    quote: str = '"',
    header: bool = True,
    missing: Sequence[str] = ("",),
    columns: Mapping[str, str],
) -> Iterator[pa.Table]:
    """The rows of a CSV file, at most 100,000 at a time; it may be compressed with gzip.

    Parameters
    ----------
    quote
        Empty if cells are never quoted.
    header
        Whether the first line names the columns; without one, all columns must be stated, in order.
    missing
        Cells that stand for no value; empty ones always do.
    columns
        Name -> type; columns of the file that are not named are left out.

    Raises
    ------
    SourceError
        The file, a column, a row or a cell is not as stated.
    """
    return read(
        Path(path),
        TableFormat(
            "csv", _columns(columns), encoding, separator, quote, header, _missing(missing)
        ),
    )


def read_json(
    path: str | Path, *, missing: Sequence[str] = ("",), columns: Mapping[str, str]
) -> Iterator[pa.Table]:
    """The rows of a JSON file, an object a line or one array of objects; else as `read_csv`."""
    return read(Path(path), TableFormat("json", _columns(columns), missing=_missing(missing)))


def read_parquet(path: str | Path, *, columns: Mapping[str, str]) -> Iterator[pa.Table]:
    """The rows of a Parquet file; otherwise as `read_csv`."""
    return read(Path(path), TableFormat("parquet", _columns(columns)))


def _columns(columns: Mapping[str, str]) -> tuple[ColumnFormat, ...]:
    return tuple(parse(name, text) for name, text in columns.items())


def _missing(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(("", *words)))
