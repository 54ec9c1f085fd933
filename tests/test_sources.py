"""What a project's data/source.py reads its tables with."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.errors import SourceError
from assay.sources import read_csv, read_json, read_parquet


def test_csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sales.csv").write_text(
        "day;amount;new;shop\n31.01.2024;1.234,50;ja;A\n01.02.2024;-;nein;-\n", encoding="utf-8"
    )
    columns = {
        "day": "time %d.%m.%Y",
        "amount": "float decimal=, thousands=.",
        "new": "boolean true=ja false=nein",
        "shop": "text keep=-",
    }
    (table,) = read_csv("sales.csv", separator=";", missing=["-"], columns=columns)
    assert table.to_pylist() == [
        {"day": datetime(2024, 1, 31), "amount": 1234.5, "new": True, "shop": "A"},
        {"day": datetime(2024, 2, 1), "amount": None, "new": False, "shop": "-"},
    ]
    with pytest.raises(SourceError, match=r"sales.csv, line 3, column 'amount'.*found '-'"):
        list(read_csv("sales.csv", separator=";", columns=columns))


def test_json_and_parquet(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"a": 1}\n{"a": null}\n', encoding="utf-8")
    (table,) = read_json(path, columns={"a": "float"})
    assert table == pa.table({"a": pa.array([1.0, None])})
    pq.write_table(table, tmp_path / "t.parquet")
    (again,) = read_parquet(tmp_path / "t.parquet", columns={"a": "float"})
    assert again == table
