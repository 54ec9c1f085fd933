"""Ingest: rows by night, or one line that says what is wrong with the source."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from assay.errors import PluginError, SourceError
from assay.project import layout, params, partitions
from assay.training.tables.ingest import IngestSummary, run

HEAD = "import pandas as pd\nimport pyarrow as pa\n"


def project(root: Path, body: str) -> params.Params:
    (root / "data").mkdir()
    (root / "data" / "source.py").write_text(HEAD + body)
    return params.load(Path(__file__).parents[2] / "parcels")


def test_rows_lie_in_the_folder_of_their_night(tmp_path: Path):
    values = project(
        tmp_path,
        "def parcels():\n"
        "    yield pd.DataFrame({'day': ['a', 'b'], 't': pd.to_datetime(['2024-01-01'] * 2)})\n"
        "    yield pa.table({'day': ['b'], 't': pa.array([0], pa.timestamp('us'))})\n",
    )
    assert run(tmp_path, values) == IngestSummary(rows=3, nights=2, first="a", last="b")
    raw = tmp_path / layout.RAW
    assert partitions.values(raw, "day") == ["a", "b"]
    assert partitions.read(raw, "day", start="b", end="b").num_rows == 2
    # Spark refuses nanoseconds.
    assert str(pq.read_schema(raw / "day=a" / "part-00000.parquet").field("t").type) == (
        "timestamp[us]"
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("def parcels(): return 7\n", "expected a pandas DataFrame.*found int"),
        ("def parcels(): return ['x']\n", "found str"),
        (
            "def parcels(): return 1 / 0\n",
            r"data/source\.py:\d+: .*failed with ZeroDivisionError: division by zero$",
        ),
        ("def parcels(): return pd.DataFrame({'x': [1]})\n", "a column 'day'.*found x"),
        ("def parcels(): return pd.DataFrame({'day': ['a', None]})\n", "1 row without the night"),
        ("def parcels(): return pd.DataFrame({'day': []}).astype(str)\n", "returned no rows"),
    ],
)
def test_a_source_that_is_no_use_leaves_what_was_there(tmp_path: Path, body: str, expected: str):
    values = project(tmp_path, body)
    kept = tmp_path / layout.RAW / "day=old"
    kept.mkdir(parents=True)
    with pytest.raises(SourceError, match=expected):
        run(tmp_path, values)
    assert [path.name for path in (tmp_path / "data").iterdir() if "raw" in path.name] == ["raw"]
    assert kept.is_dir()


def test_a_source_that_is_not_there_is_named(tmp_path: Path):
    values = project(tmp_path, "def parcel(): pass\n")
    with pytest.raises(PluginError, match=r"ingest\.source.*Did you mean 'parcel'\?"):
        run(tmp_path, values)
