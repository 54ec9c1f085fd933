"""The images, built on a base made from Debian's packages; see docs/image.md.

Slow, so `make test` leaves them out: `make test-image`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import scored
from tests.image.conftest import BASE
from tests.image.machine import Machine, lines, megabytes

NIGHT = "2024-03-02"
SCORE, FULL = "assay:score", "assay:full"
LARGEST = {SCORE: 1150, FULL: 1950}
"""Megabytes. What they are is printed, and docs/image.md names it."""


@pytest.mark.usefixtures("score")
def test_a_night_scored_inside_is_the_hosts_row_for_row(
    images: Machine, volume: Path, live: Path, call: Callable[..., str]
) -> None:
    done = images.run(SCORE, "score", "--date", NIGHT, "--json", project=volume)
    assert done.returncode == 0, done.stderr
    (report,) = json.loads(done.stdout)
    assert (report["rows_read"], report["rows_scored"], report["rows_quarantined"]) == (50, 47, 3)
    call(live, "assay", "score", "--date", NIGHT)
    for table in ("predictions", "quarantine"):
        ours, theirs = scored.rows(live, NIGHT, table), scored.rows(volume, NIGHT, table)
        assert len(ours) > 0 and ours.equals(theirs), table


@pytest.mark.usefixtures("score")
def test_the_container_is_nobody_and_can_write_nothing_but_the_project(
    images: Machine, volume: Path
) -> None:
    code = """
import os, pathlib, sys
def writable(folder):
    try:
        (pathlib.Path(folder) / "x").write_text("x")
    except OSError:
        return False
    return True
print(os.getuid(), os.getgid(), *map(writable, ("/project", "/tmp", "/opt/assay", "/etc", "/")))
"""
    done = images.run(SCORE, "-c", code, project=volume, entry="python")
    assert done.stdout.split() == ["65532", "65532", "True", "True", "False", "False", "False"], (
        done.stderr
    )


@pytest.mark.usefixtures("score")
def test_what_the_score_image_lacks_is_named(images: Machine, volume: Path) -> None:
    done = images.run(SCORE, "stage", "train", "logistic", project=volume)
    assert lines(done.stderr)[-1] == ("assay: this needs scikit-learn: pip install 'assay[train]'")
    assert done.returncode == 9


@pytest.mark.usefixtures("full")
def test_the_full_image_trains_and_gates_anew(images: Machine, volume: Path) -> None:
    done = images.run(FULL, "repro", "--force", project=volume, entry="dvc")
    assert done.returncode == 0, done.stderr + done.stdout
    done = images.run(FULL, "gate", "verdict", project=volume)
    assert done.returncode == 0, done.stderr


def test_one_commit_gives_one_digest(images: Machine, score: str) -> None:
    assert images.build("score", "again", BASE) == score


@pytest.mark.usefixtures("score", "full")
@pytest.mark.parametrize("image", [SCORE, FULL])
def test_an_image_is_no_larger_than_promised(
    images: Machine, image: str, record_property: Callable[[str, object], None]
) -> None:
    size = megabytes(images.size(image))
    record_property("megabytes", size)
    print(f"{image}: {size} MB")
    assert size <= LARGEST[image]


@pytest.mark.usefixtures("score", "full")
@pytest.mark.parametrize("image", [SCORE, FULL])
def test_an_image_names_nothing_of_the_machine_that_built_it(images: Machine, image: str) -> None:
    code = """
import pathlib
found = [p for p in ("/etc/pip.crt", "/etc/pip.conf", "/build", "/wheels", "/source")
         if pathlib.Path(p).exists()]
print(found)
"""
    done = images.run(image, "-c", code, entry="python")
    assert done.stdout.strip() == "[]", done.stderr
