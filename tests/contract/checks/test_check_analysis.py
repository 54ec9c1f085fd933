"""What the text of a check proves, and that nothing else is taken for a proof."""

from __future__ import annotations

from dataclasses import replace
from textwrap import dedent, indent

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.contract.checks.row_checks import check_rows
from assay.contract.columns import Columns
from assay.contract.definition import Contract, Rule
from assay.contract.loader import load_contract_text

HEAD = """\
import datetime
import functools
import pandas as pd
import pandera.pandas as pa

LIMIT = 3
LIMITS = (2013, 1, 1)

def width(frame):
    return frame.notna().sum(axis=1)

def twice(function):
    @functools.wraps(function)
    def wrapper(cls, frame):
        return width(frame) > 5
    return wrapper

class Row(pa.DataFrameModel):
    id: int = pa.Field(metadata={"role": "key"})
    at: datetime.datetime = pa.Field(metadata={"role": "time"})
    origin: str = pa.Field(nullable=True, metadata={"role": "feature"})
    dest: str = pa.Field(metadata={"role": "feature"})
    wind: float = pa.Field(nullable=True, metadata={"role": "feature"})
    size: float = pa.Field(nullable=True, metadata={"role": "feature"})
    late: bool = pa.Field(nullable=True, metadata={"role": "label"})

"""


def contract_with(body: str) -> Contract:
    return load_contract_text(HEAD + indent(dedent(body), "    "), "c.py")


def frame_rule(body: str, decorator: str = "@pa.dataframe_check") -> Rule:
    lines = indent(dedent(body), "    ")
    return contract_with(f"{decorator}\ndef rule(cls, rows):\n{lines}\n").frame_rules[-1]


@pytest.mark.parametrize(
    ("body", "reads"),
    [
        ('return rows["origin"] != rows["dest"]', ("origin", "dest")),
        ("return rows.origin != rows.dest", ("origin", "dest")),
        ('"""Said."""\nreturn ~(rows["wind"].isna() | (rows["wind"] <= 24 * 60 - 1))', ("wind",)),
        (
            'high = rows["wind"] > -1\nreturn high & rows["origin"].isin(["A", "B"])',
            ("wind", "origin"),
        ),
        ('return rows["at"].dt.hour * 60 + rows["at"].dt.minute == rows["id"]', ("at", "id")),
        ('return rows["dest"].str.len() == 3', ("dest",)),
        ('return rows["dest"].str.startswith("A") | (rows["wind"].abs() < 9)', ("dest", "wind")),
        ('return rows["wind"].between(-1, 1)', ("wind",)),
        ('return rows["at"] + pd.Timedelta(days=1) > pd.Timestamp("2013-01-01")', ("at",)),
    ],
)
def test_rules_that_look_at_one_row_at_a_time(body: str, reads: tuple[str, ...]) -> None:
    rule = frame_rule(body)
    assert (set(rule.reads or ()), rule.rowwise) == (set(reads), True)


@pytest.mark.parametrize(
    "body",
    [
        'return rows["wind"] >= rows["wind"].mean()',
        'return rows["id"].duplicated()',
        'return rows["wind"].shift(1) != rows["wind"]',
        'return rows["wind"].fillna(method="ffill") > 0',
        'return rows["wind"].isin(rows["id"])',
        'return rows["wind"] > LIMIT',
        'return rows["at"] >= pd.Timestamp(rows["at"].max())',
        'return rows["at"] >= pd.Timestamp(*LIMITS)',
        'return pd.Series("%s" % rows["dest"] == "x", index=rows["dest"].index)',
        'return rows["wind"].map(lambda wind: wind > 0)',
        'return 0 < rows["wind"].rank()',
        'wind = rows["wind"]\nwind[0] = 1\nreturn wind > 0',
        'if len(rows["wind"]) > 2:\n    return rows["wind"] > 0\nreturn rows["wind"] < 0',
        'return (rows["wind"] > 0) if rows["wind"].any() else (rows["wind"] < 9)',
    ],
)
def test_rules_that_may_look_at_other_rows(body: str) -> None:
    rule = frame_rule(body)
    assert rule.reads is not None
    assert not rule.rowwise


