"""Which rows are bad: pandera's own verdict, row by row, and nothing that switches it off."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.errors
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.pandas import DataFrameModel

from assay.contract.checks import check_runner
from assay.contract.checks.row_checks import check_rows
from assay.contract.columns import to_frame
from assay.contract.definition import Contract
from assay.contract.loader import load_contract_text
from assay.errors import ContractFileError

SOURCE = """\
import datetime
import pandas as pd
import pandera.pandas as pa

class Row(pa.DataFrameModel):
    id: int = pa.Field(ge=0, lt=90, metadata={"role": "key"})
    at: datetime.datetime = pa.Field(
        ge=pd.Timestamp("2013-01-01"), metadata={"role": "time"}
    )
    wind: float = pa.Field(
        in_range={"min_value": -5, "max_value": 5, "include_max": False},
        nullable=True, metadata={"role": "feature"},
    )
    gust: float = pa.Field(ne=0, metadata={"role": "feature"})
    origin: str = pa.Field(isin=["EWR", "JFK"], metadata={"role": "feature"})
    plane: str = pa.Field(
        str_length=(2, 4), str_matches="N", nullable=True, metadata={"role": "feature"}
    )
    seats: int = pa.Field(notin=[7], nullable=True, metadata={"role": "feature"})
    late: bool = pa.Field(metadata={"role": "label"})

    @pa.check("seats")
    def even(cls, seats: pd.Series) -> pd.Series:
        return seats % 2 == 0

    @pa.check("plane", element_wise=True)
    def short(cls, plane: str) -> bool:
        return len(plane) < 4

    @pa.check("wind", ignore_na=False)
    def there(cls, wind: pd.Series) -> pd.Series:
        return wind.notna()

    @pa.dataframe_check
    def gusts(cls, frame: pd.DataFrame) -> pd.Series:
        return frame["gust"] >= frame["wind"]

    @pa.dataframe_check(element_wise=True)
    def plane_of_jfk(cls, row: pd.Series) -> bool:
        return row["origin"] != "JFK" or row["plane"] != "N1"
"""
CONTRACT = load_contract_text(SOURCE, "c.py")

GOOD = {
    "id": 1,
    "at": "2013-07-01T10:00:00",
    "wind": 0.5,
    "gust": 1.0,
    "origin": "EWR",
    "plane": "N1",
    "seats": 2,
    "late": True,
}
# Most values of a row are good, so that most rules see several rows and few fail at once.
OTHER = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from([-1, 0, 89, 90, None]),
        "at": st.sampled_from(["2012-12-31", "2013-01-01", None]),
        "wind": st.sampled_from([-5.0, -5.5, 4.9, 5.0, None, float("nan")]),
        "gust": st.sampled_from([0.0, 6.0, None, float("nan")]),
        "origin": st.sampled_from(["JFK", "LGA", "", None]),
        "plane": st.sampled_from(["N", "N12", "N1234", "X12", None]),
        "seats": st.sampled_from([7, 8, 9, None]),
        "late": st.sampled_from([False, None]),
    },
)
FEW = OTHER.map(lambda other: GOOD | dict(list(other.items())[:2]))
ROWS = st.lists(st.just(GOOD) | FEW | FEW, max_size=12)


def table_of(rows: list[dict[str, object]]) -> pa.Table:
    def column(name: str, kind: pa.DataType) -> pa.Array:
        values = [row[name] for row in rows]
        if name == "at":
            values = [None if each is None else pd.Timestamp(str(each)) for each in values]
        return pa.array(values, kind)

    return pa.table(
        {
            "id": column("id", pa.int32()),
            "at": column("at", pa.timestamp("ms")),
            "wind": column("wind", pa.float64()),
            "gust": column("gust", pa.float32()),
            "origin": column("origin", pa.string()).dictionary_encode(),
            "plane": column("plane", pa.string()),
            "seats": column("seats", pa.int64()),
            "late": column("late", pa.bool_()),
        }
    )


def peer() -> type[DataFrameModel]:
    """The same model, made by pandera alone."""
    namespace: dict[str, Any] = {"__name__": "peer"}
    exec(compile(SOURCE, "peer", "exec", dont_inherit=True), namespace)
    model: type[DataFrameModel] = namespace["Row"]
    return model


PEER = peer()


def pandera_bad(frame: pd.DataFrame) -> set[int]:
    """The rows that pandera's own lazy validation reports."""
    try:
        PEER.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        cases = errors.failure_cases
        cases = cases[~cases["check"].str.startswith("dtype(")]
        assert cases["index"].notna().all(), cases
        return set(cases["index"].astype(int))
    return set()


