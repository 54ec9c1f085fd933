"""nightly.yml where it must not go on, where a runner dies, and where a day is no day."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
import urllib.request
from contextlib import suppress

from tests.workflows.test_promote import judged
from tests.workflows.world import BUCKET, World


def test_without_a_bucket_it_refuses_to_pretend(team: World) -> None:
    team.start(bucket=False)
    done = team.night("2024-03-01", "2024-03-01")
    assert done.failed == ["assay check --bucket"], done.output
    assert "a runner is thrown away with all nights in it" in done.output
    assert "dvc remote add --default NAME URL" in done.output
    assert "Monitor" not in done.ran


def test_without_a_version_it_is_red_and_an_input_is_never_run(ready: World) -> None:
    ready.call("git", "push", "--quiet", "origin", "HEAD:main")
    done = ready.night("2024-03-01", "$(touch pwned)", "`touch pwned`")
    assert "Score what was named" in done.failed, done.output
    assert "not a day" in done.output
    # Whatever it was, everything after it ran.
    assert {"Take the labels that arrived", "Monitor", "Keep the issue up to date"} <= {*done.ran}
    assert not list(ready.folder.rglob("pwned"))


def test_a_night_whose_runner_died_is_made_up_for_by_the_next_one(ready: World) -> None:
    promoted = ready.promote(ready.merge(judged(ready), "squash"))
    assert promoted.code == 0, promoted.output
    first = ready.night("2024-03-01", "2024-03-01")
    assert first.code == 0, first.output
    killer = threading.Thread(target=_kill_score_once_it_wrote, args=(ready, "2024-03-02"))
    killer.start()
    died = ready.night("2024-03-02")
    killer.join()
    assert "Score what is due" in died.failed, died.output
    assert ready.published() == ["2024-03-01"]
    after = ready.night("2024-03-03")
    assert after.code == 0, after.output
    assert ready.published() == ["2024-03-01", "2024-03-02", "2024-03-03"]
    assert ready.issues() == []


def _kill_score_once_it_wrote(world: World, night: str) -> None:
    """Kill ``assay score`` and all it started once rows of the night are in the bucket."""
    listing = f"{world.endpoint}/{BUCKET}?list-type=2&prefix=store/predictions/night={night}/"
    until = time.monotonic() + 300
    while b".parquet" not in urllib.request.urlopen(listing).read():
        assert time.monotonic() < until, "no row of the night was written"
        time.sleep(0.02)
    listed = subprocess.run(
        ["ps", "-e", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    dead: set[int] = set()
    for pid, parent, command in (line.split(maxsplit=2) for line in sorted(listed, key=_pid)):
        # A process has a higher number than what started it.
        if int(parent) in dead or "/assay score --due" in command:
            dead.add(int(pid))
    assert dead, "no assay score runs"
    for each in dead:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


def _pid(line: str) -> int:
    return int(line.split()[0])
