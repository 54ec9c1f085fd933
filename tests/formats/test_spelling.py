from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import SourceError
from assay.formats.definition import ColumnFormat, parse, spell

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
WORDS = st.lists(TEXT, max_size=3, unique=True).map(tuple)
FORMATS = st.one_of(
    st.builds(
        ColumnFormat,
        st.just("a"),
        st.sampled_from(["integer", "float"]),
        decimal=TEXT,
        thousands=st.just("") | TEXT,
        prefix=st.just("") | TEXT,
        suffix=st.just("") | TEXT,
        kept=WORDS,
    ),
    st.builds(ColumnFormat, st.just("a"), st.just("string"), kept=WORDS),
    st.builds(ColumnFormat, st.just("a"), st.just("boolean"), true=WORDS, false=WORDS, kept=WORDS),
    st.builds(
        ColumnFormat, st.just("a"), st.just("timestamp"), time_format=st.none() | TEXT, kept=WORDS
    ),
)


@given(FORMATS)
def test_what_is_spelt_is_parsed_again(column: ColumnFormat) -> None:
    assert parse("a", spell(column)) == column


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("integer", ColumnFormat("a", "integer")),
        ("float decimal=, thousands=.", ColumnFormat("a", "float", decimal=",", thousands=".")),
        ("float suffix=%", ColumnFormat("a", "float", suffix="%")),
        ('float thousands=" "', ColumnFormat("a", "float", thousands=" ")),
        ("text keep=NA", ColumnFormat("a", "string", kept=("NA",))),
        ("boolean true=ja|j", ColumnFormat("a", "boolean", true=("ja", "j"))),
        ("time", ColumnFormat("a", "timestamp")),
        ("time %d.%m.%Y %H:%M", ColumnFormat("a", "timestamp", time_format="%d.%m.%Y %H:%M")),
    ],
)  # fmt: skip
def test_a_person_can_write_it(text: str, column: ColumnFormat) -> None:
    assert parse("a", text) == column and spell(column) == text


@pytest.mark.parametrize(
    "text",
    ["", "int", "integer x", "float size=3", "text decimal=,", "float decimal=,|.", 'text keep="'],
)  # fmt: skip
def test_what_states_no_type_is_refused(text: str) -> None:
    with pytest.raises(SourceError, match=r"columns\['a'\]: is no type of a column"):
        parse("a", text)
