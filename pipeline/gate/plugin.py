"""The pytest plugin: gate rules as items, and fixtures for a project's model tests.

Installing Assay loads this into every pytest session, so it imports nothing heavy and does
nothing unless tests under some project's ``gate.tests`` are collected, or its params.yaml
is named on the command line (``pytest params.yaml`` runs the rules alone).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipeline import layout
from pipeline.gate.items import RuleItem, RulesFile
from pipeline.gate.record import Seen, plain_detail

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from pipeline.bundle import Bundle
    from pipeline.gate.evaluation import Evaluation
    from pipeline.params import Gate, Params

# DVC projects have a params.yaml too; these sections together make it one of Assay's.
_SECTIONS = ("ingest", "contract", "prepare", "train", "gate")

_roots = pytest.StashKey[list[Path]]()


@dataclass(frozen=True)
class Project:
    """The project that the tests are about."""

    root: Path
    params: Params


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("assay").addoption(
        "--assay-findings",
        metavar="FILE",
        default=None,
        help="write what each gate rule and test came to as JSON (used by 'assay gate')",
    )


def pytest_configure(config: pytest.Config) -> None:
    target = config.getoption("--assay-findings")
    if target:
        config.pluginmanager.register(_Recorder(Path(target), config.rootpath), "assay-recorder")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a params.yaml that was named; one that merely lies there is left alone."""
    if file_path.name != layout.PARAMS or not parent.session.isinitpath(file_path):
        return None
    return RulesFile.from_parent(parent, path=file_path)


@pytest.hookimpl(tryfirst=True)  # before -k and -m deselect, so that they reach the rules
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    roots = _projects_under_test(items)
    config.stash[_roots] = roots
    there = {item.path.parent for item in items if isinstance(item, RuleItem)}
    for root in roots:
        if root not in there:
            items.extend(_collect_rules(session, root))


def _collect_rules(session: pytest.Session, root: Path) -> list[RuleItem]:
    """What pytest does with a file of tests, so that it counts and reports the rules too."""
    rules = RulesFile.from_parent(session, path=root / layout.PARAMS)
    hook = session.config.hook
    hook.pytest_collectstart(collector=rules)
    report: pytest.CollectReport = hook.pytest_make_collect_report(collector=rules)
    found = [item for item in report.result if isinstance(item, RuleItem)]
    for item in found:
        hook.pytest_itemcollected(item=item)
    hook.pytest_collectreport(report=report)
    return found


def _projects_under_test(items: list[pytest.Item]) -> list[Path]:
    """Roots of the projects of which a model test or a rule was collected, in order."""
    by_folder: dict[Path, tuple[Path, Path] | None] = {}
    roots: dict[Path, None] = {}
    for item in items:
        folder = item.path.parent
        if isinstance(item, RuleItem):
            roots[folder] = None
            continue
        if folder not in by_folder:
            by_folder[folder] = _project_above(folder)
        project = by_folder[folder]
        if project and item.path.is_relative_to(project[1]):
            roots[project[0]] = None
    return list(roots)


def _project_above(folder: Path) -> tuple[Path, Path] | None:
    """Root and model-test folder of the nearest project at or above ``folder``."""
    for root in (folder, *folder.parents):
        if (root / layout.PARAMS).is_file():
            return (root, root / _load(root).gate.tests) if _is_ours(root) else None
    return None


def _is_ours(root: Path) -> bool:
    try:
        text = (root / layout.PARAMS).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return all(re.search(rf"^{name}\s*:", text, re.MULTILINE) for name in _SECTIONS)


def _load(root: Path) -> Params:
    from pipeline import params
    from pipeline.errors import ParamsError

    try:
        return params.load(root)
    except ParamsError as error:
        raise pytest.UsageError(*error.lines()) from None


