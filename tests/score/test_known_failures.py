"""A night that could not be published is known everywhere until it is."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from assay.cli.__main__ import main
from assay.project import layout, params, partitions
from assay.store import open_store

DAYS = tuple(f"2024-03-0{number}" for number in range(1, 6))


def folder(root: Path, night: str) -> Path:
    return partitions.folder(root / layout.RAW, "day", night)


def assay(root: Path, capsys: pytest.CaptureFixture[str], *command: str, code: int = 0) -> str:
    """What a command prints; it has to end with ``code``."""
    capsys.readouterr()
    assert main([*command, "--root", str(root)]) == code, capsys.readouterr().err
    return capsys.readouterr().out


def check_known(
    root: Path,
    capsys: pytest.CaptureFixture[str],
    night: str,
    *words: str,
    status: str = "failed",
) -> None:
    """The last run failed, with these words in history, status, incidents, alerts and front."""
    told = json.loads(assay(root, capsys, "night", "history", "--date", night, "--json"))
    assert [each["event"] for each in told["events"]][-2:] == ["started", "failed"]
    front = json.loads(assay(root, capsys, "front", "--json"))
    (shown,) = (each for each in front["nights"] if each["partition"] == night)
    assert shown["status"] == status
    page = (root / layout.FRONT).read_text(encoding="utf-8")
    assert f'class="t {status}" href="#night-{night}"' in page
    facts = json.loads(assay(root, capsys, "status", "--json"))
    assay(root, capsys, "alert")
    alerts = json.loads((root / layout.ALERTS).read_text(encoding="utf-8"))
    places = {
        "history": told["events"][-1]["detail"],
        "front": "; ".join(shown["reasons"]),
        "status": json.dumps(facts),
        "incidents": "; ".join(each["sentence"] for each in facts["incidents"]["open"]),
        "alerts": "; ".join(each["sentence"] for each in alerts["alerts"]),
    }
    for place, text in places.items():
        for word in words:
            assert word in " ".join(text.split()), place
    assert night in assay(root, capsys, "status")


def test_a_night_with_a_missing_column_is_known_everywhere_until_it_is_published(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assay(project, capsys, "score", "--date", DAYS[0])
    path = folder(project, DAYS[1]) / "part-00000.parquet"
    whole = pq.read_table(path)
    pq.write_table(whole.drop_columns(["weight"]), path)
    assay(project, capsys, "score", "--date", DAYS[1], code=21)
    check_known(project, capsys, DAYS[1], "weight")
    # Later nights do not hide it.
    assay(project, capsys, "score", "--due", "--from", DAYS[2], "--to", DAYS[2])
    check_known(project, capsys, DAYS[1], "weight")
    pq.write_table(whole, path)
    assay(project, capsys, "score", "--due", "--to", DAYS[1])
    assert "weight" not in assay(project, capsys, "status")
    assay(project, capsys, "alert")
    assert json.loads((project / layout.ALERTS).read_text(encoding="utf-8"))["open"] == 0


def test_a_first_night_that_fails_is_known(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(folder(project, DAYS[0]))
    assay(project, capsys, "score", "--date", DAYS[0], code=23)
    check_known(project, capsys, DAYS[0], "no night day=2024-03-01")


def test_a_night_that_no_version_could_score_is_known(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for tag in ("parcels#prod#1", "parcels@v0.1.0"):
        subprocess.run(["git", "tag", "-d", tag], cwd=project, check=True, capture_output=True)
    assay(project, capsys, "score", "--date", DAYS[0], code=41)
    check_known(project, capsys, DAYS[0], "prod")


def test_a_night_without_input_between_others_is_known(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    away = project / "away"
    folder(project, DAYS[1]).rename(away)
    found = assay(project, capsys, "score", "--due", "--from", DAYS[0], "--to", DAYS[2])
    assert f"due, and without input: {DAYS[1]}" in found
    check_known(project, capsys, DAYS[1], "due, and without input", status="absent")
    page = (project / layout.FRONT).read_text(encoding="utf-8")
    assert f"{DAYS[1]}: due, no input" in page and "∅" in page
    # Looking again tells nothing new.
    assay(project, capsys, "score", "--due", "--to", DAYS[2])
    assert len(open_store(project, params.load(project)).runs(DAYS[1])) == 1
    away.rename(folder(project, DAYS[1]))
    assay(project, capsys, "score", "--due", "--to", DAYS[2])
    assert "without input" not in assay(project, capsys, "status")


DIES = """
import os, signal, sys
from assay.cli.__main__ import main
from assay.score.inputs import formats
def die(*given):
    os.killpg(0, signal.SIGKILL)
formats.find_night = die
main(["score", "--date", sys.argv[1], "--root", sys.argv[2]])
"""


def test_a_run_that_is_killed_at_its_first_look_is_known_as_such(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-c", DIES, DAYS[0], str(project)]
    done = subprocess.run(command, start_new_session=True, capture_output=True, env={**os.environ})
    assert done.returncode == -signal.SIGKILL
    told = json.loads(assay(project, capsys, "night", "history", "--date", DAYS[0], "--json"))
    assert [each["event"] for each in told["events"]] == ["started"]
    assert "started and never ended" in assay(project, capsys, "status")
    assay(project, capsys, "alert")
    (alert,) = json.loads((project / layout.ALERTS).read_text(encoding="utf-8"))["alerts"]
    assert "started and never ended" in alert["sentence"]
