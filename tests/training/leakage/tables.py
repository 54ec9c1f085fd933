"""Two clean sides of made-up parcels, of any task, to plant a leak in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from assay.contract.definition import Contract, Field, Kind, Role
from assay.contract.schema import canonical_schema
from assay.project.params import LeakageParams
from assay.training.leakage import stage as checks
from assay.training.leakage.features import SourceSample
from assay.training.leakage.report import Check, Leakage
from assay.training.leakage.table_pair import LazyTable, TablePair

TRAIN, HOLDOUT = 3000, 1200

LABELS: dict[str, Kind] = {"binary": "boolean", "multiclass": "string", "regression": "float"}


def contract(task: str = "binary", *extra: Field) -> Contract:
    """The clean tables' contract, with more fields if wanted."""
    feature = (Role.FEATURE,)
    fields = (
        Field("parcel", (Role.KEY,), "integer", False, 1),
        Field("sent", (Role.TIME,), "timestamp", False, 2),
        Field("depot", feature, "string", True, 3),
        Field("weight", feature, "float", True, 4),
        Field("express", feature, "boolean", True, 5),
        Field("stops", feature, "integer", True, 6),
        Field("late", (Role.LABEL,), LABELS[task], True, 7),
        *extra,
    )
    return Contract("Parcel", "c.py", "", fields, (), "late")


def frame(task: str, rows: int, first: str, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    weight, stops = random.gamma(2, 5, rows), random.integers(0, 9, rows)
    odds = weight / 10 + stops / 6 - 2 + random.normal(0, 1, rows)
    late: Any = odds > 0
    if task == "multiclass":
        late = np.where(odds > 0.5, "late", np.where(odds < -0.8, "early", "lost"))
    if task == "regression":
        late = np.exp(odds)
    return pd.DataFrame(
        {
            "parcel": np.arange(rows) + seed * 1_000_000,
            "sent": pd.Timestamp(first) + pd.to_timedelta(np.arange(rows) * 40, unit="min"),
            "depot": random.choice(["north", "south", "west"], rows),
            "weight": np.where(random.random(rows) < 0.05, np.nan, weight),
            "express": random.random(rows) < 0.3,
            "stops": stops,
            "late": late,
        }
    )


def both(task: str = "binary") -> tuple[pd.DataFrame, pd.DataFrame]:
    """A training and a holdout table with nothing wrong."""
    return frame(task, TRAIN, "2024-01-01", 1), frame(task, HOLDOUT, "2024-06-01", 2)


def in_memory(of: Contract, *tables: pa.Table) -> TablePair:
    return TablePair(of, *(LazyTable(each.num_rows, each.select) for each in tables))


def found_check(report: Leakage, name: str) -> Check:
    return next(each for each in report.checks if each.check == name)


def sides(of: Contract, train: pd.DataFrame, holdout: pd.DataFrame) -> TablePair:
    """The same as the checks see them."""
    schema = canonical_schema(of)
    return in_memory(
        of,
        *(
            pa.Table.from_pandas(each[list(of.columns)], schema=schema, preserve_index=False)
            for each in (train, holdout)
        ),
    )


def feature(name: str, kind: Kind, *roles: Role) -> Field:
    return Field(name, (Role.FEATURE, *roles), kind, True, 9)


LIMITS = LeakageParams(sample_rows=2000)
Frames = tuple[pd.DataFrame, pd.DataFrame]


def source(of, nulls: dict[str, int] | None = None, drop: str = "") -> SourceSample:
    names = [name for name in of.without_label().columns if name != drop]
    zero = dict.fromkeys(names, 0)
    return SourceSample("data/raw", 100, dict.fromkeys(names), {**zero, **(nulls or {})})


def found(
    frames: Frames, task: str = "binary", *extra: Field, lacking: pd.DataFrame | None = None
) -> dict[str, Check]:
    """The checks of both sides; ``lacking`` is the rows without a label."""
    of = contract(task, *extra)
    both = sides(of, *frames)
    without = sides(of, *(2 * [frames[0][:0] if lacking is None else lacking])).train
    return {each.check: each for each in checks.run_checks(both, without, source(of), LIMITS)}


def suspects(frames: Frames, task: str = "binary", *extra: Field) -> dict[str, Check]:
    return {
        name: each for name, each in found(frames, task, *extra).items() if each.outcome != "ok"
    }
