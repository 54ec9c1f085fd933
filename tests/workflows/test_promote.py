"""promote.yml after a merge: exactly what was judged, by whom, or nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tests.workflows.world import Method, World

TAGS = ["parcels#prod#1", "parcels@v0.1.0"]


def judged(world: World, title: str = "A model") -> int:
    """A pull request of the branch that CI found good."""
    number = world.open_pull(title)
    head = world.hub.pulls[number]["head"]["sha"]
    world.hub.checks.append({"name": "gate", "head_sha": head, "conclusion": "success"})
    return number


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_what_was_judged_is_promoted_by_who_approved(ready: World, method: Method) -> None:
    number = judged(ready, "$(touch pwned) `touch pwned`; touch pwned")
    done = ready.promote(ready.merge(number, method))
    assert done.code == 0, done.output
    assert ready.tags() == TAGS
    told = ready.tag("parcels#prod#1")
    assert "By: linus <1003+linus@users.noreply.github.com>" in told
    assert f"Because: pull request #{number}: $(touch pwned)" in told
    assert not list(ready.folder.rglob("pwned"))


def test_what_nobody_judged_is_refused(ready: World) -> None:
    number = judged(ready)
    commit = ready.merge(number, "squash")
    ready.hub.checks.clear()
    done = ready.promote(commit)
    assert done.failed == ["Promote it"], done.output
    assert "the check 'gate' did not pass on what was merged" in done.output
    assert ready.tags() == []


def test_without_a_bucket_it_refuses_before_anything_is_done(ready: World) -> None:
    ready.call("dvc", "remote", "remove", "team")
    commit = ready.commit("No remote")
    ready.call("git", "push", "--quiet", "origin", f"{commit}:refs/heads/main")
    done = ready.promote(commit)
    assert done.failed == ["assay check --bucket"], done.output
    assert "dvc remote add --default NAME URL" in done.output


def test_a_runner_killed_in_the_middle_leaves_nothing_and_the_next_one_promotes(
    ready: World, tmp_path: Path
) -> None:
    commit = ready.merge(judged(ready), "merge")
    reached = tmp_path / "reached"
    os.mkfifo(reached)
    hook = ready.origin / "hooks" / "pre-receive"
    # The push waits for ever: the runner dies while git holds both tags in its hands.
    hook.write_text(f"#!/bin/sh\necho $PPID > {reached}\nexec sleep 600\n")
    hook.chmod(0o755)
    killer = threading.Thread(target=_kill_pusher, args=(reached,))
    killer.start()
    done = ready.promote(commit)
    killer.join()
    assert done.failed == ["Promote it"], done.output
    assert ready.tags() == []
    hook.unlink()
    done = ready.promote(commit)
    assert done.code == 0, done.output
    assert ready.tags() == TAGS


def _kill_pusher(reached: Path) -> None:
    """Kill the ``assay promote`` that waits for the push, with all that it started."""
    with reached.open() as stream:
        receiver = int(stream.read())
    pid = receiver
    while pid > 1:
        command = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        if any(word.endswith("/assay") for word in command) and "promote" in command:
            break
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    assert pid > 1, "no assay promote above the hook"
    below = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(receiver)], capture_output=True, text=True
    ).stdout.split()
    os.kill(pid, signal.SIGKILL)
    for each in (receiver, *map(int, below)):
        with suppress(ProcessLookupError):  # it may have ended with the command
            os.kill(each, signal.SIGKILL)
