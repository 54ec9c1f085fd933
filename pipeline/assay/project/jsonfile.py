"""JSON files passed between stages: written deterministically, validated on reading.

A file may have been edited, merged or truncated since a stage wrote it. `assay.project.document`
validates a whole file. To read a few keys only, use :class:`JsonNode`, which checks the type of
each value. Any violation becomes one error that names the file and the key.
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
    """Serialise deterministically, with a final newline.

    Raises
    ------
    ValueError
        ``document`` contains NaN or an infinity.
    """
    return json.dumps(document, indent=indent, allow_nan=False, ensure_ascii=False) + "\n"


def write(path: Path, document: object) -> None:
    """Write ``document`` to ``path`` atomically. Creates the folder if needed."""
    textfile.write(path, dumps(document))


def read_stage_file(root: Path, name: str, stage: str) -> str:
    """The text of the file ``name`` under ``root``, which ``stage`` writes.

    Raises
    ------
    StageInputMissing
        The file does not exist: the stage has not run.
    DataError
        The file cannot be read, or is not UTF-8 text.
    """
    try:
        return (root / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StageInputMissing(
            f"{stage} has not run: no such file", where=name, fix="Run: dvc repro."
        ) from None
    except OSError as error:
        raise DataError(
            f"cannot be read: {error.strerror or error}", where=name, fix=_again(stage)
        ) from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"cannot be read as UTF-8 text ({error})", where=name, fix=_again(stage)
        ) from None


def parse(
    text: str, where: str, stage: str, what: str, build: Callable[[JsonNode], Value]
) -> Value:
    """Parse a JSON mapping and convert it with ``build``.

    Parameters
    ----------
    where
        File name for errors.
    stage
        The stage that writes the file.
    what
        Kind of the file with its article, for errors: "an evaluation".
    build
        Raises ValueError for invalid content.

    Raises
    ------
    DataError
        The text is not valid JSON, or ``build`` refused it. The error names the key.
    """
    try:
        # NaN and infinities are accepted here: a rule reports them in a finding.
        return build(JsonNode(json.loads(text, object_pairs_hook=reject_duplicate_keys), ""))
    except (ValueError, RecursionError) as error:
        raise DataError(f"not {what}: {error}", where=where, fix=_again(stage)) from None


class JsonNode:
    """A JSON mapping with its path in the file. Every method raises ValueError for a wrong type."""

    def __init__(self, tree: Any, key: str) -> None:
        if not isinstance(tree, dict):
            raise ValueError(f"{key or 'the file'} is {json_type(tree)}, not a mapping")
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
            raise ValueError(f"{self.path(name)} is {json_type(value)}, not a text")
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
            raise ValueError(f"{self.path(name)} is {json_type(value)}, not true or false")
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
            raise ValueError(f"{self.path(name)} is {json_type(value)}, not a number")
        try:
            return float(value)
        except OverflowError:
            raise ValueError(f"{self.path(name)} is too large") from None

    def node(self, name: str) -> JsonNode:
        return JsonNode(self.get(name), self.path(name))

    def items(self, name: str) -> list[tuple[str, Any]]:
        """The items of a list, each with its path."""
        value = self.get(name)
        if not isinstance(value, list):
            raise ValueError(f"{self.path(name)} is {json_type(value)}, not a list")
        return [(f"{self.path(name)}[{index}]", item) for index, item in enumerate(value)]

    def nodes(self, name: str) -> list[JsonNode]:
        return [JsonNode(item, key) for key, item in self.items(name)]

    def texts(self, name: str) -> tuple[str, ...]:
        found = []
        for key, item in self.items(name):
            if not isinstance(item, str) or not item:
                raise ValueError(f"{key} is {json_type(item)}, not a text")
            found.append(item)
        return tuple(found)

    def schema(self, number: int) -> None:
        """Refuse a file with another schema version."""
        if self.get("schema") != number:
            raise ValueError(f"schema is {self.get('schema')!r}, not {number}")


def json_type(value: Any) -> str:
    """The type of a JSON value, for errors."""
    names = {dict: "a mapping", list: "a list", str: "a text", bool: "true or false"}
    return "null" if value is None else names.get(type(value), "a number")


def reject_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An ``object_pairs_hook`` that refuses duplicate keys."""
    tree = dict(pairs)
    if len(tree) != len(pairs):
        raise ValueError("a key is there twice")
    return tree


def reject_constant(name: str) -> NoReturn:
    """A ``parse_constant`` that refuses NaN and infinities."""
    raise ValueError(f"{name} is not a number")


def _again(stage: str) -> str:
    return f"Run {stage} again: dvc repro {stage}."
