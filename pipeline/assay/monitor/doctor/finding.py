"""What a check found, and what all checks found together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from assay.errors import AssayError
from assay.errors.base import mask_passwords
from assay.reports.doctor import CheckDocument, CheckStatus, DoctorDocument

BAD: frozenset[CheckStatus] = frozenset({"failed", "broken"})


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes
    ----------
    found
        On one line.
    mend
        What to type, None if there is nothing to mend.
    """

    name: str
    status: CheckStatus
    found: str
    mend: str | None = None

    @property
    def bad(self) -> bool:
        return self.status in BAD

    def document(self) -> CheckDocument:
        mend = None if self.mend is None else _one_line(self.mend)
        return CheckDocument(
            name=self.name,
            status=self.status,
            found=_one_line(self.found) or "nothing",
            mend=mend,
        )


@dataclass(frozen=True)
class Diagnosis:
    """The findings of all checks, in the order of the checks."""

    findings: tuple[Finding, ...]

    @property
    def bad(self) -> tuple[Finding, ...]:
        return tuple(each for each in self.findings if each.bad)

    def document(self) -> DoctorDocument:
        checks = tuple(each.document() for each in self.findings)
        return DoctorDocument(ok=not self.bad, checks=checks)


def ok(name: str, found: str) -> Finding:
    return Finding(name, "ok", found)


def warning(name: str, found: str, mend: str) -> Finding:
    return Finding(name, "warning", found, mend)


def failed(name: str, found: str, mend: str) -> Finding:
    return Finding(name, "failed", found, mend)


def skipped(name: str, found: str, mend: str | None = None) -> Finding:
    return Finding(name, "skipped", found, mend)


def of_error(name: str, error: AssayError) -> Finding:
    """The finding of a check that ended with an error for people."""
    if hasattr(error, "mistakes"):
        lines = error.lines()
        more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
        return Finding(name, "failed", lines[0] + more)
    bare = AssayError(error.what, where=error.where, expected=error.expected, found=error.found)
    return Finding(name, "failed", bare.line(), error.mend)


def first_few(names: Iterable[str], most: int = 3) -> str:
    """A few names, and how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def _one_line(text: str) -> str:
    return mask_passwords(" ".join(text.split()))
