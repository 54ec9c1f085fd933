"""docs/anywhere.md, to the word: a row has the same digits in Python, over HTTP and in C."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.edge.exported import COMPILER
from tests.projects import ROOT
from tests.serve.test_command import serving


def test_a_row_has_the_same_digits_everywhere(
    promoted: Path, tmp_path: Path, call: Callable[..., str]
) -> None:
    text = (ROOT / "docs" / "anywhere.md").read_text(encoding="utf-8")
    for language, name in (("python", "score.py"), ("c", "score.c")):
        (block,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
        (tmp_path / name).write_text(block, encoding="utf-8")

    def run(*command: str, **env: str) -> list[str]:
        done = subprocess.run(
            command, cwd=promoted, env={**os.environ, **env}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    with serving(promoted) as (_, url):
        lines = run(sys.executable, str(tmp_path / "score.py"), SERVER=url)
    device = tmp_path / "device"
    call(promoted, "assay", "export-model", "--to", "c", "--out", str(device))
    sources = [str(tmp_path / "score.c"), str(device / "parcels.c"), f"-I{device}"]
    run(*COMPILER, "-std=c99", *sources, "-lm", "-o", str(tmp_path / "score"))
    lines += run(str(tmp_path / "score"))
    assert [line.split()[0] for line in lines] == ["Python", "HTTP", "C"]
    assert len({line.split()[1] for line in lines}) == 1
