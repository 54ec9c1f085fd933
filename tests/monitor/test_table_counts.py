"""Tables that nobody has scored: what of them can be counted, and that it is counted right."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.columns.features import FrameFeatures
from assay.columns.grid import CategoryGrid, NumberGrid
from assay.columns.profile import merge_profiles
from assay.columns.profile_counter import compute_profile
from assay.contract.loader import load_contract
from assay.contract.text_parser import LINE
from assay.monitor.table_counts import (
    Counting,
    RawFeatures,
    TableCounts,
    match_schemas,
    total,
)
from assay.score.inputs.split import RowGroups

GRID = {
    "weight": NumberGrid((0.0, 1.0, 2.0), (0.0, 0.5, 1.0, 1.5, 2.0)),
    "express": NumberGrid((0.0, 1.0), (0.0, 1.0)),
    "depot": CategoryGrid(("north", "south")),
}
GOOD = pa.schema([("weight", pa.float64()), ("express", pa.bool_()), ("depot", pa.string())])


def replaced(name: str, kind: pa.DataType) -> pa.Schema:
    return GOOD.set(GOOD.get_field_index(name), pa.field(name, kind))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("weight", pa.int8()),
        ("weight", pa.float32()),
        ("weight", pa.bool_()),
        ("weight", pa.decimal128(9, 2)),
        ("weight", pa.null()),
        ("express", pa.int64()),
        ("depot", pa.large_string()),
        ("depot", pa.dictionary(pa.int32(), pa.string())),
        ("depot", pa.null()),
    ],
)
def test_a_column_of_a_type_that_can_stand_for_the_references_is_counted(
    name: str, kind: pa.DataType
) -> None:
    assert match_schemas(GRID, {"a": replaced(name, kind)}) == (GRID, {})


@pytest.mark.parametrize(
    ("name", "kind", "why"),
    [
        ("weight", pa.string(), "string in a.parquet, numbers in the reference"),
        ("weight", pa.date32(), "date32[day] in a.parquet, numbers in the reference"),
        ("depot", pa.int64(), "int64 in a.parquet, categories in the reference"),
        ("depot", pa.bool_(), "bool in a.parquet, categories in the reference"),
    ],
)
def test_a_column_of_another_type_is_told_of(name: str, kind: pa.DataType, why: str) -> None:
    grid, lacking = match_schemas(GRID, {"b.parquet": GOOD, "a.parquet": replaced(name, kind)})
    assert lacking == {name: why}
    assert grid == {each: cells for each, cells in GRID.items() if each != name}


def test_a_column_that_vanished_is_told_of_with_what_it_may_be_called_now() -> None:
    schema = pa.schema([("Weight", pa.float64()), ("express", pa.bool_()), ("other", pa.int8())])
    assert match_schemas(GRID, {"a": schema})[1] == {
        "weight": "not in the table (renamed to Weight?)",
        "depot": "not in the table",
    }


def test_a_column_that_is_there_twice_is_neither() -> None:
    twice = GOOD.append(pa.field("depot", pa.string()))
    assert match_schemas(GRID, {"a": twice})[1] == {"depot": "2 times in a"}


def test_a_column_that_some_files_lack_is_counted() -> None:
    assert match_schemas(GRID, {"a": GOOD, "b": GOOD.remove(0)})[1] == {}


def rows(count: int, seed: int = 1) -> pa.Table:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "weight": random.normal(1, 1, count),
            "express": random.random(count) < 0.5,
            "depot": random.choice(["north", "south", "west"], count),
            "note": "not a feature",
        }
    )
    frame.loc[random.random(count) < 0.1, ["weight"]] = np.nan
    frame.loc[random.random(count) < 0.1, ["depot"]] = None
    return pa.Table.from_pandas(frame, preserve_index=False)


def expected(table: pa.Table) -> TableCounts:
    return TableCounts(table.num_rows, compute_profile(FrameFeatures(table.to_pandas()), GRID))


def alike(one: TableCounts, two: TableCounts) -> bool:
    """Equal but for the last digits of sums, which depend on the order of adding."""
    return one.rows == two.rows and all(
        (a.counts, a.nulls, a.low, a.high, a.registers, a.new, a.fine.counts.tolist())
        == (b.counts, b.nulls, b.low, b.high, b.registers, b.new, b.fine.counts.tolist())
        and np.allclose(a.fine.sums, b.fine.sums)
        for a, b in ((one.profile[name], two.profile[name]) for name in GRID)
    )


def test_row_groups_are_counted_as_the_whole_frame_is(tmp_path: Path) -> None:
    table = rows(1000)
    paths = [str(tmp_path / name) for name in ("a.parquet", "b.parquet")]
    pq.write_table(table.slice(0, 600), paths[0], row_group_size=100)
    pq.write_table(table.slice(600), paths[1], row_group_size=150)
    work = pickle.loads(pickle.dumps(Counting("a table", GRID, 64)))
    parts = [
        (RowGroups(paths[0], (0, 2), 200), RowGroups(paths[1], (1, 2), 250)),
        (RowGroups(paths[0], (1, 3, 4, 5), 400), RowGroups(paths[1], (0,), 150)),
    ]
    found = total([work.process_files(part, "0") for part in parts], GRID)
    assert alike(found, expected(table))


def test_a_file_without_a_column_has_nulls_in_it(tmp_path: Path) -> None:
    table, path = rows(50).drop_columns(["depot", "weight"]), str(tmp_path / "a.parquet")
    pq.write_table(table, path)
    found = Counting("a table", GRID, 20).process_files((RowGroups(path, (0,), 50),), "0")
    assert [found.profile[name].nulls for name in ("weight", "express", "depot")] == [50, 0, 50]
    assert all(column.rows == found.rows == 50 for column in found.profile.values())


def test_a_column_of_nulls_alone_is_counted_as_such() -> None:
    table = pa.table({name: pa.nulls(3) for name in GRID})
    found = compute_profile(RawFeatures(table), GRID)
    assert [column.nulls for column in found.values()] == [3, 3, 3]


def test_a_million_new_categories_take_no_more_room_than_a_few(tmp_path: Path) -> None:
    names = pa.array([f"depot {n}" for n in range(200_000)]).dictionary_encode()
    grid = {"depot": GRID["depot"]}
    path = str(tmp_path / "a.parquet")
    pq.write_table(pa.table({"depot": names}), path)
    found = Counting("a table", grid, 200_000).process_files((RowGroups(path, (0,), 200_000),), "0")
    column = found.profile["depot"]
    assert column.counts == (0, 0, 200_000)
    assert len(pickle.dumps(found)) < 20_000


def test_of_nothing_the_total_is_nothing() -> None:
    none = total([], GRID)
    assert none.rows == 0
    assert merge_profiles(none.profile, expected(rows(10)).profile) == expected(rows(10)).profile


def test_text_is_typed_by_the_contract_and_what_cannot_be_read_is_null(tmp_path: Path) -> None:
    contract = load_contract(Path(__file__).parents[1] / "parcels" / "data" / "contract.py")
    given = contract.without_label()
    lines = [
        '{"parcel": 1, "depot": "north", "weight": 1.2, "express": true}',
        '{"parcel": 2, "depot": "east", "weight": "heavy"}',
        "no json",
    ]
    path = str(tmp_path / "a.parquet")
    pq.write_table(pa.table({LINE: lines}), path)
    part = RowGroups(path, (0,), 3, text=True)
    found = Counting("a night", GRID, 10, given).process_files((part,), "0")
    assert found.rows == 3
    weight, depot, express = (found.profile[name] for name in ("weight", "depot", "express"))
    assert (weight.nulls, weight.total) == (2, 1.2)
    assert (depot.nulls, depot.counts) == (1, (1, 0, 1))
    assert (express.nulls, express.counts[-1]) == (2, 1)
