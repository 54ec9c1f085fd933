"""Value types of params.yaml."""

from __future__ import annotations

import re
from datetime import date
from functools import partial
from types import MappingProxyType
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
)

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]


def _day(value: object) -> date:
    # DVC reads the same file and does not support unquoted dates.
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    shown = f"{value} without quotes" if isinstance(value, date) else f"the text '{value}'"
    raise ValueError(f'a date in quotes such as "2013-06-30"|{shown}')


Day = Annotated[date, BeforeValidator(_day)]


def _nights(value: object) -> int | tuple[date, ...]:
    wanted = 'a number of nights from 0, or a list of days in quotes such as ["2013-12-31"]'
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if not isinstance(value, tuple) or not value:
        shown = "an empty list" if value == () else "nothing" if value is None else str(value)
        raise ValueError(f"{wanted}|{shown}")
    days = [_day(each) for each in value]
    if len(set(days)) != len(days):
        raise ValueError(f"each day once|{', '.join(map(str, days))}")
    return tuple(sorted(days))


Nights = Annotated[int | tuple[date, ...], BeforeValidator(_nights)]
"""How many of the last nights of an input, or which ones, in the order of days."""
Text = Annotated[str, Field(min_length=1)]

_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
CLASS_EXAMPLE = "a class such as sklearn.linear_model.LogisticRegression"
FUNCTION_EXAMPLE = "a function such as data.source.rows"


def name_fault(name: str, example: str) -> str | None:
    """What was expected instead of ``name``; None if it names something in a module.

    Names of Python code have one spelling everywhere: the module's and the object's, with a dot.
    """
    if _NAME.fullmatch(name):
        return None
    dotted = name.replace(":", ".")
    return f"{dotted}, with a dot" if _NAME.fullmatch(dotted) else example


def _named(name: str, example: str) -> str:
    expected = name_fault(name, example)
    if expected is not None:
        raise ValueError(f"{expected}|the text '{name}'")
    return name


def check_function_name(name: str) -> str:
    """The name of a function, in its one spelling.

    Raises
    ------
    ValueError
        It is spelt in another way; pydantic makes a message of it.
    """
    return _named(name, FUNCTION_EXAMPLE)


ClassName = Annotated[str, AfterValidator(partial(_named, example=CLASS_EXAMPLE))]
FunctionName = Annotated[str, AfterValidator(check_function_name)]
TypeName = Annotated[str, AfterValidator(partial(_named, example="a type such as numpy.dtype"))]
"""Names of a class, a function and a type, in the one spelling that is valid: with dots."""
Frozen = AfterValidator(MappingProxyType)
Dumped = PlainSerializer(dict)
"""Beside `Frozen`: pydantic cannot serialise a mapping proxy, and digests are of what is dumped."""


class Section(BaseModel):
    """A mapping in params.yaml: no unknown keys, no implicit conversion, immutable."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, arbitrary_types_allowed=True
    )
