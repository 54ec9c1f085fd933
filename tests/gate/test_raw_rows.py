"""`assay gate rows`: rows that somebody edited are not those that the source gives."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from assay.cli.__main__ import main
from assay.project import layout
from assay.project.params import yaml_text
from assay.reports.raw_rows import RawRows
from assay.training.tables import ingest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = """
import os
import numpy as np
import pandas as pd

def rows():
    days = pd.date_range("2020-01-01", os.environ.get("UNTIL", "2020-03-01")).strftime("%Y-%m-%d")
    if os.environ.get("CLOSED"):
        raise ConnectionError("no route to the table")
    return pd.DataFrame({"day": days, "late": True, "weight": [np.nan, *range(1, len(days))]})
"""
DVC_YAML = "stages: {ingest: {cmd: assay stage ingest, deps: [data/source.py], outs: [data/raw]}}\n"
DVC_LOCK = """schema: '2.0'
stages:
  ingest:
    cmd: assay stage ingest
    outs: [{path: data/raw, hash: md5, md5: 0123456789abcdef0123456789abcdef.dir}]
"""


@pytest.fixture
def committed(tiny: Any) -> Any:
    """A project whose rows were read, with a verdict on them."""
    tiny.write("data/source.py", SOURCE)
    tiny.write(layout.DVC_YAML, DVC_YAML)
    tiny.write(layout.DVC_LOCK, DVC_LOCK)
    ingest.run(tiny.root, tiny.params)
    tiny.write(layout.VERDICT, "{}")

    def git(*arguments: str) -> None:
        person = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
        subprocess.run(["git", *person, *arguments], cwd=tiny.root, check=True)

    git("init", "--quiet")
    git("add", layout.DVC_LOCK)
    git("commit", "--quiet", "--author", "Ada <a@example.com>", "--message", "Rows")
    git("commit", "--quiet", "--allow-empty", "--author", "Bob <b@example.com>", "-m", "Docs")
    return tiny


def edit(tiny: Any, night: str, change: Any) -> None:
    (path,) = (tiny.root / layout.RAW / f"day={night}").iterdir()
    pq.write_table(change(pq.read_table(path)), path)


def lie(table: pa.Table) -> pa.Table:
    return table.set_column(0, "late", pc.invert(table["late"]))


def asked(tiny: Any, code: int, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(["gate", "rows", "--root", str(tiny.root)]) == code
    said = capsys.readouterr()
    return (said.err or said.out).strip()


def kept(tiny: Any) -> str | None:
    """What the next verdict will say of the rows."""
    found = RawRows.read(tiny.root)
    return None if found is None else found.sentence


def test_rows_of_the_source_pass(committed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    told = "Rows: as the source gives them, 61 nights."
    assert asked(committed, 0, capsys) == told
    assert kept(committed) == told


def test_edited_labels_are_found_and_no_verdict_is_left(
    committed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(committed, "2020-02-03", lie)
    edit(committed, "2020-02-05", lambda table: table.slice(0, 0))
    told = asked(committed, 3, capsys)
    assert "data/raw" in told
    assert "2020-02-03 has other values; 2020-02-05 has 0 rows, in the source 1" in told
    assert "dvc repro --force ingest" in told
    assert not (committed.root / layout.VERDICT).exists()
    assert kept(committed) is None


def test_another_way_of_writing_is_no_other_row(
    committed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = (committed.root / layout.RAW / "day=2020-01-01").iterdir()
    pq.write_table(pq.read_table(path), path, compression="zstd")
    asked(committed, 0, capsys)


def test_nights_that_came_since_may_be_missing_and_others_may_not(
    committed: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNTIL", "2020-03-09")
    asked(committed, 0, capsys)
    monkeypatch.setenv("UNTIL", "2020-02-29")
    assert "2020-03-01 is not in the source" in asked(committed, 3, capsys)
    monkeypatch.delenv("UNTIL")
    for night in ("2020-02-28", "2020-02-29", "2020-03-01"):
        (path,) = (committed.root / layout.RAW / f"day={night}").iterdir()
        path.unlink()
        path.parent.rmdir()
    told = asked(committed, 3, capsys)
    assert "2020-02-28 is only in the source" in told
    assert "2020-02-29" not in told


def test_where_the_source_cannot_be_read_it_says_whose_word_the_rows_are(
    committed: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOSED", "1")
    edit(committed, "2020-02-03", lie)
    told = asked(committed, 0, capsys)
    assert told.startswith("Rows as committed by Ada: the source could not be read (")
    assert "no route to the table" in told
    assert kept(committed) == told
    lock = committed.root / layout.DVC_LOCK
    lock.write_text(lock.read_text().replace("0123", "3210"))
    assert kept(committed) is None


def test_the_workflow_asks_before_it_judges() -> None:
    workflow = ROOT / ".github/workflows/gate.yml"
    steps = yaml_text.load(workflow.read_text())["jobs"]["judge"]["steps"]
    runs = [step.get("run", "") for step in steps]
    (rows,) = [at for at, run in enumerate(runs) if run == "assay gate rows"]
    (judged,) = [at for at, run in enumerate(runs) if run.startswith("dvc repro --force")]
    assert runs.index("assay remote pull") < rows < judged
