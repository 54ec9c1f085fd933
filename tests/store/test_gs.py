"""A store in Google's storage."""

from __future__ import annotations

import pyarrow.fs as pafs
import pytest

from assay.store.delta.location import filesystem


@pytest.mark.parametrize("scheme", ["gs", "gcs"])
def test_the_name_of_a_night_with_escapes_is_taken_as_it_is(scheme: str) -> None:
    system, path = filesystem(f"{scheme}://bucket/store/part=a%2Fb/file.parquet")
    assert isinstance(system, pafs.GcsFileSystem)
    assert path == "bucket/store/part=a%2Fb/file.parquet"
