"""JSON that stages hand to each other: written the same each time, read with suspicion.

A file that a stage wrote may have been edited, merged or cut short since. `assay.project.document`
reads a whole one; who needs a few keys only asks a :class:`Node` for each by the kind of value that
must stand there. Whatever else is found becomes one error that names the file and the key.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from assay.errors import DataError, StageInputMissing
from assay.project import textfile

Value = TypeVar("Value")


def dumps(document: object, indent: int = 2) -> str:
    """The same values always give the same text, which ends with a newline.

    Raises
    ------
    ValueError
        NaN or an infinity is in it.
    """
    return json.dumps(document, indent=indent, allow_nan=False, ensure_ascii=False) + "\n"


def write(path: Path, document: object) -> None:
    """Leave ``document`` in ``path``, whole or not at all; its folder is made if need be."""
    textfile.write(path, dumps(document))


def text_of(root: Path, name: str, stage: str) -> str:
    """The text of the file ``name`` under ``root``, which ``stage`` writes.

    Raises
    ------
    StageInputMissing
        The stage has not run.
    DataError
        The file is no UTF-8 text.
    """
    try:
        return (root / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StageInputMissing(
            f"{stage} has not run: no such file", where=name, mend="Run: dvc repro."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"cannot be read as UTF-8 text ({error})", where=name, mend=_again(stage)
        ) from None


def parse(text: str, where: str, stage: str, what: str, build: Callable[[Node], Value]) -> Value:
    """What ``build`` makes of the text's mapping.

    Parameters
    ----------
    where
        What errors call the file.
    stage
        The stage that writes it.
    what
        What the file holds, with its article: "an evaluation".
    build
        Raises ValueError for what makes no sense.

    Raises
    ------
    DataError
        The text is no such thing; names the key.
    """
    try:
        # NaN and infinities are let in: a rule that meets one says so, in a finding.
        return build(Node(json.loads(text, object_pairs_hook=once), ""))
    except (ValueError, RecursionError) as error:
        raise DataError(f"not {what}: {error}", where=where, mend=_again(stage)) from None


class Node:
    """A JSON mapping that knows its place in the file; every method raises ValueError."""

    def __init__(self, tree: Any, key: str) -> None:
        if not isinstance(tree, dict):
            raise ValueError(f"{key or 'the file'} is {kind(tree)}, not a mapping")
        self.tree = tree
        self.key = key

    def path(self, name: str) -> str:
        return f"{self.key}.{name}" if self.key else name

    def get(self, name: str) -> Any:
        if name not in self.tree:
            raise ValueError(f"{self.path(name)} is missing")
        return self.tree[name]

    def text(self, name: str) -> str:
        value = self.get(name)
        if not isinstance(value, str) or not value:
            raise ValueError(f"{self.path(name)} is {kind(value)}, not a text")
        return value

    def maybe_text(self, name: str) -> str | None:
        return self.text(name) if self.tree.get(name) is not None else None

    def one_of(self, name: str, *allowed: str) -> str:
        value = self.text(name)
        if value not in allowed:
            raise ValueError(f"{self.path(name)} is '{value}', not one of {', '.join(allowed)}")
        return value

    def flag(self, name: str) -> bool:
        value = self.get(name)
        if not isinstance(value, bool):
            raise ValueError(f"{self.path(name)} is {kind(value)}, not true or false")
        return value

    def count(self, name: str) -> int:
        value = self.get(name)
        if type(value) is not int or value < 0:
            raise ValueError(f"{self.path(name)} is {value!r}, not a count")
        return value

    def maybe_number(self, name: str) -> float | None:
        value = self.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{self.path(name)} is {kind(value)}, not a number")
        try:
            return float(value)
        except OverflowError:
            raise ValueError(f"{self.path(name)} is too large") from None

    def node(self, name: str) -> Node:
        return Node(self.get(name), self.path(name))

    def items(self, name: str) -> list[tuple[str, Any]]:
        """Each item of a list with its place."""
        value = self.get(name)
        if not isinstance(value, list):
            raise ValueError(f"{self.path(name)} is {kind(value)}, not a list")
        return [(f"{self.path(name)}[{index}]", item) for index, item in enumerate(value)]

    def nodes(self, name: str) -> list[Node]:
        return [Node(item, key) for key, item in self.items(name)]

    def texts(self, name: str) -> tuple[str, ...]:
        found = []
        for key, item in self.items(name):
            if not isinstance(item, str) or not item:
                raise ValueError(f"{key} is {kind(item)}, not a text")
            found.append(item)
        return tuple(found)

    def schema(self, number: int) -> None:
        """Refuse what another version of Assay wrote."""
        if self.get("schema") != number:
            raise ValueError(f"schema is {self.get('schema')!r}, not {number}")


def kind(value: Any) -> str:
    """A JSON value's kind in words."""
    names = {dict: "a mapping", list: "a list", str: "a text", bool: "true or false"}
    return "null" if value is None else names.get(type(value), "a number")


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For ``object_pairs_hook``: a mapping in which no key came twice."""
    tree = dict(pairs)
    if len(tree) != len(pairs):
        raise ValueError("a key is there twice")
    return tree


def no_constant(name: str) -> NoReturn:
    """For ``parse_constant``: NaN and infinities are no JSON."""
    raise ValueError(f"{name} is not a number")


def _again(stage: str) -> str:
    return f"Run {stage} again: dvc repro {stage}."
