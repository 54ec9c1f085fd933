"""What a contract says that cannot be meant: roles that do not fit, lists that do not agree.

Roles are checked wherever a contract is read, `contradictions` in a project's own file only: a
version that was promoted keeps the contract that it was trained under.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator
from typing import Any

from assay.contract.checks.builtin_checks import builtin_check_name
from assay.contract.contract_file import ContractSource
from assay.contract.definition import Contract, Field, Role
from assay.errors import ContractFileError
from assay.project.text import quote_value

METADATA = ("role", "order")
"""The keys of a field's metadata that mean something."""


def contradictions(contract: Contract) -> Iterator[ContractFileError]:
    """An error for each, in the order of the file as far as it has one."""
    for field in contract.fields:
        yield from _unordered(contract, field)
    yield from _written(contract)


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
    for rule in field.rules:
        if rule.check is not None and builtin_check_name(rule.check) == "isin":
            return list(rule.check._check_kwargs.get("allowed_values", ()))
    return None


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


def find_label(fields: tuple[Field, ...], source: ContractSource, model: str) -> str:
    """Check that the roles are consistent, and return the label's name."""
    top = source.class_line(model)
    for role in (Role.LABEL, Role.TIME):
        having = _having(fields, role)
        if len(having) != 1:
            raise ContractFileError(
                f"{'no' if not having else 'more than one'} {role.value} field",
                where=source.location(having[1].line if having else top),
                expected=f"exactly one field with the role {role.value}",
                found=", ".join(each.name for each in having) or "none",
                fix=f'Declare it with pa.Field(metadata={{"role": "{role.value}"}})',
            )
    label, time = _having(fields, Role.LABEL)[0], _having(fields, Role.TIME)[0]
    for role, use in (
        (Role.KEY, "what a prediction is joined by"),
        (Role.FEATURE, "a model input"),
    ):
        if not _having(fields, role):
            raise ContractFileError(
                f"no {role.value} field",
                where=source.location(top),
                expected=f"at least one field with the role {role.value}, {use}",
                found="none",
                fix=f'Declare it with pa.Field(metadata={{"role": "{role.value}"}})',
            )
    for role in (Role.FEATURE, Role.KEY, Role.TIME):
        if role in label.roles:
            raise ContractFileError(
                f"the label {label.name!r} is also a {role.value}",
                where=source.location(label.line),
                expected="a label that nothing needs at scoring time, when it is not known",
                found=f"the roles {', '.join(each.value for each in label.roles)}",
                fix=f"Take the role {role.value} away from it",
            )
    if time.kind != "timestamp":
        raise ContractFileError(
            f"the time field {time.name!r} is no time",
            where=source.location(time.line),
            expected="datetime.datetime",
            found=time.kind,
            fix="Declare it as datetime.datetime",
        )
    for each in fields:
        _fits(each, source)
    return label.name


def find_weight(fields: tuple[Field, ...], source: ContractSource) -> str | None:
    """The name of the field with weights, if there is one."""
    having = _having(fields, Role.WEIGHT)
    if not having:
        return None
    first, *more = having
    if more:
        raise ContractFileError(
            "more than one weight field",
            where=source.location(more[0].line),
            expected="at most one field with the role weight",
            found=", ".join(each.name for each in having),
        )
    if first.roles != (Role.WEIGHT,):
        raise ContractFileError(
            f"the weight {first.name!r} has another role too",
            where=source.location(first.line),
            expected="a weight, which only training knows: no feature, and not there at night",
            found=f"the roles {', '.join(each.value for each in first.roles)}",
        )
    if first.kind not in ("integer", "float") or first.nullable:
        raise ContractFileError(
            f"the weight {first.name!r} may be {'null' if first.nullable else 'no number'}",
            where=source.location(first.line),
            expected="an int or float in every row",
            found=f"{first.kind}{', nullable=True' if first.nullable else ''}",
        )
    return first.name


def _fits(each: Field, source: ContractSource) -> None:
    needed = [role.value for role in (Role.KEY, Role.TIME) if role in each.roles]
    if each.nullable and needed:
        raise ContractFileError(
            f"the {needed[0]} field {each.name!r} may be null",
            where=source.location(each.line),
            expected="a value in every row: predictions are joined by key and placed in time",
            found="nullable=True",
            fix="Leave nullable=True out; rows without a value are then refused one by one",
        )
    if Role.KEY in each.roles and Role.SENSITIVE in each.roles:
        raise ContractFileError(
            f"the sensitive field {each.name!r} is also a key",
            where=source.location(each.line),
            expected="a key that forms no groups of people",
            found=f"the roles {', '.join(role.value for role in each.roles)}",
            fix="A key that says who a person is has the roles key and pii, and is never shown",
        )
    if Role.PII in each.roles and (others := {*each.roles} - {Role.PII, Role.KEY}):
        raise ContractFileError(
            f"the private field {each.name!r} is also more than a key",
            where=source.location(each.line),
            expected="pii alone or with key: values of all other roles are in bundles and pages",
            found=f"the roles {', '.join(role.value for role in each.roles)}",
            fix=f"Take {' and '.join(sorted(role.value for role in others))} away; what a model "
            "may learn of it, such as an address's domain, is a column of its own when ingesting",
        )
    if Role.FEATURE in each.roles and each.kind == "timestamp":
        raise ContractFileError(
            f"the feature {each.name!r} is a timestamp",
            where=source.location(each.line),
            expected="an integer, float, boolean or string",
            found="datetime",
            fix="Derive what the model should see of it, such as the hour, when ingesting",
        )
    if Role.TEXT in each.roles:
        _fits_text(each, source)


def _fits_text(each: Field, source: ContractSource) -> None:
    """Refuse a text that is no string, or that is also what groups or names rows."""
    others = {Role.KEY, Role.SLICE, Role.TIME, Role.WEIGHT} & {*each.roles}
    if each.kind == "string" and not each.order and not others:
        return
    found = ", ".join(sorted(role.value for role in others)) or each.kind
    raise ContractFileError(
        f"the text {each.name!r} is more than free text",
        where=source.location(each.line),
        expected="a str whose words a model reads, without order, key, slice, time or weight",
        found="an order" if each.order else found,
        fix="Take the role text away: a str with the role feature is a category",
    )


def _having(fields: tuple[Field, ...], role: Role) -> list[Field]:
    return [each for each in fields if role in each.roles]
