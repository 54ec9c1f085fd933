from __future__ import annotations

import keyword
import re

from hypothesis import given
from hypothesis import strategies as st

from assay.formats.names import RESERVED, column_names, project_name


def test_names_that_a_person_would_give() -> None:
    given = ["Total Charges (EUR)", "ZipCode", "größe", "class", "2nd try", "%", "🙂", "prediction"]
    assert list(column_names(given).values()) == [
        "total_charges_eur",
        "zip_code",
        "grosse",
        "class_",
        "n_2nd_try",
        "percent",
        "column_7",
        "prediction_",
    ]


def test_names_that_come_out_alike_are_told_apart() -> None:
    found = column_names(["a b", "a-b", "A B", "night"], taken=["night"])
    assert list(found.values()) == ["a_b", "a_b_", "a_b_2", "night_"]


@given(st.lists(st.text(min_size=1), unique=True, max_size=20))
def test_any_names_become_different_words_that_nothing_else_has(given: list[str]) -> None:
    found = list(column_names(given).values())
    assert len(set(found)) == len(given)
    for name in found:
        assert re.fullmatch(r"[a-z_][a-z0-9_]*", name)
        assert not keyword.iskeyword(name) and name not in RESERVED


@given(st.text())
def test_any_text_becomes_the_name_of_a_model(text: str) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9-]*[a-z0-9]", project_name(text))


def test_a_contract_imports_whatever_columns_are_called() -> None:
    """Its class has attributes of its own, and its module imports two others."""
    import pandera.pandas as pa

    own = {name.lower() for name in dir(pa.DataFrameModel) if not name.startswith("_")}
    given = sorted({*own, "pa", "pd", "PA"})
    assert {*column_names(given).values()}.isdisjoint({*own, "pa", "pd"})
