"""Turn pydantic's errors about params.yaml into readable messages."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from pydantic import BaseModel, ValidationError

from assay.errors import AssayError
from assay.project import layout
from assay.project.text import quote_value, suggest

_EXPECTED = {
    "string_type": "text",
    "string_too_short": "text that is not empty",
    "string_pattern_mismatch": "text that matches {pattern}",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "date_type": "a date such as 2013-06-30",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "greater_than": "a value over {gt}",
    "greater_than_equal": "a value of at least {ge}",
    "less_than": "a value under {lt}",
    "less_than_equal": "a value of at most {le}",
    "literal_error": "one of {expected}",
    "too_short": "at least {min_length} item(s)",
    "union_tag_invalid": "one of {expected_tags}",
    "union_tag_not_found": "a key {discriminator} that says which kind this is",
}

TAGS = ("rule", "format", "kind", "check")
"""Discriminator keys of the tagged unions."""


class DeepError(ValueError):
    """A mistake below the value that a validator got; ``path`` leads from that value to it."""

    def __init__(self, path: tuple[int | str, ...], expected: str, found: str) -> None:
        self.path = path
        super().__init__(f"{expected}|{found}")


def explain_errors(
    error: ValidationError,
    tree: Mapping[str, Any],
    name: str,
    root: type[BaseModel],
    at: tuple[int | str, ...] = (),
) -> list[str]:
    """One line per mistake, in the order of the file.

    Parameters
    ----------
    tree
        The whole file.
    root, at
        The model that made the error, and its place in the file.
    """
    items = [_deepened(item) for item in error.errors(include_url=False)]
    wrong = [item["loc"][:-1] for item in items]
    found = [
        (_line(tree, _in_tree(tree, item, at)), _sentence(item, tree, name, root, at))
        for item in items
        # If all items of a list are invalid, pydantic drops them and calls the list too short.
        if item["type"] != "too_short"
        or not any(loc[: len(item["loc"])] == item["loc"] for loc in wrong)
    ]
    return [text for _, text in sorted(found, key=lambda pair: pair[0] or 0)]


def _deepened(item: Any) -> Any:
    """The item with the whole location of a `DeepError`."""
    raised = item.get("ctx", {}).get("error")
    return {**item, "loc": item["loc"] + raised.path} if isinstance(raised, DeepError) else item


def _sentence(
    item: Any,
    tree: Mapping[str, Any],
    name: str,
    root: type[BaseModel],
    at: tuple[int | str, ...],
) -> str:
    loc = _in_tree(tree, item, at)
    line = _line(tree, loc)
    where = f"{name}{f':{line}' if line else ''}: {_dotted(loc) or 'the file'}"
    kind, context = item["type"], item.get("ctx", {})
    if kind == "extra_forbidden":
        valid = _names(root, item["loc"][:-1])
        # The key may be a number in YAML, which is not found in the tree.
        near = difflib.get_close_matches(str(item["loc"][-1]), valid, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else f"valid keys: {', '.join(valid)}"
        return f"{where}: unknown key; {hint}"
    if kind == "missing":
        return f"{where}: missing; expected {_wanted(root, item['loc'])}"
    if kind == "value_error":
        expected, _, got = str(context["error"]).partition("|")
        return f"{where}: expected {expected}, found {got}"
    template = _EXPECTED.get(kind)
    expected = template.format(**context) if template else str(item["msg"])
    found = item["input"]
    if kind == "union_tag_invalid":
        # For an unknown kind of list item, show the kind and not the whole item.
        found = found[context["discriminator"].strip("'")]
    text = f"{where}: expected {expected}, found {show_value(found)}"
    named = context.get("expected_tags" if kind == "union_tag_invalid" else "expected")
    if kind in {"literal_error", "union_tag_invalid"} and isinstance(found, str):
        options = [part.strip("' ") for part in named.replace(" or ", ", ").split(",")]
        near = difflib.get_close_matches(found, options, n=1, cutoff=0.5)
        text += f"; did you mean '{near[0]}'?" if near else ""
    return text


def _in_tree(tree: Any, item: Any, at: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The location without the steps that pydantic adds (the tag of a union, ``[key]``)."""
    steps: list[int | str] = [*at]
    node, loc = tree, item["loc"]
    for step in at:
        node = node[step]
    for position, step in enumerate(loc):
        absent = item["type"] == "missing" and position == len(loc) - 1
        if step == "[key]":
            continue
        if isinstance(node, Mapping):
            if step in node:
                node = node[step]
            elif not absent:
                continue
            steps.append(step)
        elif isinstance(node, Sequence) and not isinstance(node, str) and isinstance(step, int):
            steps.append(step)
            node = node[step] if step < len(node) else None
    return tuple(steps)


