"""The output of ``assay doctor --json``. No stage writes it to a file."""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

from pydantic import Field

from assay.project.document import Document, Report, Text

CheckStatus: TypeAlias = Literal["ok", "warning", "failed", "broken", "skipped"]


class CheckDocument(Document):
    """One check: what it found, and what to type to mend it; null if nothing has to be mended.

    ``broken`` means that the check itself ended in an error that nobody foresaw.
    """

    name: Text
    status: CheckStatus
    found: Text
    mend: str | None


class DoctorDocument(Report):
    """The output of ``assay doctor --json``; ``ok`` if no check failed or broke."""

    SCHEMA: ClassVar = 1
    FILE: ClassVar = "doctor.json"
    STAGE: ClassVar = "doctor"
    WHAT: ClassVar = "a doctor's answer"

    schema_number: Literal[1] = Field(default=1, alias="schema")
    ok: bool
    checks: tuple[CheckDocument, ...]
