"""What each column is for: a guess with its reason, from names and counts over all rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from assay.formats.definition import TO_UTC, ColumnFacts
from assay.init.sensitive_columns import sensitive_columns
from assay.init.wishes import Wishes
from assay.project.text import counted, quote_value

Use = Literal["feature", "text", "key", "time", "label", "sensitive", "weight", "left out"]

MOST_CATEGORIES = 200
"""A text with more values is no category that a model can count."""
MOST_SLICED = 12
LONGEST_CATEGORY = 60
PROSE = 4
"""Words that half of a text's values have at least: what people write, and no name or code."""
SMALL_TABLE = 50
"""With fewer rows, that no value repeats says nothing."""
LEAST_TOLD = 10
"""Rows with a column's only value, and as many without, for which that it is empty tells a row."""
FEW_EMPTY = 0.1
"""Share of rows without a time, up to which a column may be meant to say when rows are from."""
EQUAL_BY_CHANCE = 10
"""Pairs of equal numbers to be expected, from which on it is no chance that there is none."""
FEW_REPEATED = 0.01
"""Share of rows with the key of an earlier row, up to which a column named so is the key."""
SPAN_ALIKE = 2
"""How many times as long as the shortest span of times one may be, for either to cut the nights."""
MOST_REFUSED = 0.0005
"""Share of rows that a feature may cost: half of `contract.max_bad_share` in a new project, as the
rows may all be among those of training."""

_KEY = re.compile(
    r"(^|_)(id|ids|uuid|guid|key|code_number|rowid|pk)$|^(id|uuid)(_|$)|^(number|nr|no|index)$"
    r"|(^|_)(row|case|customer|client|account|order|invoice|item|person|patient|student|member|user"
    r"|policy|contract|claim|ticket|serial|part|record|sample|reg|registration|document|file"
    r"|flight|tail|room|house|licen[cs]e)"
    r"_?(number|nr|no|index)$"
    r"|^(row|case|cust|customer|client|account|order|child|unit|person|patient|student|school|user"
    r"|member|product|store|country|county|state|city|district|region|village|subject|record|sample"
    r"|object|device|session|trans|transaction|firm|company|employee|worker|family|household|hh"
    r"|hospital|bank|team|player|driver|vehicle)"
    r"id$"
)
_PERSONAL = re.compile(
    r"(^|_)(e_?mail|phone|telephone|mobile|fax|first_?name|last_?name|forename|given_?name|"
    r"family_?name|surname|full_?name|"
    r"street|address|ssn|social_security|iban|passport|credit_?card|card_number|ip_address|"
    r"vorname|nachname|strasse)($|_)"
)
_SHAPES = {
    "an e-mail address": re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}"),
    "an IBAN": re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}"),
    "an internet address of a machine": re.compile(r"(\d{1,3}\.){3}\d{1,3}"),
    "a phone number": re.compile(r"\+\d[\d\s()/.-]{7,}"),
}
_TIME = re.compile(r"(^|_)(date|time|timestamp|datetime|day|when|created|at|on|datum|zeit)($|_)")


@dataclass(frozen=True)
class ColumnUse:
    """One column's use.

    ``sliced``: quality is also measured for each of its values; ``personal``: it is not even read,
    or a key that is never shown.
    """

    name: str
    use: Use
    sliced: bool
    why: str
    unsure: str = ""
    personal: bool = False

    def doubted(self, why: str) -> ColumnUse:
        """The same use, with another doubt before those that there are."""
        return replace(self, unsure=_also(why, self.unsure))


