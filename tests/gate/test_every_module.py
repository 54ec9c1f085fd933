"""What holds for every module of the gate: records are frozen, texts are UTF-8 everywhere."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import ValidationError

import assay
import assay.gate
import assay.reports
from assay.gate.pytest_run.record import PytestRecord
from assay.project.document import Document

OPEN = {PytestRecord}
"""Filled while pytest runs."""


def classes(package: ModuleType) -> Iterator[type[Any]]:
    found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    for name in [each.name for each in found if not each.ispkg]:
        for found in vars(importlib.import_module(name)).values():
            if isinstance(found, type) and found.__module__ == name:
                yield found


FOUND = [each for each in classes(assay.gate) if is_dataclass(each) and each not in OPEN]
REPORTS = [each for each in classes(assay.reports) if issubclass(each, Document)]


@pytest.mark.parametrize("kind", FOUND, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_it_is_frozen(kind: type[Any]) -> None:
    one = kind.__new__(kind)
    with pytest.raises(FrozenInstanceError):
        setattr(one, fields(kind)[0].name, None)


@pytest.mark.parametrize("kind", REPORTS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_a_report_is_frozen(kind: type[Document]) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(kind.model_construct(), next(iter(kind.model_fields)), None)


def test_none_was_overlooked() -> None:
    assert len(FOUND) >= 15
    assert len(REPORTS) >= 20


PACKAGE = Path(assay.__file__).parent
SOURCES = [
    *sorted(PACKAGE.glob("gate/**/*.py")),
    *sorted(PACKAGE.glob("project/params/*.py")),
    *sorted(PACKAGE.glob("reports/*.py")),
]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_text_depends_on_the_machines_encoding(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in ("read_text", "write_text"):
                given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                assert given.get("encoding") == "'utf-8'", f"{path.name}:{node.lineno}"
