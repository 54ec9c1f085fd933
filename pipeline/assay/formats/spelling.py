"""A column's format as short text that a person can write and read: ``float decimal=,``.

::

    integer | float | text | boolean | time
    float decimal=, thousands=. prefix=$ suffix=%
    boolean true=ja|j false=nein|n
    text keep=NA
    time %d.%m.%Y
    time unix s

An option stands behind the kind; what has blanks, quotes or bars in it is written as a JSON string.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from assay.errors import SourceError
from assay.formats.definition import ColumnFormat, Kind

_WORDS: dict[Kind, str] = {
    "integer": "integer",
    "float": "float",
    "string": "text",
    "boolean": "boolean",
    "timestamp": "time",
}
_KINDS = {word: kind for kind, word in _WORDS.items()}
_NUMBER = ("decimal", "thousands", "prefix", "suffix")
_OPTIONS: dict[Kind, tuple[str, ...]] = {
    "integer": (*_NUMBER, "keep"),
    "float": (*_NUMBER, "keep"),
    "string": ("keep",),
    "boolean": ("true", "false", "keep"),
    "timestamp": ("keep",),
}
_SEVERAL = {"keep": "kept", "true": "true", "false": "false"}
"""Options with one word or several, and the field that has them."""
_ITEM = r'(?:"(?:[^"\\]|\\.)*"|[^\s"|]+)'
_OPTION = re.compile(rf"(?P<key>[a-z]+)=(?P<value>{_ITEM}(?:\|{_ITEM})*)(?:\s+|$)")
_PLAIN = re.compile(r'[^\s"|\x00-\x1f\x7f\ud800-\udfff]+')
_FORMAT = re.compile(r"[^\s\"\x00-\x1f\ud800-\udfff]+( [^\s\"\x00-\x1f\ud800-\udfff]+)*")


def spell(column: ColumnFormat) -> str:
    """The format without the name, as `parse` reads it."""
    parts = [_WORDS[column.kind]]
    for key in _OPTIONS[column.kind]:
        values = _values(column, key)
        if values:
            parts.append(f"{key}={'|'.join(map(_item, values))}")
    if column.kind == "timestamp" and column.time_format is not None:
        text = column.time_format
        plain = _FORMAT.fullmatch(text) and not _OPTION.match(text)
        parts.append(text if plain else json.dumps(text))
    return " ".join(parts)


def _values(column: ColumnFormat, key: str) -> tuple[str, ...]:
    value = getattr(column, _SEVERAL.get(key, key))
    if key in _SEVERAL:
        return tuple(value)
    return () if value == ("." if key == "decimal" else "") else (value,)


def _item(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text)


def parse(name: str, text: str) -> ColumnFormat:
    """The format that ``text`` states, for the column called ``name``.

    Raises
    ------
    SourceError
        The text states no format.
    """
    word, _, rest = text.strip().partition(" ")
    kind = _KINDS.get(word)
    if kind is None:
        raise _wrong(name, text, "integer, float, text, boolean or time, then options")
    column = ColumnFormat(name, kind)
    rest = rest.strip()
    while (found := _OPTION.match(rest)) and not (
        kind == "timestamp" and found["key"] not in _OPTIONS[kind]
    ):
        column = _with(column, found["key"], _items(name, text, found["value"]), text)
        rest = rest[found.end() :]
    if kind == "timestamp" and rest:
        return replace(column, time_format=_unquoted(name, text, rest))
    if rest:
        raise _wrong(name, text, f"options such as {', '.join(_OPTIONS[kind])}=...")
    return column


def _with(column: ColumnFormat, key: str, values: tuple[str, ...], text: str) -> ColumnFormat:
    if key not in _OPTIONS[column.kind]:
        options = ", ".join(f"{each}=" for each in _OPTIONS[column.kind])
        raise _wrong(column.name, text, f"no option but {options} for this type")
    changed: dict[str, Any] = {_SEVERAL[key]: values} if key in _SEVERAL else {key: values[0]}
    if key not in _SEVERAL and len(values) != 1:
        raise _wrong(column.name, text, f"one value for {key}")
    return replace(column, **changed)


def _items(name: str, text: str, value: str) -> tuple[str, ...]:
    return tuple(_unquoted(name, text, item) for item in re.findall(_ITEM, value))


def _unquoted(name: str, text: str, item: str) -> str:
    if not item.startswith('"'):
        return item
    try:
        found = json.loads(item)
    except ValueError:
        raise _wrong(name, text, "a string as JSON writes it") from None
    return str(found)


def _wrong(name: str, text: str, expected: str) -> SourceError:
    return SourceError(
        "is no type of a column",
        where=f"columns[{name!r}]",
        expected=expected,
        found=repr(text),
        fix='Write for example "float decimal=, thousands=." or "time %d.%m.%Y".',
    )
