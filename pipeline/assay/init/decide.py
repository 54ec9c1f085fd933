"""Decides what a new project looks like, from what was counted in its table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from assay.errors import LabelError, UsageError
from assay.formats.definition import ColumnFacts, Kind, Understanding, Value
from assay.formats.names import OF_PROJECT, column_names
from assay.init.checks import FieldChecks, learn_checks
from assay.init.label import Label, decide_label, distance_from_median, refuse_few_groups
from assay.init.nights import (
    LEAST_NIGHTS,
    Nights,
    cut_by_chance,
    cut_by_time,
    find_time_copies,
)
from assay.init.plan import Plan, ProjectColumn
from assay.init.roles import ColumnUse, decide_uses, may_be_groups
from assay.init.survey import (
    Survey,
    equal_rows,
    find_alike,
    find_group_names,
    find_leaks,
    find_unlearnable,
)
from assay.init.wishes import Wishes, refuse_unknown
from assay.metrics.sampling_units import LEAST_UNITS
from assay.project.partitions import first_day
from assay.project.tasks import Task
from assay.project.text import counted

ALIKE = (
    "labels of one value are alike: --group with its name takes intervals over its values, not "
    "over nights, if they are machines, people or the like"
)
NO_CHECKS = FieldChecks({}, nullable=False, why="")


def time_column(understood: Understanding, wishes: Wishes) -> str | None:
    """The column whose days are to be counted; None if the table has no usable time.

    Raises
    ------
    UsageError
        A column that a person named is not there, or the named time is none.
    """
    refuse_unknown(understood, wishes)
    plain = column_names(each.name for each in understood.facts)
    uses = decide_uses(understood.facts, plain, {}, wishes)
    time = next((name for name, each in uses.items() if each.use == "time"), None)
    if time is None:
        return None
    facts = _facts(understood, time)
    if facts.kind == "timestamp" and not facts.nulls:
        return time
    digits = (
        " Digits are times if all are dates such as 20240131, months such as 202401, years such as "
        "2024, or seconds since 1970, of our days."
    )
    fix = "Write it in the file as times, such as 2024-01-31 or 2024-01-31 08:15:00."
    if facts.kind == "timestamp":
        fix = "Write a time in those rows too, or leave them out of the file."
    elif facts.stays_text:
        fix = "Fix the file, or name another column."
    raise UsageError(
        "rows cannot be put in order by this column",
        where=f"assay init --time {time}",
        expected="a time in every row",
        found=f"{facts.stays_text or f'the type {facts.kind}'}, "
        f"{facts.nulls:,} of {facts.rows:,} rows empty",
        fix=fix + digits * (facts.kind == "integer"),
    )


@contextmanager
def _in_file(path: str) -> Iterator[None]:
    """Names the file in errors that are about a column."""
    try:
        yield
    except LabelError as error:
        if error.where is not None and error.where.startswith("column "):
            error.where = f"{path}, {error.where}"
        raise


def decide(
    understood: Understanding, seen: Survey, time: str | None, data: str, wishes: Wishes
) -> Plan:
    """The plan of the project.

    Parameters
    ----------
    time
        From `time_column`.
    data
        Where the table will lie in the project.

    Raises
    ------
    LabelError
        The target cannot be learnt, or no column is left to learn from.
    """
    target, group = wishes.target, wishes.group
    written = understood.table.column(target)
    words: dict[Value, str] = {}
    if written.true and written.false:
        words = {True: written.true[0], False: written.false[0]}
    distance = distance_from_median(seen.sample[target])
    facts = _facts(understood, target)
    with _in_file(understood.path):
        label = decide_label(facts, wishes.task, wishes.positive, distance, words)
    plain = column_names((each.name for each in understood.facts), OF_PROJECT)
    nights, remarks = _nights(seen, time, wishes, understood.rows)
    if group is not None and nights.by == "chance" and len(seen.sample) == understood.rows:
        with _in_file(understood.path):
            refuse_few_groups(seen.sample, label, group)
        nights = cut_by_chance(understood.rows, seen.sample[group])
    uses = _uses(understood, seen, time, label, nights, plain, wishes)
    columns = tuple(_columns(understood, seen, uses, plain, label, nights, group))
    if not any({"feature", "text"} & {*each.roles} for each in columns):
        raise LabelError(
            "no column is left to learn from",
            where=understood.path,
            expected="at least one column that describes a row",
            found="; ".join(f"{name}: {each.why}" for name, each in list(uses.items())[:5])
            or "no other column",
            fix="Make features of these columns before, or say what is no key with --key",
        )
    if group is not None and nights.by == "time":
        remarks = (
            *remarks,
            f"rows of one {plain[group]} are on both sides of a split by time; with prepare.apart: "
            f"{plain[group]} in params.yaml none of the holdout's are trained on",
        )
    described = [each.given for each in columns if {"feature", "text", "sensitive"} & {*each.roles}]
    unread = (ColumnUse(name, "left out", False, why) for name, why in understood.left_out.items())
    return Plan(
        name=wishes.name,
        data=data,
        understood=understood,
        label=label,
        nights=nights,
        time=plain[time] if time and nights.by == "time" else "arrived",
        unit=plain[group] if group else "night" if nights.by == "time" else "row",
        group=group,
        columns=columns,
        left_out=(*(each for each in uses.values() if each.use == "left out"), *unread),
        plain=plain,
        remarks=(*understood.remarks, *remarks),
        duplicates=equal_rows([_facts(understood, name) for name in described], seen.sample),
    )


def _facts(understood: Understanding, name: str) -> ColumnFacts:
    return next(each for each in understood.facts if each.name == name)


def _uses(
    understood: Understanding,
    seen: Survey,
    time: str | None,
    label: Label,
    nights: Nights,
    plain: Mapping[str, str],
    wishes: Wishes,
) -> dict[str, ColumnUse]:
    """What each column is for, as its name, its counts, and the sample say."""
    group, sample = wishes.group, seen.sample
    others = [each.name for each in understood.facts if each.name not in (label.column, time)]
    reasons = find_leaks(sample, label.column, label.task, others)
    if group is not None:
        reasons |= find_group_names(sample, group, others)
    if nights.by == "chance":
        # A time that cuts no nights is like any other column of times.
        wishes = replace(wishes, time=None)
    uses = decide_uses(understood.facts, plain, reasons, wishes)
    if nights.by == "chance" and group is None:
        for name in may_be_groups(understood.facts, plain):
            if name in uses and uses[name].use == "left out":
                gaps = _facts(understood, name).nulls
                together = "--group with its name keeps its rows on one side of the split"
                uses[name] = uses[name].doubted(
                    f"{together}, once each row has a value" if gaps else together
                )
    if nights.by == "chance" and time in uses:
        uses[time] = ColumnUse(time, "left out", False, "a time with too few days to split by")
    if nights.by == "time" and time is not None:
        features = [name for name, each in uses.items() if each.use == "feature"]
        unlearnable = find_unlearnable(sample, time, nights, features)
        for name, why in {**unlearnable, **find_time_copies(sample, time, features)}.items():
            uses[name] = ColumnUse(name, "left out", False, why)
        if group is None:
            asked = {*may_be_groups(understood.facts, None)} - {*wishes.left_out}
            free = [n for n in uses if n in asked and uses[n].use in ("feature", "left out")]
            for name in find_alike(sample, time, nights, label, free):
                uses[name] = uses[name].doubted(ALIKE)
    return uses


def _nights(
    seen: Survey, time: str | None, wishes: Wishes, rows: int
) -> tuple[Nights, Sequence[str]]:
    """The nights, and remarks on them."""
    nights = cut_by_time(seen.days, wishes.every) if time is not None else None
    if nights is not None:
        few, least, _ = nights.rows
        remarks = []
        if least * 10 < few:
            remarks.append(f"some {nights.every}s have {counted(least, 'row')}, most have {few:,}")
        if nights.held_out < LEAST_UNITS and wishes.group is None:
            remarks.append(
                f"the holdout has {counted(nights.held_out, 'night')}, and the gate judges by "
                f"nights, of which it asks for {LEAST_UNITS}: no number can pass until the table "
                "covers a longer time"
            )
        return nights, remarks
    if wishes.time is not None or wishes.every is not None:
        every = wishes.every or "day"
        there = {first_day(day, every) for day in seen.days}
        finer = wishes.every is not None and cut_by_time(seen.days) is not None
        raise UsageError(
            f"these rows cannot be cut into nights of a {every} each",
            where="assay init" + (f" --time {time}" if time else "") + f" --every {every}",
            expected=f"at least {LEAST_NIGHTS} different {every}s",
            found=counted(len(there), every),
            fix="Leave --every out: nights are then as long as fits."
            if finer
            else "Leave --time and --every out: rows are then split by chance.",
        )
    why = "no column says when a row is from" if time is None else f"{time} has too few days"
    return cut_by_chance(rows), (
        f"{why}, so nights are invented and rows are split by chance: "
        "drift over time cannot be seen, and a model that ages looks as good as new",
    )


def _columns(
    understood: Understanding,
    seen: Survey,
    uses: Mapping[str, ColumnUse],
    plain: Mapping[str, str],
    label: Label,
    nights: Nights,
    group: str | None,
) -> Iterator[ProjectColumn]:
    """Keys, time, features as in the file, texts, what is sensitive, a weight, the label last."""

    def of(use: str) -> Iterator[ProjectColumn]:
        for each in uses.values():
            if each.use != use:
                continue
            facts = _facts(understood, each.name)
            roles: tuple[str, ...] = (use, "pii") if each.personal else (use,)
            checks, why = NO_CHECKS, each.why
            if use in ("feature", "text", "sensitive"):
                roles = (use, "slice") if each.sliced else (use,)
                checks = learn_checks(facts, seen.sample[each.name])
            if use == "weight":
                checks = FieldChecks({"ge": 0}, nullable=False, why="")
            if checks.order and use == "feature":
                why = f"{why}, in the order {' < '.join(checks.order)}"
            name = plain[each.name]
            yield ProjectColumn(each.name, name, facts.kind, roles, checks, why, each.unsure)

    yield from of("key")
    if not [name for name, each in uses.items() if each.use == "key" and name != group]:
        why = (
            "no column names a row, so rows are numbered: labels that come later have to come with "
            "these numbers"
        )
        yield ProjectColumn("", "row_number", "integer", ("key",), NO_CHECKS, why)
    yield from of("time")
    if nights.by == "chance":
        why = "the invented night, as a time"
        yield ProjectColumn("", "arrived", "timestamp", ("time",), NO_CHECKS, why)
    for use in ("feature", "text", "sensitive", "weight"):
        yield from of(use)
    kinds: dict[Task, Kind] = {"binary": "boolean", "multiclass": "string"}
    kind = kinds.get(label.task, _facts(understood, label.column).kind)
    # It is not known yet when a night is scored.
    checks = FieldChecks({"isin": [*label.classes]} if label.classes else {}, nullable=True, why="")
    yield ProjectColumn(
        *(label.column, plain[label.column], kind, ("label",), checks),
        *(label.evidence, label.unsure),
    )
