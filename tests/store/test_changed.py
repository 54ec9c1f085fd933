"""Files of the right size that hold other bytes, or another run's rows, are told."""

from __future__ import annotations

import random
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from assay.columns.profile import Profile
from assay.errors import StoreError
from assay.store import Store
from assay.store.delta import upkeep, writer
from assay.store.delta.tables import (
    INSTANT,
    LABELS,
    PREDICTIONS,
    PROFILES,
    QUARANTINE,
    RUNS,
    Staged,
)

NOON = datetime(2013, 7, 1, 12, tzinfo=UTC)


def file_of(store: Store, table: str, run_id: str) -> Path:
    (found,) = Path(store.table_uri(table)).rglob(f"{run_id}-*.parquet")
    return found


def flip(path: Path, column: str) -> None:
    """Change a byte in the middle of the values of a column."""
    group = pq.read_metadata(path).row_group(0)
    chunk = next(
        group.column(at)
        for at in range(group.num_columns)
        if group.column(at).path_in_schema == column
    )
    data = bytearray(path.read_bytes())
    data[chunk.data_page_offset + chunk.total_compressed_size - 2] ^= 0x40
    path.write_bytes(data)


def values(store: Store, table: Staged) -> pa.Table:
    return store.predictions("p") if table == PREDICTIONS else store.quarantine("p")


def test_a_flipped_byte_is_told_by_readers_and_by_check(store: Store, make: Any) -> None:
    make.run("r1", "p", good=[5])
    make.run("r2", "q", good=[6])
    path = file_of(store, PREDICTIONS, "r1")
    flip(path, "probability")
    with pytest.raises(StoreError, match=r"r1-0\.0\.parquet: bytes of it are not those") as caught:
        store.predictions("p")
    assert "See assay fsck" in caught.value.line()
    with pytest.raises(OSError, match="CRC checksum"):
        store.dataset(PREDICTIONS, "p").to_table()
    (found,) = store.check(fix=True)
    assert not found.fixed and "date=p" in found.what and "CRC" in found.what
    # Nothing short of reading the night tells `assay score`, so it has to be forced.
    assert "assay score --date p --force" in found.fix and not store.has_lost_data("p")
    assert store.predictions("q").num_rows == 1
    make.run("r3", "p", good=[7])
    assert store.check() == []


def test_a_file_that_was_written_anew_is_told_by_its_size(store: Store, make: Any) -> None:
    make.run("r1", "p", good=[5], bad=[6])
    readers = {
        PREDICTIONS: [
            lambda: store.predictions("p"),
            lambda: list(store.batches_with("p", {"id": 5})),
            lambda: store.sample("p", ["id"], 5, 1),
        ],
        QUARANTINE: [lambda: store.quarantine("p")],
    }
    for table, uses in readers.items():
        for night in ("p", None):  # made before the change: a file is looked at when it is opened
            data = store.dataset(table, night)
            uses += [data.to_table, data.count_rows, lambda t=table: store.dataset(t).head(1)]
    for table, uses in readers.items():
        path = file_of(store, table, "r1")
        pq.write_table(pq.ParquetFile(path).read(), path, compression="none")
        told = f"has {path.stat().st_size:,} bytes, not "
        assert any(told in damage.what for damage in store.check())
        for use in uses:
            with pytest.raises(StoreError, match=f"{path.name}: {told}.* See assay fsck"):
                use()
        path.unlink()
        with pytest.raises(StoreError, match=f"{path.name}: the file is gone"):
            uses[-1]()


def test_so_is_one_in_quarantine(store: Store, make: Any) -> None:
    make.run("r1", "p", good=[1], bad=[2])
    flip(file_of(store, QUARANTINE, "r1"), "id")
    with pytest.raises(StoreError, match="bytes of it are not those"):
        store.quarantine("p")
    (found,) = store.check()
    assert found.table == QUARANTINE and "date=p" in found.what


