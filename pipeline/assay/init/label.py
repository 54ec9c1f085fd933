"""What is to be predicted: yes or no, one of several, or how much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from assay.errors import LabelError
from assay.formats.definition import ColumnFacts, Value
from assay.project.tasks import Task
from assay.project.text import counted, quote_value

if TYPE_CHECKING:
    import pandas as pd

YES = ("true", "yes", "y", "t", "positive", "ja", "oui", "si", "sí", "late", "bad", "spam", "churn")
"""Words that name what is looked for, in the order in which they are tried."""
MOST_CLASSES = 50
FEW_NUMBERS = 10
"""With at most so many different whole numbers in a row from 0 or 1, they are names of classes."""
LEAST_ROWS = 20
"""Rows of a class that are needed: each fold of training has to see it, and the holdout too."""
MANY_EMPTY = 0.2
"""Share of rows without a label from which on it is worth a question."""
LEAST_GROUPS = 5
"""As many groups of a class, where rows of a group stay together: one for each fold of training."""


@dataclass(frozen=True)
class Label:
    """The label as the project will have it.

    Parameters
    ----------
    column
        As in the file.
    missing
        Rows without a label.
    baseline
        The error of always saying the same, over all rows: the Brier score of the classes' shares,
        or a number's mean distance from its median.
    evidence, unsure
        Why this task; what else it might be.
    positive
        The value that means yes; None unless the task is binary and the column is no boolean.
    share
        Of the rows with a label, those that are positive; None unless the task is binary.
    classes
        The values of a multiclass label as text, sorted; else empty.
    as_text
        Whether classes are written as numbers in the file.
    """

    column: str
    task: Task
    missing: int
    baseline: float
    evidence: str
    unsure: str = ""
    positive: Value | None = None
    share: float | None = None
    classes: tuple[str, ...] = ()
    as_text: bool = False


def decide_label(
    facts: ColumnFacts,
    task: Task | None,
    positive: str | None,
    distance: float | None,
    words: Mapping[Value, str] = MappingProxyType({}),
) -> Label:
    """The task that a column sets.

    Parameters
    ----------
    facts
        Of the column, over all rows.
    task, positive
        What a person said; None to find out.
    distance
        Of a column of numbers their mean distance from the median, else None.
    words
        How the file writes the two values of a boolean, if otherwise than ``true`` and ``false``.

    Raises
    ------
    LabelError
        Nothing can be learnt from it: it is empty, always the same, a time, a text of many values,
        or it has a class with fewer than `LEAST_ROWS` rows.
    """
    _refuse_unusable(facts)
    chosen = task or _task(facts)
    if positive is not None and chosen != "binary":
        raise LabelError(
            "only a target of two values has one that means yes",
            where=f"assay init --positive {positive}",
            expected=f"two different values in {quote_value(facts.name)}",
            found=counted(facts.distinct, "value"),
            fix=f"Leave --positive out, or name a column that says whether it is {positive}",
        )
    if chosen == "regression":
        label = _number(facts, distance)
    elif chosen == "binary":
        label = _yes_or_no(facts, positive, words)
    else:
        label = _classes(facts)
    if not facts.nulls:
        return label
    none = f"none in {facts.nulls:,} of {counted(facts.rows, 'row')}"
    doubt = f"{none}, which nothing is learnt from: will those still come?"
    doubts = [label.unsure, doubt if facts.nulls > MANY_EMPTY * facts.rows else ""]
    return replace(
        label, evidence=f"{label.evidence}, {none}", unsure="; ".join(filter(None, doubts))
    )


def distance_from_median(values: pd.Series) -> float | None:
    """The mean distance of numbers from their median; None of anything else, or of none."""
    numbers = values.dropna()
    if not len(numbers) or numbers.dtype.kind not in "iuf":
        return None
    return float((numbers.astype("float64") - numbers.median()).abs().mean())


def refuse_few_groups(rows: pd.DataFrame, label: Label, group: str) -> None:
    """Refuse a class that a split by whole groups cannot put on both sides.

    Parameters
    ----------
    rows
        All rows of the table.
    group
        The column whose rows are kept together.

    Raises
    ------
    LabelError
        A class is in fewer than `LEAST_GROUPS` groups.
    """
    if label.task == "regression":
        return
    groups = rows.groupby(label.column)[group].nunique().sort_values()
    if groups.iloc[0] < LEAST_GROUPS:
        raise LabelError(
            "a class is in too few groups to be learnt and tested, as each group is kept whole",
            where=f"column {quote_value(label.column)}",
            expected=f"at least {LEAST_GROUPS} values of {group} with rows of each class",
            found=f"{quote_value(groups.index[0])} with {groups.iloc[0]}",
            fix="Bring more groups, put the class together with another one, or leave --group out",
        )


def _task(facts: ColumnFacts) -> Task:
    if facts.kind == "boolean" or facts.distinct == 2:
        return "binary"
    if facts.kind == "string":
        return "multiclass"
    if facts.whole and not facts.many and facts.distinct <= FEW_NUMBERS:
        # Names of classes are in a row from 0 or 1.
        values = sorted(value for value, _ in facts.values)
        if values[0] in (0, 1) and values[-1] == values[0] + len(values) - 1:  # type: ignore[operator]
            return "multiclass"
    return "regression"


def _refuse_unusable(facts: ColumnFacts) -> None:
    where = f"column {quote_value(facts.name)}"
    if facts.present == 0:
        raise LabelError(
            "the target has no value in any row",
            where=where,
            expected="a value in most rows",
            found=f"{facts.nulls:,} empty cells",
            fix="Name another column with --target",
        )
    if facts.distinct == 1:
        gaps = f", and {facts.nulls:,} empty cells" if facts.nulls else ""
        raise LabelError(
            "the target is the same in every row, so nothing can be learnt",
            where=where,
            expected="at least two different values",
            found=f"{quote_value(facts.values[0][0])} in {counted(facts.present, 'row')}{gaps}",
            fix="If an empty cell means no, write a word for it in the file"
            if facts.nulls
            else "Name another column with --target, or bring rows with other values",
        )
    if facts.kind == "timestamp":
        raise LabelError(
            "the target is a time",
            where=where,
            expected="yes or no, a class, or a number",
            found=f"times from {facts.low} to {facts.high}",
            fix="Make a number of it first, such as the days until then",
        )


def _number(facts: ColumnFacts, distance: float | None) -> Label:
    if facts.kind not in ("integer", "float") or distance is None:
        raise LabelError(
            "a regression needs numbers",
            where=f"column {quote_value(facts.name)}",
            expected="an integer or a float",
            found=f"a {facts.kind}",
        )
    if facts.infinite:
        raise LabelError(
            "a target cannot be infinite",
            where=f"column {quote_value(facts.name)}",
            expected="a finite number in each row that has a label",
            found=f"infinite in {facts.infinite:,} of {counted(facts.rows, 'row')}",
            fix="Leave those rows out of the file, or those cells empty",
        )
    few = facts.whole and not facts.many and facts.distinct <= FEW_NUMBERS
    classes = f"{facts.distinct} whole numbers could be classes: --task multiclass"
    return Label(
        column=facts.name,
        task="regression",
        missing=facts.nulls,
        baseline=distance,
        evidence=f"numbers from {facts.low} to {facts.high}, {facts.distinct:,} different ones",
        unsure=classes if few else "",
    )


def _yes_or_no(facts: ColumnFacts, positive: str | None, words: Mapping[Value, str]) -> Label:
    if facts.distinct != 2:
        raise LabelError(
            "a binary target has two values",
            where=f"column {quote_value(facts.name)}",
            expected="two different values",
            found=counted(facts.distinct, "different value"),
            fix="Leave --task out, or say --task multiclass",
        )
    counts = dict(facts.values)
    yes, unsure = _positive(facts, positive, words)
    _refuse_rare({str(value): rows for value, rows in counts.items()}, facts)
    share = counts[yes] / facts.present
    return Label(
        column=facts.name,
        task="binary",
        missing=facts.nulls,
        baseline=share * (1 - share),
        evidence=f"{quote_value(words.get(yes, yes))} in {counts[yes]:,} of {facts.present:,} rows",
        unsure=unsure,
        positive=None if facts.kind == "boolean" and yes is True else yes,
        share=share,
    )


def _positive(
    facts: ColumnFacts, positive: str | None, words: Mapping[Value, str]
) -> tuple[Value, str]:
    """The value that means yes, and what was unsure about it."""
    known = {_plain(value): value for value, _ in facts.values}
    if positive is not None:
        known |= {_plain(words[value]): value for value, _ in facts.values if value in words}
        if _plain(positive) not in known:
            there = (quote_value(words.get(value, value)) for value, _ in facts.values)
            raise LabelError(
                "the target never has this value",
                where=f"--positive {positive}",
                expected=" or ".join(there),
                found=quote_value(positive),
            )
        return known[_plain(positive)], ""
    for word in YES:
        if word in known:
            return known[word], ""
    if facts.kind in ("integer", "float"):
        sure = {value for value, _ in facts.values} == {0, 1}
        larger = max(value for value, _ in facts.values)
        return larger, "" if sure else "the larger of two numbers means yes: --positive says so"
    rarer = facts.values[-1][0]
    return rarer, f"{quote_value(rarer)} means yes, as the rarer of the two: --positive says so"


def _plain(value: Value) -> str:
    return str(value).strip().lower().removesuffix(".0")


def _classes(facts: ColumnFacts) -> Label:
    if facts.many or facts.distinct > MOST_CLASSES:
        raise LabelError(
            "the target has too many classes",
            where=f"column {quote_value(facts.name)}",
            expected=f"at most {MOST_CLASSES} different values, or numbers",
            found=facts.stays_text or counted(facts.distinct, "different value"),
            fix="Name another column with --target, put rare classes together first, or fix the "
            "file if they should be numbers",
        )
    counts = {
        str(int(value)) if isinstance(value, float) and value.is_integer() else str(value): rows
        for value, rows in facts.values
    }
    _refuse_rare(counts, facts)
    number = facts.kind in ("integer", "float")
    rarest = counted(min(counts.values()), "row")
    return Label(
        column=facts.name,
        task="multiclass",
        missing=facts.nulls,
        baseline=1 - sum((rows / facts.present) ** 2 for rows in counts.values()),
        evidence=f"{counted(len(counts), 'class', 'classes')}, the rarest in {rarest}",
        unsure="the classes are numbers; if their order counts: --task regression"
        if number
        else "",
        classes=tuple(sorted(counts)),
        as_text=facts.kind != "string",
    )


def _refuse_rare(counts: Mapping[str, int], facts: ColumnFacts) -> None:
    """Refuse classes of few rows; whole numbers may be counts, and no classes at all."""
    rare = {name: rows for name, rows in counts.items() if rows < LEAST_ROWS}
    if rare:
        name, rows = min(rare.items(), key=lambda item: item[1])
        more = f", and {len(rare) - 1} more like it" if len(rare) > 1 else ""
        many = "; if the numbers say how many, and not which: --task regression"
        raise LabelError(
            "a class is too rare to be learnt and tested",
            where=f"column {quote_value(facts.name)}",
            expected=f"at least {LEAST_ROWS} rows of each class",
            found=f"{quote_value(name)} in {counted(rows, 'row')}{more}",
            fix="Bring more rows, put the class together with another one, or leave its rows out"
            + (many if facts.whole and len(counts) > 2 else ""),
        )
