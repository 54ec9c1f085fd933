"""The same nights from a Delta table, a bucket and a database give the same counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import deltalake
import pandas as pd
import psycopg
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter

from assay.project.params.inputs import Input
from assay.reports.rehearsal import Rehearsal
from tests import postgres, projects, s3
from tests.evaluation.rehearsals import LAST, counted, edit, rehearsed, write_champion
from tests.postgres import Server

NIGHTS = [day.isoformat() for day in LAST]


@pytest.fixture
def project(parcels: Path) -> Path:
    """The challenger is stricter than the champion, so that the counts tell them apart."""
    write_champion(parcels, "prior")
    edit(parcels, "data/contract.py", "gt=0, le=50", "gt=0, le=30")
    return parcels


def rows(root: Path) -> pd.DataFrame:
    """Both nights, with the night as a column."""
    found = []
    for night in NIGHTS:
        (part,) = (root / f"data/raw/day={night}").iterdir()
        found.append(pq.ParquetFile(part).read().to_pandas().assign(day=night))
    return pd.concat(found, ignore_index=True)


def asked(spec: dict[str, Any]) -> Any:
    return TypeAdapter(Input).validate_python(spec)


def test_a_delta_table(project: Path, spark: Any) -> None:
    table = project / "data/delta"
    deltalake.write_deltalake(table, rows(project), partition_by=["day"])
    given = asked({"format": "delta", "path": "data/delta"})
    found = counted(rehearsed(project, spark, given=given))
    assert found == counted(rehearsed(project, spark))
    assert [night["rows"] for night in found] == [50, 50]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with s3.serving() as endpoint:
        s3.use(endpoint, "lake", monkeypatch)
        yield "lake"


def test_a_bucket(project: Path, spark: Any, bucket: str) -> None:
    from pyarrow import fs

    system, base = fs.FileSystem.from_uri(f"s3://{bucket}/raw")
    for night in NIGHTS:
        (part,) = (project / f"data/raw/day={night}").iterdir()
        with system.open_output_stream(f"{base}/day={night}/{part.name}") as out:
            out.write(part.read_bytes())
    # By the command line: workers of a Spark that runs already do not learn of the server.
    days = ", ".join(f'"{night}"' for night in NIGHTS)
    edit(project, "params.yaml", "  nights: 2", f"  nights: [{days}]")
    edit(project, "params.yaml", "  input: data/raw", f"  input: s3://{bucket}/raw")
    projects.call(project, "assay", "nights")
    projects.call(project, "assay", "rehearse")
    found = Rehearsal.read(project).nights
    assert found is not None
    edit(project, "params.yaml", f"  input: s3://{bucket}/raw", "  input: data/raw")
    assert counted(found) == counted(rehearsed(project, spark))


@pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing() or "PostgreSQL is there")
def test_a_query_in_a_database(project: Path, spark: Any, server: Server) -> None:
    frame = rows(project).drop(columns="late")
    kinds = {"parcel": "bigint", "sent": "timestamp", "weight": "float8", "distance": "float8",
             "express": "boolean", "depot": "text", "day": "date"}  # fmt: skip
    with psycopg.connect(server.url, password=postgres.PASSWORD, autocommit=True) as database:
        columns = ", ".join(f"{name} {kinds[name]}" for name in frame)
        database.execute(f"CREATE TABLE seen ({columns})")
        with database.cursor().copy(f"COPY seen ({', '.join(frame)}) FROM STDIN") as copy:
            for row in frame.astype(object).where(frame.notna(), None).itertuples(index=False):
                copy.write_row(row)
    query = "SELECT parcel, sent, depot, weight, distance, express FROM seen WHERE day = :night"
    given = asked({"format": "postgres", "url": server.address, "query": query})
    found = counted(rehearsed(project, spark, given=given))
    # A database keeps no order: what is counted of each night is the same all the same.
    assert found == counted(rehearsed(project, spark))
