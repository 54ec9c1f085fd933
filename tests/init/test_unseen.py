from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from assay.init.unseen import find_group_names
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


def test_what_the_training_window_has_no_values_of_is_left_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    number, late = np.arange(ROWS), np.arange(ROWS) >= 0.9 * ROWS
    frame = pd.DataFrame(
        {
            "sent": pd.date_range("2024-01-01", periods=ROWS, freq="30min"),
            "weight": rng.gamma(2, 3, ROWS),
            "begun": np.where(late, rng.gamma(2, 3, ROWS), np.nan),
            "version": np.where(late, 2, 1),
            "tried": np.where((number > 300) & (number < 330), rng.gamma(2, 3, ROWS), np.nan),
            "flag": np.where(rng.random(ROWS) < 0.5, "yes", None),
            "fate": rng.choice(["home", "lost"], ROWS),
        }
    )
    plan = planned(frame, tmp_path, "fate")
    assert [each.name for each in plan.having("feature")] == ["weight", "flag"]
    why = {each.name: each.why for each in plan.left_out}
    assert why["begun"].startswith("no value in the training window (2024-01-01 to 2024-0")
    assert why["version"].startswith("always 1 in the training window (2024-01-01 to ")
    assert "but from 2024-01-07 to 2024-01-07: without those days" in why["tried"]


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
