"""Which checks of a contract a device makes, and in which order."""

from __future__ import annotations

import numpy as np
import pytest

from assay.contract.loader import load_contract_text
from assay.edge.rules import DeviceRules, device_rules

HEAD = """
import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

class Rows(pa.DataFrameModel):
    at: Series[pd.Timestamp] = pa.Field(metadata={"role": ["key", "time"]})
    truth: Series[bool] = pa.Field(metadata={"role": "label"})
"""
FEATURE = 'metadata={"role": "feature"})'


def read(*fields: str) -> DeviceRules:
    text = HEAD + "".join(f"    {field}, {FEATURE}\n" for field in fields)
    contract = load_contract_text(text, "contract.py").without_label()
    return device_rules(contract, contract.numeric, contract.categorical)


def test_nulls_come_first_then_types_then_the_rest() -> None:
    found = read(
        "many: Series[int] = pa.Field(ge=0",
        "sure: Series[bool] = pa.Field(nullable=True",
        "name: Series[str] = pa.Field(isin=['b', 'a']",
    )
    assert [(rule.name, rule.kind, rule.place) for rule in found.held] == [
        ("many: not null", "number not null", 0),
        ("name: not null", "text not null", 0),
        ("many: a whole number", "whole", 0),
        ("sure: 0 or 1", "boolean", 1),
        ("many: greater_than_or_equal_to(0)", "range", 0),
        ("name: isin(b, a)", "text in", 0),
    ]
    assert not found.left_out  # the time does not reach a device
    assert found.texts(0) == ["a", "b"]


@pytest.mark.parametrize(
    ("given", "low", "high", "opens"),
    [
        ("gt=1", 1, np.inf, (True, False)),
        ("ge=1.5", 1.5, np.inf, (False, False)),
        ("lt=2", -np.inf, 2, (False, True)),
        ("le=2", -np.inf, 2, (False, False)),
        ("eq=3", 3, 3, (False, False)),
        ("in_range={'min_value': 1, 'max_value': 2, 'include_min': False}", 1, 2, (True, False)),
    ],
)
def test_limits(given: str, low: float, high: float, opens: tuple[bool, bool]) -> None:
    *_, rule = read(f"x: Series[float] = pa.Field(nullable=True, {given}").held
    assert (rule.kind, rule.low, rule.high) == ("range", low, high)
    assert (rule.open_low, rule.open_high) == opens


@pytest.mark.parametrize(
    "field",
    [
        "x: Series[int] = pa.Field(le=2**60 + 1",  # float64 has no such number
        "x: Series[str] = pa.Field(str_matches='a.'",
        "x: Series[str] = pa.Field(isin=['a\\0b']",
        "x: Series[bool] = pa.Field(eq=True",
    ],
)
def test_what_a_device_cannot_check_is_named(field: str) -> None:
    found = read(field)
    assert [name for name in found.left_out if name.startswith("x: ")]
    assert all(
        rule.kind.endswith("not null") or rule.kind in ("whole", "boolean") for rule in found.held
    )
