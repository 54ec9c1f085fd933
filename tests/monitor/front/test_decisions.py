"""What a person has to decide, and what one decided, on the front page and in nightly's lines."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.cli.__main__ import main
from assay.project import layout, params
from assay.score import stage
from assay.store import open_store
from tests.scorer import Shared

NIGHT, NEXT, LAST = "2024-03-01", "2024-03-02", "2024-03-05"


@pytest.fixture
def project(live: Path, spark: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(stage, "BackgroundSession", lambda params, root: Shared(spark))
    return live


def repeat_rows(root: Path, night: str) -> None:
    path = root / layout.RAW / f"day={night}" / "part-00000.parquet"
    table = pq.read_table(path)
    pq.write_table(pa.concat_tables([table, table.slice(0, 2)]), path)


def cards(root: Path) -> dict[str, str]:
    """Title of each card of the front page -> its class and its content."""
    page = (root / layout.FRONT).read_text(encoding="utf-8")
    found = re.findall(r'<div class="card([^"]*)"><h2>([^<]*)</h2>(.*?)</div>', page, re.DOTALL)
    return {title: f"{kind.strip()}: {content}" for kind, title, content in found}


@pytest.mark.parametrize("night", [NIGHT, LAST])
def test_a_held_run_of_a_published_night_is_no_green_card(project: Path, night: str) -> None:
    root = ["--root", str(project)]
    assert main(["score", "--from", NIGHT, "--to", LAST, *root]) == 0
    assert cards(project)["Incidents"].startswith(": ")
    repeat_rows(project, night)
    assert main(["score", "--date", night, *root]) == 51
    found = cards(project)
    (run,) = (
        each.run_id
        for each in open_store(project, params.load(project)).runs(night)
        if each.event == "held"
    )
    assert found["Incidents"].startswith("bad: ")
    assert f"assay release {run} --because WHY" in found["Incidents"]
    assert found["Last night"].startswith("bad: ") == (night == LAST)
    assert main(["release", run, "--because", "the carnival", *root]) == 0
    assert cards(project)["Incidents"].startswith(": ")


def test_a_released_night_says_who_and_why(project: Path) -> None:
    root = ["--root", str(project)]
    repeat_rows(project, NIGHT)
    assert main(["score", "--date", NIGHT, *root]) == 51
    (run,) = open_store(project, params.load(project)).runs(NIGHT)
    assert main(["release", run.run_id, "--because", "the carnival", *root]) == 0
    page = (project / layout.FRONT).read_text(encoding="utf-8")
    row = page.partition(f'id="night-{NIGHT}"')[2].partition("</tr>")[0]
    assert re.search(r"released by [^<]*: the carnival \(unique_key: ", row)


@pytest.mark.parametrize("nights", [(NIGHT,), (NIGHT, NEXT)])
def test_nightly_prints_each_hold_once(
    project: Path, nights: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    for night in nights:
        repeat_rows(project, night)
    capsys.readouterr()
    assert main(["nightly", "--root", str(project)]) == 51
    told = capsys.readouterr()
    assert "no night was published before" in told.out
    for night in nights:
        held = re.findall(rf"night {night}, run \S+: scored but not published", told.out + told.err)
        assert len(held) == 1


def test_nightly_ends_with_what_is_held_from_before_until_it_is_taken_back(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = ["--root", str(project)]
    repeat_rows(project, NIGHT)
    assert main(["nightly", *root]) == 51
    capsys.readouterr()
    assert main(["nightly", *root]) == 51
    told = capsys.readouterr()
    assert "   51  assay status  (an answer)" in told.out
    assert f"held before and waiting for a person: 1 night (found {NIGHT})" in told.err
    (run,) = open_store(project, params.load(project)).runs(NIGHT)
    assert main(["retract", run.run_id, "--because", "a holiday", *root]) == 0
    assert main(["nightly", *root]) == 0
    assert cards(project)["Incidents"].startswith(": ")
