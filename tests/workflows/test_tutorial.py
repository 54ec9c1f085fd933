"""The tutorial, typed word for word: each of its commands, and what it shows of their output."""

from __future__ import annotations

from pathlib import Path

from scripts import tutorial
from tests import projects

MARK = "=====step "


def test_every_command_does_what_the_page_shows(tmp_path: Path) -> None:
    steps = tutorial.steps(tutorial.PAGE.read_text(encoding="utf-8"))
    script = "".join(f"echo '{MARK}'\n{step.commands}" for step in steps)
    told = projects.call(tmp_path, "bash", "-euc", f"export COLUMNS=100\n{script}")
    outputs = told.split(f"{MARK}\n")[1:]
    wrong = {
        step.commands: tutorial.differences(step.shown, output)
        for step, output in zip(steps, outputs, strict=True)
    }
    wrong = {commands: lines for commands, lines in wrong.items() if lines}
    assert not wrong, f"{wrong}\n{told}"
