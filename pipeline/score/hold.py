"""Why a run that was written is not published: pure rules on its tally."""

from __future__ import annotations

from datetime import date

from pipeline.contract.table import TableFacts, check_table
from pipeline.params import TableRule
from pipeline.score.tally import Tally


def reasons(
    tally: Tally,
    rules: tuple[TableRule, ...],
    max_quarantine_share: float,
    duplicate_keys: int | None,
    as_of: date,
) -> tuple[str, ...]:
    """One sentence for each rule that the night breaks; none means publish.

    Parameters
    ----------
    duplicate_keys
        Rows beyond the first of each key; None where nobody counted them.
    """
    facts = TableFacts(
        rows=tally.rows,
        nulls=tally.nulls,
        duplicate_keys=duplicate_keys,
        newest=tally.newest,
        as_of=as_of,
    )
    found = [
        f"{result.rule}: expected {result.expected}, found {result.found}"
        for result in check_table(rules, facts)
        if result.broken
    ]
    share = tally.quarantined / tally.rows if tally.rows else 1.0
    if share > max_quarantine_share:
        worst = max(tally.broken, key=lambda rule: tally.broken[rule], default="no rule")
        found.append(
            f"quarantine: expected at most {max_quarantine_share:.2%} of the rows, found "
            f"{share:.2%} ({tally.quarantined} of {tally.rows}; most broke '{worst}')"
        )
    return tuple(found)
