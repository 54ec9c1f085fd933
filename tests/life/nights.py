"""Nights as a source delivers them: whole, or in one of the ways in which sources fail."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd

Delivery = Literal["whole", "none", "doubled", "half", "no column", "damaged", "few bad rows"]
DELIVERIES: tuple[Delivery, ...] = get_args(Delivery)
"""What may be delivered of a night; the first is the ordinary case."""

ROWS = 50
LABEL = "late"


def rows(night: str) -> pd.DataFrame:
    """The parcels of a night, the same at each call, as `tests/parcels` makes them up."""
    number = (date.fromisoformat(night) - date(2024, 1, 1)).days
    rng = np.random.default_rng(number)
    distance, weight = rng.gamma(2.0, 100.0, ROWS), rng.uniform(0.1, 40.0, ROWS)
    express = rng.random(ROWS) < 0.3
    depot = rng.choice(["north", "south", "west"], ROWS)
    odds = -1.5 + distance / 150 + weight / 40 - 1.2 * express + (depot == "west") * 0.5
    return pd.DataFrame(
        {
            "parcel": number * 1000 + np.arange(ROWS),
            "sent": pd.Timestamp(night) + pd.to_timedelta(rng.integers(0, 1440, ROWS), unit="min"),
            "depot": depot,
            "weight": weight,
            "distance": np.where(rng.random(ROWS) < 0.05, np.nan, distance),
            "express": express,
            LABEL: pd.array(rng.random(ROWS) < 1 / (1 + np.exp(-odds)), dtype="boolean"),
        }
    )


def deliver(file: Path, night: str, how: Delivery) -> None:
    """Replace a file with the rows of a night, as Parquet or CSV by the name of the file."""
    file.unlink(missing_ok=True)
    if how == "none":
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    frame = rows(night)
    if how == "doubled":
        frame = pd.concat([frame, frame])
    elif how == "half":
        frame = frame.iloc[: ROWS // 2]
    elif how == "no column":
        frame = frame.drop(columns="weight")
    elif how == "few bad rows":
        frame.loc[:2, "depot"] = "moon"
    if file.suffix == ".csv":
        frame.to_csv(file, index=False)
    else:
        frame.to_parquet(file, index=False)
    if how == "damaged":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def truths(file: Path, night: str, corrected: bool) -> None:
    """Write the night's labels as somebody exports them; ``corrected``: the first ten changed."""
    frame = rows(night)[["parcel", LABEL]]
    if corrected:
        frame.loc[:9, LABEL] = ~frame.loc[:9, LABEL]
    frame.to_csv(file, index=False)