@pytest.mark.parametrize("table", [LABELS, PROFILES])
def test_a_flipped_byte_of_a_small_table_is_told(
    store: Store, make: Any, profile: Profile, table: str
) -> None:
    """Wherever it is before the footer, but where no value depends on it."""
    make.run("r1", "p", good=[*range(1, 41)], profile=profile)
    kinds = [("id", pa.int64()), ("truth", pa.bool_()), ("arrived_at", INSTANT)]
    arrived = [{"id": n, "truth": n % 3 == 0, "arrived_at": NOON} for n in range(1, 41)]
    store.append_labels({"p": pa.Table.from_pylist(arrived, pa.schema(kinds))}, "a.csv", "Ada")
    (path,) = Path(store.table_uri(table)).rglob("*.parquet")
    written, values = path.read_bytes(), pq.ParquetFile(path).read()
    pages = len(written) - 8 - pq.read_metadata(path).serialized_size
    told = 0
    for place in random.Random(7).sample(range(4, pages), 60):
        changed = bytearray(written)
        changed[place] ^= 0x40
        path.write_bytes(changed)
        named = [f"{table}: 1 damaged file: date=p/{path.name} " in d.line() for d in store.check()]
        told += any(named)
        assert any(named) or pq.ParquetFile(path).read().equals(values), place
    assert told > 40  # the rest are fields of pages' headers that readers do not look at


def test_rows_of_a_changed_file_are_not_merged(store: Store, make: Any) -> None:
    for number in range(4):
        make.event(f"r{number}", "started", number)
    uri = store.table_uri(RUNS)
    path, *_ = Path(uri).glob("*.parquet")
    flip(path, "run_id")
    with pytest.raises(OSError, match="CRC"):
        upkeep.merge_files(uri, DeltaTable(uri))
    assert len(list(Path(uri).rglob("part-*"))) == 4  # and what was begun is gone
    (found,) = store.check()
    assert path.name in found.what


def test_a_file_without_checksums_is_read_as_ever(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = writer._format
    monkeypatch.setattr(
        writer, "_format", lambda schema: {**real(schema), "write_page_checksum": False}
    )
    make.run("r1", "p", good=[5])
    assert store.check() == [] and make.seen() == ([5], [])


@pytest.mark.parametrize("to", ["p", "q"])
def test_a_file_that_was_copied_over_another_is_told(store: Store, make: Any, to: str) -> None:
    make.run("r1", "p", good=[5])
    make.run("r2", "q", good=[6])
    runs = {"p": "r1", "q": "r2"}
    target = file_of(store, PREDICTIONS, runs.pop(to))
    (run_id,) = runs.values()
    source = file_of(store, PREDICTIONS, run_id)
    assert source.stat().st_size == target.stat().st_size
    shutil.copyfile(source, target)
    (found,) = store.check()
    assert f"date={to}: " in found.what and "--force" in found.fix
    assert f"holds rows of run {run_id}" in found.what


def test_rows_that_something_else_added_have_one_fix(store: Store, make: Any) -> None:
    make.run("r1", "p", good=[5])
    uri = store.table_uri(PREDICTIONS)
    write_deltalake(uri, pa.table(DeltaTable(uri).to_pyarrow_dataset().to_table()), mode="append")
    (found,) = store.check()
    assert "holds rows of run r1" in found.what
    assert found.fix == "assay score --date p --force scores it again"


def test_rows_of_a_run_that_nobody_knows_are_told(store: Store, make: Any, tmp_path: Path) -> None:
    elsewhere = type(make)(Store(str(tmp_path / "other"), "date"))
    elsewhere.run("r9", "p", good=[5])
    make.run("r1", "p", good=[6])
    source = file_of(elsewhere.store, PREDICTIONS, "r9")
    shutil.copyfile(source, file_of(store, PREDICTIONS, "r1"))
    (found,) = store.check()
    assert "holds rows of run r9" in found.what
