"""What can be known about data/source.py without reading a row: the types that it states."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from assay.errors import SourceError
from assay.formats.spelling import parse

READERS = "assay.sources"


def type_faults(source: Any, root: Path) -> Iterator[str]:
    """A line for each type of a column that no reader of `assay.sources` knows.

    Parameters
    ----------
    source
        The function of ``ingest.source``. Only its own file is looked at, and there the columns
        that are stated by name, or in place.
    """
    names = getattr(source, "__globals__", {})
    file = Path(names.get("__file__", ""))
    if not file.is_relative_to(root):
        return  # no function, or one of a library
    for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call) and _reads(call.func, names):
            for given in call.keywords:
                if given.arg == "columns":
                    for fault in _faults(_value(given.value, names)):
                        yield f"{file.relative_to(root).as_posix()}: {fault}"


def _faults(columns: Any) -> Iterator[str]:
    if not isinstance(columns, Mapping):
        return
    for name, text in columns.items():
        if isinstance(name, str) and isinstance(text, str):
            try:
                parse(name, text)
            except SourceError as error:
                yield error.line()


def _reads(called: ast.expr, names: Mapping[str, Any]) -> bool:
    """Whether a call is one of a reader, by whatever name it was imported."""
    found = _value(called, names)
    return inspect.isfunction(found) and found.__module__ == READERS


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    """What an expression stands for when the module is imported; None if that cannot be known."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        return getattr(_value(node.value, names), node.attr, None)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        return None
