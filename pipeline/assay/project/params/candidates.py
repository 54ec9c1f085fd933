"""Candidates of params.yaml: an estimator by its class and arguments, which may hold further ones.

An argument that is a mapping with a key ``class`` stands for an object that is built like the
candidate itself, at any depth: the ``estimator`` of a search, the steps of a pipeline.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from assay.project.params.messages import DeepError, show_value
from assay.project.params.values import Frozen, Section

CLASS, ARGS = "class", "args"
_EXAMPLE = "a class such as sklearn.linear_model.LogisticRegression"
_CLASS_PATH = r"^[A-Za-z_][\w.]*\.[A-Za-z_]\w*$"

Path = tuple[int | str, ...]


def is_object(value: Any) -> bool:
    """Whether an argument stands for an object that is to be built."""
    return isinstance(value, Mapping) and CLASS in value


def _checked(args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Refuse YAML dates, which a bundle's manifest cannot hold, and malformed objects."""
    for path, value in _walk(args, ()):
        if isinstance(value, date):
            raise DeepError(
                path, "text, numbers, lists and mappings", f"the day {value}: write it in quotes"
            )
        if is_object(value):
            _check_object(path, value)
    return args


def _check_object(path: Path, value: Mapping[str, Any]) -> None:
    name, args = value[CLASS], value.get(ARGS, {})
    if not isinstance(name, str) or not re.match(_CLASS_PATH, name):
        raise DeepError((*path, CLASS), _EXAMPLE, show_value(name))
    if not isinstance(args, Mapping):
        raise DeepError((*path, ARGS), "a mapping", show_value(args))
    unknown = next((key for key in value if key not in (CLASS, ARGS)), None)
    if unknown is not None:
        raise DeepError((*path, unknown), f"{CLASS} and {ARGS} only", f"the key '{unknown}'")


def _walk(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Each value at any depth with the way to it, the outer before the inner."""
    yield path, value
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _walk(each, (*path, key))
    elif isinstance(value, tuple):
        for place, each in enumerate(value):
            yield from _walk(each, (*path, place))


class Candidate(Section):
    class_path: Annotated[str, Field(alias="class", pattern=_CLASS_PATH)]
    args: Annotated[Mapping[str, Any], AfterValidator(_checked), Frozen] = Field(
        default_factory=dict, validate_default=True
    )
    encoding: Literal["auto", "onehot", "ordinal"] = "auto"

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each class that it is built of, its own first."""
        inner = (value[CLASS] for _, value in _walk(self.args, ()) if is_object(value))
        return (self.class_path, *inner)
