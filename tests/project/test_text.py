"""Blanks at the ends of what users wrote are seen, wherever it is shown."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.cli import terminal
from assay.cli.show import monitoring
from assay.columns.grid import CategoryGrid
from assay.columns.profile import ColumnProfile
from assay.contract.columns import Columns
from assay.contract.loader import load_contract_text
from assay.contract.schema import cast_column, check_schema
from assay.errors import LabelError, SchemaMismatch, SourceError
from assay.metrics.label_encoding import encode_labels
from assay.model.manifest import Manifest
from assay.monitor.drift.drift import DriftFinding
from assay.monitor.table_counts import match_schemas
from assay.pages.charts import build_histograms
from assay.performance.read_labels import LabelColumns, parse_labels, read_label_file
from assay.project.params import Window
from assay.project.text import (
    escape_all,
    escape_code,
    escape_line,
    mark_blanks,
    mark_message_blanks,
    quote_value,
)
from assay.score.duplicate_keys import confirm_duplicates, hash_keys
from assay.score.inputs.text import TextFile, check_csv_columns
from assay.score.inputs.text_source import TextSource
from assay.training.tables.ingest import _checked
from assay.training.tables.prepare import label_facts
from assay.training.train.model_card import render_card

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
    return load_contract_text(CONTRACT, "c.py")


def test_only_blanks_at_the_ends_are_marked() -> None:
    assert [mark_blanks(each) for each in ("JFK ", "JFK", "J K", " ", 1.5)] == [
        *("'JFK␣'", "JFK", "J K", "'␣'", "1.5"),
    ]
    assert [quote_value(each) for each in ("JFK\t", "JFK", 1.5)] == ["'JFK⇥'", "'JFK'", "1.5"]
    told = "don't read '12 ' and 'a b' as isn't 'x'"
    assert mark_message_blanks(told) == "don't read '12␣' and 'a b' as isn't 'x'"


def test_a_column_that_is_missing_and_the_one_it_may_be(contract: Any) -> None:
    types = {"at": pa.timestamp("us"), "depot ": pa.string(), "weight": pa.float64()}
    schema = pa.schema([*types.items(), ("late", pa.bool_())])
    with pytest.raises(SchemaMismatch, match=r"'depot' is missing .*found 'depot␣': renamed"):
        check_schema(contract, schema, "a table")
    with pytest.raises(SchemaMismatch, match=r"x\.csv: column 'depot' is missing .*'depot␣'"):
        check_csv_columns(contract, TextFile(TextSource("x.csv"), "x.csv", 0, (*types, "late")))


def test_a_cell_that_a_library_could_not_read(contract: Any) -> None:
    (weight,) = [field for field in contract.fields if field.name == "weight"]
    with pytest.raises(SchemaMismatch, match="'heavy␣'"):
        cast_column(weight, pa.table({"weight": ["heavy "]}))


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
    keys, names = pa.schema([("depot", pa.string())]), LabelColumns(("depot",), "late")
    with pytest.raises(error, match=words):
        parse_labels(
            read_label_file(path), names, keys, "binary", "truths.csv", pd.Timestamp.now("UTC")
        )


def test_keys_that_repeat(contract: Any) -> None:
    table = pa.table({"at": [datetime(2013, 1, 1)] * 2, "depot": ["a ", "a "]})
    suspects = {int(hash_keys(Columns(contract, table))[0]): 2}
    assert confirm_duplicates(contract, suspects, lambda: iter([table])).examples == ("depot='a␣'",)


def test_classes_of_a_label() -> None:
    with pytest.raises(LabelError, match=r"expected early, 'late␣'.*found '␣late'"):
        encode_labels(pd.Series([" late"], name="k"), "multiclass", ("early", "late "), "holdout")
    window = Window.model_validate({"from": "2013-01-01", "to": "2013-01-02"})
    with pytest.raises(LabelError, match="'late␣' in 2 rows"):
        label_facts(pa.table({"k": ["late ", "late "]}), "k", "multiclass", "train", window)


def test_drift_of_columns_and_categories(capsys: pytest.CaptureFixture[str]) -> None:
    grid = CategoryGrid(("a", "b "))
    schema = pa.schema([("depot ", pa.string())])
    assert match_schemas({"depot": grid}, {"t": schema})[1] == {
        "depot": "not in the table (renamed to 'depot␣'?)"
    }
    column = ColumnProfile(3, 0, (1, 2, 0), 0.0, 0.0, None, None)
    assert build_histograms(grid, column, column).names[:2] == ("a", "'b␣'")
    finding = DriftFinding(
        "c ", None, None, None, None, None, None, None, True, True, True, ("gone",)
    )
    terminal.print_lines(monitoring.finding_lines("", [finding]))
    assert capsys.readouterr().out.count("'c␣'") == 2


ACTIVE = re.compile(r"(?i)@\w|://|www\.\w|mailto:|(?<!\\)\]\(|<|#\d|\bgh-\d|`")


@pytest.mark.parametrize(
    "text",
    [
        "ask @octocat/team",
        "[here](https://evil.example)",
        "![x](//evil.example/x.png)",
        "https://evil.example and WWW.evil.example",
        "<a href=x>",
        "fixes #12 and GH-12",
        "mailto:a@b.c",
        "a|b `c`",
    ],
)
def test_what_github_would_act_on_is_only_text(text: str) -> None:
    for safe in (escape_line, escape_all):
        found = safe(text)
        assert not ACTIVE.search(found.replace("\\`", "")), found
        shown = found.replace("\u200b", "").replace("\\", "")
        assert shown.replace("&lt;", "<").replace("&gt;", ">").replace("'", "`") == text


@given(st.text(max_size=60))
def test_it_is_one_line_whatever_it_is(text: str) -> None:
    for safe in (escape_line, escape_all, escape_code):
        assert len(safe(text).splitlines()) <= 1


def test_a_card_calls_nobody() -> None:
    manifest = Manifest(
        name="@team", task="binary", classes=(), candidate="prior", estimator="a.B", args={},
        encoding="onehot", calibration="none", threshold=0.5, seed=1,
        features=("https://evil.example", "a`b"), numeric=(), categorical=(), label="y`z",
        keys=("id",), time="at", slices=(), window="2013", rows=2, positives=1, data_digest="",
        contract_digest="", out_of_fold={}, types=(), versions={},
        compiled={"used": False, "reason": "[made](by hand)"},
    )  # fmt: skip
    text = render_card(manifest)
    assert "[made]\\(by hand)" in text
    assert "@team" not in text and "https://evil" not in text and "`y'z`" in text
