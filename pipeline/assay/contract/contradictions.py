"""What a contract says that cannot be meant: ranges without a value, lists that do not agree.

Only a project's own file is held to this. A version that was promoted keeps the contract that it
was trained under.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from assay.contract.checks.builtin_checks import COMPARISONS, builtin_check_name
from assay.contract.definition import Contract, Field, Kind
from assay.errors import ContractFileError
from assay.project.text import quote_value

METADATA = ("role", "order")
"""The keys of a field's metadata that mean something."""

_LISTS = {"isin": "allowed_values", "notin": "forbidden_values"}
_UP = ("greater_than", "greater_than_or_equal_to", "equal_to")
_DOWN = ("less_than", "less_than_or_equal_to", "equal_to")
_SHOWN = 5


def contradictions(contract: Contract) -> Iterator[ContractFileError]:
    """An error for each, in the order of the file as far as it has one."""
    for field in contract.fields:
        yield from _never(contract, field)
        yield from _empty(contract, field)
        yield from _unordered(contract, field)
    yield from _written(contract)


def _never(contract: Contract, field: Field) -> Iterator[ContractFileError]:
    """Lists of values that the field's type can never have."""
    for name, given in _checks(field):
        never = [each for each in given.get(_LISTS.get(name, ""), ()) if _strange(each, field.kind)]
        if never:
            yield ContractFileError(
                f"{name} lists what {quote_value(field.name)} can never be",
                where=f"{contract.file}:{field.line}",
                expected=f"values of its type, {field.kind}",
                found=", ".join(map(repr, never[:_SHOWN])) + (", …" if never[_SHOWN:] else ""),
                fix="Take them out, or declare the field with their type",
            )


def _strange(value: object, kind: Kind) -> bool:
    if value is None or kind == "timestamp":
        return False
    return isinstance(value, str) != (kind == "string")


def _empty(contract: Contract, field: Field) -> Iterator[ContractFileError]:
    """Limits between which there is no value, so that every row would be refused."""
    limits = [limit for name, given in _checks(field) for limit in _limits(name, given)]
    listed = _listed(field)
    try:
        if listed is not None:
            nothing = not any(_within(each, limits) for each in listed)
        else:
            low = max((value for name, value in limits if name in _UP), default=None)
            high = min((value for name, value in limits if name in _DOWN), default=None)
            nothing = (
                low is not None
                and high is not None
                and (low > high or (low == high and not _within(low, limits)))
            )
    except TypeError:  # a limit of another type, which pandera refuses by itself
        return
    if nothing:
        names = [rule.name.partition(": ")[2] for rule in field.rules if rule.test == "check"]
        yield ContractFileError(
            f"no value of {quote_value(field.name)} can meet all its checks",
            where=f"{contract.file}:{field.line}",
            expected="limits with a value between them",
            found=", ".join(names),
            fix="Every row would be refused: correct them",
        )


def _limits(name: str, given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if name == "in_range":
        yield f"greater_than{'_or_equal_to' * given['include_min']}", given["min_value"]
        yield f"less_than{'_or_equal_to' * given['include_max']}", given["max_value"]
    elif name in COMPARISONS:
        (limit,) = given.values()
        yield name, limit


def _within(value: Any, limits: list[tuple[str, Any]]) -> bool:
    return all(COMPARISONS[name](value, limit) for name, limit in limits)


def _unordered(contract: Contract, field: Field) -> Iterator[ContractFileError]:
    """An order of other categories than isin allows: what it lacks would count as missing."""
    listed = _listed(field)
    if not field.order or listed is None or set(field.order) == set(listed):
        return
    lacking = sorted(repr(each) for each in listed if each not in field.order)
    beyond = [repr(each) for each in field.order if each not in listed]
    found = [
        *([f"no {', '.join(lacking)}, which would count as missing"] if lacking else []),
        *([f"{', '.join(beyond)}, which isin refuses"] if beyond else []),
    ]
    yield ContractFileError(
        f"the order of {quote_value(field.name)} has not the values of its isin",
        where=f"{contract.file}:{field.line}",
        expected="the same values, the least first",
        found="; ".join(found),
        fix="Correct one of the two",
    )


def _listed(field: Field) -> list[Any] | None:
    """The values that the first isin of a field allows."""
    for name, given in _checks(field):
        if name == "isin":
            return list(given.get("allowed_values", ()))
    return None


def _checks(field: Field) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Names and arguments of pandera's own checks of a field."""
    for rule in field.rules:
        name = None if rule.check is None else builtin_check_name(rule.check)
        if rule.check is not None and name is not None:
            yield name, rule.check._check_kwargs


def _written(contract: Contract) -> Iterator[ContractFileError]:
    """Fields that are declared twice, and misspelt keys of metadata: Python lets both pass."""
    for model in ast.walk(ast.parse(contract.source)):
        lines: dict[str, int] = {}
        for node in model.body if isinstance(model, ast.ClassDef) else ():
            if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
                continue
            name = node.target.id
            if name in lines:
                yield ContractFileError(
                    f"the field {quote_value(name)} is declared twice",
                    where=f"{contract.file}:{node.lineno}",
                    expected="each field once",
                    found=f"it in line {lines[name]} too, which Python forgets",
                    fix="Take one of the two out",
                )
            lines[name] = node.lineno
            for key in _metadata(node.value):
                near = difflib.get_close_matches(key, METADATA, n=1)
                if near and key not in METADATA:
                    yield ContractFileError(
                        f"field {quote_value(name)} has an unknown key in its metadata",
                        where=f"{contract.file}:{node.lineno}",
                        expected=" or ".join(METADATA),
                        found=repr(key),
                        fix=f"Did you mean {near[0]!r}?",
                    )


def _metadata(value: ast.expr | None) -> Iterator[str]:
    """The keys of a field's metadata, where they are written in place."""
    for given in value.keywords if isinstance(value, ast.Call) else ():
        if given.arg == "metadata" and isinstance(given.value, ast.Dict):
            for key in given.value.keys:
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value
