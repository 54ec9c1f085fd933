"""Files that tests write, understand and read."""

from __future__ import annotations

from pathlib import Path

from assay.formats.definition import ColumnFacts, Understanding
from assay.formats.reader import read
from assay.formats.understand import understand


def written(folder: Path, content: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def understood(folder: Path, content: str | bytes, name: str = "table.csv") -> Understanding:
    return understand(written(folder, content, name))


def rows(found: Understanding) -> list[dict[str, object]]:
    return [row for table in read(Path(found.path), found.table) for row in table.to_pylist()]


def kinds(found: Understanding) -> dict[str, str]:
    return {each.name: each.kind for each in found.facts}


def only(found: Understanding) -> ColumnFacts:
    (facts,) = found.facts
    return facts
