"""Truths that arrive late: what is news, and what was known when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import NothingScored
from assay.store import Store
from assay.store.delta.tables import INSTANT
from assay.store.labels import labels_as_of, new_labels

DAY = datetime(2013, 7, 2, tzinfo=UTC)
SCHEMA = pa.schema([("id", pa.int64()), ("truth", pa.bool_()), ("arrived_at", INSTANT)])


def at(hours: float) -> datetime:
    return DAY + timedelta(hours=hours)


def rows(*each: tuple[int, bool, float | None]) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {"id": key, "truth": truth, "arrived_at": None if hours is None else at(hours)}
            for key, truth, hours in each
        ],
        SCHEMA,
    )


def plain(table: pa.Table) -> list[tuple[int, bool, float]]:
    return sorted(
        (row["id"], row["truth"], (row["arrived_at"] - DAY) / timedelta(hours=1))
        for row in table.to_pylist()
    )


def fresh(history: pa.Table, arrived: pa.Table, now: float = 9) -> list[tuple[int, bool, float]]:
    return plain(new_labels(history, arrived, ["id"], at(1), at(now)))


def test_a_first_truth_arrives_when_it_says_or_when_it_is_assumed_to() -> None:
    assert fresh(rows(), rows((1, True, None), (2, False, 5))) == [(1, True, 1), (2, False, 5)]


def test_the_same_truth_again_is_no_news() -> None:
    kept = rows((1, True, 1), (2, False, 5))
    assert fresh(kept, rows((1, True, None), (2, False, 7))) == []


def test_a_correction_arrives_now_even_back_to_what_was_said_first() -> None:
    kept = rows((1, True, 1), (1, False, 3))
    assert fresh(kept, rows((1, True, None))) == [(1, True, 9)]


def test_a_correction_never_comes_before_what_it_corrects() -> None:
    ((key, truth, hours),) = fresh(rows((1, True, 12)), rows((1, False, None)))
    assert (key, truth) == (1, False)
    assert 12 < hours < 12.001


def test_what_arrived_earlier_than_it_was_brought_takes_its_place_in_history() -> None:
    kept = rows((1, True, 6))
    assert fresh(kept, rows((1, False, 2))) == [(1, False, 2)]
    after = pa.concat_tables([kept, rows((1, False, 2))])
    assert plain(labels_as_of(after, ["id"])) == [(1, True, 6)]
    assert fresh(after, rows((1, False, 2))) == []


def test_a_stated_instant_that_has_another_truth_is_not_believed() -> None:
    assert fresh(rows((1, True, 6)), rows((1, False, 6))) == [(1, False, 9)]


def test_an_earlier_instant_knows_what_was_known_then() -> None:
    history = rows((1, True, 1), (1, False, 30), (2, True, 30))
    assert plain(labels_as_of(history, ["id"], at(24))) == [(1, True, 1)]
    assert plain(labels_as_of(history, ["id"])) == [(1, False, 30), (2, True, 30)]


arrivals = st.lists(
    st.tuples(
        st.integers(1, 3), st.booleans(), st.one_of(st.none(), st.integers(0, 20).map(float))
    ),
    max_size=3,
    unique_by=lambda row: row[0],
)


@settings(deadline=None)
@given(st.lists(arrivals, max_size=5))
def test_bringing_a_file_twice_changes_nothing(files: list[list[Any]]) -> None:
    history = rows()
    for number, file in enumerate(files):
        now = at(21 + number)
        history = pa.concat_tables([history, new_labels(history, rows(*file), ["id"], at(1), now)])
        assert new_labels(history, rows(*file), ["id"], at(1), now).num_rows == 0


@settings(deadline=None)
@given(st.lists(arrivals, max_size=5))
def test_what_was_brought_last_without_a_date_is_what_is_known(files: list[list[Any]]) -> None:
    history = rows()
    for number, file in enumerate(files):
        undated = [(key, truth, None) for key, truth, _ in file]
        more = new_labels(history, rows(*undated), ["id"], at(1), at(2 + number))
        history = pa.concat_tables([history, more])
        latest = {row["id"]: row["truth"] for row in labels_as_of(history, ["id"]).to_pylist()}
        assert {key: latest[key] for key, _, _ in file} == {key: t for key, t, _ in file}


def test_truths_lie_in_the_store_by_night(store: Store, make: Any) -> None:
    make.run("r1", "2013-07-01", [1, 2])
    assert store.labels("2013-07-01").num_rows == 0
    store.append_labels({"2013-07-01": rows((1, True, 1))}, "a.csv", "Ada")
    store.append_labels({"2013-07-01": rows((1, False, 30))}, "b.csv", "Ada")
    store.append_labels({"2013-07-01": rows()}, "c.csv", "Ada")
    store.append_labels({"2013-07-02": rows((7, True, 1))}, "a.csv", "Ada")
    assert plain(store.labels("2013-07-01")) == [(1, False, 30)]
    assert plain(store.labels("2013-07-01", at(2))) == [(1, True, 1)]
    history = store.label_history("2013-07-01")
    assert sorted(history.column("source").to_pylist()) == ["a.csv", "b.csv"]
    assert set(history.column("date").to_pylist()) == {"2013-07-01"}
    assert store.vacuum(1)


def test_a_store_without_nights_has_no_labels(store: Store) -> None:
    with pytest.raises(NothingScored, match="no night has been published yet"):
        store.labels("2013-07-01")
