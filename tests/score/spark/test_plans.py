"""A plan by Spark is the plan that this machine makes alone, and is applied without Spark."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from assay.plan import apply, stage
from assay.plan.document import Plan
from assay.project import params
from assay.score.stage import run as score
from assay.store import Store, open_store
from assay.store.delta.tables import PREDICTIONS, QUARANTINE, Staged
from tests.scorer import Shared

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NIGHTS = ("2024-03-01", "2024-03-02")


@pytest.fixture
def published(live: Path) -> Path:
    """Two nights that readers see; the input of the first is another one since."""
    score(live, params.load(live), *NIGHTS)
    file = live / f"data/raw/day={NIGHTS[0]}/part-00000.parquet"
    rows = pq.read_table(file, partitioning=None)
    place = rows.schema.get_field_index("distance")
    farther = pc.multiply(rows["distance"], pa.scalar(2.0))
    pq.write_table(rows.set_column(place, "distance", farther).slice(1), file)
    return live


def planned_rows(store: Store, plan: str | None) -> dict[tuple[str, Staged], list[dict[str, Any]]]:
    """By night and table, the rows of a plan without what differs from run to run."""
    found: dict[tuple[str, Staged], list[dict[str, Any]]] = {}
    for each in store.planned_runs():
        if each.plan == plan:
            staged = each.staged(store)
            for table, files in (
                (PREDICTIONS, staged.predictions),
                (QUARANTINE, staged.quarantine),
            ):
                batches = [batch for file in files for batch in store.file_batches(table, file)]
                rows = [row for batch in batches for row in batch.to_pylist()]
                for row in rows:
                    row |= dict.fromkeys(("run_id", "scored_at", "quarantined_at"))
                found[each.partition, table] = sorted(rows, key=lambda row: str(row["parcel"]))
    return found


def without_runs(plan: Plan) -> dict[str, Any]:
    """What a plan says, without what differs from one to the next of the same rows."""
    nights = tuple(night.model_copy(update={"run_id": "run"}) for night in plan.nights)
    return plan.model_copy(update={"plan": None, "nights": nights}).tree()


def test_spark_plans_the_same_rows_and_apply_needs_no_spark(
    published: Path, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = params.load(published)
    by_spark = given.model_copy(
        update={"score": given.score.model_copy(update={"carrier": "files"})}
    )
    alone = stage.run(published, given, *NIGHTS).plan
    monkeypatch.setattr(stage, "BackgroundSession", lambda *_: Shared(spark))
    found = stage.run(published, by_spark, *NIGHTS).plan
    assert found.changes is not None and found.changes.decided > 0 and found.changes.only_old == 1
    assert without_runs(found) == without_runs(alone)
    store = open_store(published, given)
    carriers = {each.plan: each.run.carrier for each in store.planned_runs()}
    assert carriers == {alone.plan: "local", found.plan: "files"}
    rows = planned_rows(store, found.plan)
    assert rows == planned_rows(store, alone.plan) and sum(map(len, rows.values())) == 99

    monkeypatch.setattr("assay.score.stage.BackgroundSession", None)
    applied = apply.run(published, by_spark, exact=True)
    assert {each.done for each in applied.nights} == {"applied"}
    assert store.visible_runs() == {night.day: night.run_id for night in found.nights}
