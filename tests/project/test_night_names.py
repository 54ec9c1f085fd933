"""A night's name and its value say the same, whatever stands around it."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from assay.project.params.inputs import Input
from assay.project.partitions import NightNames

TEXT = st.text(st.characters(exclude_characters="/{}\0", exclude_categories=("Cs",)))


@given(value=TEXT.filter(bool), before=TEXT, after=TEXT)
def test_the_value_is_read_back_from_the_name(value: str, before: str, after: str) -> None:
    assume((before + value)[0] not in "._")
    for path in ("in", f"in/{before}{{night}}{after}"):
        names = NightNames.of(path, "day")
        assert names.folder == "in"
        assert names.values([names.name(value)]) == (value,)


def test_other_files_beside_the_nights_are_none_of_them() -> None:
    names = NightNames.of("s3://lake/parcels-{night}.csv", "day")
    others = ["parcels-.csv", "parcels-2024-03-01.csv.tmp", "old.csv", ".parcels-2024-03-01.csv"]
    assert names.values([*others, "parcels-2024-03-01.csv"]) == ("2024-03-01",)
    assert NightNames.of("s3://lake", "day").values(["day", "week=1", "day=a%2Fb"]) == ("a/b",)


@pytest.mark.parametrize("path", ["in/{night}/a.csv", "{night}-{night}.csv", "{night}/in"])
def test_a_night_is_named_once_and_last(path: str) -> None:
    with pytest.raises(ValidationError, match="once, in the name after the last slash"):
        TypeAdapter(Input).validate_python({"format": "csv", "path": path})


def test_a_table_of_a_query_has_all_nights() -> None:
    spec = {"format": "sql", "query": "select :night", "tables": {"t": "in/{night}.parquet"}}
    with pytest.raises(ValidationError, match="whole tables; the query names the night"):
        TypeAdapter(Input).validate_python(spec)
