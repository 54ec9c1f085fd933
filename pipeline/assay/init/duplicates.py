"""Rows that equal another one in all that describes them: copies, or values that are too coarse."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, prod

import pandas as pd

from assay.formats.definition import ColumnFacts, Understanding
from assay.init.plan import ProjectColumn
from assay.training.leakage.row_overlap import COARSE, LEAST_PAIRED

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
    `assay leakage` has to allow. Elsewhere the share is 0, so the limit stays strict, and if equal
    rows have one label, as copies have, a remark tells of them.

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
    agreed = _agreeing(sample, described, next(x.given for x in columns if "label" in x.roles))
    if agreed <= COARSE:
        return 0.0, ()
    return 0.0, (
        f"{equal:.0%} of the rows equal another one in all that describes them, {expected:.0%} "
        f"would by chance, and {agreed:.0%} of such pairs agree in the label, so the gate will "
        "ask: if they are copies, leave them out in data/source.py, or the holdout knows what "
        "training knows; else raise leakage.max_duplicate_share in params.yaml",
    )


def _agreeing(rows: pd.DataFrame, described: Sequence[str], label: str) -> float:
    """How often rows that are equal otherwise have one label; 1 if there are too few to say."""
    kind = rows.groupby([*described], dropna=False, sort=False, observed=True).ngroup()
    others = kind.map(kind.value_counts()) - 1
    if (others > 0).sum() < LEAST_PAIRED:
        return 1.0
    same = rows.groupby([kind, rows[label]], dropna=False, sort=False, observed=True).ngroup()
    alike = same.map(same.value_counts()) - 1
    return float((alike / others)[others > 0].mean())


def _alike(facts: ColumnFacts) -> float:
    """The chance that two rows have the same value; 0 where no value is there twice."""
    if facts.many or facts.rows < 2:
        return 0.0
    counts = [*(rows for _, rows in facts.values), facts.nulls]
    return sum(rows * (rows - 1) for rows in counts) / (facts.rows * (facts.rows - 1))
