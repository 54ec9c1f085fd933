"""Rows that equal another one in all features: copies, or values too coarse to tell rows apart."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, prod

import pandas as pd

from assay.init.plan import ProjectColumn
from assay.tables.definition import ColumnFacts, Understanding

TOLD = 0.01
"""Share of equal rows that is worth a word, and that chance must explain to be no fault."""


def count_duplicates(
    understood: Understanding, sample: pd.DataFrame, columns: Sequence[ProjectColumn]
) -> tuple[float, tuple[str, ...]]:
    """The share of rows of a sample that equal another one in all features, where that is no fault.

    Where features have so few values that equal rows are expected, the share is what the limit of
    `assay leakage` has to allow. Elsewhere equal rows are copies: the share is 0, so the limit
    stays strict, and a remark tells of them.

    Returns
    -------
    tuple
        The share, and remarks.
    """
    features = [each.given for each in columns if "feature" in each.roles]
    equal = float(sample[features].duplicated(keep=False).mean()) if len(sample) else 0.0
    facts = {each.name: each for each in understood.facts}
    alike = prod(_alike(facts[name]) for name in features)
    coarse = 1 - exp(-alike * len(sample)) > TOLD
    if coarse:
        return equal, ()
    if equal > TOLD:
        return 0.0, (
            f"{equal:.0%} of the rows equal another one in all features: if they are copies, leave "
            "them out in data/source.py, or the holdout knows what training knows",
        )
    return 0.0, ()


def _alike(facts: ColumnFacts) -> float:
    """The chance that two rows have the same value; 0 where most values are there once."""
    if facts.many or facts.distinct > facts.present / 2:
        return 0.0
    counts = [*(rows for _, rows in facts.values), facts.nulls]
    return sum((rows / facts.rows) ** 2 for rows in counts)
