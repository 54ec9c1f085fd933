"""Two scorings paired by key, and what changed between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import KeyUnknown, StoreError, UsageError
from assay.project.tasks import Task
from assay.score.operations import changes
from assay.score.operations.changes import (
    BINS,
    SCORE_CHANGE,
    SCORED_IN,
    Changes,
    RowChanges,
    Strongest,
    pair_by_key,
)

NAN = float("nan")
KEYS: dict[str, tuple[pa.DataType, list[Any]]] = {
    "text": (pa.string(), ["", "a", "é", None]),
    "number": (pa.int64(), [-1, 0, 2**62, None]),
    "small": (pa.int32(), [0, 1]),
    "share": (pa.float64(), [0.0, -0.0, 1.5, NAN, None]),
    "flag": (pa.bool_(), [True, False, None]),
    "on": (pa.date32(), [date(2013, 7, 1), date(1969, 1, 1), None]),
    "at": (pa.timestamp("us", "UTC"), [datetime(2013, 7, 1, 1, 2, 3, 4, UTC), None]),
    "price": (pa.decimal128(9, 2), [Decimal("1.50"), Decimal("-2.25"), None]),
}
ANSWERS: dict[Task, pa.DataType] = {
    "binary": pa.bool_(),
    "multiclass": pa.string(),
    "regression": pa.float64(),
}


def batches(table: pa.Table, rows: int = 3) -> Any:
    def read() -> Iterator[pa.RecordBatch]:
        yield from table.to_batches(max_chunksize=rows)

    return read


def plain(value: Any) -> Any:
    """Equal for equal keys: NaN equals itself, as 0.0 does -0.0."""
    return "NaN" if value != value else value


@st.composite
def sides(draw: st.DrawFn) -> tuple[list[str], pa.Table, pa.Table]:
    names = draw(st.lists(st.sampled_from(sorted(KEYS)), min_size=1, max_size=3, unique=True))
    every = st.tuples(*(st.sampled_from(KEYS[name][1]) for name in names))
    tables = []
    for start in (0, 100):
        keys = draw(st.lists(every, max_size=12, unique_by=lambda key: tuple(map(plain, key))))
        columns = {
            name: pa.array([key[at] for key in keys], KEYS[name][0], from_pandas=False)
            for at, name in enumerate(names)
        }
        columns["n"] = pa.array(range(start, start + len(keys)), pa.int64())
        tables.append(pa.table(columns))
    return names, *tables


@given(sides(), st.sampled_from([0, 5, 1000]))
def test_pairs_are_those_of_equal_keys(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: tuple[list[str], pa.Table, pa.Table],
    in_memory: int,
) -> None:
    names, old, new = drawn
    scratch = tmp_path_factory.getbasetemp() / "pairs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(changes, "MOST_IN_MEMORY", in_memory)
        found = [*pair_by_key(batches(old), batches(new), names, ["n"], scratch)]

    def of(table: pa.Table) -> dict[Any, int]:
        rows = table.to_pylist()
        return {tuple(plain(row[name]) for name in names): row["n"] for row in rows}

    was, now = of(old), of(new)
    wanted = Counter(
        (
            *key,
            was.get(key),
            now.get(key),
            "both" if key in was and key in now else "old" if key in was else "new",
        )
        for key in was | now
    )
    columns = [*names, "old_n", "new_n", SCORED_IN]
    assert wanted == Counter(
        tuple(plain(row[name]) for name in columns) for table in found for row in table.to_pylist()
    )
    assert all(table.column_names == columns for table in found)
    assert not scratch.exists() or not list(scratch.iterdir())


def test_numbers_of_a_key_are_equal_as_numbers(tmp_path: Path) -> None:
    one = pa.table({"share": pa.array([0.0, NAN], from_pandas=False), "n": [1, 2]})
    two = pa.table({"share": pa.array([NAN, -0.0], from_pandas=False), "n": [3, 4]})
    (found,) = pair_by_key(batches(one), batches(two), ["share"], ["n"], tmp_path)
    assert found["new_n"].to_pylist() == [4, 3]


def test_rows_go_to_the_disk_once_they_are_many_and_are_held_a_bucket_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "MOST_IN_MEMORY", 1_000)
    table = pa.table({"id": pa.array(range(6_400)), "n": pa.array(range(6_400))})
    pairs = pair_by_key(batches(table, 500), batches(table, 500), ["id"], ["n"], tmp_path / "s")
    first = next(pairs)
    assert list((tmp_path / "s").iterdir())
    sizes = [len(first), *(len(each) for each in pairs)]
    assert sum(sizes) == 6_400
    assert max(sizes) < 200
    assert not list((tmp_path / "s").iterdir())


def test_a_key_of_several_rows_is_an_error_without_its_value(tmp_path: Path) -> None:
    one = pa.table({"id": ["secret", "b"], "n": [1, 2]})
    two = pa.table({"id": ["secret", "secret", "secret", "b"], "n": [1, 2, 3, 4]})
    for pair, side in (((one, two), "new"), ((two, one), "old")):
        with pytest.raises(KeyUnknown) as caught:
            list(pair_by_key(*map(batches, pair), ["id"], ["n"], tmp_path))
        line = caught.value.line()
        assert f"key id in the {side} scoring" in line
        assert "2 rows" in line
        assert "secret" not in line


def test_a_key_with_the_name_of_a_column_of_the_comparison_is_an_error(tmp_path: Path) -> None:
    table = pa.table({"old_n": [1], "n": [1]})
    with pytest.raises(UsageError, match="columns of its own called old_n"):
        next(pair_by_key(batches(table), batches(table), ["old_n"], ["n"], tmp_path))


def test_a_scratch_folder_that_cannot_be_written_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "MOST_IN_MEMORY", 0)
    (tmp_path / "file").write_text("")
    table = pa.table({"id": [1], "n": [1]})
    with pytest.raises(StoreError, match="temporary files cannot be written"):
        next(pair_by_key(batches(table), batches(table), ["id"], ["n"], tmp_path / "file"))


# ------------------------------------------------------------------------------- changes

SCORES = st.sampled_from([None, 0.0, 0.2, 0.45, 0.5, 0.55, 1.0])


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Task, pa.Table]:
    task = draw(st.sampled_from(sorted(ANSWERS)))
    rows = draw(st.lists(st.tuples(st.sampled_from(["both", "old", "new"]), SCORES, SCORES)))
    columns: dict[str, list[Any]] = {"id": [*range(len(rows))], SCORED_IN: [r[0] for r in rows]}
    for side, at, missing in (("old", 1, "new"), ("new", 2, "old")):
        scores = [None if row[0] == missing else row[at] for row in rows]
        columns[f"{side}_prediction"] = [answer(task, score) for score in scores]
        if task != "regression":
            columns[f"{side}_probability"] = scores
    types = {"id": pa.int64(), SCORED_IN: pa.string()}
    types |= {f"{side}_prediction": ANSWERS[task] for side in ("old", "new")}
    return task, pa.table(
        {name: pa.array(c, types.get(name, pa.float64())) for name, c in columns.items()}
    )


def answer(task: Task, score: float | None) -> Any:
    if score is None or task == "regression":
        return score
    return score >= 0.5 if task == "binary" else "high" if score >= 0.5 else "low"


def counts(found: Changes) -> tuple[Any, ...]:
    exact = [getattr(found, name) for name in changes.COUNTED if name != "total"]
    return *exact, found.largest, found.histogram, pytest.approx(found.total)


@given(pairs(), st.sampled_from([0.0, 0.1, 0.5]), st.data())
def test_counts_of_parts_add_up_in_any_order_to_those_of_all(
    drawn: tuple[Task, pa.Table], by: float, data: st.DataObject
) -> None:
    task, table = drawn
    whole = Changes.of(RowChanges(table, task), by)
    ends = sorted(data.draw(st.lists(st.integers(0, len(table)), min_size=2, max_size=2)))
    edges = [0, *ends, len(table)]
    a, b, c = (
        Changes.of(RowChanges(table.slice(edges[at], edges[at + 1] - edges[at]), task), by)
        for at in range(3)
    )
    assert counts(a.merge(b).merge(c)) == counts(whole)
    assert counts(a.merge(b.merge(c))) == counts(whole)
    assert counts(c.merge(a).merge(b)) == counts(whole)
    assert whole.merge(Changes(by=by)) == whole

    rows = table.to_pylist()
    assert whole.both + whole.only_old == sum(row[SCORED_IN] != "new" for row in rows)
    assert whole.both + whole.only_new == sum(row[SCORED_IN] != "old" for row in rows)
    score = "prediction" if task == "regression" else "probability"
    both = [row for row in rows if row[SCORED_IN] == "both"]
    moves = [
        row[f"new_{score}"] - row[f"old_{score}"]
        for row in both
        if None not in (row[f"old_{score}"], row[f"new_{score}"])
    ]
    assert sum(whole.histogram) == len(moves)
    assert whole.moved == sum(abs(each) > by for each in moves)
    assert whole.mean == (pytest.approx(np.abs(moves).mean()) if moves else None)
    assert whole.once == sum(
        (row[f"old_{score}"] is None) != (row[f"new_{score}"] is None) for row in both
    )
    other = [row for row in both if row["old_prediction"] != row["new_prediction"]]
    assert whole.decided == (0 if task == "regression" else len(other))
    if task == "binary":
        assert whole.up == sum(row["new_prediction"] is True for row in other) - sum(
            row["old_prediction"] is None and row["new_prediction"] is True for row in other
        )
        assert whole.decided == whole.up + whole.down + whole.once


def binary(*rows: tuple[Any, float | None, float | None]) -> pa.Table:
    return pa.table(
        {
            "id": [row[0] for row in rows],
            "old_prediction": pa.array([answer("binary", row[1]) for row in rows], pa.bool_()),
            "old_probability": pa.array([row[1] for row in rows], pa.float64()),
            "new_prediction": pa.array([answer("binary", row[2]) for row in rows], pa.bool_()),
            "new_probability": pa.array([row[2] for row in rows], pa.float64()),
            SCORED_IN: ["both"] * len(rows),
        }
    )


def test_each_row_has_one_kind_of_change() -> None:
    table = binary(
        ("up", 0.4, 0.6),
        ("down", 0.6, 0.4),
        ("little", 0.1, 0.15),
        ("much", 0.1, 0.4),
        ("same", 0.1, 0.1),
        ("none", None, None),
        ("first", None, 0.9),
        ("gone", 0.9, None),
        ("new", None, 0.9),
    )
    where = pa.array(["both"] * 7 + ["old", "new"])
    rows = RowChanges(table.set_column(5, SCORED_IN, where), "binary")
    decisions = ["up", "down", None, None, None, None, "changed", "gone", "new"]
    assert rows.kinds(None).to_pylist() == decisions
    moved = [*decisions]
    moved[3] = "moved"
    assert rows.kinds(0.1).to_pylist() == moved
    moved[2] = "moved"
    assert rows.kinds(0.0).to_pylist() == moved


def test_an_infinite_score_that_stays_did_not_change() -> None:
    inf = float("inf")
    table = pa.table(
        {"id": [1, 2], "old_prediction": [inf, 1.0], "new_prediction": [inf, inf]}
    ).append_column(SCORED_IN, pa.array(["both", "both"]))
    rows = RowChanges(table, "regression")
    assert rows.score_change.tolist() == [0.0, inf]
    found = Changes.of(rows, scale=5.0)
    assert (found.moved, found.histogram[BINS // 2], found.histogram[-1]) == (1, 1, 1)


def test_the_histogram_has_no_change_in_its_middle_and_what_is_beyond_at_its_ends() -> None:
    table = pa.table(
        {
            "old_prediction": [0.0] * 5,
            "new_prediction": [0.0, -20.0, 20.0, -9.99, 9.99],
            SCORED_IN: ["both"] * 5,
        }
    )
    found = Changes.of(RowChanges(table, "regression"), scale=10.0)
    assert (found.histogram[BINS // 2], found.histogram[0], found.histogram[-1]) == (1, 2, 2)


def test_counts_by_other_limits_do_not_add_up() -> None:
    for other in (Changes(by=0.1), Changes(scale=2.0)):
        with pytest.raises(ValueError, match="other limits"):
            Changes().merge(other)


@given(
    st.lists(st.tuples(SCORES, SCORES), max_size=30),
    st.integers(1, 5),
    st.randoms(use_true_random=False),
    st.integers(1, 7),
)
@settings(max_examples=100)
def test_the_strongest_rows_are_the_same_however_the_rows_come(
    scores: list[tuple[float | None, float | None]], n: int, random: Any, size: int
) -> None:
    rows = [(at, *pair) for at, pair in enumerate(scores)]
    moves = [(b - a, at) for at, a, b in rows if a is not None and b is not None]
    up = sorted((-move, at) for move, at in moves if move > 0)[:n]
    down = sorted((move, at) for move, at in moves if move < 0)[:n]
    random.shuffle(rows)
    tables = [binary(*rows[at : at + size]) for at in range(0, len(rows), size)]
    found = Strongest(("id",), n)
    for table in tables:
        found = found.add(RowChanges(table, "binary"))
    assert ids(found.up) == [at for _, at in up]
    assert ids(found.down) == [at for _, at in down]
    if up:
        assert found.up[SCORE_CHANGE].to_pylist() == [-move for move, _ in up]


def ids(table: pa.Table) -> Sequence[int]:
    return table["id"].to_pylist() if table.num_rows else []


def test_counts_of_nothing() -> None:
    assert Changes.of(RowChanges(binary(), "binary")) == Changes()
    assert Changes().mean is None
