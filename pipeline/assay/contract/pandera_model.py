"""Converts a pandera DataFrameModel to fields and rules; rejects options that Assay lacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from assay.contract.checks.check_analysis import analyze_frame_check, is_rowwise
from assay.contract.contract_file import ContractSource, referenced_names
from assay.contract.definition import Field, Kind, Role, Rule, Test
from assay.errors import ContractFileError
from assay.project.text import suggest

if TYPE_CHECKING:
    from pandera.api.checks import Check
    from pandera.api.pandas.components import Column
    from pandera.api.pandas.container import DataFrameSchema
    from pandera.pandas import DataFrameModel

SUPPORTED = "int, float, str, bool or datetime.datetime"
UNIQUE = "A batch cannot see it: use the table rule unique_key in params.yaml (contract.training)"
SHORT = 5
"""Most values of a list that a rule's name shows."""


def fields_of(model: type[DataFrameModel], source: ContractSource) -> tuple[Field, ...]:
    """The fields of a model, in their order, each with its rules.

    Raises
    ------
    ContractFileError
        For a field or an option that Assay does not support.
    """
    schema = _schema(model, source)
    _refuse_options(schema, source.location(source.class_line(model.__name__)))
    taken: set[str] = set()
    return tuple(
        _field(str(name), column, model, source, taken) for name, column in schema.columns.items()
    )


def frame_rules_of(
    model: type[DataFrameModel], source: ContractSource, fields: tuple[Field, ...]
) -> tuple[Rule, ...]:
    """The dataframe checks of a model, as rules over whole rows."""
    models, taken = _lineage(model), {rule.name for each in fields for rule in each.rules}
    rules = []
    for check in _schema(model, source).checks:
        method = source.method(str(check.name), models)
        line = method.lineno if method else source.class_line(model.__name__)
        _refuse_check(check, source.location(line))
        words = referenced_names(method) if method else set()
        known = analyze_frame_check(source.function(check), [each.name for each in fields])
        rules.append(
            Rule(
                name=_distinct(check_name(check), taken),
                test="check",
                columns=tuple(each.name for each in fields if each.name in words),
                column=None,
                line=line,
                check=check,
                reads=known.columns,
                rowwise=known.rowwise or _is_by_row(check),
                on_arrays=known.on_arrays,
            )
        )
    return tuple(rules)


def _is_by_row(check: Check) -> bool:
    return bool(check.element_wise or check.determined_by_unique)


def check_name(check: Check) -> str:
    """A check's name in reports: a built-in check with its arguments, or a method's name.

    Long lists are shortened and sets sorted, so that names are short and reproducible.
    """
    name = str(check.name)
    if check.registry_name != name:
        return name
    given = {
        key: value
        for key, value in (check.statistics or {}).items()
        if value is not None and not (key.startswith("include_") and value is True)
    }
    bare = set() if name == "str_length" else {"min_value", "max_value"}
    if len(given) == 1 and name != "str_length":
        bare = set(given)
    parts = [
        _value(each) if key in bare else f"{key}={_value(each)}" for key, each in given.items()
    ]
    return f"{name}({', '.join(parts)})"


def _value(value: object) -> str:
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        return str(value)
    items = [str(each) for each in value]
    if isinstance(value, (set, frozenset)):
        items.sort()
    if len(items) > SHORT + 1:
        items = [*items[:SHORT], f"… {len(items) - SHORT} more"]
    return ", ".join(items)


def _distinct(name: str, taken: set[str]) -> str:
    number, result = 2, name
    while result in taken:
        result, number = f"{name} ({number})", number + 1
    taken.add(result)
    return result


def _schema(model: type[DataFrameModel], source: ContractSource) -> DataFrameSchema:
    try:
        return model.to_schema()
    except Exception as error:
        # Errors in the model and in its annotations surface only here.
        raise source.failure(error, source.class_line(model.__name__)) from None


def _lineage(model: type[DataFrameModel]) -> list[str]:
    return [each.__name__ for each in model.__mro__ if each.__module__ == model.__module__]


NEVER = "Types and values are never silently changed; fix the data when ingesting"


def _refuse(options: Iterable[tuple[str, object, str]], where: str, prefix: str = "") -> None:
    """Refuse the first option that is given: its words, what is given, and what to do instead."""
    for words, given, fix in options:
        if given is not None and given is not False and given != []:
            raise ContractFileError(f"{prefix}{words} is not supported", where=where, fix=fix)


def _refuse_options(schema: DataFrameSchema, where: str) -> None:
    options: list[tuple[str, object, str]] = [
        ("Config.unique", schema.unique, UNIQUE),
        ("Config.coerce", schema.coerce, NEVER),
        ("Config.strict", schema.strict, "Columns outside the contract are allowed and not used"),
        ("Config.ordered", schema.ordered, "Columns are found by name, in any order"),
        ("Config.dtype", schema.dtype, "Give every field its own type"),
        ("Config.add_missing_columns", schema.add_missing_columns, NEVER),
        ("Config.drop_invalid_rows", schema.drop_invalid_rows, "Bad rows are always set apart"),
        ("a parser", schema.parsers, NEVER),
        ("an index", schema.index, "Make it a field: tables have no index"),
    ]
    _refuse(options, where)


