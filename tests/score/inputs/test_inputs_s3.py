"""Inputs in a bucket, over HTTP, and what a user reads when it cannot be reached."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from assay.contract.loader import load_contract_text
from assay.errors import NightNotFound, SchemaMismatch, SourceError
from assay.score.inputs.formats import NightInput, find_night
from assay.score.inputs.landing import landed
from assay.store.delta.location import filesystem, storage_options
from tests import s3
from tests.landing import landed_rows, no_spark, with_input
from tests.projects import PARCELS

pytest.importorskip("moto.server", reason="needs moto[server], which pretends to be S3")

NIGHT = "2024-03-01"
CONTRACT = load_contract_text(
    """\
import datetime
import pandera.pandas as pa
class Row(pa.DataFrameModel):
    id: int = pa.Field(metadata={"role": ["key", "feature"]})
    at: datetime.datetime = pa.Field(nullable=False, metadata={"role": "time"})
    late: bool = pa.Field(metadata={"role": "label"})
""",
    "c.py",
).without_label()
ROWS = pa.table({"id": [1, 2], "at": pa.array([0, 1], pa.timestamp("us"))})


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3.serving() as url:
        yield url


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    s3.use(endpoint, "lake", monkeypatch)
    return "lake"


def look(spec: Any, value: str = NIGHT) -> NightInput:
    return find_night(PARCELS, with_input(spec), CONTRACT, value)


def put(uri: str, content: bytes | pa.Table) -> None:
    system, path = filesystem(uri)
    with system.open_output_stream(path) as sink:
        if isinstance(content, bytes):
            sink.write(content)
        else:
            pq.write_table(content, sink)


def read(night: NightInput) -> list[Any]:
    found: list[Any] = []
    for file in night.files:
        system, path = filesystem(file.path)
        with system.open_input_file(path) as source:
            found += pq.read_table(source)["id"].to_pylist()
    return found


def test_a_night_in_a_bucket_is_looked_at_like_one_in_a_folder(bucket: str) -> None:
    folder = f"s3://{bucket}/in/day={NIGHT}"
    put(f"{folder}/a.parquet", ROWS)
    put(f"{folder}/b.parquet", ROWS)
    put(f"{folder}/_SUCCESS", b"")
    night = look(f"s3://{bucket}/in/")
    assert (night.rows, night.where, read(night)) == (4, folder, [1, 2, 1, 2])
    assert look(f"s3://{bucket}/in").fingerprint == night.fingerprint != ""
    with pytest.raises(NightNotFound, match=f"nearest is {NIGHT}"):
        look(f"s3://{bucket}/in", "2024-03-02")
    put(f"{folder}/c.parquet", ROWS.rename_columns({"at": "when"}))
    with pytest.raises(SchemaMismatch, match=f"{folder}/c.parquet: column 'at' is missing"):
        look(f"s3://{bucket}/in")
    put(f"{folder}/c.parquet", b"PAR1")
    with pytest.raises(SourceError, match=r"c\.parquet: cannot be read as Parquet"):
        look(f"s3://{bucket}/in")


def test_csv_and_json_in_a_bucket(bucket: str, tmp_path: Path) -> None:
    put(f"s3://{bucket}/csv/day={NIGHT}/a.csv", b"id,at\n1,2024-03-01\n")
    spec = {"format": "csv", "path": f"s3://{bucket}/csv"}
    assert landed_rows(tmp_path, spec, CONTRACT, NIGHT)["id"].to_pylist() == ["1"]
    # Where executors are on other machines, it is landed in the bucket.
    with landed(look(spec), f"s3://{bucket}/scratch", CONTRACT, no_spark) as found:
        assert read(found) == ["1"]
    put(f"s3://{bucket}/json/day={NIGHT}/a.json", b'{"id": 1}\n')
    with pytest.raises(SchemaMismatch, match="'at' is missing"):
        look({"format": "json", "path": f"s3://{bucket}/json"})


def test_a_delta_table_in_a_bucket(bucket: str) -> None:
    uri = f"s3://{bucket}/table"
    for day in (NIGHT, "2024-03-02"):
        rows = ROWS.append_column("day", pa.array([day] * 2))
        options = storage_options(uri)
        write_deltalake(uri, rows, mode="append", partition_by=["day"], storage_options=options)
    night = look({"format": "delta", "path": uri})
    assert (night.rows, read(night)) == (2, [1, 2])


@pytest.mark.parametrize("kind", ["parquet", "csv", "delta"])
def test_what_cannot_be_reached_is_told_in_one_line_and_soon(
    bucket: str, endpoint: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(uri: str) -> str:
        began = time.monotonic()
        with pytest.raises(SourceError) as caught:
            look({"format": kind, "path": uri})
        assert time.monotonic() - began < 15
        line = caught.value.line()
        assert "\n" not in line and uri in line and "AWS_ENDPOINT_URL" in line
        return line

    uri = f"s3://{bucket}/in"
    put(f"{uri}/day={NIGHT}/a.csv", b"id,at\n1,2024-03-01\n")
    assert "bucket does not exist" in told("s3://no-such-bucket/in")
    s3.ask_for_keys(endpoint, "0")
    try:
        line = told(uri)
        assert "INVALID_ACCESS_KEY_ID" in line or "InvalidAccessKeyId" in line
    finally:
        s3.ask_for_keys(endpoint, "inf")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{s3.free_port()}")
    line = told(uri)
    assert "Could not connect" in line or "Connection refused" in line