@pytest.mark.parametrize(
    "body",
    [
        "return width(rows) > 5",
        "return rows.size > rows['id']",  # not the column: how many cells there are
        "return rows.__id > rows['id']",  # Python reads rows._Row__id
        "return rows.count(axis=1) > 5",
        "return rows.isna().sum(axis=1) < 3",
        "return rows.iloc[:, 0] > 0",
        "return rows[rows.columns[0]] > 0",
        'return rows[["id", "wind"]].sum(axis=1) > 0',
        'name = "wind"\nreturn rows[name] > 0',
        'return rows["wind"] > len(rows)',
        'return rows["wind"] > eval("len(rows)")',
        'return rows["wind"] > locals()["rows"].shape[1]',
        'rows["wind"] = 1\nreturn rows["wind"] > 0',
        'rows = rows.dropna()\nreturn rows["wind"] > 0',
        "return rows != 2",
    ],
)
def test_rules_that_may_read_any_column(body: str) -> None:
    rule = frame_rule(body)
    assert (rule.reads, rule.rowwise) == (None, False)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (
            """
            @pa.dataframe_check
            @twice
            def rule(cls, rows):
                return rows["wind"] > 0
            """,
            "wrapped",
        ),
        (
            """
            def rule(cls, rows):
                return rows["wind"] > 0
            @pa.dataframe_check(name="rule")
            def other(cls, rows):
                return width(rows) > 5
            """,
            "called as another one",
        ),
        (
            """
            @pa.dataframe_check
            def rule(cls, rows):
                return rows["wind"] > 0
            rule = pa.dataframe_check(name="rule")(lambda cls, rows: width(rows) > 5)
            """,
            "replaced",
        ),
        (
            """
            @pa.dataframe_check
            def rule(cls, rows, limit=3):
                return rows["wind"] > limit
            """,
            "more arguments",
        ),
    ],
)
def test_another_text_than_the_one_that_runs_proves_nothing(body: str, why: str) -> None:
    (rule,) = contract_with(body).frame_rules
    assert (rule.reads, rule.rowwise) == (None, False), why


def test_the_text_that_runs_is_found_among_others_of_its_name() -> None:
    first = "@pa.dataframe_check\ndef rule(cls, rows):\n    return width(rows) > 5\n"
    (rule,) = contract_with(
        first + first.replace("width(rows) > 5", 'rows["wind"] > 0')
    ).frame_rules
    assert (rule.reads, rule.rowwise) == (("wind",), True)
    # As many lines into another file as the method that it takes the place of.
    line = HEAD.count("\n") + 1
    decoy = 'def rule(cls, rows):\n    return rows["wind"] > 0\n'
    other = "\n" * (line - 1) + "def rule(cls, rows):\n    return rows.notna().sum(axis=1) > 5\n"
    made = f"_made = {{}}\nexec(compile({other!r}, 'other.py', 'exec'), _made)\n"
    (rule,) = contract_with(f'{decoy}{made}rule = pa.dataframe_check(_made["rule"])\n').frame_rules
    assert (rule.reads, rule.rowwise) == (None, False)


def test_checks_of_a_column() -> None:
    contract = contract_with(
        """
        @pa.check("dest")
        def upper(cls, dest):
            return dest.str.upper() == dest

        @pa.check("dest")
        def sorted_(cls, dest):
            return dest >= dest.shift(1).fillna("")

        @pa.check("dest", element_wise=True)
        def short(cls, dest):
            return len(dest) < 4
        """
    )
    known = {rule.name: rule.rowwise for rule in contract.field("dest").rules[1:]}
    assert known == {"dest: upper": True, "dest: sorted_": False, "dest: short": True}