def _line(tree: Any, loc: tuple[int | str, ...]) -> int | None:
    """The line of the key or of its nearest parent, counted from 1."""
    node, line = tree, None
    for step in loc:
        marks = getattr(node, "lc", None)
        try:
            if isinstance(node, Mapping):
                line = marks.key(step)[0] + 1 if marks else line
            else:
                line = marks.item(step)[0] + 1 if marks else line
            node = node[step]
        except (KeyError, IndexError, TypeError):
            break
    return line


def _dotted(loc: tuple[int | str, ...]) -> str:
    text = ""
    for step in loc:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def show_value(value: Any) -> str:
    """A value of params.yaml as a message names it."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, tuple | list):
        return "a list"
    if isinstance(value, str):
        shown = " ".join(value.split()) if "\n" in value else value
        return f"the text '{shown}'" if len(shown) <= 60 else f"the text '{shown[:57]}...'"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date):
        return f"the date {value}"
    return str(value)


def _keys(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _step(annotation: Any, step: int | str) -> Any:
    """The annotation one level down, through lists, mappings and unions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _keys(annotation).get(str(step))
    arguments = typing.get_args(annotation)
    models = [a for a in arguments if isinstance(a, type) and issubclass(a, BaseModel)]
    for model in models:
        # In a tagged union the step is the tag, not a key.
        tags = [field.annotation for name, field in model.model_fields.items() if name in TAGS]
        if len(models) > 1 and any(step in typing.get_args(tag) for tag in tags):
            return model
    for argument in reversed(arguments):
        if argument is not Ellipsis and not isinstance(argument, str):
            inner = typing.get_args(argument)
            if models or inner:
                return models[-1] if models and not inner else argument
    return None


def _names(root: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    names: Any = _walk(root, loc)
    kinds = (names, *typing.get_args(names))  # X | None is an X that may be left out
    models = [each for each in kinds if isinstance(each, type) and issubclass(each, BaseModel)]
    return [name for model in models for name in _keys(model)]


def _wanted(root: type[BaseModel], loc: tuple[int | str, ...]) -> str:
    annotation: Any = _walk(root, loc)
    if isinstance(annotation, type):
        if issubclass(annotation, BaseModel):
            return f"a mapping with {', '.join(_keys(annotation))}"
        return {str: "text", int: "a whole number", float: "a number", date: "a date"}.get(
            annotation, annotation.__name__
        )
    if typing.get_origin(annotation) is typing.Literal:
        return f"one of {', '.join(map(str, typing.get_args(annotation)))}"
    if typing.get_origin(annotation) is tuple:
        return "a list"
    return "a value"


def _walk(root: type[BaseModel], loc: tuple[int | str, ...]) -> Any:
    node: Any = root
    for step in loc:
        while typing.get_origin(node) is typing.Annotated:
            node = typing.get_args(node)[0]
        node = _step(node, step)
    while typing.get_origin(node) is typing.Annotated:
        node = typing.get_args(node)[0]
    return node


def unknown_name(
    name: str, known: Collection[str], place: str, wanted: str = "a column of the contract"
) -> Iterator[str]:
    """A line if ``name``, at ``place`` of params.yaml, is not among the known ones."""
    if name in known:
        return
    yield AssayError(
        f"there is no {quote_value(name)}",
        where=f"{layout.PARAMS}: {place}",
        expected=f"{wanted}: {', '.join(known) or 'there is none'}",
        found=quote_value(name),
        fix=suggest(name, known),
    ).line()
