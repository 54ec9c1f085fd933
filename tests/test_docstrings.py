"""Examples in docstrings say what the code does, under the names that it has."""

from __future__ import annotations

import ast
import builtins
import doctest
import importlib
import re
from pathlib import Path

import pytest

from assay import errors

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


def raised_names() -> list[tuple[str, str]]:
    """Module and class, for each class that a docstring's section Raises names."""
    found = []
    for path in sorted((PACKAGE / "assay").rglob("*.py")):
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
                section = re.search(
                    r"^Raises\n-+\n(.*?)(?=^\S[^\n]*\n-+$|\Z)",
                    ast.get_docstring(node) or "",
                    re.M | re.S,
                )
                if section:
                    heads = re.findall(r"^(\S.*)$", section[1], re.M)
                    found += [(module, name) for head in heads for name in head.split(", ")]
    return found


def test_what_a_docstring_raises_exists() -> None:
    def exists(module: str, name: str) -> bool:
        place, _, last = name.rpartition(".")
        here = importlib.import_module(place or module)
        return any(hasattr(at, last) for at in (here, errors, builtins))

    unknown = [(module, name) for module, name in raised_names() if not exists(module, name)]
    assert not unknown
