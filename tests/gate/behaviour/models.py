"""Models of one line, and rows with every kind of column, to ask behaviours of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from assay.gate.behaviour.subject import ModelUnderTest

CLASSES = ("early", "late", "lost")


def rows(number: int = 40) -> pd.DataFrame:
    random = np.random.default_rng(5)
    distance = random.uniform(0, 400, number)
    distance[::7] = np.nan
    return pd.DataFrame(
        {
            "parcel": np.arange(number) + 1000,
            "sent": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(number), unit="h"),
            "depot": random.choice(["north", "south", "west"], number).astype(object),
            "pieces": random.integers(1, 9, number),
            "distance": distance,
            "express": random.random(number) < 0.5,
            "late": random.random(number) < 0.5,
        }
    )


def probability(frame: pd.DataFrame) -> np.ndarray:
    """Rises with distance and pieces; a null distance counts as 100."""
    odds = frame["distance"].fillna(100.0) / 200 + frame["pieces"].fillna(1) / 10 - 1
    return (1 / (1 + np.exp(-odds))).to_numpy(dtype=float)


def fates(frame: pd.DataFrame) -> np.ndarray:
    late = probability(frame)
    return np.column_stack([(1 - late) * 0.9, late, (1 - late) * 0.1])


def subject(
    score: Callable[..., Any] = probability, task: str = "binary", **more: Any
) -> ModelUnderTest:
    facts: dict[str, Any] = {
        "numeric": ("pieces", "distance", "express"),
        "categorical": ("depot",),
        "nullable": ("distance",),
        "keys": ("parcel",),
        "classes": CLASSES if task == "multiclass" else (),
        **more,
    }
    return ModelUnderTest(score, task, **facts)  # type: ignore[arg-type]
