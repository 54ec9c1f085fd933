"""Rows drawn from a night: each as likely where all are read, and of a large one not all read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assay.errors import NothingScored, StoreError
from assay.store import PartWriter, Store
from assay.store import run_files as drawn
from assay.store.delta import rows, writer


def publish(store: Store, make: Any, groups: list[list[int]], files: int = 1) -> None:
    """A night whose files have these row groups, the same in each file but for the ids."""
    written = []
    for number in range(files):
        path = store.part_path_for("predictions", "p", "r1", f"{number:05d}.1")
        with PartWriter(store.table_uri("predictions"), path) as part:
            for ids in groups:
                part.write(make.rows("r1", [1000 * number + each for each in ids]))
        written.append(part.staged)
    # As Spark may hand them over: in any order.
    make.run("r1", predictions=tuple(reversed(written)))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call of `write` makes a row group."""
    monkeypatch.setattr(writer, "ROW_GROUP_BYTES", 1)


def tens(count: int) -> list[list[int]]:
    return [list(range(10 * n, 10 * n + 10)) for n in range(count)]


def ids(found: drawn.RowSample) -> list[int]:
    return found.table.column("id").to_pylist()


def test_of_a_small_night_any_row_may_be_drawn(store: Store, make: Any) -> None:
    publish(store, make, tens(3), files=2)
    every = [*range(30), *range(1000, 1030)]
    whole = store.sample("p", ["id"], 100, 1)
    assert (ids(whole), whole.run_id) == (every, "r1")
    assert whole.spans == tuple((n, n + 10) for n in range(0, 60, 10))
    seen = np.zeros(2000, int)
    for seed in range(200):
        some = ids(store.sample("p", ["id"], 15, seed))
        assert len(some) == 15 and some == sorted(some)
        seen[some] += 1
    # 50 times each on average; a standard error is 6.
    assert seen[every].min() > 25 and seen[every].max() < 75


def test_the_same_seed_draws_the_same_rows(store: Store, make: Any) -> None:
    publish(store, make, tens(9))
    assert ids(store.sample("p", ["id"], 7, 3)) == ids(store.sample("p", ["id"], 7, 3))
    assert ids(store.sample("p", ["id"], 7, 3)) != ids(store.sample("p", ["id"], 7, 4))


def test_of_a_large_night_no_more_row_groups_are_read_than_the_pool_holds(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store, make, tens(20))
    monkeypatch.setattr(drawn, "POOL", 35)
    read: list[int] = []
    real = rows.batches

    def watched(*given: Any) -> Any:
        for batch in real(*given):
            read.append(batch.num_rows)
            yield batch

    monkeypatch.setattr(rows, "batches", watched)
    first, second = (store.sample("p", ["id", "probability"], 12, seed) for seed in (1, 2))
    assert sum(read) == 60
    assert first.spans != second.spans
    for found in (first, second):
        inside = [any(low <= each < high for low, high in found.spans) for each in ids(found)]
        assert len(inside) == 12 and all(inside)
        assert found.table.column_names == ["id", "probability"]


def test_a_row_group_beyond_the_pool_is_read_all_the_same(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store, make, tens(2))
    monkeypatch.setattr(drawn, "POOL", 3)
    assert len(ids(store.sample("p", ["id"], 5, 1))) == 5


def test_of_many_files_only_some_are_opened(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store, make, tens(1), files=6)
    monkeypatch.setattr(drawn, "FILES", 2)
    found = store.sample("p", ["id"], 100, 1)
    assert len(ids(found)) == 20
    # Their places count the rows of those that were not opened.
    assert {each // 1000 * 10 for each in ids(found)} == {low for low, _ in found.spans}


def test_a_night_of_no_rows_gives_none(store: Store, make: Any) -> None:
    make.run("r1", good=[])
    found = store.sample("p", ["date", "id"], 5, 1)
    assert found.table.num_rows == 0
    assert found.table.schema.names == ["date", "id"]


def test_a_night_that_is_not_there(store: Store, make: Any) -> None:
    with pytest.raises(NothingScored, match="date=p"):
        store.sample("p", ["id"], 5, 1)


def test_a_column_that_nobody_wrote_is_found_out(store: Store, make: Any) -> None:
    publish(store, make, tens(1))
    with pytest.raises(StoreError, match=r"has no such column \(expected .*, found nothing"):
        store.sample("p", ["id", "nothing"], 5, 1)
