"""Can a run for a pull request from a fork judge it? It has no credentials, so perhaps no data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from assay.errors import AssayError, DataOutOfReach
from assay.project import layout
from assay.project.code_host.environment import CiRun, read_environment
from assay.project.params import Params
from assay.reports.champion import StageHolder


@dataclass(frozen=True)
class Access:
    """Whether rows and champion are here; if not, what is missing and what a maintainer types."""

    SCHEMA: ClassVar[int] = 1

    missing: str | None = None
    commands: tuple[str, ...] = ()

    def error(self) -> DataOutOfReach:
        return DataOutOfReach(
            "not judged: no access to the data",
            found=self.missing,
            fix=f"A maintainer reads what it changes, and then judges it: "
            f"{' && '.join(self.commands)}.",
        )


def find(root: Path, params: Params) -> Access:
    """What a fork's run could not read of rows and champion, once the stages for them were run.

    Outside of such a run nothing counts as missing: there it is an error that its stage names.

    Raises
    ------
    CodeHostFailed
        The environment of the CI run makes no sense.
    """
    run = read_environment()
    if run is None or not run.from_fork:
        return Access()
    if not (root / layout.RAW).is_dir():
        return Access("the rows of the source", _commands(run))
    try:
        held = StageHolder.read(root)
    except AssayError:
        return Access("the champion", _commands(run))
    if held.state == "unreadable":
        return Access(f"the champion's bundle ({held.version or held.stage})", _commands(run))
    return Access()


def _commands(run: CiRun) -> tuple[str, ...]:
    """Judge the very commit in a run of the repository's own, whose check counts for it too."""
    branch = f"assay/fork-{run.pull_request}"
    if run.kind == "gitlab":
        return (
            f"git fetch origin merge-requests/{run.pull_request}/head:{branch}",
            f"git push origin {branch}",
            f"glab ci run --branch {branch}",
        )
    return (
        f"gh pr checkout {run.pull_request}",
        f"git push origin HEAD:refs/heads/{branch}",
        f"gh workflow run gate.yml --ref {branch}",
    )
