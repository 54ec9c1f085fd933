"""A class of the project's own as input: what it gives is a night like any other's."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.contract.loader import load_contract_text
from assay.errors import (
    AssayError,
    NightEmpty,
    NightNotFound,
    ProjectUnready,
    SchemaMismatch,
    SourceError,
)
from assay.init.project_check import command as project_check
from assay.project import layout, params
from assay.score import stage
from assay.score.inputs.formats import open_input
from assay.score.operations import why
from assay.store import open_store
from tests.landing import landed_rows, with_input
from tests.projects import PARCELS

NIGHT = "2024-03-01"
CONTRACT = load_contract_text(
    """\
import datetime
import pandera.pandas as pa
class Row(pa.DataFrameModel):
    id: int = pa.Field(metadata={"role": "key"})
    at: datetime.datetime = pa.Field(metadata={"role": "time"})
    name: str = pa.Field(metadata={"role": "feature"})
    late: bool = pa.Field(metadata={"role": "label"})
""",
    "c.py",
).without_label()
CODE = """\
import pandas as pd
import pyarrow as pa

from assay.sources import Input


class Inbox(Input):
    most: int
    depot: str = "north"

    def rows(self, night):
        return ROWS

    def nights(self):
        return NIGHTS

    def fingerprint(self, night):
        return MARK


class Odd(Input):
    def rows(self):
        return []
"""
ROW = {"id": [1], "at": ["2024-03-01T10:00:00"], "name": ["x"]}
ROWS = f"pa.table({ROW!r})"


def spec(root: Path, rows: str = ROWS, nights: str = "None", mark: str = "''", **keys: Any) -> Any:
    """An input whose methods give what these expressions say."""
    (root / "data").mkdir(exist_ok=True)
    text = CODE.replace("ROWS", rows).replace("NIGHTS", nights).replace("MARK", mark)
    (root / "data/inbox.py").write_text(text)
    return {"format": "data.inbox.Inbox", "most": 7, **keys}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (ROWS, 1),
        (f"pd.DataFrame({ROW!r})", 1),
        (f"[pa.record_batch({ROW!r}), pa.table({ROW!r})]", 2),
        (f"(pa.table({ROW!r}) for _ in range(self.most))", 7),
    ],
)
def test_rows_of_every_kind_are_landed(tmp_path: Path, rows: str, expected: int) -> None:
    table = landed_rows(tmp_path, spec(tmp_path, rows), CONTRACT, NIGHT)
    assert table.column("id").to_pylist() == [1] * expected
    assert table.column_names == ["id", "at", "name"]


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (
            {"rows": "1 / 0"},
            SourceError,
            "data/inbox.py:12: the source failed with ZeroDivisionError: division by zero",
        ),
        ({"rows": "3"}, SourceError, "something else than rows.*found int"),
        ({"rows": "[{'id': 1}]"}, SourceError, "something else than rows.*found dict"),
        ({"rows": "pa.table({'id': [1]})"}, SchemaMismatch, "column 'at' is missing"),
        (
            {"rows": f"pa.table({ {**ROW, 'name': [2]}!r})"},
            SchemaMismatch,
            "column 'name' has another type",
        ),
        (
            {"rows": f"[pa.table({ROW!r}), pa.table({ {'id': [2], 'at': ['x']}!r})]"},
            SourceError,
            "other columns .*in one of two: 'name'",
        ),
        ({"nights": "1 / 0"}, SourceError, "inbox.py:15: nights failed with ZeroDivisionError"),
        ({"rows": "exit(0)"}, SourceError, "the source failed with SystemExit"),
        ({"nights": "'2024-03-01'"}, SourceError, "nights failed with TypeError: one text"),
        ({"nights": "[None, 'a']"}, SourceError, "nights gives something else.*found None"),
        ({"nights": "[1]"}, SourceError, "nights gives something else.*found 1"),
        ({"nights": "['2024-03-02']"}, NightNotFound, "The nearest is 2024-03-02"),
        ({"mark": "5"}, SourceError, "fingerprint gives something else.*found 5"),
    ],
)
def test_what_it_does_wrong_is_one_line(
    tmp_path: Path, given: Any, error: type[AssayError], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        landed_rows(tmp_path, spec(tmp_path, **given), CONTRACT, NIGHT)
    assert all("data.inbox.Inbox" in line for line in caught.value.lines())
    assert not list((tmp_path / "landed").glob("*"))


def test_its_nights_and_marks_are_asked(tmp_path: Path) -> None:
    def opened(**given: Any) -> Any:
        return open_input(tmp_path, with_input(spec(tmp_path, **given)))

    listed = opened(nights="iter(['b', 'a', 'b'])", mark="'one'")
    assert listed.nights() == ("a", "b")
    same, other = listed.fingerprint("a"), opened(mark="'two'").fingerprint("a")
    assert same and other and same != other
    assert same not in (listed.fingerprint("b"), opened(mark="'one'", most=8).fingerprint("a"))
    unknown = opened()
    assert unknown.fingerprint("a") == ""
    with pytest.raises(SourceError, match=r"does not list its nights.*a method nights"):
        unknown.nights()


@pytest.fixture
def project(live: Path) -> Path:
    """A project with a promoted version, whose input is a class of its own."""
    (live / "data/depots.py").write_text(
        """\
