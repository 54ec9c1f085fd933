"""What a check looks at, what it answers, and all answers together: ``assay doctor --json``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, TypeAlias

from pydantic import Field

from assay.errors import AssayError, NotARepository, ParamsError
from assay.errors.base import mask_passwords
from assay.project import params as parameters
from assay.project.document import Document, Report, Text
from assay.project.params import Params
from assay.registry import git
from assay.registry.versions import RegistryState, Version, read_state, select_champion

if TYPE_CHECKING:
    from assay.registry.remotes import DvcRemotes

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


class Answer(NamedTuple):
    """What a check found, without its name."""

    status: CheckStatus
    found: str
    fix: str | None = None

    def named(self, name: str) -> Finding:
        """The finding; its texts become one line each, without passwords."""
        return Finding(
            name=name,
            status=self.status,
            found=_one_line(self.found) or "nothing",
            fix=None if self.fix is None else _one_line(self.fix),
        )


def ok(words: str) -> Answer:
    return Answer("ok", words)


def warning(words: str, fix: str) -> Answer:
    return Answer("warning", words, fix)


def failed(words: str, fix: str) -> Answer:
    return Answer("failed", words, fix)


def skipped(words: str, fix: str | None = None) -> Answer:
    return Answer("skipped", words, fix)


def of_error(error: AssayError) -> Answer:
    """The answer of a check that ended with an error for people."""
    if hasattr(error, "mistakes"):
        lines = error.lines()
        more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
        return Answer("failed", lines[0] + more)
    bare = AssayError(error.what, where=error.where, expected=error.expected, found=error.found)
    return Answer("failed", bare.line(), error.fix)


def diagnosis(checks: Iterable[Finding]) -> Diagnosis:
    """The findings of all checks, in their order."""
    findings = tuple(checks)
    return Diagnosis(ok=not any(each.bad for each in findings), checks=findings)


def _one_line(text: str) -> str:
    return mask_passwords(" ".join(text.split()))


class Skip(Exception):
    """The check cannot be made; its text says why."""


@dataclass(frozen=True)
class Project:
    """What the checks look at, read when it is first needed."""

    root: Path

    @cached_property
    def params(self) -> Params:
        try:
            return parameters.load(self.root)
        except ParamsError:
            raise Skip("params.yaml cannot be read: see the check params") from None

    @cached_property
    def state(self) -> RegistryState:
        if not git.is_in_work_tree(self.root):
            raise Skip("this is no git work tree: see the check git")
        return read_state(self.root, self.params.name)

    @cached_property
    def remotes(self) -> DvcRemotes:
        from assay.registry.remotes import read_remotes

        return read_remotes(self.root)

    @property
    def remote_can_be_asked(self) -> bool:
        try:
            remotes = self.remotes
        except NotARepository:
            raise Skip("DVC cannot be used here: see the check dvc") from None
        return remotes.default in remotes.urls and remotes.missing is None

    def champion(self) -> Version:
        """The version in use; without one the check is left out. Errors as `select_champion`."""
        stage = self.params.registry.stage
        if stage not in self.state.holders:
            raise Skip(f"no version holds the stage {stage} yet: assay promote")
        return select_champion(self.state, self.params.name, stage)

    def probe_store(self) -> int:
        """How many nights the store has, once a file was written, read and deleted."""
        from assay.store import open_store
        from assay.store.check import probe

        return probe(open_store(self.root, self.params))
