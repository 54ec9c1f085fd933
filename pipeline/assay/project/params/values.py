"""Value types of params.yaml."""

from __future__ import annotations

from datetime import date
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

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
Frozen = AfterValidator(MappingProxyType)


class Section(BaseModel):
    """A mapping in params.yaml: no unknown keys, no implicit conversion, immutable."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, arbitrary_types_allowed=True
    )
