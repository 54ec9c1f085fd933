"""What every error has: one line that names the place and the fix, and JSON."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any, Self, TypeVar

_SECRETS = (
    re.compile(r"(//?[^\s:/@]*):\S*@"),
    re.compile(r"(//?[^\s:/@]*):(?!\s|\d+(?:[/?#\s,).:;]|$))[^@'\"]*@"),
    re.compile(r"(?i)((?:password|passwd|pwd|secret)=)[^&\s;,'\")]+(?<!\*)"),
)


_QUOTING = re.compile(
    r"(?i)((?:failed to parse string|could not convert(?: string(?: to \w+)?)?"
    r"|unable to parse string|invalid literal for \w+\(\) with base \d+"
    r"|(?:integer|float) value|would lose data|duplicate key"
    r"|invalid input syntax for type [\w ]+|time data"
    r"|\[cast_invalid_input\] the value|original line|parse error: .*? got \d+"
    r"|key \([^)]*\)=)[: ]*).*"
)
"""How libraries quote a cell or a line that they cannot read; nobody knows where it ends."""

MASK = "(masked)"
"""What is shown instead of a cell that is hidden."""

_private: frozenset[str] = frozenset()


def set_private(names: frozenset[str]) -> None:
    """Say which columns of the project at work are private: no message tells their values then.

    An error is made where no contract is at hand, often of what a library says of a cell.
    """
    global _private
    _private = names


def private_names() -> frozenset[str]:
    """The columns that `set_private` was told of."""
    return _private


def mask_quoted(text: str) -> str:
    """``text`` without what a library quotes of a cell, under a contract with private columns."""
    return _QUOTING.sub(rf"\1{MASK}", " ".join(text.split())) if _private else text


def mask_secrets(text: str) -> str:
    """A message on one line, whatever a cell or key brings into it, and without passwords."""
    return mask_passwords(" ".join(mask_quoted(text).split()))


def mask_passwords(text: str) -> str:
    """``text`` with the passwords of all URLs masked.

    >>> mask_passwords("no address: postgresql://ada:s3#c/ret@db:5432/scores?sslpassword=x")
    'no address: postgresql://ada:***@db:5432/scores?sslpassword=***'
    """
    for secret, by in zip(_SECRETS, (r"\1:***@", r"\1:***@", r"\1***"), strict=True):
        text = secret.sub(by, text)
    return text


class AssayError(Exception):
    """Base class: what went wrong, where, what was expected and found, and how to fix it.

    Parameters
    ----------
    what
        The fact, without a full stop.
    where
        The file, key or column.
    expected, found
        Left out of the message if None.
    fix
        What the user can do now.

    Attributes
    ----------
    report
        The result that was written before the error, to be shown to the user; None if none was.
    """

    exit_code = 1
    cause: str
    advice: str
    report: object = None
    what: str
    where: str | None = None
    expected: str | None = None
    found: str | None = None
    fix: str | None = None

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        found: str | None = None,
        fix: str | None = None,
    ) -> None:
        self.what = what
        self.where = where
        self.expected = expected
        self.found = found
        self.fix = fix
        super().__init__(self.line())

    def line(self) -> str:
        """The whole message on one line."""
        what = mask_quoted(self.what)
        text = f"{self.where}: {what}" if self.where else what
        facts = [
            f"{name} {mask_quoted(value)}"
            for name, value in (("expected", self.expected), ("found", self.found))
            if value is not None
        ]
        if facts:
            text += f" ({', '.join(facts)})"
        if self.fix:
            text += f". {self.fix}"
        return mask_passwords(" ".join(text.split()))

    def naming(self, others: str) -> Self:
        """The same error, whose line also says what else went wrong."""
        changed = copy.copy(self)
        changed.fix = f"{self.fix} {others}" if self.fix else others
        changed.args = (changed.line(),)
        return changed

    def attach_report(self, report: object) -> Self:
        """Attach ``report``, the result that was written before the error; returns the error."""
        return attach_report(self, report)

    def lines(self) -> list[str]:
        """One line per mistake; most errors have one."""
        return [self.line()]

    def plain(self) -> dict[str, Any]:
        """The error as plain values, for JSON; ``lines`` as on standard error."""
        parts = {
            "message": self.what,
            "where": self.where,
            "expected": self.expected,
            "found": self.found,
            "fix": self.fix,
        }
        return {
            "code": type(self).__name__,
            "exit_code": self.exit_code,
            **{name: None if text is None else mask_secrets(text) for name, text in parts.items()},
            "lines": self.lines(),
        }

    def __reduce__(self) -> tuple[object, ...]:
        # Pickling would lose keyword-only arguments on the way back from a Spark worker.
        return (_rebuild, (type(self), self.__dict__))


class Several(Exception):
    """For errors that report several mistakes at once; ``mistakes`` has one line for each."""

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = [mask_secrets(each) for each in mistakes]
        self.what = "; ".join(self.mistakes)
        super().__init__("; ".join(mistakes))

    def lines(self) -> list[str]:
        return self.mistakes


def describe_error(error: Exception, root: Path) -> str:
    """The error on one line, without the location of the project.

    The same on each machine, so that reports do not differ.
    """
    text = error.line() if isinstance(error, AssayError) else f"{type(error).__name__}: {error}"
    line = " ".join(text.split())
    for place in dict.fromkeys((str(root.resolve()), str(root))):
        # "." is a location too, and no text to look for.
        line = line.replace(f"{place}/", "") if Path(place).is_absolute() else line
    return line


E = TypeVar("E", bound=BaseException)


def attach_report(error: E, report: object) -> E:
    """Attach ``report``, the result that was written before the error; returns the error."""
    vars(error)["report"] = report
    return error


def attached_report(error: BaseException) -> object:
    """The report that `attach_report` attached to the error, or None."""
    return getattr(error, "report", None)


def _rebuild(kind: type[AssayError], state: dict[str, object]) -> AssayError:
    error = kind.__new__(kind)
    error.__dict__.update(state)
    error.args = (error.line(),)
    return error
