"""One night in every format there is: scored, refused and published alike."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake
from pydantic import TypeAdapter

from assay.contract.text_parser import LINE, ONE_CELL_A_COLUMN, ONE_OBJECT
from assay.errors import NightEmpty, SchemaMismatch, SourceError
from assay.project import layout, params
from assay.project.params.inputs import Input
from assay.registry.pin import pin
from assay.registry.versions import read_champion
from assay.score.run import ScoredRun
from assay.score.together import score_night
from assay.store import Store, open_store
from tests import lake as tables
from tests import postgres

NIGHT = "2024-03-02"  # three of its rows break the contract


class Project:
    """A promoted project whose input can be anything."""

    def __init__(self, root: Path, spark: Any) -> None:
        self.root, self.spark = root, spark
        self.params = params.load(root)
        self.pinned = pin(root, self.params, read_champion(root, self.params.name, "prod"))
        self.store: Store = open_store(root, self.params)
        raw = root / layout.RAW / f"day={NIGHT}" / "part-00000.parquet"
        self.rows = pq.read_table(raw)

    def score(self, spec: Any, carrier: str = "auto", night: str = NIGHT) -> ScoredRun:
        made = {"input": TypeAdapter(Input).validate_python(spec), "carrier": carrier}
        given = self.params.model_copy(update={"score": self.params.score.model_copy(update=made)})
        return score_night(given, self.root, self.pinned, self.store, lambda: self.spark, night)

    def published(self) -> tuple[list[Any], list[Any]]:
        """What readers see, without what differs from run to run."""
        scored = self.store.predictions(NIGHT).select(["parcel", "prediction", "probability"])
        refused = self.store.quarantine(NIGHT).select(["parcel", "broken_rules"])
        return scored.sort_by("parcel").to_pylist(), refused.sort_by("parcel").to_pylist()

    def folder(self, name: str) -> Path:
        made = self.root / name / f"day={NIGHT}"
        made.mkdir(parents=True)
        return made


@pytest.fixture
def project(live: Path, spark: Any) -> Project:
    return Project(live, spark)


def csv(project: Project) -> Any:
    pacsv.write_csv(project.rows, project.folder("csv") / "a.csv")
    return {"format": "csv", "path": "csv"}


def jsonl(project: Project) -> Any:
    lines = [json.dumps(row, default=str) for row in project.rows.to_pylist()]
    (project.folder("json") / "a.json").write_text("\n".join(lines))
    return {"format": "json", "path": "json"}


def lake(project: Project) -> Any:
    for day, rows in ((NIGHT, project.rows), ("2024-03-03", project.rows.slice(0, 5))):
        dated = rows.append_column("day", pa.array([day] * rows.num_rows))
        uri = str(project.root / "lake")
        write_deltalake(uri, dated, mode="append", partition_by=["day"])
    return {"format": "delta", "path": "lake"}


def iceberg(project: Project, monkeypatch: pytest.MonkeyPatch) -> Any:
    made = tables.catalog(project.root, monkeypatch)
    dated = project.rows.append_column("day", pa.array([NIGHT] * project.rows.num_rows))
    table = tables.write(made, "lake.parcels", dated, by="day")
    table.append(dated.slice(0, 5).set_column(7, "day", pa.array(["2024-03-03"] * 5)))
    return {"format": "iceberg", "table": "lake.parcels"}


@contextmanager
def named(project: Project) -> Iterator[Any]:
    """A table in the session's own catalog, which knows names only as long as it runs."""
    project.spark.sql("CREATE DATABASE nightly")
    try:
        rows = project.spark.read.parquet(str(project.root / layout.RAW))
        rows.write.partitionBy("day").option("path", str(project.root / "named")).saveAsTable(
            "spark_catalog.nightly.parcels"
        )
        yield {"format": "catalog", "table": "spark_catalog.nightly.parcels"}
    finally:
        project.spark.sql("DROP DATABASE nightly CASCADE")


