"""What checking a table against its contract found, to people and to the gate.

The report's class is here and not in `assay.reports`, which may import the contract: the stage that
writes it may not import from there. Who reads it need not load what checks a table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field

from assay.project import layout
from assay.project.document import Count, Document, Report, Text
from assay.project.visible import visible

if TYPE_CHECKING:
    import pyarrow as pa

    from assay.contract.model import Contract
    from assay.contract.rows import RowCheck

EXAMPLES = 5
"""How many offending rows a rule shows at most."""


class RuleResult(Document):
    """One rule's outcome.

    Attributes
    ----------
    broken
        A row rule is broken by a single row; whether that matters is decided by the share of
        bad rows. A broken table rule always matters.
    rows_broken, share
        How many rows break it, and their share of all rows, 0 to 1.
    examples
        A few offending rows: key columns and the columns the rule is about, as JSON values.
    """

    rule: Text
    kind: Literal["row", "table"]
    broken: bool
    rows_broken: Count
    share: float
    expected: Text
    found: Text
    examples: tuple[Mapping[str, Any], ...] = ()


class ContractResult(Report):
    """The outcome for a table.

    Attributes
    ----------
    ok
        Few enough bad rows, and every table rule holds.
    rules
        Every rule, also those that hold.
    """

    SCHEMA: ClassVar = 1
    FILE: ClassVar = layout.CONTRACT_RESULT
    STAGE: ClassVar = "contract"
    WHAT: ClassVar = "a contract's result"
    INDENT: ClassVar = 1

    schema_number: Literal[1] = Field(default=1, alias="schema")
    ok: bool
    where: Text
    rows: Count
    bad_rows: Count
    max_bad_share: float
    rules: tuple[RuleResult, ...]

    @classmethod
    def of(
        cls,
        where: str,
        rows: int,
        bad_rows: int,
        max_bad_share: float,
        rules: tuple[RuleResult, ...],
    ) -> Self:
        """What the rules and the bad rows come to."""
        found = cls(
            ok=True,
            where=where,
            rows=rows,
            bad_rows=bad_rows,
            max_bad_share=max_bad_share,
            rules=rules,
        )
        ok = not found.too_many_bad and not found.broken_table_rules
        return found.model_copy(update={"ok": ok})

    @property
    def bad_share(self) -> float:
        """Bad rows as a share of all rows; 1 for a table without rows."""
        return self.bad_rows / self.rows if self.rows else 1.0

    @property
    def too_many_bad(self) -> bool:
        return self.bad_share > self.max_bad_share or not self.rows

    @property
    def broken_table_rules(self) -> tuple[RuleResult, ...]:
        return tuple(each for each in self.rules if each.kind == "table" and each.broken)

    @property
    def broken_row_rules(self) -> tuple[RuleResult, ...]:
        """Most rows first."""
        broken = [each for each in self.rules if each.kind == "row" and each.broken]
        return tuple(sorted(broken, key=lambda each: -each.rows_broken))

    @property
    def broken(self) -> tuple[str, ...]:
        """Names of the rules that do not hold."""
        return tuple(each.rule for each in self.rules if each.broken)


def row_results(
    contract: Contract,
    counts: Mapping[str, int],
    rows: int,
    examples: Mapping[str, Sequence[Mapping[str, Any]]],
) -> tuple[RuleResult, ...]:
    """A result for every row rule, from how many of ``rows`` rows break each.

    Parameters
    ----------
    counts, examples
        By rule; a rule that is absent was broken by no row.
    """
    results = []
    for rule in contract.row_rules:
        count, shown = counts.get(rule, 0), tuple(examples.get(rule, ()))[:EXAMPLES]
        results.append(
            RuleResult(
                rule=rule,
                kind="row",
                broken=count > 0,
                rows_broken=count,
                share=count / rows if rows else 0.0,
                expected="every row",
                found=f"{count:,} of {rows:,} rows break it{_blanks(shown)}"
                if count
                else "every row",
                examples=shown,
            )
        )
    return tuple(results)


def _blanks(examples: Sequence[Mapping[str, Any]]) -> str:
    """What nobody would see in the examples: blanks around the text that the rule is about."""
    for row in examples:
        name, value = next(iter(row.items()))
        if isinstance(value, str) and visible(value) != value:
            return f", such as {name}={visible(value)} with blanks around it"
    return ""


def plain(value: Any) -> Any:
    """A value of a table as JSON can hold it: times in ISO format, infinity as text."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


class Examples:
    """Counts per rule and the first few rows that break it, over any number of batches."""

    def __init__(self, contract: Contract) -> None:
        self.counts: dict[str, int] = {}
        self.rows: dict[str, list[dict[str, Any]]] = {}
        # What the rule is about comes first: on a phone the rest is out of sight.
        # A rule over whole rows whose columns could not be told from its text shows the keys.
        self._columns = {
            rule.name: list(dict.fromkeys((*rule.columns, *contract.keys)))
            for rule in contract.rules
        }

    def add(self, batch: pa.RecordBatch | pa.Table, check: RowCheck) -> None:
        """Take in a batch and what ``check_rows`` found in it."""
        import numpy as np
        import pyarrow as pa

        for rule, mask in check.broken.items():
            self.counts[rule] = self.counts.get(rule, 0) + int(mask.sum())
            kept = self.rows.setdefault(rule, [])
            places = np.flatnonzero(mask)[: EXAMPLES - len(kept)]
            if len(places):
                rows = batch.select(self._columns[rule]).take(pa.array(places)).to_pylist()
                kept += [{name: plain(value) for name, value in row.items()} for row in rows]