# pandera's own report of several broken rules is put together in a way that pandas will change.
@pytest.mark.filterwarnings("ignore:The behavior of DataFrame concatenation:FutureWarning")
@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_the_bad_rows_are_panderas(rows: list[dict[str, object]]) -> None:
    table = table_of(rows)
    ours = check_rows(CONTRACT, table)
    assert set(np.flatnonzero(ours.bad)) == pandera_bad(to_frame(CONTRACT, table))


@settings(max_examples=60, deadline=None)
@given(ROWS, st.integers(0, 12))
def test_a_row_does_not_depend_on_its_batch(rows: list[dict[str, object]], cut: int) -> None:
    table = table_of(rows)
    whole = check_rows(CONTRACT, table)
    parts = [check_rows(CONTRACT, each) for each in (table[:cut], table[cut:])]
    assert whole.bad.tolist() == [bad for part in parts for bad in part.bad]
    assert whole.reasons() == [each for part in parts for each in part.reasons()]
    assert all(mask.any() for mask in whole.broken.values())
    assert (sum(whole.broken.values(), np.zeros(len(rows), int)) > 0).tolist() == whole.bad.tolist()


def simple(check: str, kind: str = "float", options: str = "nullable=True, ") -> Contract:
    return load_contract_text(
        f"""\
import datetime
import numpy as np
import pandas as pd
import pandera.pandas as pa
class Row(pa.DataFrameModel):
    id: int = pa.Field(metadata={{"role": "key"}})
    at: datetime.datetime = pa.Field(metadata={{"role": "time"}})
    x: {kind} = pa.Field({options}metadata={{"role": "feature"}})
    late: bool = pa.Field(metadata={{"role": "label"}})
{check}
""",
        "c.py",
    )


def batch(x: pa.Array) -> pa.RecordBatch:
    n = len(x)
    return pa.record_batch(
        {
            "id": pa.array(range(n)),
            "at": pa.array([0] * n, pa.timestamp("us")),
            "x": x,
            "late": pa.array([True] * n),
        }
    )


def column_check(body: str) -> str:
    return f'    @pa.check("x", ignore_na=False)\n    def rule(cls, x):\n        {body}\n'


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("return x > 0 if len(x) == 0 else 1 / 0", "ZeroDivisionError: division by zero"),
        ("return x > 0 if len(x) == 0 else bool((x > 0).all())", "one bool for the whole table"),
        ("return x > 0 if len(x) == 0 else np.bool_(True)", "one bool for the whole table"),
        ("return x > 0 if len(x) == 0 else None", "a value of type NoneType"),
        ("return x + 1", "values of type float"),
        ("return (x > 0).iloc[1:]", "1 answers for 2 rows"),
        ("return (x > 0).set_axis(range(5, 5 + len(x)))", "another index"),
        ("return (x > 0).set_axis([0] * len(x))", "another index"),
    ],
)
def test_an_unusable_check_is_an_error_and_never_a_pass(body: str, found: str) -> None:
    with pytest.raises(ContractFileError) as caught:
        check_rows(simple(column_check(body)), batch(pa.array([1.0, 2.0])))
    line = caught.value.line()
    assert line.startswith("c.py:11: rule 'x: rule' ")
    assert found in line