def flat(project: Project) -> Any:
    """One CSV file a night, without folders."""
    pacsv.write_csv(project.rows, project.root / f"parcels-{NIGHT}.csv")
    return {"format": "csv", "path": "parcels-{night}.csv"}


def database(project: Project, monkeypatch: pytest.MonkeyPatch, server: postgres.Server) -> Any:
    import psycopg

    monkeypatch.setenv("PGUSER", postgres.USER)
    monkeypatch.setenv("PGPASSWORD", postgres.PASSWORD)
    with psycopg.connect(server.url) as connection:
        connection.execute(
            "CREATE TABLE parcels (day date, parcel bigint, sent timestamp, depot text, "
            "weight double precision, distance double precision, express boolean, late boolean)"
        )
        with connection.cursor().copy("COPY parcels FROM STDIN") as copy:
            for row in project.rows.to_pylist():
                copy.write_row([NIGHT, *row.values()])
    query = "SELECT * FROM parcels WHERE day = :night"
    return {"format": "postgres", "url": server.address, "query": query}


def test_every_format_gives_the_same_night(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = project.score(layout.RAW)
    expected = project.published()
    assert (report.carrier, report.rows_scored, len(expected[1])) == ("local", 47, 3)
    delta, berg = lake(project), iceberg(project, monkeypatch)
    table, records = csv(project), jsonl(project)
    for spec, carrier, wanted in (
        (layout.RAW, "files", "files"),
        (table, "auto", "local"),
        (table, "files", "files"),
        (records, "auto", "local"),
        (flat(project), "auto", "local"),
        (records, "files", "files"),
        (delta, "auto", "local"),
        (delta, "files", "files"),
        (berg, "auto", "local"),
        (berg, "files", "files"),
    ):
        report = project.score(spec, carrier)
        assert (report.carrier, report.rows_read) == (wanted, 50)
        assert project.published() == expected, spec


def test_a_table_of_spark_s_catalog_gives_the_same_night(project: Project) -> None:
    project.score(layout.RAW)
    expected = project.published()
    with named(project) as spec:
        for carrier in ("files", "local"):
            report = project.score(spec, carrier)
            assert (report.carrier, report.rows_read, report.input) == (carrier, 50, "")
            assert project.published() == expected
        # A pinned night is a known input; a table without versions says so in one line.
        with pytest.raises(SourceError, match=r"version as of 3, day=2024-03-02.*[Tt]ime.travel"):
            project.score({**spec, "snapshot": 3})
        with pytest.raises(SchemaMismatch, match="'weight' is missing"):
            project.spark.sql("CREATE VIEW nightly.less AS SELECT day, parcel FROM nightly.parcels")
            project.score({**spec, "table": "nightly.less"})
        with pytest.raises(NightEmpty):
            project.score(spec, night="2030-01-01")
    with pytest.raises(SourceError, match=r"nightly\.parcels.*cannot be found"):
        project.score(spec)


@pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing() or "it is there")
def test_a_database_gives_the_same_night(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psycopg", reason="needs psycopg, the extra 'postgres'")
    project.score(layout.RAW)
    expected = project.published()
    with postgres.serving() as server:
        report = project.score(database(project, monkeypatch, server))
        assert (report.carrier, report.rows_read) == ("local", 50)
        assert project.published() == expected
        with pytest.raises(NightEmpty, match="0 rows"):
            project.score(
                {
                    "format": "postgres",
                    "url": server.address,
                    "query": "SELECT * FROM parcels WHERE day = :night",
                },
                night="2024-03-04",
            )


@pytest.mark.parametrize("carrier", ["local", "files"])
def test_what_cannot_be_read_is_in_quarantine_with_its_text(project: Project, carrier: str) -> None:
    spec = csv(project)
    path = next((project.root / "csv").rglob("*.csv"))
    lines = path.read_bytes().splitlines()
    lines[5] = lines[5] + b",1"
    lines[6] = re.sub(rb'"(north|south|west)"', b"s\xffuth", lines[6])
    lines[7] = lines[7].replace(b"true", b"maybe").replace(b"false", b"maybe")
    path.write_bytes(b"\n".join(lines))
    report = project.score(spec, carrier)
    assert (report.rows_read, report.rows_quarantined) == (50, 3 + 3)
    assert report.broken[ONE_CELL_A_COLUMN] == 1
    assert report.broken["depot: valid text"] == 1
    assert report.broken["express: readable as boolean"] == 1
    kept = [json.loads(row) for row in project.store.quarantine(NIGHT)["row"].to_pylist()]
    assert lines[5].decode() in [row.get(LINE) for row in kept]
    assert "maybe" in [row["express"] for row in kept]


@pytest.mark.parametrize("carrier", ["local", "files"])
def test_a_broken_line_of_json_is_in_quarantine_with_its_text(
    project: Project, carrier: str
) -> None:
    spec = jsonl(project)
    path = next((project.root / "json").rglob("*.json"))
    path.write_text(
        path.read_text().replace('"weight": -1.0', '"weight": "heavy"') + '\n{"parcel": 1'
    )
    report = project.score(spec, carrier)
    assert (report.rows_read, report.rows_quarantined) == (51, 4)
    assert report.broken[ONE_OBJECT] == report.broken["weight: readable as float"] == 1
    kept = [json.loads(row) for row in project.store.quarantine(NIGHT)["row"].to_pylist()]
    assert '{"parcel": 1' in [row.get(LINE) for row in kept]
    assert "heavy" in [row.get("weight") for row in kept]


LONG = "x" * (17 << 20)


@pytest.mark.parametrize("carrier", ["local", "files"])
def test_no_line_of_json_stops_a_night(project: Project, carrier: str) -> None:
    spec = jsonl(project)
    path = next((project.root / "json").rglob("*.json"))
    path.write_text(path.read_text() + f'\n{{}}\n{{"parcel": "{LONG}"}}\n{{}}')
    report = project.score(spec, carrier)
    assert (report.rows_read, report.rows_quarantined) == (53, 3 + 3)
    assert report.broken["row: a line of at most 16 MB"] == 1
    kept = [json.loads(row) for row in project.store.quarantine(NIGHT)["row"].to_pylist()]
    lines = [row[LINE] for row in kept if row.get(LINE)]
    (long,) = [line for line in lines if line != "{}"]
    assert len(lines) == 3 and len(long) < 1000
    assert re.fullmatch(r'a line of 17,?825,?\d+ bytes .*a\.json: \{"parcel": "x+', long)


def test_an_empty_object_may_be_all_that_is_refused(project: Project) -> None:
    spec = jsonl(project)
    path = next((project.root / "json").rglob("*.json"))
    project.score(spec, "local")
    refused = set(project.store.quarantine(NIGHT)["parcel"].to_pylist())
    good = [
        line for line in path.read_text().split("\n") if json.loads(line)["parcel"] not in refused
    ]
    path.write_text("\n".join([*good, "{}"]))
    report = project.score(spec, "local")
    assert (report.rows_read, report.rows_quarantined) == (len(good) + 1, 1)
    (row,) = project.store.quarantine(NIGHT)["row"].to_pylist()
    assert json.loads(row) == {LINE: "{}"}


@pytest.mark.parametrize("carrier", ["local", "files"])
def test_joined_files_of_csv_are_counted_with_their_headers(project: Project, carrier: str) -> None:
    spec = csv(project)
    path = next((project.root / "csv").rglob("*.csv"))
    header, *rows = path.read_bytes().splitlines(keepends=True)
    again = [*rows[:20], header, *rows[20:], LONG.encode() + b"\n", header]
    path.write_bytes(b"".join([header, *again]))
    report = project.score(spec, carrier)
    assert (report.rows_read, report.rows_quarantined) == (53, 3 + 3)
    assert report.broken["row: no header line again"] == 2
    assert report.broken["row: a line of at most 16 MB"] == 1
    assert ONE_CELL_A_COLUMN not in report.broken
