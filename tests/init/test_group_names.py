from __future__ import annotations

import numpy as np
import pandas as pd

from assay.init.group_names import find_group_names


def test_what_names_the_group_is_found() -> None:
    country = np.repeat([f"land {number}" for number in range(50)], 10)
    rows = pd.DataFrame(
        {
            "country": country,
            "iso": np.repeat([f"L{max(number, 1):02}" for number in range(50)], 10),  # one twice
            "number": np.repeat(np.arange(50) * 7, 10),
            "latitude": np.repeat(np.linspace(-40, 60, 50), 10),
            "continent": np.repeat(["north", "south"], 250),
            "year": np.tile(np.arange(10), 50),
        }
    )
    assert set(find_group_names(rows, "country", list(rows))) == {"iso", "number"}
