"""Repeated keys: counted exactly, whatever the keys and however the rows are cut."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.contract.columns import Columns
from assay.contract.loader import load_contract_text
from assay.errors import StoreError
from assay.score import duplicate_keys
from assay.score.duplicate_keys import (
    RANGES,
    KeyWriter,
    confirm_duplicates,
    duplicate_hashes,
    duplicates_in_ranges,
    hash_keys,
)

SOURCE = """
import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

class Thing(pa.DataFrameModel):
    number: Series[int] = pa.Field(metadata={"role": "key"})
    name: Series[str] = pa.Field(metadata={"role": "key"})
    share: Series[float] = pa.Field(metadata={"role": ["key", "feature"]})
    flag: Series[bool] = pa.Field(metadata={"role": "key"})
    at: Series[pd.Timestamp] = pa.Field(metadata={"role": ["key", "time"]})
    good: Series[bool] = pa.Field(nullable=True, metadata={"role": "label"})
"""
SCHEMA = pa.schema(
    [
        ("number", pa.int64()),
        ("name", pa.string()),
        ("share", pa.float64()),
        ("flag", pa.bool_()),
        ("at", pa.timestamp("us")),
    ]
)
ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(-2, 2),
        st.none() | st.sampled_from(["", "a", "b", "é"]),
        st.none() | st.sampled_from([0.0, -0.0, 1.5]),
        st.none() | st.booleans(),
        st.none() | st.sampled_from([0, 1]),
    ),
    max_size=60,
)


@pytest.fixture(scope="module")
def contract():
    return load_contract_text(SOURCE, "contract.py").without_label()


def table(rows: list[tuple]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [[]] * 5
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], SCHEMA)


@given(rows=ROWS, cut=st.integers(0, 60))
@settings(deadline=None, max_examples=40)
def test_counts_are_those_of_the_keys_themselves(
    contract, rows, cut, tmp_path_factory: pytest.TempPathFactory
):
    folder = tmp_path_factory.mktemp("keys")
    whole = table(rows)
    batches = [whole.slice(0, cut), whole.slice(cut)]
    files = []
    for number, batch in enumerate(batches):
        writer = KeyWriter(str(folder), f"{number:05d}")
        writer.add(hash_keys(Columns(contract, batch)))
        files += writer.files()
    found = confirm_duplicates(
        contract, duplicates_in_ranges(files, range(RANGES)), lambda: batches
    )
    times = Counter(rows)  # -0.0 and 0.0 are one key, here as there
    assert found.rows == sum(count - 1 for count in times.values())
    assert len(found.examples) == min(3, sum(count > 1 for count in times.values()))


@given(rows=ROWS)
@settings(deadline=None, max_examples=40)
def test_the_compiled_loop_hashes_as_numpy_does(contract, rows):
    columns = Columns(contract, table(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicate_keys, "FEW_ROWS", -1)
        compiled = hash_keys(columns)
    assert compiled.tolist() == hash_keys(columns).tolist()


ODD = [0, 1, 1 << 48, 255 << 48, 256 << 48, (1 << 64) - 1]
"""Hashes at the ends of the ranges that the compiled loops split them into."""


@given(
    hashes=st.lists(st.sampled_from(ODD) | st.integers(0, ODD[-1]), max_size=90),
    searched=st.integers(1, 90),
)
@settings(deadline=None, max_examples=60)
def test_the_compiled_loops_find_what_a_sort_finds(tmp_path_factory, hashes, searched):
    given, found = np.array(hashes, dtype=np.uint64), []
    for few in (len(hashes), -1):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(duplicate_keys, "SORTED", few)
            patch.setattr(duplicate_keys, "SEARCHED", searched)
            writer = KeyWriter(str(tmp_path_factory.mktemp("keys")), "00000")
            writer.add(given)
            files = writer.files()
            bounds = [file.bounds for file in files]
            found.append((bounds, duplicates_in_ranges(files, range(RANGES))))
    assert found[0] == found[1]
    times = Counter(hashes)
    assert found[1][1] == {each: count for each, count in times.items() if count > 1}


def test_two_keys_that_share_a_hash_are_not_one(contract, monkeypatch: pytest.MonkeyPatch):
    rows = table([(1, "a", 0.0, True, 0), (2, "a", 0.0, True, 0), (2, "a", 0.0, True, 0)])
    monkeypatch.setattr(
        duplicate_keys, "hash_keys", lambda *_: np.array([7, 7, 7], dtype=np.uint64)
    )
    found = confirm_duplicates(contract, {7: 3}, lambda: [rows])
    assert found.rows == 1
    assert found.examples == ("number=2, name=a, share=0.0, flag=True, at=1970-01-01 00:00:00",)


def test_a_long_task_leaves_several_files(
    contract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(duplicate_keys, "LONGEST", 10)
    monkeypatch.setattr(duplicate_keys, "GATHERED", 4)
    writer = KeyWriter(str(tmp_path), "00000")
    for start in range(0, 25, 5):
        batch = table([(start + n, "a", None, None, None) for n in range(5)])
        writer.add(hash_keys(Columns(contract, batch)))
    files = writer.files()
    assert [file.bounds[-1] for file in files] == [10, 10, 5]
    assert duplicates_in_ranges(files, range(RANGES)) == {}  # gathered in several pieces, too
    assert sum(duplicates_in_ranges([*files, files[0]], range(RANGES)).values()) == 20
    halves = [
        duplicates_in_ranges([*files, files[0]], half) for half in (range(100), range(100, RANGES))
    ]
    every = duplicates_in_ranges([*files, files[0]], range(RANGES))
    assert halves[0] | halves[1] == every
    for cores in (1, 2, 3, 300):
        assert duplicate_hashes([*files, files[0]], cores) == every
    assert duplicate_hashes([], 2) == {}


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "full").write_text("")
    writer = KeyWriter(str(tmp_path / "full"), "00000")
    writer.add(np.arange(3, dtype=np.uint64))
    with pytest.raises(StoreError, match=r"full/00000\.000\.keys"):
        writer.files()


def test_a_file_of_hashes_that_is_gone_is_named(tmp_path: Path) -> None:
    writer = KeyWriter(str(tmp_path), "00000")
    writer.add(np.arange(3, dtype=np.uint64))
    files = writer.files()
    Path(files[0].path).unlink()
    with pytest.raises(StoreError, match=r"00000\.000\.keys"):
        duplicates_in_ranges(files, range(RANGES))
