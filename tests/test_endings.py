"""`make endings` counts every run that did not do its work, and every one that a signal ended."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from assay.errors import PromotionRefused
from tests.projects import ROOT

CODE = """
import os, sys
from tests import endings
endings.MODULES = ()
endings.COMMANDS = {
    "versions": endings.Command("promoted", ("versions",)),
    "refused": endings.Command("promoted", ("rollback", "--because", "there is none before")),
    "killed": endings.Command("promoted", ("versions", "--stage", "prod"), share=2),
}
main = endings.cli.main
endings.cli.main = lambda argv: os.abort() if "--stage" in argv else main(argv)
sys.exit(endings.main(["--runs", "4", "--promoted", sys.argv[1], "--only", *sys.argv[2:]]))
"""


def _run(promoted: Path, *names: str) -> tuple[int, list[str]]:
    command = [sys.executable, "-c", CODE, str(promoted), *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout.splitlines()


def test_a_refused_command_is_no_pass_and_says_why(promoted: Path) -> None:
    code, lines = _run(promoted, "versions", "refused")
    assert code == 1
    assert lines[0] == f"{'versions':18} 4 runs: 4 with 0; 0 by a signal, 0 failed"
    refused = f"4 with {PromotionRefused.exit_code}; 0 by a signal, 4 failed"
    assert lines[1].startswith(f"{'refused':18} 4 runs: {refused}; the first of these said: ")
    assert "there is no earlier version" in lines[1]


def test_a_run_that_a_signal_ends_is_counted(promoted: Path) -> None:
    code, lines = _run(promoted, "killed")
    assert code == 1 and lines[0].startswith(
        f"{'killed':18} 2 runs: 2 with -6; 2 by a signal, 0 failed"
    )


def test_it_passes_when_all_runs_end_well(promoted: Path) -> None:
    assert _run(promoted, "versions")[0] == 0
