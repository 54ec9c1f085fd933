"""Examples in docstrings say what the code does, under the names that it has."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "pipeline"


def modules_with_examples() -> list[str]:
    """Names of the modules that show an example."""
    paths = sorted((PACKAGE / "assay").rglob("*.py"))
    shown = [path for path in paths if ">>> " in path.read_text(encoding="utf-8")]
    return [".".join(path.relative_to(PACKAGE).with_suffix("").parts) for path in shown]


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_give_what_they_show(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    failed, tried = doctest.testmod(importlib.import_module(name))
    assert tried
    assert not failed, capsys.readouterr().out
