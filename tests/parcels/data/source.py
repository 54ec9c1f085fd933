"""Sixty-five days of parcels, made up from a seed; the last five are nights to score."""

import numpy as np
import pandas as pd

PER_DAY = 50


def parcels() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    days = pd.date_range("2024-01-01", "2024-03-05")
    rows = len(days) * PER_DAY
    day = days.repeat(PER_DAY)
    distance = rng.gamma(2.0, 100.0, rows)
    weight = rng.uniform(0.1, 40.0, rows)
    express = rng.random(rows) < 0.3
    depot = rng.choice(["north", "south", "west"], rows)
    odds = -1.5 + distance / 150 + weight / 40 - 1.2 * express + (depot == "west") * 0.5
    late = rng.random(rows) < 1 / (1 + np.exp(-odds))
    frame = pd.DataFrame(
        {
            "day": day.strftime("%Y-%m-%d"),
            "parcel": np.arange(rows),
            "sent": day + pd.to_timedelta(rng.integers(0, 24 * 60, rows), unit="min"),
            "depot": depot,
            "weight": weight,
            "distance": np.where(rng.random(rows) < 0.05, np.nan, distance),
            "express": express,
            "late": pd.array(late, dtype="boolean"),
        }
    )
    frame.loc[rng.random(rows) < 0.02, "late"] = pd.NA
    # The night of March 2 has rows that break the contract.
    bad = frame.index[frame["day"] == "2024-03-02"][:3]
    frame.loc[bad[0], "weight"] = -1.0
    frame.loc[bad[1], "depot"] = None
    frame.loc[bad[2], "depot"] = "moon"
    return frame
