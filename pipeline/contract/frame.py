"""Arrow -> pandas, for the contract's row rules and for the model's features alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from pipeline.contract.columns import Columns
from pipeline.contract.model import Contract

if TYPE_CHECKING:
    import pandas as pd


def to_frame(
    contract: Contract, batch: pa.RecordBatch | pa.Table, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """The contract's columns of a batch, as ``Columns.frame`` holds them."""
    return Columns(contract, batch).frame(columns)
