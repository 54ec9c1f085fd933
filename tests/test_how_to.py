"""What the how-to pages say to type is there, and a first change and leaving take what they say."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from assay.cli.__main__ import build_parser
from scripts import tutorial
from tests.projects import ROOT

PAGES = sorted((ROOT / "docs" / "how-to").glob("*.md"))
BLOCK = re.compile(r"^ *```\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
ANY_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def commands() -> list[tuple[str, list[str]]]:
    """Each command of Assay in a block of a page."""
    return [
        (page.name, shlex.split(line, comments=True)[1:])
        for page in PAGES
        for block in BLOCK.findall(page.read_text("utf-8"))
        for line in block.splitlines()
        if line.split()[:1] == ["assay"]
    ]


@pytest.mark.parametrize(("page", "words"), commands())
def test_a_command_of_a_page_is_one_of_today(page: str, words: list[str]) -> None:
    complaint = io.StringIO()
    with contextlib.redirect_stderr(complaint):
        try:
            build_parser().parse_args(words)
        except SystemExit:
            pytest.fail(f"{page}: assay {shlex.join(words)}: {complaint.getvalue()}")


def test_each_page_is_in_the_list_and_fits_one_screen() -> None:
    listed = (ROOT / "docs" / "how-to" / "README.md").read_text("utf-8")
    for page in PAGES:
        assert page.name == "README.md" or f"({page.name})" in listed, page.name
        assert len(page.read_text("utf-8").split()) < 330, f"{page.name} is longer than a screen"


def test_who_leaves_reads_scores_and_model_without_assay(
    promoted: Path, tmp_path: Path, call: Callable[..., str]
) -> None:
    root = tmp_path / "parcels"
    shutil.copytree(promoted, root, symlinks=True)
    call(root, "assay", "score", "--date", "2024-03-01")
    (code,) = PYTHON.findall((ROOT / "docs" / "how-to" / "leave-assay.md").read_text("utf-8"))
    asked = "\nimport sys; print(len(published), sorted(model), 'assay' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code + asked], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["50", "['calibrator',", "'estimator']", "False"], done.stderr


def added(into: Any, more: Any) -> None:
    """Add keys and entries of lists, as somebody does who types them into a file."""
    for key, value in more.items():
        if isinstance(into.get(key), dict):
            added(into[key], value)
        elif isinstance(into.get(key), list):
            into[key] += value
        else:
            into[key] = value


def test_a_first_change_is_made_as_its_page_says(
    promoted: Path, tmp_path: Path, call: Callable[..., str]
) -> None:
    root = tmp_path / "parcels"
    shutil.copytree(promoted, root, symlinks=True)
    page = (ROOT / "docs" / "how-to" / "first-change.md").read_text("utf-8")
    shown = iter(step.shown for step in tutorial.steps(page))
    for language, body in ANY_BLOCK.findall(page):
        file = root / body.partition("\n")[0].removeprefix("# ")
        if language == "python":
            file.write_text(body, encoding="utf-8")
        elif language == "yaml":
            tree = YAML().load(file)
            added(tree, YAML().load(body))
            YAML().dump(tree, file)
        elif language == "sh":
            told = call(root, "bash", "-euc", body)
            assert tutorial.differences(next(shown), told) == (), told
