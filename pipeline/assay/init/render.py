"""Writes a plan as the texts of a project's files.

Values are quoted by filters of the templates; those of YAML and Python are `assay deploy`'s.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from math import floor, log10
from types import MappingProxyType
from typing import Any

from assay.formats.definition import IN_CONTRACTS, Kind, spell
from assay.init.checks import FieldChecks
from assay.init.nights import Nights
from assay.init.pins import pinned_lists
from assay.init.plan import Plan
from assay.init.roles import ColumnUse
from assay.init.survey import FOLDS
from assay.ops.deploy.quoting import plain, python, yaml, yaml_words
from assay.pages.templating import Quoted, render_config
from assay.project.text import format_digits

TEXTS: Mapping[str, str] = {
    ".gitignore": "gitignore",
    ".dvcignore": "dvcignore",
    ".gitattributes": "gitattributes",
    "data/contract.py": "contract.py",
    "data/source.py": "source.py",
    "params.yaml": "params.yaml",
    "dvc.yaml": "dvc.yaml",
    "tests/model/test_model.py": "test_model.py",
    "Makefile": "Makefile",
    "README.md": "README.md",
}
"""Path in the project -> template."""

LATENCY, COLUMN_LATENCY = 500, 10
"""Milliseconds that 1,000 rows may take, at least, and for each column: to look at a column takes
its time even if a night has few rows."""
RARE, COMMON = 0.2, 0.8
"""Shares of positives outside of which a threshold of 0.5 would call all rows alike."""

_LONGEST_COMMENT = 160
_BARE = re.compile(r"[A-Za-z](?:[\w ,.()'-]*[\w.)])?", re.ASCII)
_NO_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def render(plan: Plan) -> dict[str, str]:
    """The text of each file, by its path in the project."""
    facts = {**_about(plan), **_source(plan), **_params(plan), **_contract(plan)}
    texts = {
        path: render_config("assay.init", f"{template}.jinja", FILTERS, **facts)
        for path, template in TEXTS.items()
    }
    return {**texts, **pinned_lists()}


def _about(plan: Plan) -> dict[str, Any]:
    label = plan.label
    what = {
        "binary": f"Probability that {plan.target} is true",
        "multiclass": f"Which {plan.target} a row has",
        "regression": f"How large {plan.target} is",
    }[label.task]
    return {
        "plan": plan,
        "label": label,
        "nights": plan.nights,
        "about": what,
        "version": version("assay"),
        "name": plan.name,
        "data": plan.data,
        "tables": [plan.data],
        "rows": Quoted(f"{plan.understood.rows:,}"),
        "task": label.task,
        "binary": label.task == "binary",
        "regression": label.task == "regression",
        "target": plan.target,
        "by_time": plan.nights.by == "time",
    }


# ------------------------------------------------------------------------------ data/source.py


def _source(plan: Plan) -> dict[str, Any]:
    table, label = plan.understood.table, plan.label
    evidence = {each.name: "; ".join(each.evidence) for each in plan.understood.facts}
    numbered = any(each.name == "row_number" for each in plan.columns)
    used = [f"read_{table.format}"]
    used += ["add_night"] if plan.nights.by == "time" else ["add_random_night"]
    used += ["add_row_number"] if numbered else []
    used += ["label_is_true"] if label.positive is not None else []
    used += ["label_as_text"] if label.as_text else []
    personal = {each.name: each.why for each in plan.left_out if each.personal}
    if not table.header:
        personal = {}  # columns are found by their places, so each is read
    unread = {*personal, *plan.understood.left_out}
    by = plan.group or next((each.given for each in plan.having("key") if each.given), None)
    return {
        "imports": sorted(used),
        "format": table.format,
        "dialect": _dialect(plan),
        "read": [
            {"given": each.name, "type": spell(each), "why": evidence[each.name]}
            for each in table.columns
            if each.name not in unread
        ],
        "renamed": [
            (given, name)
            for given, name in plan.plain.items()
            if given != name and given not in unread
        ],
        "personal": [*personal.items()],
        "numbered": numbered,
        "by": plan.plain[by] if by is not None else "row_number",
        "together": f"rows of the same {plan.plain[plan.group]}"
        if plan.group
        else "each row always",
    }


def _dialect(plan: Plan) -> list[tuple[str, Any]]:
    """The arguments of the reader that are not its defaults."""
    table = plan.understood.table
    given: list[tuple[str, Any, Any]] = []
    if table.format == "csv":
        given = [
            ("separator", table.separator, ","),
            ("encoding", table.encoding, "utf-8"),
            ("quote", table.quote, '"'),
            ("header", table.header, True),
        ]
    if table.format != "parquet":
        given.append(("missing", table.missing, ("",)))
    return [(name, value) for name, value, default in given if value != default]


# ---------------------------------------------------------------------------- data/contract.py


def _contract(plan: Plan) -> dict[str, Any]:
    return {
        "times": any(each.kind == "timestamp" for each in plan.columns),
        "columns": [
            {
                "name": each.name,
                "kind": each.kind,
                "why": "; ".join(
                    part for part in (each.why, each.checks.why) if part and part != each.unsure
                ),
                "unsure": each.unsure,
                "arguments": (each.checks, each.roles),
            }
            for each in plan.columns
        ],
        "left_out": [(each.name, _left_out(each)) for each in plan.left_out],
    }


def _left_out(column: ColumnUse) -> str:
    if column.unsure.startswith(column.why):
        return column.unsure
    return f"{column.why} ({column.unsure})" if column.unsure else column.why


# ---------------------------------------------------------------------------------- params.yaml


def _params(plan: Plan) -> dict[str, Any]:
    label, nights = plan.label, plan.nights
    row_change = _row_change(nights)
    regression, binary = label.task == "regression", label.task == "binary"
    # Unlike log loss, Brier's score has bounds, so a small holdout can decide on it. So can it on
    # absolute errors: the mean of squared ones is mostly the work of a few rows.
    judged = "mae" if regression else "brier"
    return {
        "duplicates": min(1.0, round(1.5 * plan.duplicates + 0.01, 2)),
        "duplicates_why": f"{plan.duplicates:.0%} of the rows equal another one in all that "
        "describes them, which is coarse"
        if plan.duplicates
        else "of the holdout's rows that equal one of training in all that describes "
        "them, beyond chance",
        # A table's one night of a single row is an accident, not what a night may be.
        "night_least": max(1, nights.ordinary[0] // 3),
        "row_change": row_change,
        "most_times": f"{1 + row_change:g}",
        "folds": FOLDS,
        "threshold": _threshold(label.share) if label.share is not None else 0.5,
        "threshold_why": f"{label.share:.1%} of the rows are" if binary and label.share else "",
        "latency": max(LATENCY, COLUMN_LATENCY * len(plan.columns)),
        "judged": judged,
        # Four whole weeks, or as many longer nights as show how much they differ.
        "retrain_pool": 28 if nights.every == "day" else 8,
        "baseline_why": "otherwise always saying the same would do, which has a "
        f"{judged} of {format_digits(label.baseline, 3)} over all rows",
        "margin": _rounded(0.02 * label.baseline),
        "fairness": "mae" if regression else "selection_rate" if binary else "accuracy",
        "fairness_difference": _rounded(0.2 * label.baseline) if regression else 0.2,
        "texts": [each.name for each in plan.having("text")],
        "nullable": [
            each.name
            for each in plan.having("feature")
            if each.checks.nullable and "empty" in each.why
        ],
    }


def _row_change(nights: Nights) -> float:
    """How many times more rows than usual a night may have: half more than ordinary ones had."""
    return round(max(0.5, 1.5 * (nights.swing - 1)), 2)


def _threshold(share: float) -> float:
    return 0.5 if RARE <= share <= COMMON else round(min(max(share, 0.01), 0.99), 2)


def _rounded(value: float) -> float:
    """To three digits."""
    if value == 0:
        return 0.0
    return round(value, 2 - floor(log10(abs(value))))


# ------------------------------------------------------------------------------------ quoting


def comment(text: Any) -> Quoted:
    """One line of a comment, which nothing in the text can end."""
    # A quote or a backslash would end, or change, the docstring that a comment may stand in.
    line = " ".join(str(text).replace("\\", "/").replace('"', "'").split())
    line = "".join(letter if letter.isprintable() else "?" for letter in line)
    return Quoted(line if len(line) <= _LONGEST_COMMENT else f"{line[: _LONGEST_COMMENT - 1]}…")


def literal(value: Any) -> Quoted:
    """A literal of Python: a text, a number, a flag, or several texts."""
    if isinstance(value, str):
        return python(value)
    if isinstance(value, bool | int | float):
        return Quoted(repr(value))
    words = ", ".join(map(python, value))
    return Quoted(f"({words},)" if len(value) == 1 else f"({words})")


def names(words: Sequence[str]) -> Quoted:
    """Names to import."""
    return Quoted(", ".join(map(plain, words)))


def field_type(kind: Kind) -> Quoted:
    """A contract's type."""
    return Quoted(IN_CONTRACTS[kind])


