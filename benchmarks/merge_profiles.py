"""Merging a year of profiles, against the second that it may take.

There is no peer; the ratio is to the limit that was set.
"""

from __future__ import annotations

import time
from functools import reduce

import numpy as np
import pandas as pd

from assay.columns.features import FrameFeatures
from assay.columns.grid_builder import build_grid
from assay.columns.profile import Profile, merge_profiles
from assay.columns.profile_counter import compute_profile
from benchmarks.bench import Bench
from benchmarks.measure import in_turns
from benchmarks.results import Result

NIGHTS, COLUMNS, CATEGORICAL = 365, 50, 10
ROWS = 2_000
LIMIT = 1.0
TURNS = 5


def profiles() -> list[Profile]:
    """A year's; a profile takes the same room whatever its rows."""
    random = np.random.default_rng(1)

    def night(shift: float) -> pd.DataFrame:
        numbers = random.normal(shift, 1.0, (ROWS, COLUMNS - CATEGORICAL))
        names = random.integers(0, 300, (ROWS, CATEGORICAL)).astype(str)
        made = {f"number_{at}": column for at, column in enumerate(numbers.T)}
        return pd.DataFrame(made | {f"name_{at}": column for at, column in enumerate(names.T)})

    first = night(0.0)
    numeric = [name for name in first if name.startswith("number")]
    grid = build_grid(first, numeric, [name for name in first if name not in numeric])
    return [compute_profile(FrameFeatures(night(at / NIGHTS)), grid) for at in range(NIGHTS)]


def run(bench: Bench) -> list[Result]:
    """Seconds to merge all of them."""
    year = profiles()

    def merged() -> float:
        began = time.perf_counter()
        whole = reduce(merge_profiles, year)
        seconds = time.perf_counter() - began
        if {column.rows for column in whole.values()} != {NIGHTS * ROWS}:
            raise AssertionError("rows were lost in merging")
        return seconds

    found = in_turns({"s": merged}, TURNS, "merge")["s"]
    return [
        bench.result(
            f"merging {NIGHTS} profiles of {COLUMNS} columns, against {LIMIT:g} s",
            found,
            [LIMIT] * len(found),
            target=1.0,
            better="lower",
            rows=NIGHTS,
            unit="s",
            cores=1,
        )
    ]
