"""Static analysis of a user's check: which columns it reads, and whether it is row-wise.

If the source proves which columns a check reads, it gets only those. If it also proves that each
row's result depends on that row alone, a row that it raises an error for is refused alone. A check
that is one expression of columns and constants is first tried on arrays, in `array_rules`. A check
that is not recognised here gets all rows and all columns, as in pandera.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, TypeAlias

import pandas as pd

IsColumn: TypeAlias = Callable[[ast.AST], bool]

ELSEWHERE = frozenset({"eval", "exec", "globals", "locals", "vars"})
"""Functions that can access a variable without naming it."""

ARITHMETIC = (
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod),
    *(ast.BitAnd, ast.BitOr, ast.BitXor),
)
COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)
METHODS = frozenset({"isna", "isnull", "notna", "notnull", "isin", "between", "abs"})
OF_STRINGS = frozenset(
    {"len", "startswith", "endswith", "contains", "match", "fullmatch", "lower", "upper", "strip"}
)
OF_TIMES = frozenset(
    {"year", "quarter", "month", "day", "hour", "minute", "second"}
    | {"weekday", "dayofweek", "day_of_week", "dayofyear", "day_of_year"}
)

OF_CONSTANTS = frozenset(
    {"Timestamp", "Timedelta", "datetime", "timedelta", "datetime64", "timedelta64"}
)
"""Functions, of whatever module, that make one time or one span of time of constants."""


class CheckAnalysis(NamedTuple):
    """What the analysis of a check found.

    Attributes
    ----------
    columns
        All columns that it can read; None if unknown.
    rowwise
        Whether a row's result depends only on that row's values in these columns.
    on_arrays
        Whether it is one expression of these columns, of constants, and of names, which may stand
        for anything and are only on the right of an operator: what is on the left decides.
    """

    columns: tuple[str, ...] | None = None
    rowwise: bool = False
    on_arrays: bool = False


def analyze_frame_check(method: ast.FunctionDef | None, fields: Collection[str]) -> CheckAnalysis:
    """The columns that a check over whole rows reads.

    Parameters
    ----------
    method
        None if its source is unknown.
    fields
        The names of the contract's columns.
    """
    given = _argument(method)
    if method is None or given is None:
        return CheckAnalysis()
    columns = _columns(method, given)
    if not columns or not set(columns) <= set(fields):
        return CheckAnalysis()

    def is_column(node: ast.AST) -> bool:
        return _column(node, given) is not None

    expression = _is_rowwise(method, is_column, named=True)
    return CheckAnalysis(columns, _is_rowwise(method, is_column), expression)


def is_rowwise(method: ast.FunctionDef | None) -> bool:
    """Whether a check of one column provably tests each value independently."""
    given = _argument(method)
    if method is None or given is None:
        return False
    return _is_rowwise(method, lambda node: _is_name(node, given))


def _argument(method: ast.FunctionDef | None) -> str | None:
    """The name of the data argument; None unless the arguments are exactly class and data."""
    if method is None:
        return None
    given = method.args
    others = (*given.posonlyargs, *given.kwonlyargs, *given.defaults, given.vararg, given.kwarg)
    return given.args[1].arg if len(given.args) == 2 and not any(others) else None


def _columns(method: ast.FunctionDef, given: str) -> tuple[str, ...]:
    """All columns used, if the data is only ever used as ``data["name"]`` or ``data.name``."""
    nodes = [node for statement in method.body for node in ast.walk(statement)]
    names = [node.id for node in nodes if isinstance(node, ast.Name)]
    found = [name for node in nodes if (name := _column(node, given)) is not None]
    if names.count(given) != len(found) or not ELSEWHERE.isdisjoint(names):
        return ()
    return tuple(dict.fromkeys(found))


def _column(node: ast.AST, given: str) -> str | None:
    """The name in ``data["name"]`` and in ``data.name``, if that is a column."""
    match node:
        case ast.Subscript(ast.Name(variable), ast.Constant(str(name)), ast.Load()):
            return name if variable == given else None
        case ast.Attribute(ast.Name(variable), name, ast.Load()) if variable == given:
            # An attribute of pandas with this name hides the column, and Python puts the class
            # before a name that begins with two underscores.
            taken = name.startswith("__") or hasattr(pd.DataFrame, name) or hasattr(pd.Series, name)
            return None if taken else name
    return None


def _is_rowwise(method: ast.FunctionDef, is_column: IsColumn, named: bool = False) -> bool:
    """Whether the body is one expression of columns, with optional variables for parts of it.

    Parameters
    ----------
    named
        Whether any name passes for a constant on the right of an operator.
    """
    known: set[str] = set()
    for statement in method.body:
        match statement:
            case ast.Expr(ast.Constant(str())):
                continue  # a docstring
            case ast.Assign([ast.Name(name)], value) if _is_series(value, is_column, known, named):
                known.add(name)
            case ast.Return(ast.expr() as value):
                return _is_series(value, is_column, known, named)
            case _:
                return False
    return False


def _is_series(node: ast.AST, is_column: IsColumn, known: set[str], named: bool) -> bool:
    """Whether an expression is a series whose every value depends only on its own row."""

    def series(*nodes: ast.AST) -> bool:
        return all(_is_series(each, is_column, known, named) for each in nodes)

    def either(left: ast.AST, right: ast.AST, constant: Callable[[ast.AST, bool], bool]) -> bool:
        return (series(left) and (constant(right, named) or series(right))) or (
            constant(left, False) and series(right)
        )

    if is_column(node):
        return True
    match node:
        case ast.Name(name):
            return name in known
        case ast.UnaryOp(ast.Invert() | ast.USub(), value):
            return series(value)
        case ast.BinOp(left, operation, right):
            return isinstance(operation, ARITHMETIC) and either(left, right, _is_number)
        case ast.Compare(left, [operation], [right]):
            return isinstance(operation, COMPARISONS) and either(left, right, _is_constant)
        case ast.Call(ast.Attribute(ast.Attribute(value, "str"), name), given, []):
            return name in OF_STRINGS and series(value) and _are_constants(given)
        case ast.Call(ast.Attribute(value, name), given, []):
            return name in METHODS and series(value) and _are_constants(given)
        case ast.Attribute(ast.Attribute(value, "dt"), name):
            return name in OF_TIMES and series(value)
    return False


def _are_constants(nodes: Sequence[ast.expr]) -> bool:
    return all(
        _are_constants(each.elts)
        if isinstance(each, (ast.List, ast.Tuple, ast.Set))
        else _is_constant(each)
        for each in nodes
    )


def _is_constant(node: ast.AST, named: bool = False) -> bool:
    return isinstance(node, ast.Constant) or _is_number(node, named)


def _is_number(node: ast.AST, named: bool = False) -> bool:
    match node:
        case ast.Constant(bool() | int() | float()):
            return True
        case ast.Name():
            return named
        case ast.Call(ast.Attribute(attr=name) | ast.Name(name), given, named_ones):
            every = [*given, *(one.value for one in named_ones)]
            return name in OF_CONSTANTS and _are_constants(every)
        case ast.UnaryOp(ast.USub(), value):
            return _is_number(value, named)
        case ast.BinOp(left, operation, right) if isinstance(operation, ARITHMETIC):
            return _is_number(left, named) and _is_number(right, named)
    return False


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
