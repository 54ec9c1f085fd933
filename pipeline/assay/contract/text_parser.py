"""Parses text input by the contract's types: CSV cells, and JSON lines.

A cell that cannot be read never becomes a null silently: a rule names it, and the row is rejected
like one that breaks a rule of the contract. The result for a row, or a cell, does not depend on
those around it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as t

from assay.contract.definition import Contract, Field, Kind
from assay.contract.schema import TYPES, canonical_schema, cast_column
from assay.formats.files.lines import MOST_LINE, TOO_LONG
from assay.project.document import read_constant, reject_duplicate_keys

Bools: TypeAlias = npt.NDArray[np.bool_]
Cast: TypeAlias = Callable[[pa.Array], pa.Array]

REPLACEMENT = "\ufffd"
"""Readers put it in place of bytes that are not valid text."""

_FLAGS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
_ZONE = r"[T ]\d\d.*(Z|[+-]\d\d(:?\d\d)?)$"
_WHOLE = r"^([+-]?\d+)\.0*$"
_BEYOND_MICROS = r"(\.\d{6})\d+"


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this Arrow type holds text."""
    return bool(t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind))


def to_bool_mask(mask: pa.Array | pa.ChunkedArray) -> Bools:
    """A mask without nulls as NumPy's bools."""
    single = mask.combine_chunks() if isinstance(mask, pa.ChunkedArray) else mask
    array: Bools = single.to_numpy(zero_copy_only=False)
    return array


def invalid_utf8_mask(cells: pa.Array) -> Bools:
    """Mask of cells in which invalid bytes were replaced."""
    return to_bool_mask(pc.fill_null(pc.match_substring(cells, REPLACEMENT), False))


def parse_cells(kind: Kind, cells: pa.Array) -> tuple[pa.Array, Bools]:
    """Cells as values of the Arrow type of ``kind``, and a mask of the unreadable ones.

    Numbers, flags and times may have blanks around them. Times are ISO 8601, in UTC if they have no
    zone, truncated to microseconds. Strings are kept as they are.

    Parameters
    ----------
    cells
        Text; a null stays null and does not count as unreadable.
    """
    if kind == "string":
        return cells, np.zeros(len(cells), dtype=bool)
    return _parsed(cells, READERS[kind])


def _parsed(cells: pa.Array, cast: Cast) -> tuple[pa.Array, Bools]:
    """Cells converted by ``cast``, and a mask of those that it rejects."""
    bad = np.zeros(len(cells), dtype=bool)
    try:
        return cast(cells), bad
    except pa.ArrowInvalid:
        coded = pc.utf8_trim_whitespace(cells).dictionary_encode()
    kinds: list[pa.Array] = []
    _cast_each(coded.dictionary, cast, kinds)
    values = pa.concat_arrays(kinds).take(coded.indices)
    bad = to_bool_mask(pc.and_(pc.is_null(values), pc.is_valid(cells)))
    return values, bad


def _cast_each(cells: pa.Array, cast: Cast, done: list[pa.Array]) -> None:
    """Bisects cells that ``cast`` rejects down to single ones, which become null."""
    try:
        done.append(cast(cells))
    except pa.ArrowInvalid:
        if len(cells) == 1:
            done.append(cast(pa.nulls(1, pa.string())))
            return
        middle = len(cells) // 2
        _cast_each(cells[:middle], cast, done)
        _cast_each(cells[middle:], cast, done)


def _integer(cells: pa.Array) -> pa.Array:
    if pc.any(pc.match_substring(cells, "x", ignore_case=True)).as_py():
        raise pa.ArrowInvalid("Arrow would read hexadecimal digits")
    # Tools that store integers as floats, as pandas does with nulls, write 37 as 37.0.
    return pc.cast(pc.replace_substring_regex(cells, _WHOLE, r"\1"), TYPES["integer"])


def _float(cells: pa.Array) -> pa.Array:
    return pc.cast(cells, TYPES["float"])


def _boolean(cells: pa.Array) -> pa.Array:
    words = pa.array(list(_FLAGS))
    places = pc.index_in(pc.utf8_lower(cells), value_set=words)
    if places.null_count != cells.null_count:
        raise pa.ArrowInvalid("neither true nor false")
    return pa.array(list(_FLAGS.values())).take(places)


def _timestamp(cells: pa.Array) -> pa.Array:
    cells = pc.replace_substring_regex(cells, _BEYOND_MICROS, r"\1")
    zoned = pc.match_substring_regex(cells, _ZONE)
    naive, target = pa.scalar(None, pa.string()), TYPES["timestamp"]
    if not pc.any(zoned).as_py():
        return pc.cast(cells, target)
    without = pc.cast(pc.if_else(zoned, naive, cells), target)
    utc = pc.cast(pc.if_else(zoned, cells, naive), pa.timestamp("us", "UTC"))
    return pc.coalesce(without, pc.cast(utc, target))