def decide_uses(
    facts: Sequence[ColumnFacts],
    plain: Mapping[str, str],
    leaks: Mapping[str, str],
    wishes: Wishes,
) -> dict[str, ColumnUse]:
    """The use of every column but the label.

    Parameters
    ----------
    facts
        Of all columns, over all rows.
    plain
        Name in the file -> the name that the project will use; these are what names are guessed by.
    leaks
        Columns that give the label away, with the reason.
    wishes
        What is not to be guessed.
    """
    known = {each.name: each for each in facts if each.name != wishes.target}
    free = [each for each in known.values() if each.name not in wishes.left_out]
    sensitive = sensitive_columns(facts, plain)
    times = _times([each for each in free if not each.nulls], plain)
    settled = replace(
        wishes,
        keys=wishes.keys or _key(free, plain),
        time=wishes.time or next(iter(times), None),
    )
    uses = {
        name: _use(each, plain[name], leaks, sensitive.get(name, ""), settled)
        for name, each in known.items()
    }
    if wishes.time is not None:
        return uses
    if len(times) > 1:
        others = ", ".join(quote_value(each) for each in times[1:])
        by = f"nights are cut by it, and could be by {others}: say which with --time"
        uses[times[0]] = uses[times[0]].doubted(by)
    few = [each for each in free if each.nulls <= FEW_EMPTY * each.rows]
    meant = next(iter(_times(few, plain)), settled.time)
    if meant is not None and meant != settled.time:
        gaps = f"{known[meant].nulls:,} of {counted(known[meant].rows, 'row')}"
        uses[meant] = uses[meant].doubted(
            f"no time in {gaps}, so it cannot say when a row is from: write it there, or leave "
            "those rows out of the file, and run assay init again",
        )
    return uses


def _use(
    facts: ColumnFacts,
    plain: str,
    leaks: Mapping[str, str],
    sensitive: str,
    settled: Wishes,
) -> ColumnUse:
    name = facts.name

    def left_out(why: str, unsure: str = "") -> ColumnUse:
        return ColumnUse(name, "left out", False, why, unsure)

    if name == settled.time:
        # Nights are days of it.
        utc = " UTC" if any(TO_UTC in each for each in facts.evidence) else ""
        why = f"{facts.low} to {facts.high}{utc}, in every row"
        return ColumnUse(name, "time", False, why, facts.unsure)
    if name in settled.keys:
        why = f"{_values(facts, 'different value')} in {counted(facts.rows, 'row')}"
        key = _named_by(facts, plain, why)
        alone = len(settled.keys) == 1
        return key.doubted(_repeats(facts, key.personal)) if alone else key
    if name in settled.left_out:
        return left_out("left out with --leave-out")
    if name == settled.group:
        why = "rows of the same value stay together in a split"
        return _named_by(facts, plain, why)
    if name == settled.weight:
        return ColumnUse(name, "weight", False, f"{_described(facts)}; no feature", facts.unsure)
    if facts.distinct <= 1 and min(facts.present, facts.nulls) < LEAST_TOLD:
        # A time as people write it; a text in quotes, as it may be blank.
        only = [str(v) if isinstance(v, datetime) else quote_value(v) for v, _ in facts.values]
        always = f"always {only[0]}" if only else "always empty"
        return left_out(f"{always}: it can tell no row from another", facts.unsure if only else "")
    if name in leaks:
        known = "if it is known before the label, it is a feature"
        return left_out(leaks[name], _also(known, facts.unsure))
    if (personal := _personal(facts, plain)) and name not in settled.sensitive:
        return ColumnUse(name, "left out", False, personal, personal=True)
    if facts.kind == "timestamp":
        why = "a time; make what the model should see of it in data/source.py"
        bands = f"sensitive, {sensitive}: a time to make bands of in data/source.py"
        return left_out(bands if sensitive else why, facts.unsure)
    if name in settled.sensitive or sensitive:
        return _sensitive(facts, sensitive, said=name in settled.sensitive)
    if prose := _prose(facts):
        return ColumnUse(name, "text", False, prose, facts.unsure)
    named = _identifier(facts, plain)
    other = _no_category(facts) if facts.kind == "string" else ""
    if (named or other) and facts.stays_text:
        return left_out(facts.stays_text, facts.unsure)
    if named:
        says = "if its value says something by itself, it is a feature"
        return left_out(named, _also(says, facts.unsure))
    if other:
        return left_out(other, facts.unsure)
    feature = ColumnUse(name, "feature", _sliceable(facts), _described(facts), facts.unsure)
    if not facts.infinite:
        return feature
    refused = (
        f"infinite in {facts.infinite:,} of {counted(facts.rows, 'row')}, to be refused: make "
        "those cells empty in the file and run assay init again"
    )
    if facts.infinite > MOST_REFUSED * facts.rows:
        return left_out(refused, refused)
    return feature.doubted(refused)


def _also(*doubts: str) -> str:
    return "; ".join(filter(None, doubts))


def _named_by(facts: ColumnFacts, plain: str, why: str) -> ColumnUse:
    """A key; one that says who a person is, by its values or its name, is private."""
    personal = _personal(facts, plain)
    hidden = f"{personal}: pii, so never shown; a key without meaning would be better"
    doubts = _also(hidden if personal else "", _gaps(facts))
    return ColumnUse(facts.name, "key", False, why, doubts, personal=bool(personal))