RULES = contract_with(
    """
    @pa.dataframe_check
    def elsewhere(cls, rows):
        return rows["dest"] != rows["origin"]

    @pa.dataframe_check
    def calm(cls, rows):
        return (rows["origin"] == "JFK") | (rows["wind"] < 5)

    @pa.dataframe_check
    def first_hour(cls, rows):
        hour = rows["at"].dt.hour
        return (hour == 0) & (rows["id"] % 3 != 2)

    @pa.dataframe_check
    def signs(cls, rows):
        return 1 / rows["wind"] > 0

    @pa.dataframe_check
    def known(cls, rows):
        return rows.notna().sum(axis=1) >= 5

    @pa.dataframe_check
    def grows(cls, rows):
        return rows["wind"].shift(1) != rows["wind"]

    @pa.dataframe_check(element_wise=True)
    def other_letter(cls, row):
        return row["origin"] is None or row["origin"][:1] != row["dest"][:1]

    @pa.dataframe_check(element_wise=True)
    def whole_number(cls, row):
        return isinstance(row["id"], int) and row["wind"] != 2

    @pa.check("dest")
    def upper(cls, dest):
        return dest.str.upper() == dest

    @pa.check("dest", element_wise=True)
    def short(cls, dest):
        return len(dest) < 4
    """
).without_label()
UNPROVEN = replace(
    RULES,
    fields=tuple(
        replace(each, rules=tuple(replace(rule, rowwise=False) for rule in each.rules))
        for each in RULES.fields
    ),
    frame_rules=tuple(replace(rule, reads=None, rowwise=False) for rule in RULES.frame_rules),
)
NAMES = st.sampled_from(["JFK", "EWR", "jfk", "J", "LONG"])
KIND = st.tuples(
    st.integers(0, 3),
    st.sampled_from([0, 1, 3_600_000_000]),
    NAMES | st.none(),
    NAMES,
    st.sampled_from([0.0, -0.0, 2.0, 7.0, None]),
)


@settings(deadline=None)
@given(st.lists(st.tuples(KIND, st.integers(1, 12)), max_size=6), st.booleans(), st.data())
def test_what_is_proven_makes_no_difference_to_the_outcome(
    runs: list[tuple[tuple[object, ...], int]], shuffled: bool, data: st.DataObject
) -> None:
    rows = [kind for kind, times in runs for _ in range(times)]
    if shuffled:
        rows = data.draw(st.permutations(rows))
    columns = list(zip(*rows, strict=True)) or [()] * 5
    kinds = [pa.int64(), pa.timestamp("us"), pa.string(), pa.string(), pa.float64()]
    names = ["id", "at", "origin", "dest", "wind"]
    table = pa.table(
        {
            name: pa.array(values, kind)
            for name, values, kind in zip(names, columns, kinds, strict=True)
        }
    )
    table = table.append_column("size", pa.nulls(len(rows), pa.float64()))
    proven, asked = check_rows(RULES, table), check_rows(UNPROVEN, table)
    assert {name: mask.tolist() for name, mask in proven.broken.items()} == {
        name: mask.tolist() for name, mask in asked.broken.items()
    }
    assert proven.bad.tolist() == asked.bad.tolist()


def test_a_rule_cannot_change_what_the_model_sees() -> None:
    contract = contract_with(
        """
        @pa.dataframe_check
        def vandal(cls, rows):
            rows.loc[:, "wind"] = 99.0
            return rows["wind"] > 0

        @pa.check("wind", name="in place")
        def also(cls, wind):
            wind.iloc[:] = 98.0
            return wind > 0

        @pa.dataframe_check
        def narrow(cls, rows):
            rows["wind"].values[:] = 97.0
            return rows["wind"] > 0
        """
    ).without_label()
    table = pa.table(
        {
            "id": [1, 2],
            "at": pa.array([0, 0], pa.timestamp("us")),
            "origin": ["A", "B"],
            "dest": ["B", "A"],
            "wind": [1.0, -1.0],
            "size": [1.0, 1.0],
        }
    )
    columns = Columns(contract, table)
    assert not check_rows(contract, columns).bad.any()
    assert columns.numbers("wind").tolist() == [1.0, -1.0]
    assert np.array_equal(table["wind"].to_numpy(), [1.0, -1.0])
