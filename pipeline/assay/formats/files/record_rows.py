"""Records of plain values, which JSON, workbooks and queries give, as columns of Arrow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from types import NoneType
from typing import Any

import pyarrow as pa

Record = dict[str, Any]


def record_columns(
    batches: Iterable[list[Record]], mixed: set[str]
) -> Iterator[dict[str, pa.Array]]:
    """The columns of each batch; a key that a record lacks is null there.

    A column is of integers, floats, booleans or strings if all of its values are, else of strings;
    of bytes if one is a list or an object. A key of an earlier batch is in all later ones.

    Parameters
    ----------
    mixed
        Gets the names of columns that have values of different types.
    """
    names: dict[str, None] = {}
    for batch in batches:
        names |= dict.fromkeys(key for record in batch for key in record)
        columns = {name: [record.get(name) for record in batch] for name in names}
        kinds = {name: {*map(type, values)} - {NoneType} for name, values in columns.items()}
        mixed |= {name for name, each in kinds.items() if len(each) > 1 and each != {int, float}}
        yield {name: _column(values, kinds[name]) for name, values in columns.items()}


def _column(values: list[Any], kinds: set[type]) -> pa.Array:
    if not kinds or kinds in ({int}, {float}, {bool}, {int, float}):
        try:
            if float in kinds:
                return pa.array(None if value is None else float(value) for value in values)
            return pa.array(values)
        except OverflowError:  # whole numbers beyond 64 bits
            pass
    texts = [_as_text(value) for value in values]
    if kinds & {list, dict}:
        return pa.array([text and text.encode(errors="replace") for text in texts], pa.binary())
    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError:  # half of a surrogate pair, which only JSON can write
        return pa.array([text and text.encode(errors="replace").decode() for text in texts])


def _as_text(value: Any) -> str | None:
    """A value as the text of a cell: a string as it is, anything else as JSON."""
    if value is None or type(value) is str:
        return value
    # As JSON writes them, but quicker; infinity is a word that numbers may be.
    if type(value) in (int, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)
