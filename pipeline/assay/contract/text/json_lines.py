"""JSON lines that Arrow reads as Python's parser does, several times as fast.

Arrow is asked only for lines on which the two cannot differ: one object of texts, numbers, flags
and nulls as the contract types them, whose keys are some of the first line's in the same order, and
in which nothing is escaped. Programs write such lines; others are left to `text_parser`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pajson

from assay.contract.definition import Contract, Kind
from assay.contract.schema import TYPES
from assay.contract.text.cell_parser import Bools, to_bool_mask

_TEXT = r'"[^"\\\x00-\x1f]*"'
_WHOLE = r"(?:-?[1-9][0-9]{0,17}|0)"
"""An integer that 64 bits hold. Not -0, which is 0 in Python and -0.0 as a double."""
_NUMBER = rf"(?:{_WHOLE}(?:\.[0-9]{{1,25}})?|-0\.[0-9]{{1,25}})"
_FLAG = "(?:true|false)"
_VALUES: Mapping[Kind, str] = {
    "integer": _WHOLE,
    "float": _NUMBER,
    "boolean": _FLAG,
    "string": _TEXT,
    "timestamp": _TEXT,
}
_ANY = f"{_TEXT}|{_NUMBER}|{_FLAG}"
_BLANK = "[ \t]*"
_MOST_KEYS = 500


class PlainObjects(NamedTuple):
    """Which lines were read, shape (lines,), and their columns by name; times are still text."""

    read: Bools
    columns: dict[str, pa.Array]


def read_plain_objects(contract: Contract, lines: pa.Array) -> PlainObjects | None:
    """The lines that Arrow reads as Python's parser does; None if there are none.

    Parameters
    ----------
    lines
        Text without line ends.
    """
    pattern = _pattern(contract, lines[0].as_py()) if len(lines) else None
    if pattern is None:
        return None
    fits = pc.fill_null(pc.match_substring_regex(lines, pattern), False)
    plain = lines.filter(fits)
    if len(plain) == 0:
        return None
    kinds = {
        field.name: pa.string() if field.kind == "timestamp" else TYPES[field.kind]
        for field in contract.fields
    }
    offsets = pa.array([0, len(plain)], pa.int32())
    block = pc.binary_join(pa.ListArray.from_arrays(offsets, plain), "\n")[0].as_buffer()
    try:
        table = pajson.read_json(
            pa.BufferReader(block),
            pajson.ReadOptions(use_threads=False, block_size=block.size + 1),
            pajson.ParseOptions(
                explicit_schema=pa.schema(list(kinds.items())), unexpected_field_behavior="ignore"
            ),
        )
    except pa.ArrowInvalid:
        # What the pattern does not see, such as a comma too many; any line may have it.
        return None
    if table.num_rows != len(plain):
        return None
    columns = {name: table.column(name).combine_chunks() for name in kinds}
    return PlainObjects(to_bool_mask(fits), columns)


def _pattern(contract: Contract, line: str | None) -> str | None:
    """What plain lines match whose keys are some of this line's; None if it has no such keys."""
    try:
        keys: Any = json.loads(
            line or "", object_pairs_hook=lambda pairs: [key for key, _ in pairs]
        )
    except (ValueError, RecursionError):
        return None
    if not isinstance(keys, list) or not 0 < len(keys) <= _MOST_KEYS:
        return None
    if not all(isinstance(key, str) and not set(key) & set('"\\') for key in keys):
        return None
    if len(set(keys)) < len(keys):
        return None
    values = {field.name: _VALUES[field.kind] for field in contract.fields}
    members = "".join(
        rf'(?:"{re.escape(key)}"{_BLANK}:{_BLANK}(?:{values.get(key, _ANY)}|null){_BLANK}'
        rf"(?:,{_BLANK})?)?"
        for key in keys
    )
    return rf"^{_BLANK}\{{{_BLANK}{members}\}}{_BLANK}$"
