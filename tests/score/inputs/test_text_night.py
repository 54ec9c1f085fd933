"""Columns of a night of text, for labels: what cannot be read is refused, not left out."""

from __future__ import annotations

import bz2
import gzip
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from assay.errors import SourceError
from assay.formats.files.json_array import array_values
from assay.formats.reader import read
from assay.formats.understand import understand
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


def columns(root: Path, spec: Any, *columns: str) -> Any:
    batches = list(opened(root, spec).unparsed_rows("2024-03-01", columns))
    return pa.Table.from_batches(batches).to_pydict()


def opened(root: Path, spec: Any) -> Any:
    (root / "data").mkdir(exist_ok=True)
    (root / "data/contract.py").write_text(CONTRACT)
    return open_input(root, with_input(spec))


def test_cells_of_csv_are_text_and_values_of_json_are_not(tmp_path: Path) -> None:
    (tmp_path / "2024-03-01.csv").write_text('key,late\n"07",\n08,1\n')
    (tmp_path / "2024-03-01.json").write_text('{"key": 7, "late": null}\n{"key": 8}\n')
    cells, values = ({"format": kind, "path": f"{{night}}.{kind}"} for kind in ("csv", "json"))
    assert columns(tmp_path, cells, "late", "key", "x") == {
        "late": [None, "1"],
        "key": ["07", "08"],
    }
    assert columns(tmp_path, values, "late", "key", "x") == {"late": [None, None], "key": [7, 8]}
    with pytest.raises(InputUnreadable, match="has no such night"):
        columns(tmp_path, cells | {"path": "x-{night}.csv"}, "key")


def typed(root: Path, **spec: Any) -> list[dict[str, Any]]:
    batches = opened(root, spec).rows("2024-03-01", ["key", "at", "x"])
    return [row for batch in batches for row in batch.to_pylist()]


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
        columns(tmp_path, {"format": kind, "path": f"{{night}}.{kind}"}, "key")


ROWS = [
    {"key": 7, "at": "2024-03-01 10:00:00", "note": "a\u2028c"},
    {"key": 8, "at": "2024-03-01 11:00:00", "note": "é, ]"},
]
FORMS = {
    "csv": 'key,at,note\n7,2024-03-01 10:00:00,a\u2028c\n8,2024-03-01 11:00:00,"é, ]"\n',
    "lines": "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in ROWS),
    "array": json.dumps(ROWS, indent=2, ensure_ascii=False).replace("\n", "\r\n"),
    "short": json.dumps(ROWS),
}
CODECS: dict[str | None, Any] = {
    None: bytes,
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "zstd": lambda data: pa.compress(data, "zstd", asbytes=True),
}


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("form", FORMS)
def test_a_night_reads_what_init_reads_whatever_it_is_packed_in(
    tmp_path: Path, form: str, encoding: str, codec: str | None
) -> None:
    """Its name says nothing: as in `init`, the first bytes do."""
    path = tmp_path / "2024-03-01.txt"
    path.write_bytes(CODECS[codec](FORMS[form].encode(encoding)))
    kind = "csv" if form == "csv" else "json"
    spec = {"format": kind, "path": "{night}.txt"}
    there = opened(tmp_path, spec)
    batches = list(there.unparsed_rows("2024-03-01", ["key", "note"]))
    night = pa.Table.from_batches(batches).to_pydict()
    found = understand(path)
    (table,) = read(path, found.table)
    assert found.table.format == kind
    assert table["note"].to_pylist() == night["note"] == [row["note"] for row in ROWS]
    assert table["key"].to_pylist() == [int(key) for key in night["key"]] == [7, 8]
    landed = there.rows("2024-03-01", ["key", "at"])
    assert [row["at"].hour for batch in landed for row in batch.to_pylist()] == [10, 11]


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.csv.gz", gzip.compress(FORMS["csv"].encode())[:-12], "Truncated compressed stream"),
        ("a.json", b'[{"key": 1}, {"key"', "value 2: is no whole JSON array"),
        ("a.json", b'[{"key": 1}]\n{"key": 2}', "after the array: is no whole JSON array"),
    ],
)
def test_what_is_cut_is_refused_as_a_file(
    tmp_path: Path, name: str, data: bytes, told: str
) -> None:
    (tmp_path / "day=2024-03-01").mkdir()
    (tmp_path / "day=2024-03-01" / name).write_bytes(data)
    with pytest.raises(SourceError, match=rf"{name}.*{told}"):
        columns(tmp_path, {"format": name.split(".")[1], "path": "."}, "key")


def test_an_array_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a piece ends: in a number, in an escape, between values."""
    text = FORMS["short"].replace('"key": 7', '"key": 7, "x": [1.25, {"b": "\\\\u00e9]"}]')
    expected = [json.dumps(row) for row in json.loads(text)]
    for size in range(1, 40):
        monkeypatch.setattr("assay.formats.files.json_array.CHUNK", size)
        values = array_values(io.StringIO(text), "a.json")
        assert [json.dumps(json.loads(value)) for value in values] == expected
    assert list(array_values(io.StringIO(" [ ] "), "a.json")) == []
