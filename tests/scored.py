"""What a run scored, without what differs between two runs of the same rows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from deltalake import DeltaTable

OF_A_RUN = ["run_id", "scored_at", "quarantined_at"]


def rows(root: Path, night: str, table: str = "predictions", keys: str = "parcel") -> pd.DataFrame:
    """The rows of a night in the store of the parcels project, in the order of their keys."""
    found = DeltaTable(str(root / "store" / table)).to_pandas()
    found = found[found["day"] == night].drop(columns=OF_A_RUN, errors="ignore")
    return found.sort_values(keys, ignore_index=True)
