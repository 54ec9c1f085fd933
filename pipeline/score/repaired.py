"""Refused rows on their way out to be repaired, and back.

An exported row carries the columns that it came with, the rules that it broke and a mark:
a digest of the row as it was refused. By the mark a repaired row is recognised, whatever
else of it had to be changed, keys included.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import ContractBroken, SourceError, UsageError

MARK = "_row"
BROKEN = "_broken_rules"
FORMATS = (".csv", ".jsonl")


def mark(row: str) -> str:
    """What a refused row is recognised by: 16 hexadecimal digits of its JSON's SHA-256."""
    return hashlib.sha256(row.encode()).hexdigest()[:16]


def format_of(path: Path, option: str) -> str:
    """The format that a file's name asks for.

    Raises
    ------
    UsageError
        It asks for none that there is.
    """
    if path.suffix not in FORMATS:
        raise UsageError(
            "unknown kind of file",
            where=f"{option} {path}",
            expected=f"a name that ends in {' or '.join(FORMATS)}",
            found=path.suffix or "no ending",
        )
    return path.suffix


def write(path: Path, refused: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> int:
    """Write refused rows; how many they were.

    Parameters
    ----------
    refused
        With ``row``, the row's JSON, and ``broken_rules``.
    columns
        The names in the rows, in their order.
    """
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        names = [MARK, BROKEN, *columns]
        table = csv.DictWriter(file, names, lineterminator="\n") if path.suffix == ".csv" else None
        if table is not None:
            table.writeheader()
        for each in refused:
            row = {
                MARK: mark(each["row"]),
                BROKEN: "; ".join(each["broken_rules"]),
                **json.loads(each["row"]),
            }
            if table is None:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
            else:
                table.writerow({name: _cell(value) for name, value in row.items()})
            count += 1
    return count


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def read(path: Path, columns: Sequence[str]) -> dict[str, dict[str, str | None]]:
    """Repaired rows as text, by their marks.

    Parameters
    ----------
    columns
        Those that a row must have.

    Raises
    ------
    SourceError
        The file cannot be read, a row has no mark, or a column is missing.
    ContractBroken
        Two rows carry the same mark.
    """
    rows: dict[str, dict[str, str | None]] = {}
    for number, row in enumerate(_rows(path), start=1):
        missing = [name for name in (MARK, *columns) if name not in row]
        if missing or not row[MARK]:
            raise SourceError(
                f"row {number} lacks {', '.join(missing) or MARK}",
                where=str(path),
                expected="rows as assay quarantine export wrote them",
                mend="Change values only; keep every column.",
            )
        if str(row[MARK]) in rows:
            raise ContractBroken(
                f"two rows stand for the same refused row ({MARK} {row[MARK]})", where=str(path)
            )
        rows[str(row[MARK])] = {name: _text(row[name]) for name in columns}
    if not rows:
        raise SourceError("holds no row", where=str(path))
    return rows


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            if path.suffix == ".csv":
                yield from csv.DictReader(file)
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
