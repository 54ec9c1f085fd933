"""Rows of the input on their way to a task's work, whichever carrier brought them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Bools: TypeAlias = npt.NDArray[np.bool_]
Places: TypeAlias = npt.NDArray[np.int64]
Whole: TypeAlias = Callable[[Places], pa.Table]
Unread: TypeAlias = Mapping[str, Bools]

ALL_READ: Unread = MappingProxyType({})


@dataclass(frozen=True)
class Piece:
    """Some rows of the input on their way to the scoring function; see `score_batch`."""

    rows: pa.RecordBatch | pa.Table
    whole: Whole | None = None
    unread: Unread = field(default_factory=lambda: ALL_READ)
