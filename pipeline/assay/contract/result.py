"""The result of checking a table against its contract, for people and for the gate.

The report class is here and not in `assay.reports`, because the stage that writes it may not import
from there. Reading a report does not load the code that checks tables.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field

from assay.project import layout
from assay.project.document import Count, Document, Report, Text
from assay.project.text import counted, format_exact_percent, mark_blanks

if TYPE_CHECKING:
    import pyarrow as pa

    from assay.contract.checks.row_checks import RowCheck
    from assay.contract.definition import Contract

EXAMPLES = 5
"""Most offending rows that a rule shows."""


class RuleResult(Document):
    """The result of one rule.

    Attributes
    ----------
    broken
        A row rule is broken by a single row; whether that matters depends on the share of bad rows.
        A broken table rule always matters.
    rows_broken, share
        Number of rows that break it, and their share of all rows, 0 to 1.
    examples
        A few offending rows: key columns and the columns the rule is about, as JSON values.
        Cells of sensitive columns are masked.
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
    """The result for a table.

    Attributes
    ----------
    ok
        The share of bad rows is within the limit, and every table rule holds.
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
        """The result that follows from the rules and the number of bad rows."""
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


def describe_result(result: ContractResult) -> str:
    """The verdict's reason in one sentence."""
    if not result.rows:
        return "There are no rows."
    bad = counted(result.bad_rows, "row")
    share = f"{bad} of {result.rows:,} ({format_exact_percent(result.bad_share)})"
    limit = f"at most {format_exact_percent(result.max_bad_share)} may"
    parts = []
    if result.too_many_bad:
        worst = result.broken_row_rules[0].rule if result.broken_row_rules else "a rule"
        verb = "breaks" if result.bad_rows == 1 else "break"
        parts.append(f"{share} {verb} a rule, {limit}; most often '{worst}'")
    parts += [
        f"{each.rule}: expected {each.expected}, found {each.found}"
        for each in result.broken_table_rules
    ]
    if parts:
        return "; ".join(parts) + "."
    if result.bad_rows:
        return f"{share} broke a rule and were left out; {limit}."
    return f"All {counted(result.rows, 'row')} keep every rule."


def row_results(
    contract: Contract,
    counts: Mapping[str, int],
    rows: int,
    examples: Mapping[str, Sequence[Mapping[str, Any]]],
) -> tuple[RuleResult, ...]:
    """A result for every row rule, from the number of rows that break each.

    Parameters
    ----------
    counts, examples
        By rule; no row broke a rule that is absent.
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
    """A note on blanks around the tested text, which are invisible in the examples."""
    for row in examples:
        name, value = next(iter(row.items()))
        if isinstance(value, str) and mark_blanks(value) != value:
            return f", such as {name}={mark_blanks(value)} with blanks around it"
    return ""


def json_value(value: Any) -> Any:
    """A table value as JSON: times in ISO format, infinity as text, NaN as null."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


class Examples:
    """Collects, over any number of batches, counts per rule and the first rows that break it."""

    def __init__(self, contract: Contract) -> None:
        self.counts: dict[str, int] = {}
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self._mask = contract.mask_row
        # The rule's own columns come first, since a phone shows only those. A rule over whole rows
        # whose columns are unknown shows the keys.
        self._columns = {
            rule.name: list(dict.fromkeys((*rule.columns, *contract.keys)))
            for rule in contract.rules
        }

    def add(self, batch: pa.RecordBatch | pa.Table, check: RowCheck) -> None:
        """Add a batch and the result of ``check_rows`` for it."""
        import numpy as np
        import pyarrow as pa

        for rule, mask in check.broken.items():
            self.counts[rule] = self.counts.get(rule, 0) + int(mask.sum())
            kept = self.rows.setdefault(rule, [])
            places = np.flatnonzero(mask)[: EXAMPLES - len(kept)]
            if len(places):
                rows = batch.select(self._columns[rule]).take(pa.array(places)).to_pylist()
                kept += [self._mask({n: json_value(v) for n, v in row.items()}) for row in rows]
