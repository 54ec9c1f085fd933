"""What a contract cannot mean: refused in a project's file, and read in that of a version."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.contract.loader import load_contract, read_contract
from assay.errors import ContractFileError

HEAD = """\
import datetime
import pandera.pandas as pa

class Row(pa.DataFrameModel):
    id: int = pa.Field(ge=0, le=0, metadata={"role": "key"})
    at: datetime.datetime = pa.Field(metadata={"role": "time"})
    late: bool = pa.Field(nullable=True, metadata={"role": "label"})
"""
NEXT = HEAD.count("\n") + 1


def written(folder: Path, field: str) -> Path:
    path = folder / "contract.py"
    path.write_text(f"{HEAD}    {field}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (
            'x: str = pa.Field(isin=["low", "medium"], '
            'metadata={"role": "feature", "order": ["low", "medum"]})',
            "the order of 'x' has not the values of its isin (expected the same values, the least "
            "first, found no 'medium', which would count as missing; 'medum', which isin refuses)",
        ),
        (
            'x: str = pa.Field(metadata={"role": "feature", "ordr": ["a", "b"]})',
            "field 'x' has an unknown key in its metadata (expected role or order, found 'ordr'). "
            "Did you mean 'order'?",
        ),
        (
            'id: int = pa.Field(metadata={"role": ["key", "feature"]})',
            "the field 'id' is declared twice (expected each field once, found it in line 5 too",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, field: str, words: str) -> None:
    path = written(tmp_path, field)
    with pytest.raises(ContractFileError) as caught:
        load_contract(path, "data/contract.py")
    assert caught.value.line().startswith(f"data/contract.py:{NEXT}: {words}")
    # A version that was promoted with it still scores.
    assert read_contract(path).keys == ("id",)


@pytest.mark.parametrize(
    "field",
    [
        'x: float = pa.Field(ge=0, le=0, metadata={"role": "feature", "unit": "miles"})',
        'x: str = pa.Field(isin=["b", "a"], metadata={"role": "feature", "order": ["a", "b"]})',
    ],
)
def test_what_can_be_meant_is_read(tmp_path: Path, field: str) -> None:
    assert load_contract(written(tmp_path, field)).features == ("x",)
