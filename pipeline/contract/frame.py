"""Arrow -> pandas, for the contract's row rules and for the model's features alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.contract.model import Contract, Field
from pipeline.contract.schema import read_as


def to_frame(
    contract: Contract, batch: pa.RecordBatch | pa.Table, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """The contract's columns as plain NumPy columns, with a fresh 0..n-1 index.

    A column's dtype follows from the contract, not from what a batch happens to hold, so a
    rule or a model sees the same types in every batch:

    ========= ============== ===========================================
    kind      not nullable   nullable
    ========= ============== ===========================================
    float     float64        float64, NaN where null
    integer   int64          float64, NaN where null
    string    object of str  object of str, None where null
    boolean   bool           object of bool, None where null
    timestamp datetime64[us] datetime64[us], NaT where null (naive, UTC)
    ========= ============== ===========================================

    Nulls in a column that is not nullable (they break the contract) give it the dtype on the
    right.

    Parameters
    ----------
    columns
        Which ones, in this order; by default all of the contract's.

    Raises
    ------
    SchemaMismatch
        If a column is missing or cannot be read as its kind.
    KeyError
        For a name that the contract does not have.
    """
    wanted = contract.columns if columns is None else columns
    data = {name: values(contract.field(name), batch) for name in wanted}
    return pd.DataFrame(data, index=pd.RangeIndex(batch.num_rows), copy=False)


def values(field: Field, batch: pa.RecordBatch | pa.Table) -> np.ndarray:
    """One column as the NumPy array that ``to_frame`` holds, of shape (n,)."""
    column = read_as(field, batch)
    loose = field.nullable or column.null_count > 0
    if field.kind == "integer" and loose:
        column = pc.cast(column, pa.float64(), safe=False)
    if field.kind in ("string", "boolean"):
        # Arrow's to_pandas makes one Python object per distinct string, to_numpy one per row.
        array: np.ndarray = column.to_pandas().to_numpy()
        return array if field.kind == "boolean" and not loose else array.astype(object, copy=False)
    return _numpy(column)


def present(field: Field, batch: pa.RecordBatch | pa.Table) -> np.ndarray:
    """Where a column has a value, as bools of shape (n,). NaN in a float field is a null."""
    valid = pc.invert(pc.is_null(read_as(field, batch), nan_is_null=field.kind == "float"))
    return _numpy(valid)


def _numpy(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    single = isinstance(column, pa.Array)
    array: np.ndarray = column.to_numpy(zero_copy_only=False) if single else column.to_numpy()
    return array
