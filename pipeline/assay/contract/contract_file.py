"""The text of a contract file: finds the lines of fields and methods, and runs it."""

from __future__ import annotations

import ast
import hashlib
import importlib
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from assay.errors import ContractFileError
from assay.project import source_code

if TYPE_CHECKING:
    from pandera.api.checks import Check

NOT_NEEDED = ("hypothesis", "pyspark")
"""What pandera imports and contracts do not need."""


class ContractSource:
    """The text of a contract file.

    Parameters
    ----------
    text, name
        The Python source, and the file's name in errors.
    code
        The project's own modules that it imports.

    Raises
    ------
    ContractFileError
        If it is not valid Python, with the line.
    """

    def __init__(self, text: str, name: str, code: source_code.Files = source_code.NONE) -> None:
        self.code = code
        self.text = text
        self.name = name
        try:
            self.tree = ast.parse(text, filename=name)
        except (SyntaxError, ValueError) as error:
            raise ContractFileError(
                "not valid Python",
                where=self.location(getattr(error, "lineno", None) or 1),
                found=getattr(error, "msg", None) or str(error),
                fix="The contract is a Python file with one pandera DataFrameModel",
            ) from None
        self.classes = {
            node.name: node for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef)
        }

    def location(self, line: int) -> str:
        """``file:line``, the prefix of every error about this file."""
        return f"{self.name}:{line}"

    def class_line(self, name: str) -> int:
        node = self.classes.get(name)
        return node.lineno if node else 1

    def field_line(self, attribute: str, models: list[str]) -> int:
        """The line that declares a field: in the first of ``models`` that has it."""
        for model in models:
            for node in self._body(model):
                target = node.target if isinstance(node, ast.AnnAssign) else None
                if isinstance(target, ast.Name) and target.id == attribute:
                    return node.lineno
        return self.class_line(models[0])

    def method(self, name: str, models: list[str]) -> ast.FunctionDef | None:
        """A method of the model or its bases; None for a check without a method."""
        for model in models:
            for node in self._body(model):
                if isinstance(node, ast.FunctionDef) and name in _names(node):
                    return node
        return None

    def function(self, check: Check) -> ast.FunctionDef | None:
        """The source of the function that a check calls; None if it cannot be identified.

        It is found by the location of its code, because names can mislead: a method can be
        replaced, wrapped or called by another name.
        """
        code = _code(check)
        if code is None or code.co_filename != self.name:
            return None
        found = [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.FunctionDef)
            and node.name == code.co_name
            and code.co_firstlineno in (node.lineno, *(d.lineno for d in node.decorator_list))
        ]
        return found[0] if len(found) == 1 else None

    def _body(self, model: str) -> list[ast.stmt]:
        node = self.classes.get(model)
        return node.body if node else []

    def run(self) -> ModuleType:
        """Run the file as a module of its own.

        The module is registered under a private name made from the text, because dataclasses and
        annotations are resolved through ``sys.modules``.

        Raises
        ------
        ContractFileError
            If it raises or exits the process, with the line.
        """
        identity = f"{self.name}\0{self.text}\0{sorted(self.code.items())}"
        digest = hashlib.sha256(identity.encode()).hexdigest()[:24]
        module = ModuleType(f"_assay_contract_{digest}")
        module.__file__ = self.name
        if self.code:
            module.__dict__["__builtins__"] = source_code.importing_builtins(self.code)
        before = sys.modules.get(module.__name__)
        sys.modules[module.__name__] = module
        try:
            code = compile(self.tree, self.name, "exec", dont_inherit=True)
            run_guarded(lambda: exec(code, module.__dict__))
        except Exception as error:
            if before is None:
                del sys.modules[module.__name__]
            else:
                sys.modules[module.__name__] = before
            raise self.failure(error) from None
        return module

    def failure(self, error: BaseException, line: int = 1) -> ContractFileError:
        """Converts an exception raised by this file; ``line`` is used if it has none of its own."""
        if isinstance(error, ContractCodeStopped):
            return ContractFileError(
                "the file does not come to its end",
                where=self.location(error.line_in(self.name) or line),
                found=str(error),
                fix="A contract only declares: take out what ends the process",
            )
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == self.name]
        where = self.location((lines and lines[-1]) or line)
        if isinstance(error, ImportError):
            return ContractFileError(
                "an import fails",
                where=where,
                found=f"{type(error).__name__}: {error}",
                fix="Install what is missing, or keep the contract to pandera, pandas and numpy",
            )
        return ContractFileError(
            "the file does not run", where=where, found=f"{type(error).__name__}: {error}"
        )


