"""Which challenger on its holdout a bundle is, as git's history shows when the gate is asked."""

from __future__ import annotations

import os
from pathlib import Path

from assay.errors import AssayError
from assay.gate import provenance
from assay.gate.inputs import GateInputs
from assay.gate.rules.finding import own_finding
from assay.registry import git, verification
from assay.reports.verdict import Finding, Outcome, Verdict

EXPERIMENT = "DVC_EXP_NAME"
"""DVC's variable with an experiment's name; `dvc repro` does not set it."""
PROJECT = "DVC_ROOT"
"""DVC's variable with the project that an experiment is part of."""


def in_experiment() -> bool:
    """Whether `dvc exp run` or a worker of its queue runs this stage."""
    return EXPERIMENT in os.environ


def place(root: Path, bundle: str, data: str, champion: str | None) -> int:
    """Which challenger on its holdout a bundle is, among all that git knows of here.

    Parameters
    ----------
    bundle, data, champion
        Digests of the bundle, the holdout, and the champion's bundle.
    """
    return verification.place(root, bundle, data, champion, everywhere=True, also=_project(root))


def least_place(root: Path, verdict: Verdict) -> int:
    """Which challenger a verdict's bundle is at least, by what HEAD alone can reach.

    Raises
    ------
    NotARepository
        The clone is shallow, or git fails.
    """
    champion = verdict.champion.bundle
    return verification.place(root, verdict.bundle, verdict.data, champion, everywhere=False)


def place_of_reports(root: Path) -> int:
    """That of the bundle that the reports are about; 1 where there are none to tell."""
    inputs = GateInputs.of(root)
    try:
        measured, champion = inputs.evaluation, provenance.judged_champion(inputs)
    except AssayError:
        return 1  # rules that need a report that is missing are FAIL
    return place(root, measured.bundle, measured.data, champion.bundle)


def findings(root: Path) -> tuple[Finding, ...]:
    """An INCONCLUSIVE where git lacks older commits, and so may lack challengers."""
    if not git.is_shallow(root):
        return ()
    return (
        own_finding(
            "the challengers on this holdout can be counted",
            "this clone lacks older commits, which may hold verdicts on the same holdout",
            "a holdout that is asked again and again lets one pass by chance",
            outcome=Outcome.INCONCLUSIVE,
            fix="Get the whole history: git fetch --unshallow --tags (in CI fetch-depth: 0).",
        ),
    )


def _project(root: Path) -> tuple[Path, ...]:
    """The project that a worker of DVC's queue works for, in a repository of its own."""
    folder = os.environ.get(PROJECT)
    if not in_experiment() or folder is None or Path(folder).resolve() == root.resolve():
        return ()
    return (Path(folder),)
