"""A contract that is learnt on some of a table's nights must let the others through."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from assay.contract.checks.row_checks import check_rows
from assay.contract.loader import load_contract_text
from assay.contract.schema import conform
from assay.contract.table_checks import (
    TableStatistics,
    check_table,
    count_duplicates,
    newest_day,
    null_counts,
)
from assay.init.render import render
from assay.project import params
from tests.init.test_render import planned


def parcels(seed: int) -> pd.DataFrame:
    """Skewed numbers, rare categories, gaps, counts, a drift of a tenth a month, codes."""
    rng = np.random.default_rng(seed)
    rows = 3000
    weight = rng.lognormal(1, 1, rows)
    when = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(rng.uniform(0, 60, rows)), unit="D")
    return pd.DataFrame(
        {
            "parcel": [f"P{number:06}" for number in range(rows)],
            "sent": when.strftime("%Y-%m-%d %H:%M:%S"),
            "weight": np.where(rng.random(rows) < 0.03, np.nan, weight.round(3)),
            "stops": rng.poisson(2 + np.arange(rows) / rows, rows),
            "depot": rng.choice([*"ABCDEFG"], rows, p=[0.4, 0.3, 0.2, 0.08, 0.01, 0.006, 0.004]),
            "plz": rng.integers(1000, 1090, rows).astype(str),
            "balance": rng.standard_t(3, rows).round(2),
            "rate": rng.beta(1, 8, rows).round(4),
            "express": rng.random(rows) < 0.2,
            "late": np.where(np.log(weight) + rng.normal(0, 1, rows) > 1.5, "yes", "no"),
        }
    )


def customers(seed: int) -> pd.DataFrame:
    """No time: nights are invented, and halves are by chance."""
    rng = np.random.default_rng(seed)
    rows = 2400
    age = rng.integers(18, 90, rows)
    return pd.DataFrame(
        {
            "customer": rng.permutation(10**6)[:rows],
            "age": age,
            "income": rng.gamma(2, 1500, rows).round(0),
            "children": rng.choice([0, 0, 0, 1, 1, 2, 3, 4, 5], rows),
            "plan": rng.choice(["basic", "plus", "pro"], rows, p=[0.7, 0.28, 0.02]),
            "spent": (rng.gamma(1, 40, rows) + age).round(2),
        }
    )


TABLES = {
    "by time": (parcels, "late", "sent"),
    "a number": (parcels, "weight", "sent"),
    "by chance": (customers, "spent", None),
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("seed", range(3))
def test_what_is_learnt_on_half_of_the_nights_lets_the_others_through(
    tmp_path: Path, name: str, seed: int
) -> None:
    made, target, time = TABLES[name]
    frame = made(seed).dropna(subset=[target])
    days = frame[time].str[:10] if time else pd.Series(np.arange(len(frame)) % 2, frame.index)
    nights = sorted(days.unique())
    early = days.isin(nights[: len(nights) // 2])
    texts = render(planned(frame[early], tmp_path, target))
    contract = load_contract_text(texts["data/contract.py"], "data/contract.py")
    given = params.parse(texts["params.yaml"], "params.yaml")
    # data/source.py, which was written for the first half, reads the second.
    frame[~early].to_csv(tmp_path / "others.csv", index=False)
    source: dict[str, object] = {}
    exec(texts["data/source.py"], source)
    source["FILE"] = str(tmp_path / "others.csv")
    rows = pa.concat_tables(source["rows"]())  # type: ignore[operator]
    checked = conform(contract, rows)
    check = check_rows(contract, checked)
    broken = {rule: int(mask.sum()) for rule, mask in check.broken.items() if mask.any()}
    assert check.bad.mean() <= given.contract.max_bad_share, broken
    for night, table in _by_night(rows):
        some = conform(contract, table)
        facts = TableStatistics(
            some.num_rows,
            null_counts(contract, some),
            count_duplicates(contract, some),
            newest_day(contract, some),
            date.fromisoformat(night),
        )
        assert [each for each in check_table(given.contract.night, facts) if each.broken] == []


def _by_night(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    nights = np.array(rows.column("night").to_pylist())
    for night in sorted(set(nights.tolist())):
        yield night, rows.filter(pa.array(nights == night))
