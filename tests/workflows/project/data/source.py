"""Parcels as a warehouse has them on the day that PARCELS_TODAY names: nothing of later days.

March 4 has more than twice the rows of other nights, so it is held. From March 6 on parcels come
from farther away, and what was late before is on time: scores drift, and the model is no good.
"""

import os

import numpy as np
import pandas as pd

PER_DAY = 50
CROWDED, CHANGED = "2024-03-04", "2024-03-06"


def parcels() -> pd.DataFrame:
    days = pd.date_range("2024-01-01", os.environ.get("PARCELS_TODAY", "2024-02-29"))
    return pd.concat([day(str(each.date())) for each in days], ignore_index=True)


def day(name: str) -> pd.DataFrame:
    number = (pd.Timestamp(name) - pd.Timestamp("2024-01-01")).days
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
            "day": name,
            "parcel": number * 1000 + np.arange(rows),
            "sent": pd.Timestamp(name) + pd.to_timedelta(rng.integers(0, 1440, rows), unit="min"),
            "depot": depot,
            "weight": weight,
            "distance": np.where(rng.random(rows) < 0.05, np.nan, distance),
            "express": express,
            "late": pd.array(late, dtype="boolean"),
        }
    )
