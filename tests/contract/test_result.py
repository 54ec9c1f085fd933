"""result.json: what is written can be read, and nothing else can."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pyarrow as pa
import pytest

from assay.contract.checks.row_checks import check_rows
from assay.contract.definition import MASK, Contract, Field, Role, Rule
from assay.contract.result import ContractResult, Examples, row_results
from assay.errors import DataError
from tests.contract.tables import contract as contract_of
from tests.gate.build import contract

FOUND = contract(ok=False, bad_rows=3, broken=("unique_key", "depot: not null"))
RULE = FOUND.tree()["rules"][0]


def test_what_is_written_is_what_is_read() -> None:
    found = ContractResult.parse(FOUND.text(), "result.json")
    assert found == FOUND
    assert found.broken == ("unique_key", "depot: not null")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schema": 2}, "schema is 2, not 1"),
        ({"ok": "yes"}, "ok is 'yes', not true or false"),
        ({"where": ""}, "where is '', not a text"),
        ({"rows": -1}, "rows is -1, not 0 or more"),
        ({"bad_rows": None}, "bad_rows is null, not a whole number"),
        ({"rules": {}}, "rules is a mapping, not a list"),
        ({"rules": [{**RULE, "broken": 1}]}, "rules[0].broken is 1, not true or false"),
        ({"rules": [{"rule": "unique_key", "kind": "table"}]}, "rules[0].broken is missing"),
        ({"rules": [{**RULE, "kind": "rumour"}]}, "rules[0].kind is 'rumour', not 'row' or"),
        ({"rules": [{**RULE, "hat": 1}]}, "rules[0].hat is no key that belongs here"),
    ],
)
def test_a_file_that_somebody_edited_is_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(DataError) as caught:
        ContractResult.parse(json.dumps({**FOUND.tree(), **change}), "result.json")
    assert caught.value.line().startswith("result.json: not a contract's result: ")
    assert told in caught.value.line()
    assert "dvc repro contract" in caught.value.line()


def test_a_file_that_was_cut_short_is_refused() -> None:
    for name in FOUND.tree():
        tree = {key: value for key, value in FOUND.tree().items() if key != name}
        with pytest.raises(DataError, match=f"{name} is missing"):
            ContractResult.parse(json.dumps(tree), "result.json")
    with pytest.raises(DataError, match="not a contract's result"):
        ContractResult.parse(FOUND.text()[:-10], "result.json")


def test_who_reads_it_does_not_load_what_checks_a_table() -> None:
    script = (
        "import sys, assay.contract.result\n"
        "assert not {'pyarrow', 'assay.contract.checks.row_checks'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def people() -> Contract:
    return contract_of(
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
