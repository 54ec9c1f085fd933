"""Candidates of params.yaml: an estimator by class or function and arguments, which may nest.

An argument that is a mapping with a key ``class`` or ``function`` stands for an object that is
built like the candidate itself, at any depth: the ``estimator`` of a search, a pipeline's steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from assay.project.params.messages import DeepError, show_value
from assay.project.params.values import (
    CLASS_EXAMPLE,
    FUNCTION_EXAMPLE,
    ClassName,
    Frozen,
    FunctionName,
    Section,
    name_fault,
)

CLASS, FUNCTION, ARGS = "class", "function", "args"
MAKERS = (CLASS, FUNCTION)

_EXAMPLES = {CLASS: CLASS_EXAMPLE, FUNCTION: FUNCTION_EXAMPLE}

_READERS = "{class: sklearn.feature_extraction.text.TfidfVectorizer, args: {}}, or a list of such"

Path = tuple[int | str, ...]


def is_object(value: Any) -> bool:
    """Whether an argument stands for an object that is to be built."""
    return isinstance(value, Mapping) and any(maker in value for maker in MAKERS)


def maker_of(value: Mapping[str, Any]) -> str:
    """By which key an object says what makes it."""
    return CLASS if CLASS in value else FUNCTION


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
    maker, args = maker_of(value), value.get(ARGS, {})
    name = value[maker]
    example = _EXAMPLES[maker]
    expected = name_fault(name, example) if isinstance(name, str) else example
    if expected is not None:
        raise DeepError((*path, maker), expected, show_value(name))
    if not isinstance(args, Mapping):
        raise DeepError((*path, ARGS), "a mapping", show_value(args))
    unknown = next((key for key in value if key not in (maker, ARGS)), None)
    if unknown is not None:
        raise DeepError((*path, unknown), f"{maker} and {ARGS} only", f"the key '{unknown}'")


def _listed(given: Any) -> Any:
    """What reads a text, or several of them, as a tuple."""
    several = (given,) if isinstance(given, Mapping) else given
    if not isinstance(several, list | tuple) or not several or not all(map(is_object, several)):
        raise DeepError((), _READERS, show_value(given))
    for place, each in enumerate(several):
        _check_object((place,), each)
    return tuple(several)


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
    """An estimator by its class, by the project's own function that returns one, or agreed on.

    ``federated``: the linear model of data/federated.json, which `assay federate` writes.
    """

    class_path: ClassName | None = Field(default=None, alias="class")
    function: FunctionName | None = None
    federated: Literal[True] | None = None
    args: Annotated[Mapping[str, Any], AfterValidator(_checked), Frozen] = Field(
        default_factory=dict, validate_default=True
    )
    encoding: Literal["auto", "onehot", "ordinal", "text"] = "auto"
    text: Annotated[tuple[Mapping[str, Any], ...], BeforeValidator(_listed)] = ()

    @model_validator(mode="after")
    def _one_maker(self) -> Candidate:
        given = [each for each in (self.class_path, self.function, self.federated) if each]
        if len(given) != 1:
            found = "several" if given else "none"
            raise ValueError(f"exactly one of {CLASS}, {FUNCTION} and federated|{found}")
        if self.federated and (self.args or self.encoding != "auto" or self.text):
            raise ValueError("nothing beside federated|args, encoding or text")
        return self

    @property
    def maker(self) -> str:
        """The name of the class or function."""
        return self.class_path or self.function or "a model of several sites"

    @property
    def tree(self) -> dict[str, Any]:
        """The candidate in the form of an object among arguments."""
        key = FUNCTION if self.class_path is None else CLASS
        return {key: self.maker, ARGS: self.args}

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each class and function that it is built of, its own first."""
        given = _walk((self.args, *self.text), ())
        inner = (value[maker_of(value)] for _, value in given if is_object(value))
        return (self.maker, *inner)