READERS: Mapping[Kind, Cast] = {
    "integer": _integer,
    "float": _float,
    "boolean": _boolean,
    "timestamp": _timestamp,
}


LINE = "_input_line"
"""The column that holds a row's raw text: as the only column, JSON; beside cells, a line that could
not be split into them."""
ONE_CELL_A_COLUMN = "row: one cell for each column"
ONE_OBJECT = "row: one JSON object, each key once"
ONE_HEADER = "row: no header line again"
SHORT_LINE = f"row: a line of at most {MOST_LINE >> 20} MB"

ParsedColumns: TypeAlias = tuple[list[pa.Array], dict[str, Bools]]
"""The contract's columns, and for each rule that some row breaks, bools of shape (rows,)."""

EXACT = 2**53
"""Integers up to here are exact as doubles."""


def parsing_rules(contract: Contract) -> tuple[str, ...]:
    """The names of all rules that `parse_rows` may report, in addition to the contract's own."""
    cells = [rule for field in contract.fields for rule in (_readable(field), _valid(field))]
    return (ONE_CELL_A_COLUMN, ONE_OBJECT, ONE_HEADER, SHORT_LINE, *cells)


def parse_rows(
    contract: Contract, batch: pa.RecordBatch | pa.Table
) -> tuple[pa.Table, dict[str, Bools]]:
    """The contract's columns in their types, and masks of what could not be read.

    Numbers, flags and times may have blanks around them; times are ISO 8601, in UTC if they have no
    zone. JSON values already have a type, which is never converted. A column that is not text is
    taken as it is.

    Parameters
    ----------
    batch
        Cells as text, null where a cell is empty; or nothing but the column `LINE`.

    Returns
    -------
    tuple
        The rows, null where a cell could not be read, and for each rule that some row breaks: bools
        of shape (rows,).
    """
    if batch.schema.names == [LINE]:
        columns, broken = _json_rows(contract, batch.column(0))
        return pa.table(columns, schema=canonical_schema(contract)), broken
    broken = {}
    unusable = _is_header(contract, batch)
    _note(broken, ONE_HEADER, unusable)
    if LINE in batch.schema.names:
        uncut = batch.column(LINE)
        long = to_bool_mask(pc.fill_null(pc.starts_with(uncut, TOO_LONG), False))
        uncut_mask = to_bool_mask(pc.is_valid(uncut))
        _note(broken, SHORT_LINE, long)
        _note(broken, ONE_CELL_A_COLUMN, uncut_mask & ~long)
        unusable = unusable | uncut_mask
    without = unusable if unusable.any() else None
    columns = [_text_column(field, batch, without, broken) for field in contract.fields]
    return pa.table(columns, schema=canonical_schema(contract)), broken