SOON = """\
    @pa.dataframe_check
    def soon(cls, frame):
        return frame["at"] + pd.Timedelta(days=30) > pd.Timestamp("2013-01-01")
"""


def at(*days: str) -> pa.RecordBatch:
    times = pa.array([pd.Timestamp(day) for day in days], pa.timestamp("us"))
    rows = batch(pa.array([1.0] * len(days)))
    return rows.set_column(1, "at", times)


def test_a_row_that_a_rule_fails_for_breaks_it_alone() -> None:
    # pandas adds in nanoseconds, in which there is no year 9999.
    result = check_rows(simple(SOON), at("2013-01-01", "9999-12-31", "2012-01-01", "2013-02-01"))
    assert result.reasons() == [["soon"], ["soon"]]
    assert result.bad.tolist() == [False, True, True, False]


def test_rows_that_a_rule_fails_for_are_refused_without_others_beside_them() -> None:
    for days in (["9999-12-31"], ["9999-12-31", "9999-12-30", "9999-12-31"]):
        assert check_rows(simple(SOON), at(*days)).reasons() == [["soon"]] * len(days)


def test_a_rule_that_fails_for_too_many_rows_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = at("2013-01-01", *(f"9999-12-{day}" for day in range(10, 20)))
    assert check_rows(simple(SOON), rows).bad.tolist() == [False, *[True] * 10]
    monkeypatch.setattr(check_runner, "MOST_TRIES", 10)
    with pytest.raises(ContractFileError, match=r"OutOfBoundsDatetime.*for very many rows"):
        check_rows(simple(SOON), rows)


CODES = st.lists(st.sampled_from(["7", "-7", "x", "", "12"]), min_size=1, max_size=20)


@given(CODES)
def test_it_fails_for_the_rows_that_it_fails_for_alone(codes: list[str]) -> None:
    body = """\
    @pa.check("x", element_wise=True)
    def number(cls, x):
        return int(x) > 0
"""
    contract = simple(body, "str")
    alone = {"7": True, "12": True, "-7": False, "x": False, "": False}
    bad = check_rows(contract, batch(pa.array(codes))).bad
    assert bad.tolist() == [not alone[code] for code in codes]


@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_memory_that_runs_out_breaks_no_row(monkeypatch: pytest.MonkeyPatch, fails_at: int) -> None:
    calls = iter(range(1, 9))
    real = check_runner.call_check

    def short(*given: Any) -> Any:
        if next(calls) == fails_at:
            raise MemoryError
        return real(*given)

    monkeypatch.setattr(check_runner, "call_check", short)
    with pytest.raises(MemoryError):
        check_rows(simple(SOON), at("2013-01-01", "9999-12-31", "2013-02-01", "2013-02-02"))


def test_a_rule_that_looks_at_other_rows_is_not_asked_about_parts() -> None:
    body = """\
    @pa.check("x")
    def largest(cls, x):
        return x == x.map(lambda one: 1 / (one - 2)).max()
"""
    told = "ZeroDivisionError.*With element_wise=True it would refuse only the rows"
    with pytest.raises(ContractFileError, match=told):
        check_rows(simple(body), batch(pa.array([1.0, 2.0, 3.0])))


@pytest.mark.parametrize(
    "body",
    [
        "return (x > 0).astype(object).where(x < 9, None)",
        "return (x > 0).astype(object).where(x < 9, np.nan)",
        "return (x > 0).astype('boolean').where(x < 9, pd.NA)",
        "return (x > 0)[::-1] & (x < 9)[::-1]",
    ],
)
def test_a_null_answer_is_broken_and_answers_align_by_index(body: str) -> None:
    result = check_rows(simple(column_check(body)), batch(pa.array([1.0, -1.0, 9.0, 2.0])))
    assert result.bad.tolist() == [False, True, True, False]


