"""A fairness rule across a column that is not sliced is refused before anything is trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from assay.contract.definition import Contract, Role
from assay.contract.loader import load_contract
from assay.errors import ParamsError
from assay.gate.rules.kinds import read_policy, refuse_early
from assay.project import params
from assay.project.params import Params
from assay.project.tasks import Task
from tests import projects


def asked(across: str, of: str = "auc") -> Params:
    text = (projects.PARCELS / "params.yaml").read_text(encoding="utf-8")
    rule = (
        f"    - {{name: fair, kind: fairness, of: {of}, across: {across}, max_difference: 0.1,"
        " owner: us, because: it must}\n"
    )
    text = text.replace("  behaviour:\n", rule + "  behaviour:\n")
    return params.parse(
        text.replace("min_slice_rows: 100", "min_slice_rows: 100\n  pairs: [[depot, depot2]]"),
        "params.yaml",
    )


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load_contract(Path(projects.PARCELS) / "data/contract.py", "data/contract.py")


@pytest.mark.parametrize("across", ["depot", "depot & depot2"])
def test_what_is_sliced_is_let_through(contract: Contract, across: str) -> None:
    refuse_early(asked(across), contract)


@pytest.mark.parametrize(
    ("across", "fix"),
    [
        ("depo", "Did you mean 'depot'?"),
        ("express", "Give 'express' the role sensitive or slice in data/contract.py"),
        ("hat", "Name a column of data/contract.py that has the role sensitive or slice"),
    ],
)
def test_what_is_not_sliced_is_one_line(contract: Contract, across: str, fix: str) -> None:
    with pytest.raises(ParamsError) as caught:
        refuse_early(asked(across), contract)
    (line,) = caught.value.lines()
    assert line.startswith("params.yaml: gate.rules 'fair': across: ") and line.endswith(fix)
    rule = read_policy(asked(across)).rules[-1]
    assert list(rule.faults(asked(across), contract, "binary")) == [line]


def test_rates_of_errors_are_measured_by_what_is_sensitive(contract: Contract) -> None:
    with pytest.raises(ParamsError) as caught:
        refuse_early(asked("depot", of="false_positive_rate"), contract)
    (line,) = caught.value.lines()
    assert line.startswith(
        "params.yaml: gate.rules 'fair': across: false_positive_rate is measured"
    )
    assert "expected such a column in data/contract.py, found 'depot'" in line
    assert line.endswith("or compare another metric")
    fields = tuple(
        replace(each, roles=(*each.roles, Role.SENSITIVE)) if each.name == "depot" else each
        for each in contract.fields
    )
    people = replace(contract, fields=fields)
    refuse_early(asked("depot", of="false_positive_rate"), people)
    refuse_early(asked("depot", of="selection_rate"), contract)
    fields = tuple(
        replace(each, roles=(*each.roles, Role.SENSITIVE)) if each.name == "express" else each
        for each in contract.fields
    )
    with pytest.raises(ParamsError, match="expected express, found 'depot'"):
        refuse_early(asked("depot", of="false_positive_rate"), replace(contract, fields=fields))


@pytest.mark.parametrize(("task", "faults"), [("binary", 0), ("regression", 1), ("multiclass", 1)])
def test_a_share_of_yes_is_of_binary_models(contract: Contract, task: Task, faults: int) -> None:
    given = asked("depot", of="selection_rate")
    found = list(read_policy(given).rules[-1].faults(given, contract, task))
    assert len(found) == faults
    assert all(f"which a {task} model does not say. Name a metric" in line for line in found)
