"""Whatever reads the store leaves nothing behind that could abort the process as it ends."""

from __future__ import annotations

from typing import Any

import pytest
from deltalake.fs import DeltaStorageHandler

from assay.store import Store
from assay.store.delta import rows
from assay.store.delta.tables import PROFILES


def test_small_tables_are_read_without_a_python_file_behind_them(
    store: Store, make: Any, profile: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    partition = "2013/07 é%2F=1"
    make.run("r1", partition, profile=profile)

    def python(*_: object) -> None:
        raise AssertionError("Arrow's threads would hold bytes that belong to Python")

    for name in ("open_input_file", "open_input_stream"):
        monkeypatch.setattr(DeltaStorageHandler, name, python)
    found = rows.select(store, PROFILES, {"date": partition})
    assert sorted(found.column("column").to_pylist()) == sorted(profile)
    assert [record.run_id for record in store.runs(partition)] == ["r1"]
