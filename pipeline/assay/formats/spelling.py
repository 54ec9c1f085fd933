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
_FIELDS = {"keep": "kept"}
"""Options that are called otherwise than the field that has them."""
_DEFAULT = ColumnFormat("", "string")
_ITEM = r'(?:"(?:[^"\\]|\\.)*"|[^\s"|]+)'
_OPTION = re.compile(rf"(?P<key>[a-z]+)=(?P<value>{_ITEM}(?:\|{_ITEM})*)(?:\s+|$)")
_PLAIN = re.compile(r'[^\s"|\x00-\x1f\x7f\ud800-\udfff]+')
_FORMAT = re.compile(r"[^\s\"\x00-\x1f\ud800-\udfff]+( [^\s\"\x00-\x1f\ud800-\udfff]+)*")


def spell(column: ColumnFormat) -> str:
    """The format without the name, as `parse` reads it."""
    parts = [_WORDS[column.kind]]
    for key in _OPTIONS[column.kind]:
        field = _FIELDS.get(key, key)
        value = getattr(column, field)
        if value != getattr(_DEFAULT, field):
            items = value if isinstance(value, tuple) else (value,)
            parts.append(f"{key}={'|'.join(map(_item, items))}")
    if column.kind == "timestamp" and column.time_format is not None:
        text = column.time_format
        plain = _FORMAT.fullmatch(text) and not _OPTION.match(text)
        parts.append(text if plain else json.dumps(text))
    return " ".join(parts)


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
    column, rest = ColumnFormat(name, kind), rest.strip()
    while found := _OPTION.match(rest):
        key = found["key"]
        if key not in _OPTIONS[kind]:
            break  # perhaps of a time's format
        field = _FIELDS.get(key, key)
        items = tuple(_unquoted(name, text, each) for each in re.findall(_ITEM, found["value"]))
        several = isinstance(getattr(_DEFAULT, field), tuple)
        if not several and len(items) != 1:
            raise _wrong(name, text, f"one value for {key}")
        column = replace(column, **{field: items if several else items[0]})  # type: ignore[arg-type]
        rest = rest[found.end() :]
    if kind == "timestamp" and rest:
        return replace(column, time_format=_unquoted(name, text, rest))
    if rest:
        raise _wrong(name, text, f"options such as {', '.join(_OPTIONS[kind])}=...")
    return column


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