def _code(check: Check) -> CodeType | None:
    """The code of the method in a model, which pandera wraps in a closure."""
    for cell in getattr(check._check_fn, "__closure__", None) or ():
        method = getattr(cell.cell_contents, "check_fn", None)
        code = getattr(getattr(method, "__func__", method), "__code__", None)
        if isinstance(code, CodeType):
            return code
    return None


def _names(node: ast.FunctionDef) -> set[str]:
    """A method's own name, and the name given in ``@pa.check(..., name="...")``."""
    given = {
        keyword.value.value
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call)
        for keyword in decorator.keywords
        if keyword.arg == "name"
        and isinstance(keyword.value, ast.Constant)
        and isinstance(keyword.value.value, str)
    }
    return {node.name} | given


def referenced_names(node: ast.AST) -> set[str]:
    """Every attribute and string in a piece of code: the columns that it may refer to."""
    return {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)} | {
        each.value
        for each in ast.walk(node)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    }


def import_pandera() -> None:
    """Import pandera's backend for pandas, once; it registers the checks of ``pa.Field(gt=0)``.

    Without pyspark.pandas and hypothesis, which it imports wherever they are: that takes a third of
    its own time, in every command. Contracts are judged on pandas and Arrow alone.
    """
    if "pandera" in sys.modules or threading.active_count() > 1:
        # In another thread somebody may import pyspark meanwhile, and would not find it.
        importlib.import_module("pandera.backends.pandas.builtin_checks")
        return
    with _hidden(*NOT_NEEDED):
        for module in ("pandas", "backends.pandas.builtin_checks", "api.pandas.types", "typing"):
            importlib.import_module(f"pandera.{module}")
        # A model imports these two to look at its annotations.
        for module in ("pyspark", "pyspark_sql"):
            importlib.import_module(f"pandera.typing.{module}")


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Let these modules seem not installed, unless they are imported already."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: an ImportError
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


# ----------------------------------- runs the contract's own code so that it cannot end the process
# A contract is Python code that runs unattended every night. A check that calls ``os._exit(0)``
# would end the night silently and with success, so in a thread that runs such code it raises an
# exception instead. Other ways to kill the process (a signal, native code) are not intercepted,
# and code that never returns is ended by the scheduler's time limit.

Value = TypeVar("Value")


class ContractCodeStopped(Exception):
    """The code tried to end the process.

    ``stack`` is the call stack at that moment, the innermost call last.
    """

    def __init__(self, what: str, stack: traceback.StackSummary) -> None:
        super().__init__(what)
        self.stack = stack

    def line_in(self, file: str) -> int | None:
        """The innermost line of ``file`` on the stack; None if the file is not on it."""
        lines = [frame.lineno for frame in self.stack if frame.filename == file]
        return lines[-1] if lines else None


def run_guarded(work: Callable[[], Value]) -> Value:
    """Runs ``work`` and returns its result; exceptions are passed on.

    Raises
    ------
    ContractCodeStopped
        It called ``sys.exit``, ``os._exit`` or the like.
    """
    _watch_exits()
    before = getattr(_here, "guarded", False)
    _here.guarded = True
    try:
        return work()
    except (SystemExit, _Exit) as error:
        raise ContractCodeStopped(
            f"it calls {error}"
            if isinstance(error, _Exit)
            else f"it calls sys.exit({'' if error.code is None else repr(error.code)})",
            traceback.extract_tb(error.__traceback__),
        ) from None
    finally:
        _here.guarded = before


class _Exit(BaseException):
    """Raised in place of ``os._exit``; ``except Exception`` in a contract does not catch it."""


_here = threading.local()
_exit = os._exit
_lock = threading.Lock()


def _watch_exits() -> None:
    """Patches ``os._exit`` to raise in guarded threads only."""
    with _lock:
        if os._exit is _exit:
            os._exit = _exit_elsewhere
            # A process forked by guarded code, such as a worker, may exit normally.
            os.register_at_fork(after_in_child=_forget)


def _exit_elsewhere(status: int) -> Any:
    if getattr(_here, "guarded", False):
        raise _Exit(f"os._exit({status})")
    _exit(status)


def _forget() -> None:
    _here.guarded = False
