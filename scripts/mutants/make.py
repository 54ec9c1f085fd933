"""From a module's source to mutants of it: one small change each, always the same ones.

What is changed is what a test could notice. Left alone are docstrings and other texts (their
words are for people), type hints, imports, asserts (they are for the type checker) and what
runs under ``TYPE_CHECKING``.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

ORDER = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
BOUNDARY = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
OPPOSITE = {
    "<": ">=",
    "<=": ">",
    ">": "<=",
    ">=": "<",
    "==": "!=",
    "!=": "==",
    "is": "is not",
    "is not": "is",
    "in": "not in",
    "not in": "in",
}
NAMES = {
    **ORDER,
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}
ARITHMETIC = {
    ast.Add: (ast.Sub, "-"),
    ast.Sub: (ast.Add, "+"),
    ast.Mult: (ast.Div, "/"),
    ast.Div: (ast.Mult, "*"),
    ast.FloorDiv: (ast.Mult, "*"),
    ast.Mod: (ast.Mult, "*"),
    ast.Pow: (ast.Mult, "*"),
    ast.BitAnd: (ast.BitOr, "|"),
    ast.BitOr: (ast.BitAnd, "&"),
}
BUILTIN = ("bool", "bytes", "float", "int", "str")
WIDTH = 90


@dataclass(frozen=True)
class Mutant:
    """One change: the bytes from ``start`` to ``end`` of the file become ``text``.

    ``where`` is the function or class it is in, which stays when lines move; ``change`` is
    what was and what is instead, for people.
    """

    file: str
    line: int
    where: str
    change: str
    start: int
    end: int
    text: str

    def applied(self, source: bytes) -> bytes:
        """The whole file with the change made."""
        return source[: self.start] + self.text.encode() + source[self.end :]


def mutants(file: str, source: bytes) -> tuple[Mutant, ...]:
    """Every mutant of a module, in the order of its source."""
    found = _Finder(file, source)
    found.visit(ast.parse(source))
    unique = {(each.start, each.end, each.text): each for each in found.made}
    return tuple(sorted(unique.values(), key=lambda each: (each.start, each.end, each.text)))


class _Finder(ast.NodeVisitor):
    def __init__(self, file: str, source: bytes) -> None:
        self.file = file
        self.source = source
        self.made: list[Mutant] = []
        self.path: list[str] = []
        self.starts = [0]
        for line in source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def change(self, node: ast.AST, text: str) -> None:
        """Put ``text`` where ``node`` stands."""
        start, end = self.span(node)
        self.make(start, end, text, self.text(node), text)

    def make(self, start: int, end: int, text: str, before: str, after: str) -> None:
        self.made.append(
            Mutant(
                file=self.file,
                line=self.source.count(b"\n", 0, start) + 1,
                where=".".join(self.path) or "module",
                change=f"{_short(before)} -> {_short(after)}",
                start=start,
                end=end,
                text=text,
            )
        )

    def span(self, node: Any) -> tuple[int, int]:
        start = self.starts[node.lineno - 1] + node.col_offset
        return start, self.starts[node.end_lineno - 1] + node.end_col_offset

    # ------------------------------------------------------------------ what is left alone

    def visit_Import(self, node: ast.Import) -> None:
        pass

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        pass

    def visit_Assert(self, node: ast.Assert) -> None:
        pass

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        # Before Python 3.12 nodes within an f-string do not know where they stand.
        pass

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.hint(node.annotation)
        if node.value is not None:
            self.visit(node.value)

    def hint(self, node: ast.expr) -> None:
        """Of a type hint only calls matter: ``Field(ge=0)`` decides what params.yaml may hold."""
        for inner in ast.walk(node):
            if isinstance(inner, ast.Call):
                self.visit(inner)

    # --------------------------------------------------------------------------- statements

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.inside(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.inside(node)

    def inside(self, node: ast.ClassDef | ast.FunctionDef) -> None:
        for decorator in node.decorator_list:
            self.visit(decorator)
        self.path.append(node.name)
        if isinstance(node, ast.FunctionDef):
            for default in (*node.args.defaults, *node.args.kw_defaults):
                if default is not None:
                    self.visit(default)
        for statement in node.body:
            self.visit(statement)
        self.path.pop()

    def visit_If(self, node: ast.If) -> None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return
        self.condition(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.condition(node.test)
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self.condition(test)
        self.generic_visit(node)

    def condition(self, test: ast.expr) -> None:
        """Turn a condition that is not turned by turning its operator."""
        turned = isinstance(test, ast.Compare) and len(test.ops) == 1
        if not turned and not (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)):
            self.change(test, f"(not ({self.text(test)}))")

    def text(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.source[start:end].decode()

    def visit_Return(self, node: ast.Return) -> None:
        value = node.value
        if value is not None and not isinstance(value, ast.Constant):
            self.change(value, "None")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant):
            return  # a docstring, or the dots of a protocol
        self.change(node, "pass")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.change(node, "pass")
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        # The arguments of an error are words; whether it is raised is what counts.
        self.change(node, "pass")

    def visit_Continue(self, node: ast.Continue) -> None:
        self.change(node, "pass")

    def visit_Break(self, node: ast.Break) -> None:
        self.change(node, "pass")

    # -------------------------------------------------------------------------- expressions

    def visit_Compare(self, node: ast.Compare) -> None:
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            name = NAMES[type(operator)]
            for other in (BOUNDARY.get(name), OPPOSITE[name]):
                if other is not None:
                    self.between(left, right, name, other)
            left = right
        self.generic_visit(node)

    def between(self, left: ast.expr, right: ast.expr, name: str, other: str) -> None:
        """Put another operator between two operands."""
        start, end = self.span(left)[1], self.span(right)[0]
        between = self.source[start:end].decode()
        at = between.index(name)
        text = f"{between[:at]}{other}{between[at + len(name) :]}"
        one, two = self.text(left), self.text(right)
        self.make(start, end, text, f"{one} {name} {two}", f"{one} {other} {two}")

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        other = "or" if isinstance(node.op, ast.And) else "and"
        self.change(node, f" {other} ".join(f"({self.text(value)})" for value in node.values))
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not | ast.USub):
            self.change(node, f"({self.text(node.operand)})")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        words = any(
            isinstance(side, ast.JoinedStr)
            or (isinstance(side, ast.Constant) and isinstance(side.value, str))
            for side in (node.left, node.right)
        )
        if type(node.op) in ARITHMETIC and not words and not _types(node):
            other = ARITHMETIC[type(node.op)][1]
            self.change(node, f"({self.text(node.left)}) {other} ({self.text(node.right)})")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self.change(node, str(not node.value))
        elif isinstance(node.value, int | float):
            self.change(node, repr(node.value + 1))

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in ("TypeVar", "cast"):
            return  # these, too, are for the type checker
        for keyword in node.keywords:
            if keyword.arg is not None:
                self.without(node, keyword)
        self.generic_visit(node)

    def without(self, node: ast.Call, gone: ast.keyword) -> None:
        """The call with one keyword argument left out."""
        copy = ast.Call(node.func, node.args, [each for each in node.keywords if each is not gone])
        start, end = self.span(node)
        name = self.text(node.func)
        given, left = f"{name}(..., {gone.arg}={self.text(gone.value)})", f"{name}(...)"
        self.make(start, end, ast.unparse(copy), given, left)


def _short(code: str) -> str:
    """On one line, and no longer than a line may be."""
    flat = " ".join(code.split())
    return flat if len(flat) <= WIDTH else f"{flat[: WIDTH - 3]}..."


def _types(node: ast.expr) -> bool:
    """Whether it is ``int | Waiver``, which stands for types and is no arithmetic."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.BitOr) and _types(node.left) and _types(node.right)
    return isinstance(node, ast.Name) and (node.id[0].isupper() or node.id in BUILTIN)
