"""A command's result as its JSON document, and that document for people.

For people it is keys with their values, and a table for each list. What a command shows of its
document are names of keys, such as ``rows why? checks(check,limit) delivery.sent``: a dot leads to
a part, ``?`` leaves out what is absent or empty, and in brackets are the columns of a list's table,
by default all of its keys. The label of a value is its key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from assay.cli.terminal import Line, console, wrapped
from assay.project.document import Report
from assay.project.text import escape_controls, format_percent, format_short, mark_blanks

if TYPE_CHECKING:
    from rich.measure import Measurement
    from rich.table import Table

Row = Mapping[str, Any]

_WHOLE = 26
"""The longest cell that is never folded: a run's id, a date, a version."""
_ASKED = re.compile(r"(?P<path>[\w.]+)(?:\((?P<columns>[^)]*)\))?(?P<optional>\??)")
_NUMBER = re.compile(r"[-+]?[\d,]+(\.\d+)?(e-\d+)?%?|-|")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)[.\d]*(\+00:00|Z)?")


def to_tree(result: Any) -> Any:
    """A report as its file has it; of any other result its fields, and its class's ``SCHEMA``.

    A result whose document is another value makes it by its method ``document``.
    """
    from pydantic import TypeAdapter

    made = _document(result)
    if isinstance(made, Report):
        return made.tree()
    tree = TypeAdapter(type(made)).dump_python(made, mode="json")
    if (schema := getattr(made, "SCHEMA", None)) is not None:
        tree = {"schema": schema, **tree}
    return tree


def to_json(result: Any) -> str:
    """The document of a result as text; of a report its file's."""
    from pydantic import TypeAdapter

    made = _document(result)
    if isinstance(made, Report):
        return made.text()
    return TypeAdapter(Any).dump_json(to_tree(made), indent=2).decode("utf-8")


def _document(result: Any) -> Any:
    if isinstance(result, dict):
        return {name: _document(each) for name, each in result.items()}
    return result.document() if hasattr(result, "document") else result


def lines(document: Row, asked: str = "") -> Iterator[Line]:
    """A document: what is asked of it, in that order; by default all that it has.

    Raises
    ------
    KeyError
        The document has no such key, and it is not marked as optional.
    """
    if not asked and (whole := as_rows(document)) is not None:
        yield from table(whole)
        return
    asked = asked.format_map(document) or " ".join(
        f"{name}?" for name in document if name != "schema"
    )
    pairs: dict[str, str] = {}
    for each in _ASKED.finditer(asked):
        path, optional = each["path"], bool(each["optional"])
        value = _part(document, path, optional)
        if optional and value in (None, "", [], {}):
            continue
        rows = as_rows(value)
        if rows is None:
            parts = {"": value} if _is_value(value) else value
            for name, one in parts.items():
                if not name or one not in (None, "", [], {}):
                    pairs[label(f"{path} {name}".strip())] = text(one, name or path) or "none"
            continue
        yield from _pair_lines(pairs)
        pairs = {}
        columns = each["columns"].split(",") if each["columns"] else None
        yield from table(rows, columns, title=label(path.rpartition(".")[2]))
    yield from _pair_lines(pairs)


def table(
    rows: Sequence[Row], columns: Sequence[str] | None = None, *, title: str = ""
) -> Iterator[Line]:
    """A table with a column for each key that some row has a value of.

    Of a table that is wider than the terminal, texts that are longer than `_WHOLE` are lines below
    it; if it is too wide even so, it is keys with their values instead, row after row.

    Parameters
    ----------
    columns
        The keys to show, in order; by default all that the first row has.
    """
    names = list(columns or (rows[0] if rows else ()))
    values = {name: [_part(row, name, True) for row in rows] for name in names}
    cells = {
        label(name): [text(value, name) for value in column]
        for name, column in values.items()
        if any(value not in (None, "", [], {}) for value in column)
    }
    room = console().width
    short = {name: column for name, column in cells.items() if _longest(column) <= _WHOLE}
    if not cells:
        if title:
            yield f"{title}  none"
    # A single row has no others to be compared with in a column: only unfolded is it a table.
    elif (_least(cells) if len(rows) > 1 else _measure(_make(title, cells)).maximum) <= room:
        yield _make(title, cells, room)
    elif len(rows) > 1 and len(short) > 1 and _least(short) <= room:
        yield _make(title, short, room)
        yield from _notes(cells, short)
    else:
        if title:
            yield title
        for number, row in enumerate(zip(*cells.values(), strict=True)):
            if number:
                yield ""
            pairs = {name: cell for name, cell in zip(cells, row, strict=True) if cell}
            yield from (f"{'  ' if title else ''}{line}" for line in _pair_lines(pairs))


