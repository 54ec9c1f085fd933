"""What `assay init` reads of a file a night reads too, to the same values."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.contract.definition import Contract, Field, Role
from assay.contract.schema import check_schema, conform
from assay.errors import AssayError
from assay.formats.definition import ColumnFormat, TableFormat, kind_of
from assay.formats.reader import read
from assay.score.inputs.files import ListedFile, read_footer
from assay.score.inputs.split import input_batches, split_tasks

FAR = [dt.datetime(9999, 12, 31), dt.datetime(1816, 3, 4, 5, 6, 7), None]
TEXTS = ["a", None, "", "ä\n,", "b" * 300]
DELTAS = ("DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY")

COLUMNS: dict[str, pa.Array] = {
    "decimal": pa.array([Decimal("1.10"), None, Decimal("-12345678.25")], pa.decimal128(38, 6)),
    "decimal256": pa.array([Decimal("1.10"), None], pa.decimal256(60, 6)),
    "float16": pa.array(np.array([0.5, np.nan, -65504.0], dtype=np.float16)),
    "float32": pa.array([0.1, None, float("nan")], pa.float32()),
    "uint64": pa.array([1, None, 2**63 - 1], pa.uint64()),
    "uint64 beyond int64": pa.array([1, None, 2**64 - 1], pa.uint64()),
    "int8": pa.array([-128, None, 127], pa.int8()),
    "boolean": pa.array([True, None, False]),
    "large text": pa.array(TEXTS, pa.large_string()),
    "coded text": pa.array(TEXTS).dictionary_encode(),
    "date": pa.array([dt.date(1, 1, 1), None, dt.date(9999, 12, 31)], pa.date32()),
    "zoned": pa.array(FAR[:1], pa.timestamp("ms", "Europe/Berlin")),
    "nanoseconds before 1970": pa.array([-1, -999, -1000, -1001, 1999, None], pa.timestamp("ns")),
}


def both(path: Path, kind: Any) -> tuple[pa.Array, pa.Array]:
    """The column ``x`` of a file as `assay init` reads it, and as a night does."""
    named = TableFormat("parquet", (ColumnFormat("x", kind),))
    first = pa.concat_tables(read(path, named))["x"].combine_chunks()
    field = Field("x", (Role.FEATURE,), kind, True, 1)
    contract = Contract("Rows", "c.py", "", (field,), (), "y", has_label=False)
    size = path.stat().st_size
    footer = read_footer(ListedFile(str(path), path.name, size, 0))
    check_schema(contract, footer.schema, str(path))
    tasks = split_tasks([footer.file], 2)
    batches = [each.rows for task in tasks for each in input_batches(task, contract, 2)]
    night = pa.concat_tables(conform(contract, pa.Table.from_batches([each])) for each in batches)
    return first, night["x"].combine_chunks()


def assert_same(path: Path, kind: Any) -> pa.Array:
    first, night = both(path, kind)
    if kind == "float":
        first, night = (
            [None if each is None or each != each else each for each in column.to_pylist()]
            for column in (first, night)
        )
    assert first == night
    return first


@pytest.mark.parametrize("name", COLUMNS)
def test_a_night_reads_each_type_as_init_does(name: str, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"x": COLUMNS[name]}), path)
    kind = "string" if "beyond" in name else kind_of(COLUMNS[name].type)
    assert_same(path, kind)


@pytest.mark.parametrize("encoding", DELTAS)
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("codec", ["NONE", "snappy", "gzip", "zstd", "lz4", "brotli"])
def test_a_night_reads_texts_as_other_writers_encode_them(
    encoding: str, version: str, codec: str, tmp_path: Path
) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(
        pa.table({"x": TEXTS * 40}),
        path,
        use_dictionary=False,
        column_encoding={"x": encoding},
        data_page_version=version,
        compression=codec,
        row_group_size=70,
    )
    assert assert_same(path, "string").to_pylist() == TEXTS * 40


def test_times_of_int96_after_2262_stay_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(
        pa.table({"x": pa.array(FAR, pa.timestamp("us"))}),
        path,
        use_deprecated_int96_timestamps=True,
    )
    assert assert_same(path, "timestamp").to_pylist() == FAR


def test_whole_numbers_that_no_int64_holds_are_refused_as_numbers(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"x": COLUMNS["uint64 beyond int64"]}), path)
    with pytest.raises(AssayError):
        both(path, "integer")
