"""A law: lines that Arrow reads give what Python's parser gives."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from assay.contract.loader import load_contract
from assay.contract.text import text_parser
from assay.contract.text.json_lines import PlainObjects, read_plain_objects
from assay.contract.text.text_parser import LINE, parse_rows
from tests.projects import ROOT

CONTRACT = load_contract(ROOT / "tests" / "parcels" / "data" / "contract.py").without_label()
FITTING = {
    "parcel": ["0", "7", "-12", "123456789012345678"],
    "sent": ['"2024-03-01T10:00:00.5"', '"2024-03-01 10:00+02:00"', '"soon"'],
    "depot": ['"north"', '""', '" s\u00fcd, {x}: "', '"\ufffd"'],
    "weight": ["1.5", "3", "-0.0", "0.1000000000000000055511151", "17976931348623157"],
    "express": ["true", "false"],
    "more": ['"x"', "1.5", "true"],
}
ODD = [
    *(
        "-0",
        "37.0",
        "1e5",
        "1.",
        ".5",
        "01",
        "+1",
        "NaN",
        "-Infinity",
        "1e999",
        "9" * 20,
        "9" * 400,
    ),
    *('"a\\nb"', '"\\u00e9"', '"\\ud800"', '"a\tb"', "'a'", "{}", "[1]", '{"a":1}', "nul", ""),
    *('1,"parcel":2', '1,"zz":2', '1,"more":1,"more":2', '1}{"parcel":3', "1} x", "1,"),
]


@st.composite
def objects(draw: st.DrawFn) -> str:
    keys = [key for key in FITTING if draw(st.integers(0, 9))]
    if not draw(st.integers(0, 9)):
        keys = draw(st.permutations(keys))
    members = []
    for key in keys:
        values = FITTING[key] + ["null"]
        value = draw(st.sampled_from(values if draw(st.integers(0, 19)) else ODD))
        members.append(f'"{key}"{draw(st.sampled_from([":", " : "]))}{value}')
    return "{" + draw(st.sampled_from([",", ", "])).join(members) + "}"


@settings(deadline=None, max_examples=100)
@given(lines=st.lists(objects() | st.sampled_from(["", "[]", "7", '"a"', "{}"]), max_size=6))
@example(lines=['{"parcel":1,"depot":"a"}', '{"parcel":', '2}{"parcel":3}'])
@example(lines=['{"a b-c":1,"parcel":1}', '{"parcel":2,"a b-c":1}', '{"parcel":1,}'])
def test_lines_that_arrow_reads_are_read_as_by_python(lines: list[str]) -> None:
    plain = check_lines(lines)
    event("Arrow read " + ("none" if plain is None else "all" if plain.read.all() else "some"))


def check_lines(lines: list[str]) -> PlainObjects | None:
    """Both readers give the same; returns what Arrow read."""
    batch = pa.record_batch([pa.array(lines, pa.string())], names=[LINE])
    found, broken = parse_rows(CONTRACT, batch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_parser, "read_plain_objects", lambda *_: None)
        expected, missed = parse_rows(CONTRACT, batch)
    # As text, because -0.0 equals 0.0 and NaN does not equal itself.
    assert repr(found.to_pylist()) == repr(expected.to_pylist())
    assert {rule: mask.tolist() for rule, mask in broken.items()} == {
        rule: mask.tolist() for rule, mask in missed.items()
    }
    return read_plain_objects(CONTRACT, batch.column(0))


def test_odd_values_are_left_to_python_in_every_column() -> None:
    for key in FITTING:
        for value in ODD:
            check_lines([f'{{"parcel":1,"{key}":null}}', f'{{"{key}":{value}}}', '{"parcel":2}'])


def test_what_programs_write_is_read_by_arrow() -> None:
    rows = [{"parcel": 1, "depot": "north", "weight": 2.5, "express": True, "none": None}]
    for separators in ((",", ":"), (", ", ": ")):
        lines = [json.dumps(row, separators=separators) for row in [*rows, {"parcel": 2}]]
        plain = read_plain_objects(CONTRACT, pa.array([*lines, "{"]))
        assert plain is not None and plain.read.tolist() == [True, True, False]
        assert plain.columns["parcel"].to_pylist() == [1, 2]