class _Recorder:
    """Writes down what happened to every item, for the gate."""

    def __init__(self, target: Path, root: Path) -> None:
        self.target = target.absolute()
        # What lies there differs from machine to machine, or from run to run.
        self.homes = (root, self.target.parent)
        self.seen = Seen()

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        self.seen.collected.append(item.nodeid)
        if isinstance(item, RuleItem):
            self.seen.rules[item.nodeid] = item.finding

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if not report.passed:
            outcome = "skipped" if report.skipped else "failed"
            self.seen.uncollected[report.nodeid or "."] = f"{outcome}: {self._detail(report)}"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        outcome: str = report.outcome
        if hasattr(report, "wasxfail"):
            outcome = "xpassed" if report.passed else "xfailed"
        elif report.failed and report.when != "call":
            outcome = "error"
        detail = "" if report.passed else self._detail(report)
        self.seen.report(report.nodeid, outcome, detail, final=report.when == "call")

    def pytest_sessionfinish(self) -> None:
        self.seen.write(self.target)

    def _detail(self, report: pytest.TestReport | pytest.CollectReport) -> str:
        reason = getattr(report, "wasxfail", "")
        if reason:
            return plain_detail(reason, self.homes)
        longrepr: Any = report.longrepr
        if isinstance(longrepr, tuple):  # a skip: file, line, reason
            return plain_detail(str(longrepr[2]), self.homes)
        crash = getattr(longrepr, "reprcrash", None)
        text = crash.message if crash else _last_line(str(longrepr))
        return plain_detail(text, self.homes)


def _last_line(text: str) -> str:
    lines = [line.removeprefix("E").strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


@pytest.fixture(scope="session")
def assay_project(request: pytest.FixtureRequest) -> Project:
    """The project under test: ``root`` and ``params``."""
    roots = request.config.stash.get(_roots, [])
    if not roots:
        here = request.config.rootpath
        roots = [root for root in (here, *here.parents) if _is_ours(root)][:1]
    if not roots:
        pytest.fail(f"no project with {layout.PARAMS} at or above {here}", pytrace=False)
    if len(roots) > 1:
        names = ", ".join(str(root) for root in roots)
        pytest.fail(f"tests of several projects at once: {names}; run one", pytrace=False)
    return Project(root=roots[0], params=_load(roots[0]))


@pytest.fixture(scope="session")
def policy(assay_project: Project) -> Gate:
    """The section ``gate`` of params.yaml."""
    return assay_project.params.gate


@pytest.fixture(scope="session")
def evaluation(assay_project: Project) -> Evaluation:
    """What evaluate measured on the bundle."""
    from pipeline.gate.evaluation import read

    with _one_line():
        return read(assay_project.root)


@pytest.fixture(scope="session")
def bundle(assay_project: Project) -> Bundle:
    """The bundle that is up for the verdict, loaded as a scoring run loads it."""
    from pipeline.bundle import load

    with _one_line():
        return load(
            assay_project.root / layout.BUNDLE,
            expected=None,
            allow_types=assay_project.params.bundle.allow_types,
        )


@pytest.fixture(scope="session")
def score(bundle: Bundle) -> Callable[[pd.DataFrame], np.ndarray]:
    """``score(frame)`` gives each row's score, through the one scoring function.

    Of shape (rows,): the probability of the positive class, or a regression's estimate. Of
    a multiclass model (rows, classes), in the order of ``bundle.manifest.classes``.
    """
    from pipeline.score.batch import score_frame

    return lambda frame: score_frame(bundle, frame)


@pytest.fixture(scope="session")
def holdout(assay_project: Project) -> pd.DataFrame:
    """The table that the bundle was evaluated on. Shared: copy it before changing it."""
    from pipeline.holdout import read

    with _one_line():
        return read(assay_project.root)


@contextmanager
def _one_line() -> Iterator[None]:
    """Turn an AssayError into a failure that reads as one line."""
    from pipeline.errors import AssayError

    try:
        yield
    except AssayError as error:
        pytest.fail(error.line(), pytrace=False)
