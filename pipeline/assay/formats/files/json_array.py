"""The values of one JSON array, one at a time: a file of it need not fit into memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TextIO

from assay.errors import SourceError
from assay.formats.files.lines import MOST_LINE

CHUNK = 1 << 20
_BLANKS = re.compile(r"[ \t\r\n]*")
_LINE_END = re.compile(r"[\r\n]+")
_DECODER = json.JSONDecoder()


def is_array(head: str) -> bool:
    """Whether text of JSON that begins like this is an array."""
    return head.lstrip().startswith("[")


def array_values(file: TextIO, path: str) -> Iterator[str]:
    """The text of each value as it is written, on one line.

    Between values a line end is a blank, and in a text of JSON there can be none.

    Raises
    ------
    SourceError
        It is no array, is damaged, or a value has more than `MOST_LINE` characters.
    """
    text, number = file.read(CHUNK), 0
    at = _after_blanks(text, 0) + 1
    while True:
        found = _next_value(text, at, first=number == 0)
        while found is None:
            text, at = text[at:], 0
            more = file.read(CHUNK) if len(text) <= MOST_LINE else ""
            if not more:
                raise _damaged(path, f"value {number + 1}", _reason(text))
            text += more
            found = _next_value(text, at, first=number == 0)
        value, at = found
        if value:
            number += 1
            yield _LINE_END.sub(" ", value)
        if text[at - 1] == "]":
            break
    while rest := text[at:]:
        if rest.strip():
            raise _damaged(path, "after the array", "more text")
        text, at = file.read(CHUNK), 0


def _next_value(text: str, at: int, first: bool) -> tuple[str, int] | None:
    """A value and where what follows its comma or bracket begins; None if that is not there."""
    start = _after_blanks(text, at)
    if first and text[start : start + 1] == "]":
        return "", start + 1
    try:
        _, stop = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    end = _after_blanks(text, stop)
    return (text[start:stop], end + 1) if text[end : end + 1] in {",", "]"} else None


def _after_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at


def _reason(text: str) -> str:
    """Why no value can be read where this begins."""
    try:
        _DECODER.raw_decode(text, _after_blanks(text, 0))
    except ValueError as error:
        return str(error).partition(":")[0]
    except RecursionError:
        return "values within values, too deep"
    return "no comma and no bracket after a value"


def _damaged(path: str, place: str, why: str) -> SourceError:
    return SourceError(
        "is no whole JSON array",
        where=f"{path}, {place}",
        found=why,
        fix="Write it again at its source, or as one object on each line.",
    )
