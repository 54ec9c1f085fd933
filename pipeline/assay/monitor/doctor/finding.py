"""What a check found, and what all checks found together: the output of ``assay doctor --json``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal, TypeAlias

from pydantic import Field

from assay.errors import AssayError
from assay.errors.base import mask_passwords
from assay.project.document import Document, Report, Text

CheckStatus: TypeAlias = Literal["ok", "warning", "failed", "broken", "skipped"]


class Finding(Document):
    """One check: what it found, and what to type to fix it; null if nothing has to be fixed.

    ``broken`` means that the check itself ended in an error that nobody foresaw.
    """

    name: Text
    status: CheckStatus
    found: Text
    fix: str | None

    @property
    def bad(self) -> bool:
        return self.status in ("failed", "broken")


class Diagnosis(Report):
    """The output of ``assay doctor --json``; ``ok`` if no check failed or broke."""

    SCHEMA: ClassVar = 1
    FILE: ClassVar = "doctor.json"
    STAGE: ClassVar = "doctor"
    WHAT: ClassVar = "a doctor's answer"

    schema_number: Literal[1] = Field(default=1, alias="schema")
    ok: bool
    checks: tuple[Finding, ...]


def diagnosis(checks: Iterable[Finding]) -> Diagnosis:
    """The findings of all checks, in their order."""
    found = tuple(checks)
    return Diagnosis(ok=not any(each.bad for each in found), checks=found)


def finding(name: str, status: CheckStatus, found: str, fix: str | None = None) -> Finding:
    """A finding; its texts become one line each, without passwords."""
    return Finding(
        name=name,
        status=status,
        found=_one_line(found) or "nothing",
        fix=None if fix is None else _one_line(fix),
    )


def ok(name: str, found: str) -> Finding:
    return finding(name, "ok", found)


def warning(name: str, found: str, fix: str) -> Finding:
    return finding(name, "warning", found, fix)


def failed(name: str, found: str, fix: str) -> Finding:
    return finding(name, "failed", found, fix)


def skipped(name: str, found: str, fix: str | None = None) -> Finding:
    return finding(name, "skipped", found, fix)


def of_error(name: str, error: AssayError) -> Finding:
    """The finding of a check that ended with an error for people."""
    if hasattr(error, "mistakes"):
        lines = error.lines()
        more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
        return finding(name, "failed", lines[0] + more)
    bare = AssayError(error.what, where=error.where, expected=error.expected, found=error.found)
    return finding(name, "failed", bare.line(), error.fix)


def first_few(names: Iterable[str], most: int = 3) -> str:
    """A few names, and how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def _one_line(text: str) -> str:
    return mask_passwords(" ".join(text.split()))