def _gaps(facts: ColumnFacts) -> str:
    """What is unsure of a key, with a word on the few rows without one."""
    gaps = f"empty in {counted(facts.nulls, 'row')}, to be refused" if facts.nulls else ""
    return _also(gaps, facts.unsure)


def _values(facts: ColumnFacts, what: str) -> str:
    """How many values there are, and whether there are more than were counted."""
    return f"{'' if facts.exact else 'more than '}{counted(facts.distinct, what)}"


def _repeats(facts: ColumnFacts, personal: bool) -> str:
    """What is unsure of a key that several rows have; empty if each row has its own."""
    if not facts.repeated:
        return ""
    twice = [quote_value(value) for value, rows in facts.values[:1] if rows > 1]
    such = f", such as {twice[0]}" if twice and not personal else ""
    several = f"{counted(facts.repeated, 'row')} with the key of an earlier row{such}"
    return f"{several}: the same rows again, or does --key name more columns?"


def _key(facts: Sequence[ColumnFacts], plain: Mapping[str, str]) -> tuple[str, ...]:
    """The column that names each row: one without nulls, the likeliest by its name.

    One that is named so may repeat in a few rows, as tables have some rows twice.
    """
    names = [
        each
        for each in facts
        if each.repeated is not None
        and each.repeated <= FEW_REPEATED * each.rows
        and not each.nulls
        and each.kind in ("integer", "string")
        and each.rows > 1
    ]
    named = sorted(
        (each for each in names if _KEY.search(plain[each.name])), key=lambda each: not each.unique
    )
    # Of those that no name gives away: a text, or numbers as a database counts them.
    other = [
        each
        for each in names
        if each.unique and each.rows >= SMALL_TABLE and (_is_code(each) or _counts_rows(each))
    ]
    return tuple(each.name for each in [*named, *other][:1])


def _counts_rows(facts: ColumnFacts) -> bool:
    """Whether whole numbers all differ where chance would repeat some: they number something.

    Of n numbers drawn from a range of m, about n * n / 2 m pairs are equal.
    """
    low, high = facts.low, facts.high
    if facts.kind != "integer" or not facts.unique or facts.rows < SMALL_TABLE:
        return False
    if not isinstance(low, int) or not isinstance(high, int):
        return False
    return facts.present**2 >= 2 * EQUAL_BY_CHANCE * (high - low + 1)


def _is_code(facts: ColumnFacts) -> bool:
    return facts.kind == "string" and isinstance(facts.high, int) and facts.high <= LONGEST_CATEGORY


def _times(facts: Sequence[ColumnFacts], plain: Mapping[str, str]) -> list[str]:
    """The columns that may say when a row is from, the likeliest first; none without times.

    Those whose names say it alike are told apart by their times: what happens to rows within the
    shortest span is what nights are cut by, as people or machines in them are older; of spans that
    are about as long the earliest, as what is known later may be an outcome.
    """

    def by_name(each: ColumnFacts) -> tuple[bool, bool]:
        late = re.search("expir|due|end|valid|update", plain[each.name])
        return not late, bool(_TIME.search(plain[each.name]))

    times = [
        each
        for each in facts
        if each.kind == "timestamp"
        and each.distinct > 1
        and not re.search("birth|born|dob|yob", plain[each.name])
    ]
    alike = [each for each in times if by_name(each) == max(map(by_name, times))]
    shortest = min((_span(each) for each in alike), default=timedelta())
    alike.sort(
        key=lambda each: (
            _span(each) > SPAN_ALIKE * shortest,
            each.low,
            -each.distinct,
        )
    )
    return [each.name for each in alike]


def _span(times: ColumnFacts) -> timedelta:
    assert isinstance(times.low, datetime) and isinstance(times.high, datetime)
    return times.high - times.low


def _personal(facts: ColumnFacts, plain: str) -> str:
    if facts.kind != "string":
        return ""
    shown = [str(value) for value, _ in facts.values[:200]]
    for what, shape in _SHAPES.items():
        hits = sum(1 for value in shown if shape.fullmatch(value.strip()))
        if hits > 0.8 * len(shown):
            return f"personal: each value looks like {what}"
    if _PERSONAL.search(plain) or (plain == "name" and facts.distinct > facts.present / 2):
        return "personal, by its name: nothing that a model should learn, or a report show"
    return ""


