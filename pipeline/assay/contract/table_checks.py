"""Rules about a table as a whole, evaluated on statistics that one pass can collect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from assay.contract.columns import Columns
from assay.contract.definition import Contract
from assay.contract.result import RuleResult
from assay.contract.schema import cast_column
from assay.project.params import Freshness, NullShareParams, RowCount, TableRule, UniqueKey
from assay.project.text import counted, format_exact_percent

DAY_MICROSECONDS = 24 * 60 * 60 * 1_000_000
EPOCH = date(1970, 1, 1).toordinal()

GRACE_DAYS = 1
"""Most days that the newest row may lie after the table's last day, because of time zones."""


@dataclass(frozen=True)
class TableStatistics:
    """The statistics that table rules need. Unknown ones are None or absent, never 0.

    Parameters
    ----------
    nulls
        Number of nulls (and NaN) per column.
    duplicate_keys
        Number of rows that repeat a key.
    newest
        The day, in UTC, of the newest value of the time field.
    as_of
        The last day that the table is meant to cover.
    """

    rows: int
    nulls: Mapping[str, int]
    duplicate_keys: int | None
    newest: date | None
    as_of: date


def null_counts(contract: Contract, table: pa.Table | pa.RecordBatch | Columns) -> dict[str, int]:
    """Number of nulls (and NaN in float fields) per contract column that the table has."""
    columns = table if isinstance(table, Columns) else Columns(contract, table)
    return {name: columns.extent(name).nulls for name in contract.columns if columns.has(name)}


def count_duplicates(contract: Contract, table: pa.Table) -> int | None:
    """Number of rows that repeat a key; None if a key column is missing."""
    if not contract.keys or not set(contract.keys) <= set(table.schema.names):
        return None
    names = list(contract.keys)
    keys = pa.table({name: cast_column(contract.field(name), table) for name in names})
    distinct = keys.group_by(names, use_threads=False).aggregate([])
    return int(table.num_rows - distinct.num_rows)


def newest_day(contract: Contract, table: pa.Table | pa.RecordBatch | Columns) -> date | None:
    """The day of the newest row, in UTC; None if no row has a time."""
    columns = table if isinstance(table, Columns) else Columns(contract, table)
    newest = columns.extent(contract.time).high if columns.has(contract.time) else None
    if newest is None:
        return None
    # A time outside the calendar's range is clipped to its first or last day.
    days = int(newest) // DAY_MICROSECONDS + EPOCH
    return date.fromordinal(min(max(days, date.min.toordinal()), date.max.toordinal()))


def check_table(rules: tuple[TableRule, ...], facts: TableStatistics) -> tuple[RuleResult, ...]:
    """Each rule's result, in order. An unknown statistic or an empty table breaks a rule."""
    return tuple(_check(rule, facts) for rule in rules)


def _check(rule: TableRule, facts: TableStatistics) -> RuleResult:
    match rule:
        case RowCount():
            return _row_count(rule, facts)
        case NullShareParams():
            return _null_share(rule, facts)
        case UniqueKey():
            return _unique_key(facts)
        case Freshness():
            return _freshness(rule, facts)


def _row_count(rule: RowCount, facts: TableStatistics) -> RuleResult:
    low, high = rule.min, rule.max
    limits = [("at least", low), ("at most", high)]
    given = [(word, limit) for word, limit in limits if limit is not None]
    words = [f"{word} {limit:,}" for word, limit in given[:-1]]
    words += [f"{word} {counted(limit, 'row')}" for word, limit in given[-1:]]
    expected = " and ".join(words)
    ok = (
        facts.rows > 0
        and (low is None or facts.rows >= low)
        and (high is None or facts.rows <= high)
    )
    return _result("row_count", ok, 0, facts, expected, counted(facts.rows, "row"))


def _null_share(rule: NullShareParams, facts: TableStatistics) -> RuleResult:
    name = f"null_share of {rule.column}"
    nulls, limit = facts.nulls.get(rule.column), f"at most {format_exact_percent(rule.max)} null"
    if nulls is None:
        return _result(name, False, 0, facts, limit, "no such column in the contract and table")
    if not facts.rows:
        return _result(name, False, 0, facts, limit, "no rows")
    ok = nulls / facts.rows <= rule.max
    return _result(
        name, ok, nulls, facts, limit, f"{format_exact_percent(nulls / facts.rows)} null"
    )


def _unique_key(facts: TableStatistics) -> RuleResult:
    name, expected, twice = "unique_key", "every key once", facts.duplicate_keys
    if twice is None:
        return _result(name, False, 0, facts, expected, "a key column is missing")
    if not facts.rows:
        return _result(name, False, 0, facts, expected, "no rows")
    found = (
        f"{twice:,} {'row repeats' if twice == 1 else 'rows repeat'} a key" if twice else expected
    )
    return _result(name, twice == 0, twice, facts, expected, found)


def _freshness(rule: Freshness, facts: TableStatistics) -> RuleResult:
    days = counted(rule.max_days, "day")
    expected = f"newest row at most {days} before {facts.as_of}"
    if facts.newest is None or not facts.rows:
        return _result("freshness", False, 0, facts, expected, "no row with a time")
    age = (facts.as_of - facts.newest).days
    ok = -GRACE_DAYS <= age <= rule.max_days
    return _result("freshness", ok, 0, facts, expected, f"newest row on {facts.newest}")


def _result(
    name: str, ok: bool, rows_broken: int, facts: TableStatistics, expected: str, found: str
) -> RuleResult:
    return RuleResult(
        rule=name,
        kind="table",
        broken=not ok,
        rows_broken=rows_broken,
        share=rows_broken / facts.rows if facts.rows else 0.0,
        expected=expected,
        found=found,
    )
