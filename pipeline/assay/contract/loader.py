"""Reads the contract file into a Contract; every possible mistake in it has an error message."""

from __future__ import annotations

import copyreg
import inspect
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from assay.contract.checks import guard
from assay.contract.checks.check_runner import (
    absent_column,
    call_check,
    check_error,
    invalid_result_error,
)
from assay.contract.checks.guard import ContractCodeStopped
from assay.contract.columns import to_frame
from assay.contract.contract_file import ContractSource
from assay.contract.contradictions import contradictions
from assay.contract.definition import Contract, Field, Role
from assay.contract.import_pandera import import_pandera
from assay.contract.schema import canonical_schema
from assay.errors import ContractFileError
from assay.project import digests, source_code

if TYPE_CHECKING:
    from pandera.pandas import DataFrameModel


def load_contract(path: Path, name: str | None = None, *, root: Path | None = None) -> Contract:
    """Read the contract file at ``path``, and refuse what cannot be meant.

    Parameters
    ----------
    name, root
        As in `read_contract`.

    Raises
    ------
    ContractFileError
        For the first mistake, or the first of `contradictions`, with file and line.
    """
    contract = read_contract(path, name, root=root)
    for fault in contradictions(contract):
        raise fault
    return contract


def read_contract(path: Path, name: str | None = None, *, root: Path | None = None) -> Contract:
    """Read the contract file at ``path``, whether or not what it says agrees.

    Parameters
    ----------
    name
        The file's name in errors; by default the path.
    root
        The project, whose own modules the file may import.

    Raises
    ------
    ContractFileError
        For the first mistake, with file and line.
    """
    name = name or path.as_posix()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ContractFileError(
            "no such file",
            where=name,
            expected="a Python file with one pandera DataFrameModel",
            fix="Write it, or correct contract.file in params.yaml",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ContractFileError(
            "cannot be read as UTF-8 text", where=name, found=str(error)
        ) from None
    code: source_code.Files = {}
    if root is not None and path.is_relative_to(root):
        inside = path.relative_to(root).as_posix()
        code = digests.contract_imports(source_code.file_reader(root), inside)
    return load_contract_text(text, name, code)


def load_contract_text(
    text: str, name: str, code: source_code.Files = source_code.NONE
) -> Contract:
    """The contract in ``text``.

    Parameters
    ----------
    name
        The file's name in errors.
    code
        The project's own modules that the text imports.

    Raises
    ------
    ContractFileError
        For the first mistake, with file and line.
    """
    import_pandera()  # before the file runs: pa.Field(gt=0) uses the checks registered by then
    from assay.contract.loader import probe_checks
    from assay.contract.pandera_model import fields_of, frame_rules_of

    source = ContractSource(text, name, code)
    # Its imports are resolved from ``code`` through its own built-ins, in any thread
    # (`assay.project.source_code.importing_builtins`).
    model = _model(source.run(), source)
    fields = fields_of(model, source)
    contract = Contract(
        name=model.__name__,
        file=name,
        source=text,
        fields=fields,
        frame_rules=frame_rules_of(model, source, fields),
        label=_roles(fields, source, model.__name__),
        code=tuple(sorted(code.items())),
        weight=_weight(fields, source),
    )
    probe_checks(contract)
    return contract


def _pickled(contract: Contract) -> tuple[Callable[..., Contract], tuple[object, ...]]:
    """A contract is pickled as its file's text, because its checks are functions of that file."""
    return _again, (contract.source, contract.file, contract.has_label, contract.code)


def _again(source: str, file: str, has_label: bool, code: tuple[tuple[str, str], ...]) -> Contract:
    contract = load_contract_text(source, file, dict(code))
    return contract if has_label else contract.without_label()


# Registered here because Contract itself does not know how files are read.
copyreg.pickle(Contract, _pickled)


def _model(module: ModuleType, source: ContractSource) -> type[DataFrameModel]:
    """The file's only model; base classes of another model in the file do not count."""
    from pandera.pandas import DataFrameModel

    found = [
        each
        for each in vars(module).values()
        if inspect.isclass(each)
        and issubclass(each, DataFrameModel)
        and each.__module__ == module.__name__
    ]
    found = list(dict.fromkeys(found))
    models = [
        each
        for each in found
        if not any(other is not each and issubclass(other, each) for other in found)
    ]
    if len(models) == 1:
        return models[0]
    if not models:
        raise ContractFileError(
            "no contract in it",
            where=source.location(1),
            expected="one class that extends pandera.pandas.DataFrameModel",
            found="none",
            fix="Write 'import pandera.pandas as pa' and 'class Row(pa.DataFrameModel): ...'",
        )
    names = ", ".join(
        f"{each.__name__} (line {source.class_line(each.__name__)})" for each in models
    )
    raise ContractFileError(
        "more than one contract in it",
        where=source.location(source.class_line(models[1].__name__)),
        expected="one class that extends pandera.pandas.DataFrameModel",
        found=names,
        fix="Keep one, or let one extend the other",
    )


def _roles(fields: tuple[Field, ...], source: ContractSource, model: str) -> str:
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


def _weight(fields: tuple[Field, ...], source: ContractSource) -> str | None:
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
            expected="a key that people may see: predictions, errors and pages name rows by it",
            found=f"the roles {', '.join(role.value for role in each.roles)}",
            fix="Take one of the two roles away, or make a key without meaning when ingesting",
        )
    if Role.FEATURE in each.roles and each.kind == "timestamp":
        raise ContractFileError(
            f"the feature {each.name!r} is a timestamp",
            where=source.location(each.line),
            expected="an integer, float, boolean or string",
            found="datetime",
            fix="Derive what the model should see of it, such as the hour, when ingesting",
        )


def _having(fields: tuple[Field, ...], role: Role) -> list[Field]:
    return [each for each in fields if role in each.roles]


def probe_checks(contract: Contract) -> None:
    """Call every check on an empty table, rules over whole rows without the label.

    This rejects mistakes when the contract is written, not in the first night: a rule that reads
    the label or a column that does not exist, returns one value for the whole table, exits the
    process or never returns. A check that merely fails on empty data is not a mistake.

    Raises
    ------
    ContractFileError
        Names the rule, its line, and the remedy.
    """
    scoring = contract.without_label()
    frames = {
        each: to_frame(each, canonical_schema(each).empty_table()) for each in (contract, scoring)
    }
    for rule in contract.rules:
        if rule.test != "check":
            continue
        given = contract if rule.column else scoring
        frame = frames[given]
        try:
            answer = call_check(rule, frame[rule.column] if rule.column else frame, guard.AT_LOAD)
        except Exception as error:
            mistaken = absent_column(given, rule, error) or _unknown_column(error, contract)
            if mistaken or isinstance(error, ContractCodeStopped):
                raise check_error(given, rule, error) from None
            continue
        if isinstance(answer, (bool, int)) or answer is None or not hasattr(answer, "index"):
            raise invalid_result_error(given, rule, answer)


def _unknown_column(error: Exception, contract: Contract) -> bool:
    return (
        isinstance(error, KeyError)
        and len(error.args) == 1
        and isinstance(error.args[0], str)
        and error.args[0] not in contract.columns
    )