def field_arguments(given: tuple[FieldChecks, Sequence[str]]) -> Quoted:
    """The arguments of a contract's field: its checks, and its roles."""
    checks, roles = given
    parts = [f"{name}={_limit(limit)}" for name, limit in checks.limits.items()]
    if checks.nullable:
        parts.append("nullable=True")
    role = python(roles[0]) if len(roles) == 1 else f"[{', '.join(map(python, roles))}]"
    order = f', "order": {_limit([*checks.order])}' if checks.order and "feature" in roles else ""
    return Quoted(", ".join([*parts, f'metadata={{"role": {role}{order}}}']))


def _limit(value: Any) -> str:
    return f"[{', '.join(map(python, value))}]" if isinstance(value, list) else repr(value)


def words(text: str) -> Quoted:
    """A scalar of YAML, in quotes only where it needs them.

    >>> words("the model's owner"), words("no"), words("a: b")
    ("the model's owner", '"no"', '"a: b"')
    """
    bare = _BARE.fullmatch(text) and text.lower() not in _NO_WORDS
    return Quoted(text) if bare else yaml(text)


def number(value: float) -> Quoted:
    """A number as YAML 1.2 reads it."""
    return Quoted(json.dumps(value))


FILTERS: Mapping[str, Callable[..., Quoted]] = MappingProxyType(
    {
        "arguments": field_arguments,
        "comment": comment,
        "literal": literal,
        "names": names,
        "number": number,
        "plain": plain,
        "python": python,
        "type": field_type,
        "yaml": yaml,
        "words": words,
        "yaml_words": yaml_words,
    }
)
"""Name in a template -> function."""
