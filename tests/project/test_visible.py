"""Blanks at the ends of what users wrote are seen, wherever it is shown."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from assay.cli import terminal
from assay.cli.show import monitored
from assay.columns.grid import CategoryGrid
from assay.columns.profile import ColumnProfile
from assay.contract.columns import Columns
from assay.contract.load import load_source
from assay.contract.schema import check_schema, read_as
from assay.errors import LabelError, SchemaMismatch, SourceError
from assay.gate.behaviour.result import Example
from assay.metrics.truth import truth_of
from assay.monitor.drift.drift import DriftFinding
from assay.monitor.performance import take_labels as taken
from assay.monitor.performance.read_labels import Names, read, truths
from assay.monitor.table.count_rows import fit
from assay.pages.bars import bars
from assay.project.params import Window
from assay.project.visible import quoted, retold, visible
from assay.score.inputs.files import Listed
from assay.score.inputs.text_heads import Head, check_csv, json_head
from assay.score.keys import confirmed, hashes
from assay.training.tables.ingest import _checked
from assay.training.tables.split import label_facts

CONTRACT = """
import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series


class Row(pa.DataFrameModel):
    at: Series[pd.Timestamp] = pa.Field(metadata={"role": "time"})
    depot: Series[str] = pa.Field(metadata={"role": "key"})
    weight: Series[float] = pa.Field(nullable=True, metadata={"role": "feature"})
    late: Series[bool] = pa.Field(nullable=True, metadata={"role": "label"})
"""


@pytest.fixture(scope="module")
def contract() -> Any:
    return load_source(CONTRACT, "c.py")


def test_only_blanks_at_the_ends_are_marked() -> None:
    assert [visible(each) for each in ("JFK ", "JFK", "J K", " ", 1.5)] == [
        *("'JFK␣'", "JFK", "J K", "'␣'", "1.5"),
    ]
    assert [quoted(each) for each in ("JFK\t", "JFK", 1.5)] == ["'JFK⇥'", "'JFK'", "1.5"]
    told = "don't read '12 ' and 'a b' as isn't 'x'"
    assert retold(told) == "don't read '12␣' and 'a b' as isn't 'x'"


def test_a_column_that_is_missing_and_the_one_it_may_be(contract: Any) -> None:
    types = {"at": pa.timestamp("us"), "depot ": pa.string(), "weight": pa.float64()}
    schema = pa.schema([*types.items(), ("late", pa.bool_())])
    with pytest.raises(SchemaMismatch, match=r"'depot' is missing .*found 'depot␣': renamed"):
        check_schema(contract, schema, "a table")
    with pytest.raises(SchemaMismatch, match=r"x\.csv: column 'depot' is missing .*'depot␣'"):
        check_csv(contract, Head((*types, "late"), ",".join((*types, "late")), True), "x.csv")


def test_the_beginning_of_a_file_that_is_another(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text("[1, 2] \n", encoding="utf-8")
    with pytest.raises(SourceError, match=r"found '\[1, 2\]␣'"):
        json_head(Listed(str(path), path.name, 8, 0))


def test_a_cell_that_a_library_could_not_read(contract: Any) -> None:
    (weight,) = [field for field in contract.fields if field.name == "weight"]
    with pytest.raises(SchemaMismatch, match="'heavy␣'"):
        read_as(weight, pa.table({"weight": ["heavy "]}))


def test_columns_that_a_source_has() -> None:
    with pytest.raises(SourceError, match="found 'date␣', x"):
        _checked(pa.table({"date ": ["2013-01-01"], "x": [1]}), "date", "data/source.py")


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("depot ,late\na,1\n", SchemaMismatch, "'depot' is missing, found 'depot␣', late"),
        ("depot,late\na, perhaps \n", LabelError, "found '␣perhaps␣'"),
        ("depot,late\na ,1\na ,0\n", LabelError, "the key depot='a␣' has two truths"),
    ],
)
def test_files_of_labels(tmp_path: Path, text: str, error: Any, words: str) -> None:
    path = tmp_path / "truths.csv"
    path.write_text(text, encoding="utf-8")
    keys, names = pa.schema([("depot", pa.string())]), Names(("depot",), "late")
    with pytest.raises(error, match=words):
        truths(read(path), names, keys, "binary", "truths.csv", pd.Timestamp.now("UTC"))


def test_keys_that_no_night_knows() -> None:
    assert taken._first(pa.table({"depot": ["north "], "n": [1]})) == "depot='north␣', n=1"


def test_keys_that_repeat(contract: Any) -> None:
    table = pa.table({"at": [datetime(2013, 1, 1)] * 2, "depot": ["a ", "a "]})
    suspects = {int(hashes(Columns(contract, table))[0]): 2}
    assert confirmed(contract, suspects, lambda: iter([table])).examples == ("depot='a␣'",)


def test_classes_of_a_label() -> None:
    with pytest.raises(LabelError, match=r"expected early, 'late␣'.*found '␣late'"):
        truth_of(pd.Series([" late"], name="k"), "multiclass", ("early", "late "), "holdout")
    window = Window.model_validate({"from": "2013-01-01", "to": "2013-01-02"})
    with pytest.raises(LabelError, match="'late␣' in 2 rows"):
        label_facts(pa.table({"k": ["late ", "late "]}), "k", "multiclass", "train", window)


def test_drift_of_columns_and_categories(capsys: pytest.CaptureFixture[str]) -> None:
    grid = CategoryGrid(("a", "b "))
    schema = pa.schema([("depot ", pa.string())])
    assert fit({"depot": grid}, {"t": schema}).lacking == {
        "depot": "not in the table (renamed to 'depot␣'?)"
    }
    column = ColumnProfile(3, 0, (1, 2, 0), 0.0, 0.0, None, None)
    assert bars(grid, column, column).names[:2] == ("a", "'b␣'")
    finding = DriftFinding(
        "c ", None, None, None, None, None, None, None, True, True, True, ("gone",)
    )
    terminal.show(monitored.findings("", [finding]))
    assert capsys.readouterr().out.count("'c␣'") == 2


def test_rows_that_fail_a_behaviour() -> None:
    found = Example(1, {"depot": "a "}, (("size", "s ", " m"),), "0.1", "0.2").sentence()
    assert "(depot 'a␣')" in found and "size 's␣' -> '␣m'" in found
