"""Which rows break the contract, and which rules they break."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.contract.evaluate import holds
from pipeline.contract.frame import present, to_frame, values
from pipeline.contract.model import Contract, Field, Rule


@dataclass(frozen=True)
class RowCheck:
    """The outcome for the n rows of a batch.

    Parameters
    ----------
    bad
        Bools of shape (n,): the row breaks at least one rule.
    broken
        For each rule that some row breaks, in the contract's order: bools of shape (n,).
    """

    bad: np.ndarray
    broken: Mapping[str, np.ndarray]

    def reasons(self) -> list[list[str]]:
        """The names of the broken rules of each bad row, the rows in their order."""
        rows = np.flatnonzero(self.bad)
        result: list[list[str]] = [[] for _ in rows]
        for name, mask in self.broken.items():
            for place in np.flatnonzero(mask[rows]):
                result[place].append(name)
        return result


def check_rows(contract: Contract, batch: pa.RecordBatch | pa.Table) -> RowCheck:
    """Evaluate every row rule on every row.

    First the ``not null`` rules. A row with a null in a field that is not nullable is bad for
    that reason, and **no other rule is evaluated on it**: the rest of the rules see columns
    of their declared types. NaN in a float field is a null. Infinity is a value, and breaks
    the rule ``finite`` that every float field has.

    A column check sees the column's values without its nulls (unless ``ignore_na=False``), in
    the field's own type. So a row's outcome never depends on which rows share its batch, as
    long as the checks themselves look at one row at a time.

    Raises
    ------
    SchemaMismatch
        If a column is missing or of another type.
    ContractFileError
        If a check raises, or does not answer with one bool per row.
    """
    rows = batch.num_rows
    broken: dict[str, np.ndarray] = {}
    whole = np.ones(rows, dtype=bool)
    for field in contract.fields:
        for rule in field.rules:
            if rule.test == "not null":
                there = present(field, batch)
                if not there.all():
                    broken[rule.name] = ~there
                    whole &= there
    kept = batch if whole.all() else batch.filter(pa.array(whole))
    if kept.num_rows:
        for name, ok in _rest(contract, kept):
            if not ok.all():
                mask = np.zeros(rows, dtype=bool)
                mask[whole] = ~ok
                broken[name] = mask
    bad = np.logical_or.reduce(list(broken.values())) if broken else np.zeros(rows, dtype=bool)
    ordered = {name: broken[name] for name in contract.row_rules if name in broken}
    return RowCheck(bad=bad, broken=ordered)


def _rest(contract: Contract, batch: pa.RecordBatch | pa.Table) -> list[tuple[str, np.ndarray]]:
    """Each rule but ``not null`` with where it holds, on a batch of at least one row."""
    result = []
    for field in contract.fields:
        rest = [rule for rule in field.rules if rule.test != "not null"]
        if rest:
            there = present(field, batch)
            filled = _filled(field, batch, there)
            for rule in rest:
                result.append((rule.name, _column_holds(contract, rule, batch, filled, there)))
    if contract.frame_rules:
        frame = to_frame(contract, batch)
        result += [(rule.name, holds(contract, rule, frame)) for rule in contract.frame_rules]
    return result


def _filled(field: Field, batch: pa.RecordBatch | pa.Table, there: np.ndarray) -> pd.Series[Any]:
    """A column's values that are not null, in the type the field has when nothing is null."""
    only = batch.select([field.name])
    kept = only if there.all() else only.filter(pa.array(there))
    return pd.Series(values(replace(field, nullable=False), kept), name=field.name, copy=False)


def _column_holds(
    contract: Contract,
    rule: Rule,
    batch: pa.RecordBatch | pa.Table,
    filled: pd.Series[Any],
    there: np.ndarray,
) -> np.ndarray:
    if rule.check is not None and not rule.check.ignore_na:
        column = values(contract.field(str(filled.name)), batch)
        return holds(contract, rule, pd.Series(column, name=filled.name, copy=False))
    result = np.ones(len(there), dtype=bool)
    if len(filled):
        result[there] = _filled_holds(contract, rule, filled)
    return result


def _filled_holds(contract: Contract, rule: Rule, filled: pd.Series[Any]) -> np.ndarray:
    if rule.test == "finite":
        finite: np.ndarray = np.isfinite(filled.to_numpy())
        return finite
    # pandera marks its checks that look at each value alone. Strings repeat and are
    # slow to look at, so those see every distinct string once.
    if rule.check is not None and rule.check.determined_by_unique and filled.dtype == object:
        codes, distinct = pd.factorize(filled.to_numpy())
        return holds(contract, rule, pd.Series(distinct, name=filled.name))[codes]
    return holds(contract, rule, filled)
