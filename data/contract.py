"""What one scheduled departure out of New York must look like.

Only what is known before departure is a feature. ``late`` is the truth that arrives
afterwards; a cancelled or diverted flight never gets one.
"""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

# In the unit of the column, or pandas converts every row first.
MONDAY = pd.Timestamp("2012-12-31").as_unit("us")
MINUTE, DAY = (pd.Timedelta(text).as_unit("us") for text in ("1min", "1D"))


def feature(reason: str, *more: str) -> dict[str, object]:
    """A feature, and what people read where it is the reason of a score."""
    return {"role": ["feature", *more], "reason": reason}


class Departure(pa.DataFrameModel):
    """One scheduled departure from EWR, JFK or LGA."""

    scheduled: Series[pd.Timestamp] = pa.Field(
        ge=pd.Timestamp("2013-01-01"), metadata={"role": ["key", "time"]}
    )
    flight: Series[int] = pa.Field(gt=0, lt=10_000, metadata={"role": "key"})
    carrier: Series[str] = pa.Field(
        str_matches=r"^[A-Z0-9]{2}$", metadata=feature("the airline", "key", "slice")
    )

    origin: Series[str] = pa.Field(
        isin=["EWR", "JFK", "LGA"], metadata=feature("the airport it leaves from", "slice")
    )
    dest: Series[str] = pa.Field(str_matches=r"^[A-Z]{3}$", metadata=feature("where it flies to"))
    departure_minute: Series[int] = pa.Field(
        ge=0, lt=24 * 60, metadata=feature("the time it is to leave")
    )
    arrival_minute: Series[int] = pa.Field(
        ge=0, le=24 * 60, metadata=feature("the time it is to land")
    )
    weekday: Series[int] = pa.Field(ge=0, le=6, metadata=feature("the day of the week"))
    distance: Series[int] = pa.Field(gt=0, le=6000, metadata=feature("how far it flies"))

    plane_age: Series[float] = pa.Field(
        ge=0, le=80, nullable=True, metadata=feature("how old the plane is")
    )
    seats: Series[float] = pa.Field(
        ge=1, le=900, nullable=True, metadata=feature("how many seats the plane has")
    )

    temperature: Series[float] = pa.Field(
        ge=-40, le=130, nullable=True, metadata=feature("the temperature")
    )
    dew_point: Series[float] = pa.Field(
        ge=-60, le=100, nullable=True, metadata=feature("the dew point")
    )
    humidity: Series[float] = pa.Field(
        ge=0, le=100, nullable=True, metadata=feature("how humid it is")
    )
    wind_direction: Series[float] = pa.Field(
        ge=0, le=360, nullable=True, metadata=feature("where the wind comes from")
    )
    wind_speed: Series[float] = pa.Field(
        ge=0, le=150, nullable=True, metadata=feature("how strong the wind is")
    )
    wind_gust: Series[float] = pa.Field(
        ge=0, le=200, nullable=True, metadata=feature("the strongest gusts")
    )
    precipitation: Series[float] = pa.Field(
        ge=0, le=10, nullable=True, metadata=feature("how much it rains")
    )
    pressure: Series[float] = pa.Field(
        ge=900, le=1100, nullable=True, metadata=feature("the air pressure")
    )
    visibility: Series[float] = pa.Field(
        ge=0, le=10, nullable=True, metadata=feature("how far one sees")
    )

    late: Series[bool] = pa.Field(nullable=True, metadata={"role": "label"})

    @pa.dataframe_check
    def leaves_and_lands_elsewhere(cls, rows: pd.DataFrame) -> Series[bool]:
        return rows["origin"] != rows["dest"]

    @pa.dataframe_check
    def dew_point_at_most_temperature(cls, rows: pd.DataFrame) -> Series[bool]:
        # Both are rounded readings in degrees Fahrenheit, so allow a degree.
        unknown = rows["dew_point"].isna() | rows["temperature"].isna()
        return unknown | (rows["dew_point"] <= rows["temperature"] + 1)

    @pa.dataframe_check
    def clock_agrees_with_schedule(cls, rows: pd.DataFrame) -> Series[bool]:
        # Every night runs this on every row, and it costs a fifth of what .dt.hour does.
        minute = (rows["scheduled"] - MONDAY) // MINUTE % (24 * 60)
        return minute == rows["departure_minute"]

    @pa.dataframe_check
    def weekday_agrees_with_schedule(cls, rows: pd.DataFrame) -> Series[bool]:
        day = (rows["scheduled"] - MONDAY) // DAY % 7
        return day == rows["weekday"]
