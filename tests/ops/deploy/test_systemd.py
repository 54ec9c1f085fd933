"""The units against systemd's own parser, and what they say of answers and retries."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from assay.errors.codes import ANSWERS
from assay.ops.deploy.target import RETRIED
from tests.ops.deploy.given import NASTY, project, texts, write

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="needs systemd-analyze"
)


def verify(folder: Path) -> subprocess.CompletedProcess[str]:
    units = [str(path) for path in sorted(folder.glob("*.service"))]
    units += [str(path) for path in sorted(folder.glob("*.timer"))]
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units]
    return subprocess.run(command, capture_output=True, text=True)


def settings(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and line[0] != "#")


@needs_systemd
@pytest.mark.parametrize("folder", ["/srv/late-flights", NASTY])
def test_systemd_reads_the_units(tmp_path: Path, folder: str) -> None:
    done = verify(write(tmp_path, texts(project(folder=folder), "systemd")))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("Type=oneshot", "Type=onceshot"),
        ("SuccessExitStatus=4", "SuccessExitStatus=four"),
        ("ReadWritePaths=", "ReadWritePath="),
        ("OnCalendar=*-*-* 05:17:00", "OnCalendar=*-*-* 25:17:00"),
    ],
)
def test_systemd_would_tell(tmp_path: Path, right: str, wrong: str) -> None:
    files = texts(project(), "systemd")
    broken = {name: text.replace(right, wrong) for name, text in files.items()}
    assert broken != files
    done = verify(write(tmp_path, broken))
    assert done.returncode or done.stderr


def test_answers_are_no_failures_and_only_passing_ones_are_tried_again() -> None:
    unit = settings(texts(project(), "systemd")["assay-late-flights.service"])
    assert unit["SuccessExitStatus"].split() == [str(code) for code in ANSWERS]
    prevented = set(map(int, unit["RestartPreventExitStatus"].split()))
    assert not prevented & {*RETRIED, *ANSWERS, 0}
    assert {2, 10, 70} <= prevented
    assert (unit["Type"], unit["Restart"]) == ("oneshot", "on-failure")
    assert (unit["StartLimitBurst"], unit["TimeoutStartSec"]) == ("3", "240min")


def test_nothing_is_root_and_no_secret_is_in_the_unit() -> None:
    unit = settings(texts(project(), "systemd")["assay-late-flights.service"])
    assert unit["User"] == "assay"
    assert unit["EnvironmentFile"] == "-/etc/late-flights/assay.env"
    assert unit["NoNewPrivileges"] == "yes"


def test_what_a_night_writes_to_is_writable(tmp_path: Path) -> None:
    local = project().model_copy(update={"store": "/data/my store"})
    unit = settings(texts(local, "systemd")["assay-late-flights.service"])
    assert unit["ReadWritePaths"] == '"/srv/late-flights" "/data/my store"'
    inside = project().model_copy(update={"store": "store"})
    unit = settings(texts(inside, "systemd")["assay-late-flights.service"])
    assert unit["ReadWritePaths"] == '"/srv/late-flights"'


def test_the_timer_makes_up_for_missed_nights() -> None:
    timer = settings(texts(project(at="00:30"), "systemd")["assay-late-flights.timer"])
    assert (timer["OnCalendar"], timer["Persistent"]) == ("*-*-* 00:30:00 UTC", "true")
