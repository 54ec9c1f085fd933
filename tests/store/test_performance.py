"""Numbers about runs: the last of each counts, and only of what readers see."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from hypothesis import given as drawn
from hypothesis import strategies as st

from assay.store import Store, performance
from assay.store.delta.tables import PERFORMANCE, small_schema


def row(value: float | None, minute: int = 0, **more: Any) -> dict[str, Any]:
    known = {
        "date": "2013-07-01", "run_id": "r1", "model_version": "v1.0.0", "bundle": "sha256:ab",
        "maturity_days": 1, "slice": "", "metric": "auc", "value": value, "low": None,
        "high": None, "rows": 2, "labelled_share": 1.0, "estimated": False,
        "at": datetime(2013, 7, 3, 0, minute, tzinfo=UTC),
    }  # fmt: skip
    return {**known, **more}


def values(store: Store, partition: str | None = None) -> list[tuple[str, float | None]]:
    table = store.performance(partition)
    return [(each["metric"], each["value"]) for each in table.to_pylist()]


def test_the_last_of_a_number_counts(store: Store, make: Any) -> None:
    make.run("r1", "2013-07-01")
    assert values(store) == []
    assert store.append_performance([row(0.7), row(0.2, metric="brier")]) == 2
    assert store.append_performance([row(0.7, 5), row(0.2, 5, metric="brier")]) == 0
    assert store.append_performance([row(None, 6)]) == 1
    assert values(store) == [("auc", None), ("brier", 0.2)]
    assert values(store, "2013-07-02") == []


def test_estimates_and_maturities_are_numbers_of_their_own(store: Store, make: Any) -> None:
    make.run("r1", "2013-07-01")
    given = [row(0.7), row(0.6, maturity_days=7), row(0.5, maturity_days=None, estimated=True)]
    assert store.append_performance(given) == 3
    assert store.append_performance(given) == 0
    assert len(values(store)) == 3


def test_a_run_that_was_replaced_is_not_shown(store: Store, make: Any) -> None:
    make.run("r1", "2013-07-01")
    store.append_performance([row(0.7)])
    make.run("r2", "2013-07-01")
    assert store.visible_runs() == {"2013-07-01": "r2"}
    assert values(store) == []


def test_each_run_is_known_with_what_it_was_measured_after(store: Store, make: Any) -> None:
    assert store.measured_maturities() == set()
    make.run("r1", "2013-07-01")
    of_slice = row(0.5, maturity_days=30, slice="origin=EWR")
    store.append_performance([row(0.7), row(0.6, 5), row(0.6, maturity_days=7), of_slice])
    assert store.measured_maturities() == {("r1", 1), ("r1", 7)}


numbers = st.builds(
    row,
    st.none() | st.sampled_from([0.1, 0.2]),
    st.integers(0, 5),
    date=st.sampled_from(["2013-07-01", "2013-07-02", "2013-07-03"]),
    metric=st.sampled_from(["auc", "brier"]),
    maturity_days=st.sampled_from([1, 7]),
)


@drawn(st.lists(numbers, max_size=9), st.lists(numbers, max_size=5))
def test_adding_to_some_nights_is_the_same_as_folding_all(
    before: list[dict[str, Any]], measured: list[dict[str, Any]]
) -> None:
    whole = pa.Table.from_pylist(before, small_schema(PERFORMANCE, "date"))
    kept = performance.latest_values(whole, "date")
    new = pa.Table.from_pylist(measured, small_schema(PERFORMANCE, "date"))
    expected = performance.latest_values(pa.concat_tables([kept, new]), "date")
    assert performance.merge_performance(kept, measured, "date").equals(expected)
