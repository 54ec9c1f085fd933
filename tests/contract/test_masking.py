"""Cells of sensitive columns are masked where rows are shown, and stay what they are elsewhere."""

from __future__ import annotations

import pyarrow as pa

from assay.contract.checks.row_checks import check_rows
from assay.contract.definition import MASK, Contract, Field, Role, Rule
from assay.contract.result import Examples, row_results
from tests.contract.tables import contract


def people() -> Contract:
    return contract(
        Field("id", (Role.KEY,), "integer", False, 1),
        Field(
            "sex",
            (Role.SENSITIVE, Role.FEATURE),
            "string",
            False,
            2,
            rules=(Rule("sex: not null", "not null", ("sex", "town"), "sex", 2),),
        ),
        Field(
            "town",
            (Role.SENSITIVE,),
            "string",
            False,
            3,
            rules=(Rule("town: not null", "not null", ("town", "sex"), "town", 3),),
        ),
    )


def test_an_empty_cell_stays_visible() -> None:
    row = {"id": 7, "sex": "f", "town": None}
    assert people().mask_row(row) == {"id": 7, "sex": MASK, "town": None}
    assert row["sex"] == "f"


def test_examples_of_bad_rows_hide_what_is_sensitive() -> None:
    table = pa.table({"id": [1, 2], "sex": [" f", None], "town": [None, "Ulm"]})
    examples = Examples(people())
    examples.add(table, check_rows(people(), table))
    assert examples.rows == {
        "sex: not null": [{"sex": None, "town": MASK, "id": 2}],
        "town: not null": [{"town": None, "sex": MASK, "id": 1}],
    }
    told = str([each.tree() for each in row_results(people(), examples.counts, 2, examples.rows)])
    assert MASK in told and "Ulm" not in told and "' f" not in told