def test_a_frame_check_may_answer_cell_by_cell() -> None:
    check = "    @pa.dataframe_check\n    def cells(cls, frame):\n        return frame != 2\n"
    result = check_rows(simple(check), batch(pa.array([1.0, 2.0, None])))
    # The last row's id is 2.
    assert result.reasons() == [["cells"], ["cells"]]


def test_a_frame_check_on_the_label_is_explained_when_only_rows_reveal_it() -> None:
    check = (
        "    @pa.dataframe_check\n    def sneaky(cls, frame):\n"
        '        return frame["id"] >= 0 if len(frame) == 0 else frame["late"]\n'
    )
    contract = simple(check)
    rows = batch(pa.array([1.0]))
    assert not check_rows(contract, rows).bad.any()
    with pytest.raises(ContractFileError, match="needs the label 'late'"):
        check_rows(contract.without_label(), rows.drop_columns(["late"]))


def test_infinity_is_a_value_and_never_fine() -> None:
    rows = batch(pa.array([1.0, float("inf"), float("-inf"), float("nan"), None]))
    assert check_rows(simple(""), rows).broken["x: finite"].tolist() == [
        *[False, True, True],
        *[False, False],
    ]
    strict = check_rows(simple("", options=""), rows)
    assert strict.reasons() == [["x: finite"]] * 2 + [["x: not null"]] * 2


@pytest.mark.parametrize("nulls", [[], [None]])
def test_a_nullable_integer_is_checked_as_an_integer(nulls: list[None]) -> None:
    body = (
        '    @pa.check("x")\n    def rule(cls, x):\n'
        '        return x.astype(str) == "9007199254740993"\n'
    )
    rows = batch(pa.array([2**53 + 1, 3, *nulls]))
    result = check_rows(simple(body, kind="int"), rows)
    assert result.bad.tolist() == [False, True, *[False for _ in nulls]]


def test_other_rules_do_not_see_rows_with_forbidden_nulls() -> None:
    body = '    @pa.check("x")\n    def rule(cls, x):\n        return x % 2 == (x.dtype != "int64")'
    contract = simple(body, kind="int", options="")
    assert check_rows(contract, batch(pa.array([2, None, 3]))).reasons() == [
        ["x: not null"],
        ["x: rule"],
    ]


def test_all_null_and_no_rows() -> None:
    contract = simple("", options="")
    assert check_rows(contract, batch(pa.array([None, None], pa.float64()))).bad.all()
    empty = check_rows(contract, batch(pa.array([], pa.float64())))
    assert (empty.bad.shape, empty.broken, empty.reasons()) == ((0,), {}, [])


SWITCHED_OFF = """\
import pyarrow as pa
from assay.contract.loader import load_contract_text
from assay.contract.checks import check_runner
from assay.contract.checks.row_checks import check_rows
contract = load_contract_text(open("c.py").read(), "c.py")
import datetime
table = pa.table({
    "id": [1, -1], "at": [datetime.datetime(2013, 1, 2)] * 2, "wind": [0.0, 9.0],
    "gust": [1.0, 1.0], "origin": ["EWR", "LGA"], "plane": ["N1", None], "seats": [2, None],
    "late": [True, False],
})
print(check_rows(contract, table).reasons())
"""


@pytest.mark.parametrize(
    "switch",
    [
        {},
        {"PANDERA_VALIDATION_ENABLED": "False"},
        {"PANDERA_VALIDATION_DEPTH": "SCHEMA_ONLY"},
        {"PANDERA_USE_NARWHALS_BACKEND": "True"},
    ],
)
def test_no_environment_variable_switches_the_contract_off(
    switch: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "c.py").write_text(SOURCE, encoding="utf-8")
    root = Path(__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": str(root), **switch}
    done = subprocess.run(
        [sys.executable, "-c", SWITCHED_OFF], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(
        [
            [
                "id: greater_than_or_equal_to(0)",
                "wind: in_range(-5, 5, include_max=False)",
                "origin: isin(EWR, JFK)",
                "gusts",
            ]
        ]
    )