def _field(
    name: str, column: Column, model: type[DataFrameModel], source: ContractSource, taken: set[str]
) -> Field:
    models = _lineage(model)
    info = model.__fields__[name][1]
    line = source.field_line(getattr(info, "original_name", name), models)
    where = source.location(line)
    _refuse_field(name, column, where)
    kind = _kind(name, column, where)

    def rule(words: str, test: Test, check: Check | None = None, at: int = line) -> Rule:
        alone = check is None or _is_by_row(check) or is_rowwise(source.function(check))
        label = _distinct(f"{name}: {words}", taken)
        return Rule(label, test, (name,), name, at, check, (name,), alone)

    rules = [] if column.nullable else [rule("not null", "not null")]
    if kind == "float":
        rules.append(rule("finite", "finite"))
    for check in column.checks:
        method = source.method(str(check.name), models)
        at = method.lineno if method else line
        _refuse_check(check, source.location(at))
        rules.append(rule(check_name(check), "check", check, at))
    return Field(
        name=name,
        roles=_roles(name, column.metadata or {}, where),
        kind=kind,
        nullable=bool(column.nullable),
        line=line,
        description=str(column.description or column.title or ""),
        rules=tuple(rules),
        order=_order(name, column.metadata or {}, kind, where),
        reason=_words(name, column.metadata or {}, "reason", where),
        reason_code=_words(name, column.metadata or {}, "reason_code", where),
    )


def _refuse_field(name: str, column: Column, where: str) -> None:
    options: list[tuple[str, object, str]] = [
        ("unique=True", column.unique, UNIQUE),
        ("coerce=True", column.coerce, NEVER),
        ("regex=True", column.regex, "Declare each column as a field of its own"),
        ("a parser", column.parsers, NEVER),
        ("a default", column.default is not None, NEVER),
        (
            "an optional column",
            not column.required,
            "A column is always there; for values that may be null use pa.Field(nullable=True)",
        ),
    ]
    _refuse(options, where, f"field {name!r}: ")


def _refuse_check(check: Check, where: str) -> None:
    from pandera.api.hypotheses import Hypothesis

    by_batch = "Rows are checked batch by batch: write a rule about one row"
    by_one = "Rows are checked one by one: use a table rule in params.yaml"
    share = "A rule holds or it does not; allow a share of bad rows with contract.max_bad_share"
    options: list[tuple[str, object, str]] = [
        ("groupby", check.groupby, by_batch),
        ("a hypothesis test", isinstance(check, Hypothesis), by_one),
        ("raise_warning=True", check.raise_warning, share),
    ]
    _refuse(options, where, f"check {check.name!r}: ")


def _kind(name: str, column: Column, where: str) -> Kind:
    from pandera.engines import numpy_engine, pandas_engine

    kinds: dict[type, Kind] = {
        numpy_engine.Int64: "integer",
        numpy_engine.Float64: "float",
        numpy_engine.Bool: "boolean",
        numpy_engine.String: "string",
        pandas_engine.NpString: "string",
        pandas_engine.DateTime: "timestamp",
    }
    dtype = column.dtype
    kind = kinds.get(type(dtype))
    if kind is None or getattr(dtype, "tz", None) is not None:
        raise ContractFileError(
            f"field {name!r} has an unsupported type",
            where=where,
            expected=SUPPORTED,
            found=str(dtype),
            fix="Times are read as UTC without a zone" if kind else None,
        )
    return kind


def _words(name: str, metadata: Mapping[str, object], key: str, where: str) -> str:
    """A text for people; empty if there is none."""
    given = metadata.get(key, "")
    if isinstance(given, str) and (given.strip() or key not in metadata):
        return given.strip()
    raise ContractFileError(
        f"field {name!r} has a {key} that nobody can read",
        where=where,
        expected='a text, such as "reason": "how long the account has been open"',
        found=repr(given),
    )


def _order(name: str, metadata: object, kind: Kind, where: str) -> tuple[str, ...]:
    """The values of an ordered category, the least first."""
    given = metadata.get("order") if isinstance(metadata, Mapping) else None
    if given is None:
        return ()
    values = tuple(given) if isinstance(given, (list, tuple)) else ()
    texts = all(isinstance(each, str) for each in values)
    if kind == "string" and texts and len(set(values)) == len(values) >= 2:
        return values
    raise ContractFileError(
        f"field {name!r} has an order that is none",
        where=where,
        expected="two texts or more, each once, the least first"
        if kind == "string"
        else "an order for a str field alone: numbers have their own",
        found=f"{given!r} for {kind}" if kind != "string" else repr(given),
        fix='Such as pa.Field(metadata={"role": "feature", "order": ["low", "high"]})',
    )


def _roles(name: str, metadata: object, where: str) -> tuple[Role, ...]:
    known = {role.value: role for role in Role}
    given = metadata.get("role") if isinstance(metadata, Mapping) else None
    words = [given] if isinstance(given, str) else given
    if not isinstance(words, (list, tuple, set, frozenset)) or not words:
        raise ContractFileError(
            f"field {name!r} has no role",
            where=where,
            expected=f"one or more of {', '.join(known)}",
            found=f"metadata {metadata}" if metadata else "none",
            fix='Say what it is for: pa.Field(metadata={"role": "feature"})',
        )
    for word in words:
        if not isinstance(word, str) or word not in known:
            raise ContractFileError(
                f"field {name!r} has an unknown role",
                where=where,
                expected=f"one or more of {', '.join(known)}",
                found=repr(word),
                fix=suggest(word, known, 0.5),
            )
    # A text is a feature by that role alone: what else would read its words?
    implied = {Role.FEATURE} if Role.TEXT.value in words else set()
    return tuple(role for role in Role if role.value in words or role in implied)
