"""Decides what a new project looks like, from what was counted in its table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from assay.errors import LabelError, UsageError
from assay.formats.definition import ColumnFacts, Kind, Understanding, Value
from assay.formats.names import OF_PROJECT, column_names
from assay.init.checks import FieldChecks, learn_checks
from assay.init.duplicates import count_duplicates
from assay.init.label import Label, decide_label, refuse_few_groups
from assay.init.leaks import Halves, find_leaks, find_sum
from assay.init.nights import (
    LEAST_NIGHTS,
    Nights,
    cut_by_chance,
    cut_by_time,
    date_parts,
    find_time_copies,
)
from assay.init.plan import Plan, ProjectColumn
from assay.init.roles import ColumnUse, Said, decide_uses, may_be_groups
from assay.init.survey import Survey
from assay.init.unseen import find_group_names, find_unlearnable, tell_unseen
from assay.init.wishes import Wishes, refuse_repeated, refuse_unknown
from assay.metrics.sampling_units import LEAST_UNITS
from assay.project.partitions import first_day
from assay.project.tasks import Task
from assay.project.text import counted
from assay.training.leakage.telling_names import telling_names

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
    uses = decide_uses(understood.facts, wishes.target, plain, {}, wishes.columns)
    found = [name for name, each in uses.items() if each.use == "time"]
    for name in found:
        facts = _facts(understood, name)
        if facts.kind != "timestamp" or facts.nulls:
            raise UsageError(
                "rows cannot be put in order by this column",
                where=f"assay init --time {name}",
                expected="a time in every row",
                found=f"{facts.stays_text or f'the type {facts.kind}'}, "
                f"{facts.nulls:,} of {facts.rows:,} rows empty",
                fix=_fix_time(facts),
            )
    return found[0] if found else None


def _fix_time(facts: ColumnFacts) -> str:
    if facts.kind == "timestamp":
        return "Write a time in those rows too, or leave them out of the file."
    if facts.stays_text:
        return "Fix the file, or name another column."
    fix = "Write it in the file as times, such as 2024-01-31 or 2024-01-31 08:15:00."
    if facts.kind != "integer":
        return fix
    return (
        f"{fix} Digits are times if all are dates such as 20240131, months such as 202401, years "
        "such as 2024, or seconds since 1970, of our days."
    )


def _doubted(use: ColumnUse, why: str) -> ColumnUse:
    return replace(use, unsure="; ".join(part for part in (why, use.unsure) if part))


@contextmanager
def _in_file(path: str) -> Iterator[None]:
    """Names the file in errors that are about a column."""
    try:
        yield
    except LabelError as error:
        if error.where is None or not error.where.startswith("column "):
            raise
        raise LabelError(
            error.what,
            where=f"{path}, {error.where}",
            expected=error.expected,
            found=error.found,
            fix=error.fix,
        ) from None


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
    written = understood.table.column(wishes.target)
    words: dict[Value, str] = {}
    if written.true and written.false:
        words = {True: written.true[0], False: written.false[0]}
    target = _facts(understood, wishes.target)
    with _in_file(understood.path):
        label = decide_label(target, wishes.task, wishes.positive, seen.spread, words)
    if wishes.columns.keys:
        refuse_repeated(understood, seen, wishes.columns)
    plain = column_names((each.name for each in understood.facts), OF_PROJECT)
    parts = date_parts(understood.facts, plain) if time is None else []
    nights, remarks = _nights(seen, time, wishes, understood.rows)
    if len(parts) > 1:
        remarks = (*remarks, _fix_parts(understood, parts))
    if nights.by == "chance" and time is not None:
        # A time that cuts no nights is like any other column of times.
        wishes = replace(wishes, columns=replace(wishes.columns, time=None))
    group = wishes.columns.group
    if group is not None and nights.by == "chance" and len(seen.sample) == understood.rows:
        with _in_file(understood.path):
            refuse_few_groups(seen.sample, label, group)
        nights = cut_by_chance(understood.rows, seen.sample[group])
    others = [each.name for each in understood.facts if each.name not in (wishes.target, time)]
    halves = Halves(seen.sample, wishes.target, label.task)
    leaks = find_leaks(halves, others)
    names = find_group_names(seen.sample, group, others) if group is not None else {}
    uses = decide_uses(
        understood.facts, wishes.target, plain, {**leaks.certain, **names}, wishes.columns
    )
    for name, why in leaks.likely.items():
        if uses[name].use == "feature":
            uses[name] = _doubted(uses[name], why)
    if group is None and nights.by == "chance":
        for name in may_be_groups(understood.facts, plain):
            if name in uses and uses[name].use == "left out":
                together = "--group with its name keeps its rows on one side of the split"
                if _facts(understood, name).nulls:
                    together += ", once each row has a value"
                uses[name] = _doubted(uses[name], together)
    for name in parts:
        if uses[name].why != leaks.certain.get(name):
            continue
        why = f"a part of the time; {leaks.certain[name].rpartition(': ')[2]}, as a trend may"
        uses[name] = ColumnUse(name, "left out", False, why, _facts(understood, name).unsure)
    if nights.by == "chance" and time in uses:
        uses[time] = ColumnUse(time, "left out", False, "a time with too few days to split by")
    if time is not None and nights.by == "time":
        features = [name for name, each in uses.items() if each.use == "feature"]
        unlearnable = find_unlearnable(seen.sample, time, nights, features)
        copies = find_time_copies(seen.sample, time, features)
        for name, why in {**unlearnable, **copies}.items():
            uses[name] = ColumnUse(name, "left out", False, why)
    kept = {plain[name]: name for name, each in uses.items() if each.use == "feature"}
    for name, why in find_sum(halves, kept.values()).items():
        uses[name] = _doubted(uses[name], why)
    powers = {name: leaks.powers.get(given, 0.0) for name, given in kept.items()}
    number = label.task == "regression"
    for name, why in telling_names(kept, plain[wishes.target], powers, number=number).items():
        doubt = (
            f"{why}, which assay leakage fails: leave it out with --leave-out, or, if it is known "
            "before the label, name it in leakage.trusted_columns in params.yaml"
        )
        uses[kept[name]] = _doubted(uses[kept[name]], doubt)
    columns = list(_columns(understood, seen, uses, plain, label, nights, group))
    if not any("feature" in each.roles for each in columns):
        raise LabelError(
            "no column is left to learn from",
            where=understood.path,
            expected="at least one column that describes a row",
            found="; ".join(f"{name}: {each.why}" for name, each in list(uses.items())[:5])
            or "no other column",
            fix="Make features of these columns before, or say what is no key with --key",
        )
    duplicates, told = count_duplicates(understood, seen.sample, columns)
    if group is not None and nights.by == "time":
        name = plain[group]
        told = (
            *told,
            f"rows of one {name} are on both sides of a split by time; with prepare.apart: {name} "
            "in params.yaml none of the holdout's are trained on",
        )
    if nights.by == "time" and label.task != "regression":
        told = (*told, *tell_unseen(seen.label_days, nights))
    left_out = [each for each in uses.values() if each.use == "left out"]
    left_out += [
        ColumnUse(name, "left out", False, why) for name, why in understood.left_out.items()
    ]
    return Plan(
        name=wishes.name,
        data=data,
        understood=understood,
        label=label,
        nights=nights,
        night="night",
        time=plain[time] if time and nights.by == "time" else "arrived",
        unit=_unit(nights, wishes.columns, plain),
        group=group,
        columns=tuple(columns),
        left_out=tuple(left_out),
        plain=plain,
        remarks=(*understood.remarks, *remarks, *told),
        duplicates=duplicates,
    )


def _facts(understood: Understanding, name: str) -> ColumnFacts:
    return next(each for each in understood.facts if each.name == name)


def _nights(
    seen: Survey, time: str | None, wishes: Wishes, rows: int
) -> tuple[Nights, Sequence[str]]:
    found = cut_by_time(seen.days, wishes.every) if time is not None else None
    if found is not None:
        few, least, _ = found.rows
        told = []
        if least * 10 < few:
            told.append(f"some {found.every}s have {counted(least, 'row')}, most have {few:,}")
        if found.held_out < LEAST_UNITS and wishes.columns.group is None:
            told.append(
                f"the holdout has {counted(found.held_out, 'night')}, and the gate judges by "
                f"nights, of which it asks for {LEAST_UNITS}: its verdict will be INCONCLUSIVE "
                "until the table covers a longer time"
            )
        return found, told
    if wishes.columns.time is not None or wishes.every is not None:
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


def _fix_parts(understood: Understanding, parts: Sequence[str]) -> str:
    year = _facts(understood, parts[0]).low
    example = "-".join([f"{year:g}", "01", "31"][: len(parts)])
    return (
        f"{' and '.join(parts)} together say when a row is from: write them into the table as one "
        f"column of dates, such as {example}, and run assay init again"
    )


def _unit(nights: Nights, said: Said, plain: Mapping[str, str]) -> str:
    if said.group is not None:
        return plain[said.group]
    return "night" if nights.by == "time" else "row"


def _columns(
    understood: Understanding,
    seen: Survey,
    uses: Mapping[str, ColumnUse],
    plain: Mapping[str, str],
    label: Label,
    nights: Nights,
    group: str | None,
) -> Iterable[ProjectColumn]:
    """Keys and time, features as in the file, what is sensitive, a weight, and the label last."""
    by_use = {use: [each for each in uses.values() if each.use == use] for use in
              ("key", "time", "feature", "sensitive", "weight")}  # fmt: skip

    def made(each: ColumnUse, *roles: str, required: bool = False) -> ProjectColumn:
        facts = _facts(understood, each.name)
        checks = (
            FieldChecks({}, False, "") if required
            else learn_checks(facts, seen.sample[each.name])
        )  # fmt: skip
        why = each.why
        if checks.order and "feature" in roles:
            why = f"{why}, in the order {' < '.join(checks.order)}"
        return ProjectColumn(
            *(each.name, plain[each.name], facts.kind, roles, checks, why),
            each.unsure,
        )

    for each in by_use["key"]:
        yield made(each, "key", required=True)
    if not [each for each in by_use["key"] if each.name != group]:
        yield ProjectColumn(
            "", "row_number", "integer", ("key",), NO_CHECKS,
            "no column names a row, so rows are numbered: labels that come later have to come with "
            "these numbers",
        )  # fmt: skip
    for each in by_use["time"]:
        yield made(each, "time", required=True)
    if nights.by == "chance":
        yield ProjectColumn(
            "", "arrived", "timestamp", ("time",), NO_CHECKS, "the invented night, as a time"
        )
    for each in by_use["feature"]:
        yield made(each, *(("feature", "slice") if each.sliced else ("feature",)))
    for each in by_use["sensitive"]:
        yield made(each, *(("sensitive", "slice") if each.sliced else ("sensitive",)))
    for each in by_use["weight"]:
        facts = _facts(understood, each.name)
        yield ProjectColumn(
            each.name, plain[each.name], facts.kind, ("weight",), FieldChecks({"ge": 0}, False, ""),
            each.why, each.unsure,
        )  # fmt: skip
    yield _label(understood, plain, label)


def _label(understood: Understanding, plain: Mapping[str, str], label: Label) -> ProjectColumn:
    kinds: dict[Task, Kind] = {"binary": "boolean", "multiclass": "string"}
    facts = _facts(understood, label.column)
    return ProjectColumn(
        label.column,
        plain[label.column],
        kinds.get(label.task, facts.kind),
        ("label",),
        # It is not known yet when a night is scored.
        FieldChecks({"isin": list(label.classes)} if label.classes else {}, True, ""),
        label.evidence,
        label.unsure,
    )
