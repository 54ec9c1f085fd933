"""What messages suggest to type is a command of today: none was renamed under a message."""

from __future__ import annotations

import ast
import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.cli.__main__ import build_parser
from tests.projects import ROOT

PACKAGE = ROOT / "pipeline" / "assay"
SUGGESTED = re.compile(r"\bassay ([a-z][a-z-]+ [^;,()`\n]*--[^;,()`\n]*)")
DAY = re.compile(r"\{[^}]*(?:day|night|partition|first|last|until|names)[^}]*\}|\bDAY\b|%s")
CHOICES = {"{run.kind}": "github", "deploy --target {self.name}": "deploy --target cron"}


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """The texts of a module, with what is computed as ``{code}``; no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {
        id(part)
        for node in ast.walk(tree)
        for part in (
            node.values
            if isinstance(node, ast.JoinedStr)
            else [node.value]
            if isinstance(node, ast.Expr)
            else []
        )
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield (
                node.lineno,
                "".join(
                    str(part.value) if isinstance(part, ast.Constant) else f"{{{_source(part)}}}"
                    for part in node.values
                ),
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in inside:
                yield node.lineno, node.value


def suggestions() -> Iterator[tuple[str, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for line, text in texts(path):
            for found in SUGGESTED.finditer(text):
                if found[0] == text or " fails" in found[0]:  # where an error is, or prose
                    continue
                yield f"{path.relative_to(PACKAGE)}:{line}", found[1]


def _source(part: ast.expr) -> str:
    return ast.unparse(part.value) if isinstance(part, ast.FormattedValue) else ""


@pytest.mark.parametrize(("place", "command"), list(suggestions()))
def test_it_parses(place: str, command: str) -> None:
    """All of it up to its last option and what belongs to that; what follows is prose."""
    filled = DAY.sub("2024-03-01", command)
    for name, value in CHOICES.items():
        filled = filled.replace(name, value)
    filled = re.sub(r"\{[^}]*\}", "7", filled).replace("'", " ")
    words = [word.removesuffix(".") for word in filled.split()]
    last = max(number for number, word in enumerate(words) if word.startswith("--"))
    said = io.StringIO()
    for tried in (words[: last + 1], words[: last + 2], [*words[: last + 1], "7"]):
        with contextlib.redirect_stderr(said), contextlib.suppress(SystemExit):
            build_parser().parse_args(tried)
            return
    pytest.fail(f"{place}: assay {filled}: {said.getvalue()}")
