"""Rows that equal another one in all that describes them: copies, or values that are too coarse."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, prod

import pandas as pd

from assay.init.plan import ProjectColumn
from assay.tables.definition import ColumnFacts, Understanding

TOLD = 0.01
"""Share of equal rows that is worth a word."""
CORRELATED = 3.0
"""Features hang together, so up to so many times as many rows are equal as if they did not."""


def count_duplicates(
    understood: Understanding, sample: pd.DataFrame, columns: Sequence[ProjectColumn]
) -> tuple[float, tuple[str, ...]]:
    """The share of a sample's rows that equal another one and may: in all that describes them.

    That is the features, and what is sensitive: people who differ in nothing else are no copies.
    Where these have so few values that equal rows are expected, the share is what the limit of
    `assay leakage` has to allow. Elsewhere equal rows are copies: the share is 0, so the limit
    stays strict, and a remark tells of them.

    Returns
    -------
    tuple
        The share, and remarks.
    """
    described = [each.given for each in columns if {"feature", "sensitive"} & {*each.roles}]
    equal = float(sample[described].duplicated(keep=False).mean()) if len(sample) else 0.0
    if equal <= TOLD:
        return 0.0, ()
    facts = {each.name: each for each in understood.facts}
    expected = 1 - exp(-prod(_alike(facts[name]) for name in described) * len(sample))
    if equal <= CORRELATED * expected:
        return equal, ()
    return 0.0, (
        f"{equal:.0%} of the rows equal another one in all that describes them, {expected:.0%} "
        "would by chance: if they are copies, leave them out in data/source.py, or the holdout "
        "knows what training knows",
    )


def _alike(facts: ColumnFacts) -> float:
    """The chance that two rows have the same value; 0 where no value is there twice."""
    if facts.many or facts.rows < 2:
        return 0.0
    counts = [*(rows for _, rows in facts.values), facts.nulls]
    return sum(rows * (rows - 1) for rows in counts) / (facts.rows * (facts.rows - 1))
