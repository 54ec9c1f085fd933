"""File format for quarantined rows: exported for repair, and read back afterwards.

An exported row has its original columns, the rules that it broke and a mark: a digest of the
original row. The mark identifies a repaired row, even if its key was changed.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.errors import ContractBroken, SourceError, UsageError

MARK = "_row"
BROKEN = "_broken_rules"
SPREADSHEET = "_spreadsheet"
"""A column of the spreadsheet format; it states how cells are read back."""
QUOTED = "cells that begin with ' are text"
FORMATS = (".csv", ".jsonl")


def quarantine_id(row: str) -> str:
    """The id of a quarantined row: 16 hexadecimal digits of its JSON's SHA-256."""
    return hashlib.sha256(row.encode()).hexdigest()[:16]


def file_format(path: Path, option: str) -> str:
    """The format according to a file's name.

    Raises
    ------
    UsageError
        The ending is unknown.
    """
    if path.suffix not in FORMATS:
        raise UsageError(
            "unknown kind of file",
            where=f"{option} {path}",
            expected=f"a name that ends in {' or '.join(FORMATS)}",
            found=path.suffix or "no ending",
        )
    return path.suffix


def write(
    path: Path,
    refused: Iterable[Mapping[str, Any]],
    columns: Sequence[str],
    spreadsheet: bool = False,
) -> int:
    """Write quarantined rows; returns how many there were.

    Parameters
    ----------
    refused
        With ``row``, the row's JSON, and ``broken_rules``.
    columns
        The names of the rows' columns, in order.
    spreadsheet
        For CSV: prefix cells and column names that a spreadsheet would take for a formula with an
        apostrophe (OWASP, CSV injection); `read` removes it.
    """
    safe = escape_formula if spreadsheet else _as_it_is
    own = {SPREADSHEET: QUOTED} if spreadsheet else {}
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        names = [MARK, BROKEN, *own, *map(safe, columns)]
        table = csv.DictWriter(file, names, lineterminator="\n") if path.suffix == ".csv" else None
        if table is not None:
            table.writeheader()
        for each in refused:
            row = {
                MARK: quarantine_id(each["row"]),
                BROKEN: "; ".join(each["broken_rules"]),
                **own,
                **{safe(name): value for name, value in json.loads(each["row"]).items()},
            }
            if table is None:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
            else:
                cells = {name: _cell(value) for name, value in row.items()}
                table.writerow({name: safe(cell) if cell else cell for name, cell in cells.items()})
            count += 1
    return count


_FORMULA = re.compile(r"\s*['=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", re.ASCII)


def escape_formula(cell: str) -> str:
    """A cell that no spreadsheet reads as a formula; plain numbers stay numbers."""
    if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def _as_it_is(cell: str) -> str:
    return cell


def _unquoted(row: Mapping[str | None, Any]) -> dict[str | None, Any]:
    """A row of the spreadsheet format without its apostrophes; any other row unchanged."""
    if row.get(SPREADSHEET) != QUOTED:
        return dict(row)

    def bare(text: Any) -> Any:
        return text.removeprefix("'") if isinstance(text, str) else text

    return {bare(name): bare(cell) for name, cell in row.items()}


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def read(path: Path, columns: Sequence[str]) -> dict[str, dict[str, str | None]]:
    """Repaired rows as text, by mark.

    Parameters
    ----------
    columns
        The columns that a row must have.

    Raises
    ------
    SourceError
        The file cannot be read, a row has no mark, or a column is missing.
    ContractBroken
        Two rows have the same mark.
    """
    rows: dict[str, dict[str, str | None]] = {}
    for number, row in enumerate(_rows(path), start=1):
        missing = [name for name in (MARK, *columns) if name not in row]
        if missing or not row[MARK]:
            raise SourceError(
                f"row {number} lacks {', '.join(missing) or MARK}",
                where=str(path),
                expected="rows as assay quarantine export wrote them",
                fix="Change values only; keep every column.",
            )
        if str(row[MARK]) in rows:
            raise ContractBroken(
                f"two rows stand for the same refused row ({MARK} {row[MARK]})",
                where=str(path),
                fix="Keep one of them: a row that came twice is scored once.",
            )
        rows[str(row[MARK])] = {name: _text(row[name]) for name in columns}
    if not rows:
        raise SourceError("holds no row", where=str(path))
    return rows


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            if path.suffix == ".csv":
                yield from map(_unquoted, csv.DictReader(file))
                return
            for number, line in enumerate(file, start=1):
                if line.strip():
                    row = json.loads(line)
                    if not isinstance(row, dict):
                        raise SourceError("no row of columns", where=f"{path}:{number}")
                    yield row
    except (OSError, UnicodeDecodeError, csv.Error, json.JSONDecodeError) as error:
        raise SourceError("cannot be read", where=str(path), found=str(error)[:160]) from None


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