def rows_as_text(rows: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Cells of some columns as they arrived, as text, for people to inspect and repair.

    A line that is not a JSON object with a key is in the column `LINE`, and so is one with a wrong
    number of cells; of a line that is too long, what `TOO_LONG` says.
    """
    if rows.schema.names != [LINE]:
        if LINE not in rows.schema.names or rows[LINE].null_count == rows.num_rows:
            return rows.drop_columns([LINE] if LINE in rows.schema.names else [])
        at = rows.schema.get_field_index(LINE)
        return rows.set_column(at, LINE, pc.replace_substring(rows[LINE], TOO_LONG, ""))
    found = []
    for line in rows[LINE].to_pylist():
        record = _record(line)
        if record:
            named = {k: record.get(k) for k in columns if k in record or k == columns[0]}
        else:
            # An empty object has no cell that could show it.
            named = {LINE: (line or "").removeprefix(TOO_LONG)}
        found.append({_cell(k): None if v is None else _cell(v) for k, v in named.items()})
    names = list(dict.fromkeys(name for cells in found for name in cells))
    return pa.table(
        [pa.array([cells.get(name) for cells in found], pa.string()) for name in names],
        names=names,
    )


def _readable(field: Field) -> str:
    return f"{field.name}: readable as {field.kind}"


def _valid(field: Field) -> str:
    return f"{field.name}: valid text"


def _note(broken: dict[str, Bools], rule: str, mask: Bools) -> None:
    if mask.any():
        broken[rule] = mask


# ------------------------------------------------------------------------------- text cells


def _is_header(contract: Contract, batch: pa.RecordBatch | pa.Table) -> Bools:
    """The rows ``(rows,)`` that are a header line again, as in files that were joined.

    All cells that are text hold the names of their columns, but for one: a folder's name, or one
    that means null.
    """
    same, asked = np.zeros(batch.num_rows, dtype=np.intp), 0
    for field in contract.fields:
        places = batch.schema.get_all_field_indices(field.name)
        if len(places) != 1 or not is_text(batch.schema.field(places[0]).type):
            continue
        asked += 1
        cells = batch.column(places[0]).cast(pa.string())
        same += to_bool_mask(pc.fill_null(pc.equal(cells, field.name), False))
        if asked == 2 and not same.any():
            break
    return (same >= 2) & (same >= asked - 1)


def _text_column(
    field: Field,
    batch: pa.RecordBatch | pa.Table,
    uncut: Bools | None,
    broken: dict[str, Bools],
) -> pa.Array:
    places = batch.schema.get_all_field_indices(field.name)
    if len(places) != 1 or not is_text(batch.schema.field(places[0]).type):
        return cast_column(field, batch)
    cells = batch.column(places[0])
    cells = cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells
    cells = cells.cast(pa.string())
    if uncut is not None:
        # Its cells may be under the wrong column names.
        cells = pc.if_else(pa.array(uncut), pa.scalar(None, pa.string()), cells)
    if field.kind == "string":
        return _sound(field, cells, broken)
    values, bad = parse_cells(field.kind, cells)
    _note(broken, _readable(field), bad)
    return values


def _sound(field: Field, cells: pa.Array, broken: dict[str, Bools]) -> pa.Array:
    _note(broken, _valid(field), invalid_utf8_mask(cells))
    return cells


# ------------------------------------------------------------------------------------ JSON


def _json_rows(contract: Contract, lines: pa.Array | pa.ChunkedArray) -> ParsedColumns:
    broken: dict[str, Bools] = {}
    records = [_record(line) for line in lines.to_pylist()]
    torn = np.array([record is None for record in records], dtype=bool)
    long = to_bool_mask(pc.fill_null(pc.starts_with(lines, TOO_LONG), False))
    _note(broken, SHORT_LINE, long)
    _note(broken, ONE_OBJECT, torn & ~long)
    return _json_columns(contract, [record or {} for record in records], broken), broken


def parse_records(
    contract: Contract, records: Sequence[Mapping[str, Any]]
) -> tuple[pa.Table, dict[str, Bools]]:
    """JSON objects as `parse_rows` reads lines of them; what is not there is null."""
    broken: dict[str, Bools] = {}
    columns = _json_columns(contract, records, broken)
    return pa.table(columns, schema=canonical_schema(contract)), broken


def _json_columns(
    contract: Contract, records: Sequence[Mapping[str, Any]], broken: dict[str, Bools]
) -> list[pa.Array]:
    return [
        _json_column(field, [record.get(field.name) for record in records], broken)
        for field in contract.fields
    ]


_DECODER = json.JSONDecoder(object_pairs_hook=reject_duplicate_keys, parse_constant=read_constant)


def _record(line: str | None) -> dict[str, Any] | None:
    try:
        found = _DECODER.decode(line or "")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _cell(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode(errors="replace").decode()


OWN: Mapping[Kind, tuple[type, ...]] = {
    "integer": (int,),
    "float": (float, int),
    "boolean": (bool,),
    "string": (str,),
    "timestamp": (str,),
}
"""The exact Python types that a JSON value may have: a flag is not a number."""


def _json_column(field: Field, values: Sequence[Any], broken: dict[str, Bools]) -> pa.Array:
    allowed = {type(None), *OWN[field.kind]}
    kinds = set(map(type, values))
    bad = np.zeros(len(values), dtype=bool)
    if field.kind == "integer" and float in kinds:
        # JSON does not distinguish 37.0 from 37 (RFC 8259, section 6).
        values = [int(value) if _is_whole(value) else value for value in values]
        kinds = set(map(type, values))
    if not kinds <= allowed:
        bad = np.array([type(value) not in allowed for value in values], dtype=bool)
        values = [None if type(value) not in allowed else value for value in values]
    column, unfit = _json_array(field, values)
    _note(broken, _readable(field), bad | unfit)
    if field.kind == "string":
        return _sound(field, column, broken)
    return column


def _is_whole(value: Any) -> bool:
    return type(value) is float and value.is_integer() and abs(value) <= EXACT


def _json_array(field: Field, values: Sequence[Any]) -> tuple[pa.Array, Bools]:
    fine = np.zeros(len(values), dtype=bool)
    if field.kind in ("string", "timestamp"):
        try:
            cells = pa.array(values, pa.string())
        except UnicodeEncodeError:
            # Half of a surrogate pair: JSON can encode it, UTF-8 cannot.
            cells = pa.array([_marred(value) for value in values], pa.string())
        return (cells, fine) if field.kind == "string" else parse_cells("timestamp", cells)
    if field.kind == "float":
        # Arrow rejects integers that a double cannot hold exactly; parsing from text rounds them,
        # or gives infinity.
        values = [
            float(str(value)) if type(value) is int and abs(value) > EXACT else value
            for value in values
        ]
        return pa.array(values, TYPES["float"]), fine
    try:
        return pa.array(values, TYPES[field.kind]), fine
    except OverflowError:
        unfit = [value is not None and not -(2**63) <= value < 2**63 for value in values]
        kept = [None if odd else value for value, odd in zip(values, unfit, strict=True)]
        return pa.array(kept, TYPES[field.kind]), np.array(unfit, dtype=bool)


def _marred(value: str | None) -> str | None:
    return value and value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
