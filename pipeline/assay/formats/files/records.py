"""The records of a JSON file as columns of Arrow.

An object on each line, or one array of objects, which is read as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import NoneType
from typing import Any

import pyarrow as pa

from assay.errors import SourceError
from assay.formats.files.opened import ROWS, file_lines
from assay.project.document import reject_duplicate_keys
from assay.project.text import quote_value

Record = dict[str, Any]
TOGETHER = 1_000


def json_batches(path: Path, encoding: str) -> Iterator[list[Record]]:
    """The objects of the file, at most `ROWS` at a time.

    Raises
    ------
    SourceError
        A line is no JSON object, has a key twice, or the array is not closed.
    """
    found = _objects(path, encoding)
    while batch := list(islice(found, ROWS)):
        yield batch


def _objects(path: Path, encoding: str) -> Iterator[Record]:
    begin = next((line.lstrip() for line in file_lines(path, encoding) if line.strip()), "")
    if begin.startswith("["):
        yield from _array(path, "".join(file_lines(path, encoding)))
        return
    lines = ((n, line) for n, line in enumerate(file_lines(path, encoding), 1))
    full = (each for each in lines if each[1].strip())
    while some := list(islice(full, TOGETHER)):
        yield from _lines(path, some)


def _lines(path: Path, lines: list[tuple[int, str]]) -> list[Record]:
    """The objects of some lines. Parsed together they are quick, and one by one they are named."""
    try:
        found = _DECODER.decode(f"[{','.join(line for _, line in lines)}]")
    except (ValueError, RecursionError):
        found = []
    if len(found) == len(lines) and set(map(type, found)) == {dict}:
        return list(found)
    return [_object(path, f"line {number}", line) for number, line in lines]


def _object(path: Path, where: str, text: str) -> Record:
    try:
        found = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise _no_object(path, where, str(error)) from None
    if not isinstance(found, dict):
        raise _no_object(path, where, quote_value(text[:40]))
    return found


def _no_object(path: Path, where: str, found: str) -> SourceError:
    return SourceError(
        "is no JSON object with each key once",
        where=f"{path}, {where}",
        found=found,
        fix="Write one object on each line, or one array of objects.",
    )


def _constant(word: str) -> float | None:
    # NaN is how pandas and others write that there is no value.
    return None if word == "NaN" else float(word)


_DECODER = json.JSONDecoder(object_pairs_hook=reject_duplicate_keys, parse_constant=_constant)


def _array(path: Path, text: str) -> list[Record]:
    try:
        found = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise _no_object(path, "an array", str(error)) from None
    for number, each in enumerate(found, 1):
        if not isinstance(each, dict):
            raise _no_object(path, f"object {number}", quote_value(str(each)[:40]))
    return list(found)


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
