"""The rows of a JSON file: an object on each line, or one array of objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from assay.errors import SourceError
from assay.formats.files.csv_rows import ROWS
from assay.formats.files.opened import CHUNK, Tick, file_lines, in_encoding, open_text
from assay.formats.files.record_rows import Record
from assay.project.text import quote_value

TOGETHER = 1_000


def json_batches(path: Path, encoding: str, tick: Tick | None = None) -> Iterator[list[Record]]:
    """The objects of the file, at most `csv_rows.ROWS` at a time.

    Raises
    ------
    SourceError
        A line is no JSON object, has a key twice, or the array is not closed.
    """
    found = _objects(path, encoding, tick)
    while batch := list(islice(found, ROWS)):
        yield batch


def _objects(path: Path, encoding: str, tick: Tick | None) -> Iterator[Record]:
    begin = next((line.lstrip() for line in file_lines(path, encoding) if line.strip()), "")
    if begin.startswith("["):
        with in_encoding(path, encoding), open_text(path, encoding, tick=tick) as file:
            yield from _array(path, file)
        return
    lines = ((n, line) for n, line in enumerate(file_lines(path, encoding, tick), 1))
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


def _once(pairs: list[tuple[str, Any]]) -> Record:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _constant(word: str) -> float | None:
    # NaN is how pandas and others write that there is no value.
    return None if word == "NaN" else float(word)


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_constant)


def _array(path: Path, file: TextIO) -> Iterator[Record]:
    """The objects of an array, which is never in memory as a whole."""
    text, row, at = "", 0, 0
    expected = "["
    while True:
        text, at = text[at:].lstrip(), 0
        if not text:
            text = file.read(CHUNK)
            if not text:
                raise _no_object(path, f"object {row + 1}", "the end of the file inside the array")
            continue
        if expected:
            if text[0] == "]" and expected == ",":
                if text[1:].strip() or file.read().strip():
                    raise _no_object(path, f"object {row + 1}", "text behind the array")
                return
            if text[0] != expected:
                raise _no_object(path, f"object {row + 1}", repr(text[:20]))
            first, expected, at = expected == "[", "", 1
            if first and text[1:].lstrip().startswith("]"):
                return
            continue
        try:
            found, at = _DECODER.raw_decode(text)
        except RecursionError:
            raise _no_object(path, f"object {row + 1}", "lists within lists") from None
        except ValueError as error:
            more = file.read(CHUNK)
            if not more:
                raise _no_object(path, f"object {row + 1}", str(error)) from None
            text += more
            continue
        row += 1
        if not isinstance(found, dict):
            raise _no_object(path, f"object {row}", quote_value(str(found)[:40]))
        expected = ","
        yield found