from pathlib import Path

import pyarrow.parquet as pq

from assay.sources import Input


class Depots(Input):
    folder: str

    def rows(self, night):
        folder = Path(__file__).parents[1] / self.folder
        yield from (pq.read_table(file) for file in sorted(folder.glob(f"day={night}/*.parquet")))

    def nights(self):
        return [each.name.removeprefix("day=") for each in Path(__file__).parent.glob("raw/day=*")]

    def fingerprint(self, night):
        return "as it was"
"""
    )
    text = (live / layout.PARAMS).read_text()
    before, _, after = text.partition("  input: data/raw\n")
    assert after, text
    own = "  input: {format: data.depots.Depots, folder: data/raw}\n"
    (live / layout.PARAMS).write_text(before + own + after)
    return live


def test_a_night_is_scored_as_from_its_files(project: Path) -> None:
    given = params.load(project)
    (outcome,) = stage.run(project, given, NIGHT, NIGHT).outcomes
    store, raw = open_store(project, given), project / layout.RAW / f"day={NIGHT}"
    (record,) = [each for each in store.runs(NIGHT) if each.event == "published"]
    assert record.rows_read == pq.read_table(raw).num_rows, outcome
    rows = open_input(project, given).rows(NIGHT, ["parcel", "weight", "none"])
    again = pa.Table.from_batches(list(rows))
    assert again.column_names == ["parcel", "weight"] and again.num_rows == record.rows_read
    key = store.predictions(NIGHT)["parcel"][0].as_py()
    assert why.run(project, given, [str(key)]).partition == NIGHT
    # Unchanged, by its fingerprint.
    (again,) = stage.run(project, given, NIGHT, NIGHT).outcomes
    assert again.outcome == "skipped"
    shutil.rmtree(raw)
    raw.mkdir()
    with pytest.raises(NightEmpty):
        stage.run(project, given, NIGHT, NIGHT, force=True)


def test_check_names_a_class_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Model tests are not collected: that is a process for each line.
    monkeypatch.setattr(project_check, "test_faults", lambda *_: [])
    root = tmp_path / "parcels"
    shutil.copytree(PARCELS, root)
    text = (root / layout.PARAMS).read_text()

    def faults(line: str) -> list[str]:
        changed = text.replace("  input: data/raw\n", f"  input: {line}\n")
        assert changed != text
        (root / layout.PARAMS).write_text(changed)
        with pytest.raises(ProjectUnready) as caught:
            project_check.run(root)
        return caught.value.lines()

    spec(root)
    for line, words in (
        ("{format: data.inbox.Inbos, most: 1}", "data.inbox has no 'Inbos'"),
        ("{format: data.inbox.pd, most: 1}", "no input"),
        ("{format: assay.sources.Input}", "no input"),
        ("{format: data.inbox.Inbox}", "score.input.most: missing"),
        ("{format: data.inbox.Inbox, mots: 1}", "mots: unknown key; did you mean 'most'?"),
        ("{format: data.inbox.Inbox, most: x}", "most: expected a whole number"),
        ("{format: data.inbox.Odd}", "the class cannot be used: TypeError"),
        ("{format: pakket, path: x}", "score.input: expected one of"),
    ):
        assert any(words in each for each in faults(line)), (line, faults(line))
