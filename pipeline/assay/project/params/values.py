"""Value types of params.yaml."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import date
from functools import partial
from types import MappingProxyType
from typing import Annotated, Literal

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
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
"""What NumPy takes."""
Every = Literal["day", "week", "month", "year"]
"""The length of a night."""
MOST_DAYS = 3650
"""The longest time that is counted in days from a night: ten years."""


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


def _near(day: date) -> date:
    if not 1700 <= day.year < 2200:
        raise ValueError(f"a day from 1700-01-01 to 2199-12-31|{day}")
    return day


TableDay = Annotated[Day, AfterValidator(_near)]
"""A day of a table, whose times are nanoseconds in 64 bits."""
MOST_NIGHTS = 1000
"""The most nights that are scored again in one stage."""


def _nights(value: object) -> int | tuple[date, ...]:
    days = 'a list of days in quotes such as ["2013-12-31"]'
    wanted = f"a number of nights from 0 to {MOST_NIGHTS}, or {days}"
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_NIGHTS:
        return value
    if not isinstance(value, tuple) or not value:
        shown = "an empty list" if value == () else "nothing" if value is None else str(value)
        raise ValueError(f"{wanted}|{shown}")
    nights = [_day(each) for each in value]
    if len(set(nights)) != len(nights):
        raise ValueError(f"each day once|{', '.join(map(str, nights))}")
    return tuple(sorted(nights))


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


def refuse_repeats(names: Iterable[str], expected: str) -> None:
    """Raise ValueError if a name is there twice; ``expected`` says what was, for pydantic."""
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise ValueError(f"{expected}|{', '.join(twice)} more than once")


def check_limits(low: float | None, high: float | None) -> None:
    """Raise ValueError unless there is a limit, or two with room between them."""
    if low is None and high is None:
        raise ValueError("min, max or both|neither")
    if low is not None and high is not None and high < low:
        raise ValueError(f"max at or over min|min {low}, max {high}")


class Section(BaseModel, defer_build=True):
    """A mapping in params.yaml: no unknown keys, no implicit conversion, immutable."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, arbitrary_types_allowed=True
    )
