"""Columns of a night of text, for labels: what cannot be read is refused, not left out."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from assay.errors import SourceError
from assay.score.inputs.format import InputUnreadable
from assay.score.inputs.formats import open_input
from tests.landing import with_input

CONTRACT = """
import datetime
import pandera.pandas as pa

class Rows(pa.DataFrameModel):
    key: int = pa.Field(metadata={"role": "key"})
    at: datetime.datetime = pa.Field(metadata={"role": "time"})
    x: float = pa.Field(nullable=True, metadata={"role": "feature"})
    late: bool = pa.Field(metadata={"role": "label"})
"""


def read(root: Path, spec: Any, *columns: str) -> Any:
    batches = list(opened(root, spec).unparsed_rows("2024-03-01", columns))
    return pa.Table.from_batches(batches).to_pydict()


def opened(root: Path, spec: Any) -> Any:
    (root / "data").mkdir(exist_ok=True)
    (root / "data/contract.py").write_text(CONTRACT)
    return open_input(root, with_input(spec))


def test_cells_of_csv_are_text_and_values_of_json_are_not(tmp_path: Path) -> None:
    (tmp_path / "2024-03-01.csv").write_text('key,late\n"07",\n08,1\n')
    (tmp_path / "2024-03-01.json").write_text('{"key": 7, "late": null}\n{"key": 8}\n')
    csv, json = ({"format": kind, "path": f"{{night}}.{kind}"} for kind in ("csv", "json"))
    assert read(tmp_path, csv, "late", "key", "x") == {"late": [None, "1"], "key": ["07", "08"]}
    assert read(tmp_path, json, "late", "key", "x") == {"late": [None, None], "key": [7, 8]}
    with pytest.raises(InputUnreadable, match="has no such night"):
        read(tmp_path, csv | {"path": "x-{night}.csv"}, "key")


def typed(root: Path, **spec: Any) -> list[dict[str, Any]]:
    read = opened(root, spec).rows("2024-03-01", ["key", "at", "x"])
    return [row for batch in read for row in batch.to_pylist()]


def test_a_night_of_text_has_the_types_of_the_contract(tmp_path: Path) -> None:
    """What cannot be read is null, whether a cell or a whole line, as it is for a model."""
    (tmp_path / "2024-03-01.csv").write_text(
        "x,key,at,other\n 1.5 ,7,2024-03-01 10:00,a\nten,8,2024-03-01T11:00Z,b\n1,2\n"
    )
    (tmp_path / "2024-03-01.json").write_text(
        '{"key": 7, "at": "2024-03-01 10:00", "x": 1.5}\n{"key": 8.0, "at": "2024-03-01T11:00Z"'
        ', "x": "1"}\n{"key"\n'
    )
    rows = [
        {"key": 7, "at": datetime(2024, 3, 1, 10), "x": 1.5},
        {"key": 8, "at": datetime(2024, 3, 1, 11), "x": None},
        {"key": None, "at": None, "x": None},
    ]
    for kind in ("csv", "json"):
        assert typed(tmp_path, format=kind, path=f"{{night}}.{kind}") == rows
    with pytest.raises(InputUnreadable, match="has no partitions"):
        typed(tmp_path, format="csv", path="x-{night}.csv")
    rows[2]["key"] = None
    multi_line = {"multiLine": True}
    assert typed(tmp_path, format="csv", path="{night}.csv", options=multi_line) == rows


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        ("csv", "key,late\n1,0,2\n", "one cell for each column, found '1,0,2'"),
        ("json", '{"key": 1}\n[2]\n', r"one JSON object, each key once, found '\[2\]'"),
        ("json", '{"key": 1}\n{"key": "a"}\n', "values of several types"),
    ],
)
def test_a_line_that_cannot_be_read_refuses_the_night(
    tmp_path: Path, kind: str, text: str, told: str
) -> None:
    (tmp_path / f"2024-03-01.{kind}").write_text(text)
    with pytest.raises(SourceError, match=told):
        read(tmp_path, {"format": kind, "path": f"{{night}}.{kind}"}, "key")
