"""A sample of `make faults`: a deed fails or is killed at some of its file-system calls."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults import shim
from tests.projects import ROOT

needs_cc = pytest.mark.skipif(shim.compiler() is None, reason="needs Linux and a C compiler (cc)")


@needs_cc
def test_the_library_fails_the_call_that_it_is_told_to(tmp_path: Path) -> None:
    under = tmp_path / "under"
    under.mkdir()
    code = f"""
import os, pathlib
from tests.faults import shim
control = shim.Control(pathlib.Path(os.environ[shim.CONTROL]))
def write(name):
    with open(name, "w") as file:
        file.write("x")
        file.flush()
        os.fsync(file.fileno())
control.arm(shim.COUNT)
write("{under}/a")
write("{tmp_path}/outside")
assert control.count == 3, control.count
for number, name in enumerate(("open", "write", "fsync"), start=1):
    control.arm(shim.ERROR_ONCE, number, 5)
    try:
        write("{under}/b")
    except OSError as error:
        assert error.errno == 5
    assert (control.hit, control.path) == (name, "b"), (control.hit, control.path)
control.arm(shim.KILL, 1)
write("{under}/c")
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **shim.environment(tmp_path, under)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, start_new_session=True
    )
    assert done.returncode == -9, done.stderr.decode()
    assert not (under / "c").exists() and (under / "b").exists()


SAMPLE = {"release": (8, 5), "plan": (60, 3), "apply": (9, 4), "forget": (45, 5)}
"""Deed -> each so many-th of its calls is tried, and how many these are at least."""


@needs_cc
def test_nothing_is_broken_and_the_next_run_goes_on(promoted: Path) -> None:
    command = [sys.executable, "-m", "tests.faults", "--promotable", str(promoted), "--jobs", "1"]
    every = [str(step) for step, _ in SAMPLE.values()]
    some = ["--only", *SAMPLE, "--faults", "kill", "--every", *every]
    done = subprocess.run([*command, *some], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    tried = re.findall(r"^(\w+), kill: (\d+) faults, 0 violations$", done.stdout, re.M)
    assert [name for name, _ in tried] == [*SAMPLE], done.stdout
    assert all(int(count) >= SAMPLE[name][1] for name, count in tried), done.stdout
    assert re.search(r"^release, kill: call 33 of \d+$", done.stderr, re.M), "how far it is"
