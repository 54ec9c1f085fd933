"""One parcel on its way."""

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series


class Parcel(pa.DataFrameModel):
    parcel: Series[int] = pa.Field(ge=0, metadata={"role": "key"})
    sent: Series[pd.Timestamp] = pa.Field(metadata={"role": "time"})
    depot: Series[str] = pa.Field(
        isin=["north", "south", "west"], metadata={"role": ["feature", "slice"]}
    )
    weight: Series[float] = pa.Field(gt=0, le=50, metadata={"role": "feature"})
    distance: Series[float] = pa.Field(ge=0, nullable=True, metadata={"role": "feature"})
    express: Series[bool] = pa.Field(metadata={"role": "feature"})
    late: Series[bool] = pa.Field(nullable=True, metadata={"role": "label"})

    @pa.dataframe_check
    def express_is_light(cls, rows: pd.DataFrame) -> Series[bool]:
        return ~rows["express"] | (rows["weight"] <= 40)
