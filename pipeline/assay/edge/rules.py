"""The checks of a contract that a file for devices can hold: nulls, types, limits and lists.

A check holds if it is one of pandera's own with constants, on a feature. Others (patterns, methods,
checks over whole rows) need Python, and columns that are no features are not there on a device.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from assay.columns.features import Floats
from assay.contract.checks.builtin_checks import builtin_check_name, numeric_check, string_check
from assay.contract.definition import NUMERIC, Contract, Field, Role, Rule

WholeValueKind = Literal[
    "number not null",
    "text not null",
    "whole",
    "boolean",
    "range",
    "number in",
    "number not in",
    "text in",
    "text not in",
]
"""The kinds that look at a value as a whole, not at the letters of a text."""
RuleKind = Literal[WholeValueKind, "text starts", "text ends", "text length"]

_MOST = float(2**53)
"""Up to here every whole number is a float64."""


@dataclass(frozen=True)
class DeviceRule:
    """One check of one feature.

    Attributes
    ----------
    place
        Of the feature, among the numeric or the categorical ones of the model.
    low, high
        The limits of a range (of a text's length: in characters); ``open_low`` and ``open_high``
        where the limit itself is refused.
    numbers, texts
        What is listed.
    """

    name: str
    kind: RuleKind
    place: int
    low: float = -np.inf
    high: float = np.inf
    open_low: bool = False
    open_high: bool = False
    numbers: tuple[float, ...] = ()
    texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeviceRules:
    """The checks in the order in which a row is tested, and the names of those left out."""

    held: tuple[DeviceRule, ...]
    left_out: tuple[str, ...]

    def edges(self, place: int) -> Floats:
        """The numbers at which a check of a numeric feature may change its answer."""
        numbers = [
            number
            for rule in self.held
            if rule.place == place and not rule.kind.startswith("text")
            for number in (rule.low, rule.high, *rule.numbers)
        ]
        return np.array(numbers, np.float64)

    def texts(self, place: int) -> list[str]:
        """The texts that checks of a categorical feature name."""
        return [
            text
            for rule in self.held
            if rule.place == place and rule.kind.startswith("text")
            for text in rule.texts
        ]


def device_rules(
    contract: Contract, numeric: Sequence[str], categorical: Sequence[str]
) -> DeviceRules:
    """The checks of a contract at scoring time.

    Nulls come first, then types, then the others: no other check sees a forbidden null, as in
    `assay.contract.checks.row_checks.check_rows`. A number has no type on a device, so a field of
    integers or booleans gets a check of its own.

    Parameters
    ----------
    numeric, categorical
        The model's features.
    """
    nulls, types, others = [], [], []
    left_out: list[str] = []
    for field in contract.fields:
        if set(field.roles) <= {Role.KEY, Role.TIME}:
            continue  # they do not reach a device
        if field.name not in (*numeric, *categorical):
            left_out += [rule.name for rule in field.rules]
            continue
        of_number = field.kind in NUMERIC
        place = (numeric if of_number else categorical).index(field.name)
        if field.kind == "integer":
            types.append(DeviceRule(f"{field.name}: a whole number", "whole", place, -_MOST, _MOST))
        elif field.kind == "boolean":
            types.append(DeviceRule(f"{field.name}: 0 or 1", "boolean", place))
        for rule in field.rules:
            if rule.test == "not null":
                kind: RuleKind = "number not null" if of_number else "text not null"
                nulls.append(DeviceRule(rule.name, kind, place))
            elif (made := _rule(rule, field, place)) is not None:
                others.append(made)
            else:
                left_out.append(rule.name)
    left_out += [rule.name for rule in contract.frame_rules]
    return DeviceRules((*nulls, *types, *others), tuple(left_out))


def features_only(contract: Contract, rules: DeviceRules) -> Contract:
    """The contract with nothing but the checks that are held."""
    held = {rule.name for rule in rules.held}
    fields = [
        replace(field, rules=tuple(rule for rule in field.rules if rule.name in held))
        for field in contract.fields
    ]
    return replace(contract, fields=tuple(fields), frame_rules=())


def _rule(rule: Rule, field: Field, place: int) -> DeviceRule | None:
    if rule.test == "finite":
        return DeviceRule(rule.name, "range", place, -np.inf, np.inf, True, True)
    if rule.check is None or (name := builtin_check_name(rule.check)) is None:
        return None
    given: Mapping[str, Any] = rule.check._check_kwargs
    if field.kind == "string":
        return None if string_check(rule.check) is None else _text(rule.name, name, given, place)
    known = numeric_check(rule.check, field.kind) is not None and all(map(_exact, _numbers(given)))
    return _number(rule.name, name, given, place) if known else None


def _numbers(given: Mapping[str, Any]) -> Iterator[Any]:
    for key, value in given.items():
        if not key.startswith("include_"):
            yield from value if isinstance(value, (list, tuple, set, frozenset)) else (value,)


def _exact(number: Any) -> bool:
    """Whether float64 has this number."""
    return (isinstance(number, (int, float)) and abs(number) <= _MOST) or number in (
        np.inf,
        -np.inf,
    )


def _number(name: str, check: str, given: Mapping[str, Any], place: int) -> DeviceRule | None:
    if check == "in_range":
        low, high = float(given["min_value"]), float(given["max_value"])
        ends = not given["include_min"], not given["include_max"]
        return DeviceRule(name, "range", place, low, high, *ends)
    listed = tuple(sorted(float(each) for each in _numbers(given)))
    if check in ("isin", "notin", "not_equal_to"):
        kind: RuleKind = "number in" if check == "isin" else "number not in"
        return DeviceRule(name, kind, place, numbers=listed)
    (limit,) = listed
    match check:
        case "equal_to":
            return DeviceRule(name, "range", place, limit, limit)
        case "greater_than" | "greater_than_or_equal_to":
            return DeviceRule(name, "range", place, limit, open_low=check == "greater_than")
        case "less_than" | "less_than_or_equal_to":
            return DeviceRule(name, "range", place, high=limit, open_high=check == "less_than")
    return None


def _text(name: str, check: str, given: Mapping[str, Any], place: int) -> DeviceRule | None:
    if check == "str_length":
        low, high = given.get("min_value"), given.get("max_value")
        if (exact := given.get("exact_value")) is not None:
            low = high = exact
        limits = -np.inf if low is None else float(low), np.inf if high is None else float(high)
        return DeviceRule(name, "text length", place, *limits)
    kinds: Mapping[str, RuleKind] = {
        "equal_to": "text in",
        "isin": "text in",
        "not_equal_to": "text not in",
        "notin": "text not in",
        "str_startswith": "text starts",
        "str_endswith": "text ends",
    }
    if check not in kinds:
        return None
    (value,) = given.values()
    texts = (value,) if isinstance(value, str) else tuple(sorted(value))
    # C ends a text at its first zero.
    if any("\0" in text for text in texts):
        return None
    return DeviceRule(name, kinds[check], place, texts=texts)