def _identifier(facts: ColumnFacts, plain: str) -> str:
    """Why a column names its row, or what the row is about; empty if it describes it."""
    if not _may_name(facts) or facts.rows < SMALL_TABLE:
        return ""
    if facts.unique and (facts.kind == "string" or _counts_rows(facts) or _KEY.search(plain)):
        return "no value is there twice: it names the row and does not describe it"
    if _KEY.search(plain) and facts.distinct > MOST_SLICED:
        return f"{_values(facts, 'value')}, and by its name it says who, not how"
    return ""


def _may_name(facts: ColumnFacts) -> bool:
    """Whether the values can be names: whole numbers are also written 7.0, where some are empty."""
    return facts.kind in ("integer", "string") or (facts.kind == "float" and facts.whole)


def may_be_groups(facts: Sequence[ColumnFacts], plain: Mapping[str, str] | None) -> list[str]:
    """Columns with several rows of each value: of those with ``plain`` names, who are named so."""
    return [
        each.name
        for each in facts
        if _may_name(each)
        and (plain is None or _KEY.search(plain[each.name]))
        and not each.unique
        and MOST_SLICED < each.distinct <= each.present / 2
    ]


def _prose(facts: ColumnFacts) -> str:
    """Why a column is free text, which a model reads by its words; empty if it is none."""
    several = facts.distinct > facts.present / 2 and facts.present >= SMALL_TABLE
    if facts.kind != "string" or facts.stays_text or not facts.values:
        return ""
    if not (facts.many or facts.distinct > MOST_CATEGORIES or several):
        return ""
    sizes = sorted(len(str(value).split()) for value, _ in facts.values)
    middle = sizes[len(sizes) // 2]
    if middle < PROSE:
        return ""
    most = f", up to {facts.high:,} characters" if isinstance(facts.high, int) else ""
    empty = f", {facts.nulls / facts.rows:.1%} empty" if facts.nulls else ""
    return f"free text: half of its values have {middle} words or more{most}{empty}"


def _no_category(facts: ColumnFacts) -> str:
    longest = facts.high if isinstance(facts.high, int) else 0
    if longest > LONGEST_CATEGORY:
        return f"free text of up to {longest:,} characters: make numbers of it in data/source.py"
    if facts.many or facts.distinct > MOST_CATEGORIES:
        return (
            f"{_values(facts, 'different text')}, over {MOST_CATEGORIES}: "
            "put rare ones together in data/source.py"
        )
    if facts.distinct > facts.present / 2 and facts.present >= SMALL_TABLE:
        rows = counted(facts.present, "row")
        return f"{counted(facts.distinct, 'different text')} in {rows}: too few of each"
    return ""


def _sensitive(facts: ColumnFacts, how: str, said: bool) -> ColumnUse:
    """A column that is measured by group where it forms some; of too many values it is left out."""
    sliced = _sliceable(facts)
    groups = f"{_values(facts, 'value')} form no groups: make bands of it in data/source.py"
    why = (
        f"sensitive, {'as you said' if said else how}: "
        f"{'quality is measured in each group' if sliced else groups}"
    )
    many = facts.many or facts.distinct > MOST_CATEGORIES
    if many and facts.kind != "float" and not said:
        return ColumnUse(facts.name, "left out", False, why, facts.unsure)
    no_feature = "no feature: a model that may learn from it needs the role feature too"
    return ColumnUse(facts.name, "sensitive", sliced, why, _also(no_feature, facts.unsure))


def _sliceable(facts: ColumnFacts) -> bool:
    """Whether there are few enough values to measure one by one."""
    return facts.kind != "timestamp" and not facts.many and 2 <= facts.distinct <= MOST_SLICED


def _described(facts: ColumnFacts) -> str:
    missing = f", {facts.nulls / facts.rows:.1%} empty" if facts.nulls else ""
    if facts.distinct == 1 and facts.nulls:
        return f"always {quote_value(facts.values[0][0])}{missing}"
    if facts.kind == "string":
        return f"{facts.distinct:,} categories{missing}"
    if facts.kind == "boolean":
        return f"true or false{missing}"
    return f"{facts.low:g} to {facts.high:g}{missing}" if facts.low is not None else "numbers"
