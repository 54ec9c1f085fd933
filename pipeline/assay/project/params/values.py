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
Text = Annotated[str, Field(min_length=1)]
Frozen = AfterValidator(MappingProxyType)


class Section(BaseModel):
    """A mapping in params.yaml: no unknown keys, no implicit conversion, immutable."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, arbitrary_types_allowed=True
    )
