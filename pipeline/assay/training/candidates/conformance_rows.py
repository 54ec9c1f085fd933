"""Rows to try an estimator on: numbers and categories, with gaps, rare values and new ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.project.tasks import Task

if TYPE_CHECKING:
    import pandas as pd

NUMERIC = ("age", "load", "floor")
CATEGORICAL = ("line", "shift")
CLASSES = ("early", "late", "on time")
DAYS = 12
ROWS = 240
_LINES = [f"L{number}" for number in range(12)]


@dataclass(frozen=True)
class TrialRows:
    """Rows to fit on, in the form of `assay.model.model.feature_frame`, in the order of days."""

    features: pd.DataFrame
    target: NDArray[Any]
    days: NDArray[np.int64]

    @classmethod
    def of(cls, task: Task) -> TrialRows:
        """`ROWS` rows on `DAYS` days, some with gaps."""
        features = _features()
        return cls(features, _target(task, features), np.arange(ROWS) * DAYS // ROWS)

    def complete(self) -> TrialRows:
        """The rows without any gap."""
        kept = self.features.notna().all(axis=1).to_numpy()
        features = self.features[kept].reset_index(drop=True)
        return TrialRows(features, self.target[kept], self.days[kept])


def _features() -> pd.DataFrame:
    """Features of `ROWS` rows in the form of `assay.model.model.feature_frame`.

    A fifth of ``age`` and a tenth of ``shift`` are missing, and a line occurs once.
    """
    import pandas as pd

    rng = np.random.default_rng(7)
    share = 1 / np.arange(1, len(_LINES) + 1) ** 1.4
    line = rng.choice(_LINES, ROWS, p=share / share.sum()).astype(object)
    line[100] = "once"
    shift = rng.choice(["am", "pm", "night"], ROWS).astype(object)
    shift[rng.random(ROWS) < 0.1] = None
    return pd.DataFrame(
        {
            "age": np.where(rng.random(ROWS) < 0.2, np.nan, rng.normal(size=ROWS) * 9),
            "load": rng.gamma(2, 3, ROWS).round(1),
            "floor": rng.integers(0, 5, ROWS).astype(float),
            "line": line,
            "shift": shift,
        }
    )


def _target(task: Task, frame: pd.DataFrame) -> NDArray[Any]:
    """A label that the features explain in part: bool, one of `CLASSES`, or a positive number."""
    rng = np.random.default_rng(8)
    value = frame["age"].fillna(2) / 9 + frame["load"] / 5 - frame["floor"] / 3
    value = value + 1.5 * (frame["line"] == "L1") - (frame["shift"] == "am")
    noisy = (value + rng.normal(size=len(frame))).to_numpy()
    if task == "regression":
        return np.exp(noisy / 2)
    cuts = np.quantile(noisy, [0.5] if task == "binary" else [0.3, 0.65])
    place = np.digitize(noisy, cuts)
    if task == "binary":
        return np.asarray(place == 1)
    names: NDArray[Any] = np.array(CLASSES, dtype=object)
    return np.asarray(names[place])


def unusual_rows(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Rows that nights bring and training need not: what is unusual about them -> a few rows."""
    few = frame.dropna().head(8).reset_index(drop=True)
    without: dict[str, Any] = dict.fromkeys(NUMERIC, np.nan)
    without |= dict.fromkeys(CATEGORICAL)
    unusual = {f"without {name}": few.assign(**{name: value}) for name, value in without.items()}
    unusual["without any feature"] = few.assign(**without)
    unusual["of a line and a shift never seen"] = few.assign(line="new", shift="noon")
    unusual["with numbers far outside"] = few.assign(age=1e6, load=-1e6, floor=1e6)
    for rows in unusual.values():
        for name in CATEGORICAL:
            rows[name] = rows[name].astype(object)
    return unusual
