"""Fixtures for a project's model tests. Heavy imports happen inside the fixtures, when used."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assay.project import layout
from assay.project.text import counted

if TYPE_CHECKING:
    import pandas as pd

    from assay.gate.pytest_run.decided import ScoreFunction
    from assay.gate.rules.kinds import Policy
    from assay.model.bundle import Bundle
    from assay.project.params import Params
    from assay.reports.evaluation import Evaluation


# Other DVC projects have a params.yaml too; these sections identify an Assay project.
_SECTIONS = ("ingest", "contract", "prepare", "train", "gate")

ROOTS = pytest.StashKey[list[Path]]()
"""Stash key: roots of the projects with collected items, in order."""


@dataclass(frozen=True)
class Project:
    """The project under test."""

    root: Path
    params: Params


def find_project(folder: Path) -> tuple[Path, Path] | None:
    """Root and model-test folder of the closest project at or above ``folder``."""
    for root in (folder, *folder.parents):
        if (root / layout.PARAMS).is_file():
            return (root, root / load_params(root).gate.tests) if is_assay_project(root) else None
    return None


def is_assay_project(root: Path) -> bool:
    """Whether ``root`` is an Assay project, by its params.yaml."""
    try:
        text = (root / layout.PARAMS).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return all(re.search(rf"^{name}\s*:", text, re.MULTILINE) for name in _SECTIONS)


def load_params(root: Path) -> Params:
    """Load the project's params.yaml, and read its rules.

    Raises
    ------
    pytest.UsageError
        The file is invalid; pytest ends the session.
    """
    from assay.errors import ParamsError
    from assay.gate.rules import kinds
    from assay.project import params

    try:
        loaded = params.load(root)
        kinds.read_policy(loaded, root)
        return loaded
    except ParamsError as error:
        raise pytest.UsageError(*error.lines()) from None


class NoChampion(pytest.skip.Exception):  # type: ignore[name-defined,misc]
    """Skips a test that needs a champion, because there is none yet."""

    __module__ = "builtins"  # as of pytest's own: it is no part of what pytest shows


@pytest.fixture(scope="session")
def assay_project(request: pytest.FixtureRequest) -> Project:
    """The project under test: ``root`` and ``params``."""
    from assay.contract.private_columns import keep_private

    roots = request.config.stash.get(ROOTS, [])
    if not roots:
        here = request.config.rootpath
        roots = [root for root in (here, *here.parents) if is_assay_project(root)][:1]
    if not roots:
        pytest.fail(f"no project with {layout.PARAMS} at or above {here}", pytrace=False)
    if len(roots) > 1:
        names = ", ".join(str(root) for root in roots)
        pytest.fail(f"tests of several projects at once: {names}; run one", pytrace=False)
    root, params = roots[0], load_params(roots[0])
    keep_private(root, params)
    return Project(root=root, params=params)


@pytest.fixture(scope="session")
def policy(assay_project: Project) -> Policy:
    """The section ``gate`` of params.yaml."""
    from assay.gate.rules.kinds import read_policy

    return read_policy(assay_project.params, assay_project.root)


@pytest.fixture(scope="session")
def evaluation(assay_project: Project) -> Evaluation:
    """The bundle's metrics, from the stage ``evaluate``."""
    from assay.reports.evaluation import Evaluation

    with _one_line():
        return Evaluation.read(assay_project.root)


@pytest.fixture(scope="session")
def bundle(assay_project: Project) -> Bundle:
    """The bundle that is being judged, loaded as in a scoring run."""
    from assay.evaluation.champion import load_challenger

    with _one_line():
        return load_challenger(assay_project.root, assay_project.params)


@pytest.fixture(scope="session")
def model(bundle: Bundle) -> Bundle:
    """The challenger: an alias of ``bundle``."""
    return bundle


@pytest.fixture(scope="session")
def champion(assay_project: Project) -> Bundle:
    """The champion's bundle. Skips the test if there is none; an unreadable one is an error."""
    from assay.gate.pytest_run.decided import load_champion

    with _one_line():
        loaded = load_champion(assay_project.root, assay_project.params)
    if isinstance(loaded, str):
        raise NoChampion(f"no champion yet: {loaded}")
    return loaded


@pytest.fixture(scope="session")
def score(assay_project: Project, bundle: Bundle) -> ScoreFunction:
    """``score(frame)`` returns the scores, with the scoring function of the nightly run.

    Shape (rows,): the probability of the positive class, or a regression's prediction. For a
    multiclass model (rows, classes), in the order of ``bundle.manifest.classes``. It can be passed
    to the checks of `assay.gate.behaviour`.
    """
    from assay.gate.pytest_run.decided import make_score_function

    with _one_line():
        return make_score_function(assay_project.root, assay_project.params, bundle)


@pytest.fixture(scope="session")
def holdout(assay_project: Project) -> pd.DataFrame:
    """The holdout table. Shared between tests: copy it before changing it.

    It lacks private columns: what a test fails with is in the verdict, and so in git.
    """
    from assay.errors.base import private_names
    from assay.model.holdout import read

    with _one_line():
        return read(assay_project.root).drop(columns=[*private_names()], errors="ignore")


@pytest.fixture(scope="session")
def reference(bundle: Bundle) -> pd.DataFrame:
    """A sample of the training window, with label and out-of-fold scores. Shared: copy it."""
    with _one_line():
        return bundle.sample()


@pytest.fixture(scope="session")
def slices(
    assay_project: Project, bundle: Bundle, holdout: pd.DataFrame
) -> Mapping[str, pd.DataFrame]:
    """The holdout's rows by slice (``origin=EWR``), for the slices that evaluate measures.

    Fails if there are none, because a test that loops over them would check nothing.
    """
    from assay.metrics.slices import iter_slices

    settings = assay_project.params.evaluate
    with _one_line():
        parts = {
            part.title: holdout.iloc[part.rows]
            for part in iter_slices(holdout, bundle.manifest.slices, settings.pairs)
            if len(part.rows) >= settings.min_slice_rows
        }
    if not parts:
        pytest.fail(f"no slice has {counted(settings.min_slice_rows, 'row')}", pytrace=False)
    return parts


@contextmanager
def _one_line() -> Iterator[None]:
    """Turn an AssayError into a one-line test failure."""
    from assay.errors import AssayError

    try:
        yield
    except AssayError as error:
        pytest.fail(error.line(), pytrace=False)
