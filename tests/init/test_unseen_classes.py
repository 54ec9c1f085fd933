from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tests.init.test_render import planned

ROWS = 3000


def told(fate: np.ndarray, folder: Path) -> list[str]:
    frame = pd.DataFrame(
        {
            "sent": pd.date_range("2024-01-01", periods=ROWS, freq="30min"),
            "weight": np.random.default_rng(3).gamma(2, 3, ROWS),
            "fate": fate,
        }
    )
    plan = planned(frame, folder, "fate")
    return [each for each in plan.doubts if "has no row in" in each]


def test_a_class_that_a_window_lacks_is_told(tmp_path: Path) -> None:
    fate = np.random.default_rng(4).choice(["home", "lost"], ROWS)
    assert told(fate, tmp_path) == []
    first = np.where(np.arange(ROWS) % 20, fate, "new")
    first[ROWS // 3 :] = fate[ROWS // 3 :]
    (early,) = told(first, tmp_path)
    assert early.startswith("'new' has no row in the holdout (2024-0")
    (late,) = told(first[::-1], tmp_path)
    assert late.startswith("'new' has no row in training (2024-01-01 to ")
