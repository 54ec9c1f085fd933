"""The table of a team that sends parcels, as it is on a day: a CSV file without rows of later days.

March 4 has three times the rows of other nights, so it is held. From March 6 on parcels come
from farther away, and what was late before is on time: scores drift, and the model is no good.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

PER_DAY = 50
FIRST, CROWDED, CHANGED = "2024-01-01", "2024-03-04", "2024-03-06"


def write(path: Path, today: str) -> None:
    """The rows of all days up to ``today``."""
    days = [day(str(each.date())) for each in pd.date_range(FIRST, today)]
    pd.concat(days, ignore_index=True).to_csv(path, index=False)


def day(name: str) -> pd.DataFrame:
    number = (pd.Timestamp(name) - pd.Timestamp(FIRST)).days
    rng = np.random.default_rng(number)
    rows = PER_DAY * (3 if name == CROWDED else 1)
    changed = name >= CHANGED
    distance = rng.gamma(2.0, 100.0, rows) * (1.6 if changed else 1.0)
    weight = rng.uniform(0.1, 40.0, rows)
    express = rng.random(rows) < 0.3
    depot = rng.choice(["north", "south", "west"], rows)
    odds = -1.5 + distance / 100 + weight / 40 - 1.2 * express + (depot == "west") * 0.5
    odds = 0.5 - odds / 2 if changed else odds
    late = rng.random(rows) < 1 / (1 + np.exp(-odds))
    return pd.DataFrame(
        {
            "parcel": number * 1000 + np.arange(rows),
            "sent": pd.Timestamp(name) + pd.to_timedelta(rng.integers(0, 1440, rows), unit="min"),
            "depot": depot,
            "weight": weight,
            "distance": np.where(rng.random(rows) < 0.05, np.nan, distance),
            "express": express,
            "late": late,
        }
    )
