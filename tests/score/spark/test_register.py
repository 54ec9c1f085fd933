"""Published predictions as a table in a catalog of Spark's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyspark.sql.datasource import DataSource, DataSourceReader

from assay.errors import ExportFailed, RunHeld
from assay.project import params
from assay.score import stage
from assay.store import open_store

NIGHT, NEXT = "2024-03-01", "2024-03-02"
NAME = "spark_catalog.scores.predictions"


class Background:
    """The suite's own session, which no command may stop."""

    running: Any = None

    def __init__(self, *_: object) -> None:
        pass

    def start(self) -> None:
        pass

    stop = start

    def session(self) -> Any:
        return self.running


def stand_in(uri: str) -> type[DataSource]:
    """Delta Lake as the platforms' Spark has it, by delta-rs: its JARs are in no package index."""

    class Rows(DataSourceReader):
        def read(self, partition: object) -> Iterator[Any]:
            yield from DeltaTable(uri).to_pyarrow_table().to_batches()

    class Delta(DataSource):
        @classmethod
        def name(cls) -> str:
            return "delta"

        def schema(self) -> Any:
            from pyspark.sql.pandas.types import from_arrow_schema

            return from_arrow_schema(pa.schema(DeltaTable(uri).schema()))

        def reader(self, schema: Any) -> DataSourceReader:
            return Rows()

    return Delta


@pytest.fixture
def catalog(spark: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(Background, "running", spark)
    monkeypatch.setattr(stage, "BackgroundSession", Background)
    spark.sql("CREATE DATABASE scores")
    yield spark
    spark.sql("DROP DATABASE scores CASCADE")


def score(root: Path, first: str, last: str | None = None, name: str = NAME, **more: Any) -> Any:
    given = params.load(root)
    changed = {"publish": given.publish.model_copy(update={"as_table": name})}
    changed["quarantine"] = given.quarantine.model_copy(update=more)
    return stage.run(root, given.model_copy(update=changed), first, last or first, force=True)


def located(spark: Any) -> tuple[str, str]:
    """Where the catalog says that the table lies, and in which format."""
    shown = spark.sql("SHOW TABLE EXTENDED IN scores LIKE 'predictions'").first()["information"]
    facts = dict(line.split(": ", 1) for line in shown.splitlines() if ": " in line)
    return facts["Location"], facts["Provider"]


def test_people_find_by_name_what_is_published(live: Path, catalog: Any) -> None:
    store = open_store(live, params.load(live))
    with pytest.raises(ExportFailed, match=r"(?i)data source.*delta") as told:
        score(live, NIGHT)
    # What is published is published.
    assert len(told.value.lines()) == 1 and store.visible_run(NIGHT)
    catalog.dataSource.register(stand_in(store.table_uri("predictions")))
    score(live, NIGHT)
    place, provider = located(catalog)
    assert place == f"file:{store.table_uri('predictions')}" and provider.lower() == "delta"
    count = f"SELECT count(*) AS rows, count(DISTINCT run_id) AS runs FROM {NAME}"
    first = store.predictions(NIGHT).num_rows
    assert catalog.sql(count).first().asDict() == {"rows": first, "runs": 1}
    # Another night is seen under the same name, which is given once.
    score(live, NEXT)
    both = first + store.predictions(NEXT).num_rows
    assert catalog.sql(count).first().asDict() == {"rows": both, "runs": 2}


def test_a_name_of_another_table_is_not_taken_for_it(live: Path, catalog: Any) -> None:
    catalog.sql(f"CREATE TABLE {NAME} (day STRING, run_id STRING) USING parquet")
    with pytest.raises(
        ExportFailed, match=r"as_table: spark_catalog\.scores.*shows others"
    ) as told:
        score(live, NIGHT)
    assert len(told.value.lines()) == 1
    # What is published is published.
    assert open_store(live, params.load(live)).visible_run(NIGHT)


def test_a_catalog_that_is_not_there_is_one_line(live: Path, catalog: Any) -> None:
    with pytest.raises(ExportFailed, match=r"(?i)are published, but.*nowhere") as told:
        score(live, NIGHT, name="nowhere.s.t")
    assert len(told.value.lines()) == 1
    assert "assay score --date 2024-03-01 --force" in str(told.value)


def test_a_held_night_is_the_answer_whatever_becomes_of_the_name(
    live: Path, catalog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def register(*given: Any) -> None:
        asked.append(given[4])
        raise ExportFailed("no right", where=NAME)

    monkeypatch.setattr(stage, "register", register)
    with pytest.raises(RunHeld):
        score(live, NIGHT, NEXT, max_share=0.0)  # three rows of the second break the contract
    assert asked == [NIGHT]
    with pytest.raises(RunHeld):
        score(live, NEXT, max_share=0.0)
    assert asked == [NIGHT]  # nothing was published