def _notes(
    cells: Mapping[str, Sequence[str]], short: Mapping[str, Sequence[str]]
) -> Iterator[Line]:
    """The columns of ``cells`` that are not in a table of the ``short`` ones: each text once."""
    first, *_ = short.values()
    names = next((each for each in short.values() if len({*each}) == len(each)), first)
    for label_, column in cells.items():
        if label_ in short:
            continue
        whose: dict[str, list[str]] = {}
        for name, cell in zip(names, column, strict=True):
            if cell:
                whose.setdefault(" ".join(cell.split("\n")), []).append(name)
        for cell, owners in whose.items():
            yield wrapped(f"{label_} of {', '.join(owners)}: {cell}")


def fits(rows: Sequence[Row]) -> bool:
    """Whether the terminal is as wide as a table of the rows with no line wrapped."""
    cells = {name: [text(row.get(name), name) for row in rows] for name in rows[0]}
    return _measure(_make("", cells)).maximum <= console().width


def _least(cells: Mapping[str, Sequence[str]]) -> int:
    """The width of the narrowest table of the cells."""
    return sum(_least_width(name, column) + 3 for name, column in cells.items()) - 3


def _least_width(name: str, column: Sequence[str]) -> int:
    """No name, number or run's id is cut: only what is longer is folded."""
    return max(min(_longest(column), _WHOLE), *map(len, name.split(" ")))


def _longest(column: Sequence[str]) -> int:
    return max(len(line) for cell in column for line in cell.split("\n"))


def _measure(made: Table) -> Measurement:
    out = console()
    # With room enough, since nothing measures wider than its console.
    return out.measure(made, options=out.options.update(width=1000))


def as_rows(value: object) -> list[Row] | None:
    """The rows of a list of mappings, or of a mapping of them by name; None of anything else."""
    if isinstance(value, Mapping):
        if value and all(isinstance(each, Mapping) for each in value.values()):
            return [{"name": name, **each} for name, each in value.items()]
        return None
    if isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
        return value
    return None


def text(value: object, path: str = "") -> str:
    """A value as a cell: shares in percent, digests and moments short, a list's parts in lines."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and path.endswith(("share", "share_change")):
        return format_percent(value)
    if isinstance(value, float) and not value.is_integer():
        return format_short(value) if abs(value) >= 0.00005 else f"{value:.2g}"
    if isinstance(value, int | float):
        return f"{value:,.0f}"
    if isinstance(value, Mapping) and _is_value(value):
        estimate, low, high = (text(value[name]) or "-" for name in ("value", "low", "high"))
        return f"{estimate} ({low} to {high})"
    if isinstance(value, Mapping):
        # Of a row of data: its numbers may be names, and are not written in another way.
        return ", ".join(f"{name}={_one_line(each)}" for name, each in value.items())
    if isinstance(value, list):
        parts = [text(each, path) for each in value]
        return ("\n" if any(" " in part for part in parts) else ", ").join(parts)
    short = _DIGEST.sub(lambda whole: whole[0][:19], str(value))
    return _one_line(_MOMENT.sub(r"\1 \2", short))


def _one_line(value: object) -> str:
    """A text of others as it is, in one line: only a list has several."""
    return escape_controls(mark_blanks(value))


def label(path: str) -> str:
    """The words of a key."""
    return path.replace(".", " ").replace("_", " ")


def _part(document: Row, path: str, optional: bool) -> Any:
    value: Any = document
    for name in [path] if path in document else path.split("."):
        if optional and (value is None or name not in value):
            return None
        value = value[name]
    return value


def _is_value(value: object) -> bool:
    """Whether it is shown as one: anything but a mapping, or an estimate with its interval."""
    return not isinstance(value, Mapping) or value.keys() >= {"value", "low", "high"}


def _pair_lines(pairs: Mapping[str, str]) -> Iterator[str]:
    wide = max(map(len, pairs), default=0)
    for name, value in pairs.items():
        first, *more = value.split("\n")
        yield f"{name:<{wide}}  {first}"
        yield from (f"{'':<{wide}}  {line}" for line in more)


def _make(title: str, cells: Mapping[str, Sequence[str]], room: int = 1000) -> Table:
    """Each column as wide as it must be; what room is left goes first to those that lack least."""
    from rich import box
    from rich.table import Table

    made = Table(
        title=title or None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
    )
    least = {name: _least_width(name, column) for name, column in cells.items()}
    wanted = {name: max(len(name), _longest(column)) for name, column in cells.items()}
    spare = max(room - _least(cells), 0)
    # Rich's own folding takes the widest columns first, and then cuts the last one off.
    for name in sorted(cells, key=lambda name: wanted[name] - least[name]):
        more = min(wanted[name] - least[name], spare)
        least[name], spare = least[name] + more, spare - more
    for name, column in cells.items():
        numbers = all(map(_NUMBER.fullmatch, column))
        justify: Literal["left", "right"] = "right" if numbers else "left"
        made.add_column(name, justify=justify, overflow="fold", width=least[name])
    for row in zip(*cells.values(), strict=True):
        made.add_row(*row)
    return made
