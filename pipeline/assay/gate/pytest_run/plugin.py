"""The pytest plugin: gate rules as items, and fixtures for a project's model tests.

With Assay installed, every pytest session loads this. So it imports nothing heavy, and does
nothing unless tests under a project's ``gate.tests`` are collected or its params.yaml is named on
the command line (``pytest params.yaml`` runs only the rules).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from assay.errors.machine import from_memory_error
from assay.gate.pytest_run import decided, own_modules
from assay.gate.pytest_run.decided import PytestFinding
from assay.gate.pytest_run.fixtures import (  # noqa: F401  (pytest finds them by their names here)
    ROOTS,
    NoChampion,
    assay_project,
    bundle,
    champion,
    evaluation,
    find_project,
    holdout,
    load_params,
    model,
    policy,
    reference,
    score,
    slices,
)
from assay.gate.pytest_run.record import (
    PytestRecord,
    Uncollected,
    normalize_detail,
    write_running_test,
)
from assay.project import layout, source_code


class NotPassed(Exception):
    """Carries the finding's text to the pytest report, which shows it without a traceback."""


class PolicyFile(pytest.File):
    """The project's params.yaml; its items are the gate rules and behaviours."""

    def collect(self) -> Iterator[pytest.Item]:
        given = self.config.getoption(decided.OPTION, None)
        if given is not None:
            yield from self._known(decided.read_findings(Path(given)))
            return
        root = self.path.parent
        yield from self._known(tuple(decided.evaluate_rules(root)))
        for name, decide in decided.behaviour_evaluations(root):
            yield PolicyItem.from_parent(self, name=name, kind="behaviour", decide=decide)

    def _known(self, findings: Sequence[PytestFinding]) -> Iterator[pytest.Item]:
        from assay.reports.verdict import distinct_titles

        names = distinct_titles([each.finding for each in findings])
        for name, each in zip(names, findings, strict=True):
            yield PolicyItem.of(self, name, each.finding.kind, each)


class PolicyItem(pytest.Item):
    """One rule (on all rows or on one slice), or one behaviour."""

    def __init__(self, *, kind: str, decide: Callable[[], PytestFinding], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = kind
        self.decide = decide

    @classmethod
    def of(cls, parent: pytest.Collector, name: str, kind: str, known: PytestFinding) -> PolicyItem:
        """An item whose finding is already known."""
        return cls.from_parent(parent, name=name, kind=kind, decide=lambda: known)

    def runtest(self) -> None:
        result = self.decide()
        finding = result.finding
        if finding.blocks:
            raise NotPassed(result.told)
        if finding.outcome.value != "PASS":
            # Visible, but neither passed nor failed.
            pytest.xfail(f"{finding.exemption_reason}: {finding.outcome}: {finding.statement}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, NotPassed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"{self.kind}: {self.name}"


HARMLESS = {"pytest_generate_tests", "pytest_make_parametrize_id", "pytest_assertrepr_compare"}
"""Hooks that a project may define: they cannot change the outcome of a test."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("assay")
    group.addoption(
        "--assay-findings",
        metavar="FILE",
        default=None,
        help="write what each gate rule and test came to as JSON (used by 'assay stage gate')",
    )
    group.addoption(
        decided.OPTION,
        metavar="FILE",
        default=None,
        help="show what was decided of rules and behaviours (used by 'assay stage gate')",
    )
    group.addoption(
        own_modules.OPTION,
        metavar="NAME",
        action="append",
        help="import nothing from the project but this, and what else is named so (used by 'assay "
        "gate')",
    )


@pytest.hookimpl(tryfirst=True)  # before a conftest file can import
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    names = early_config.known_args_namespace.assay_own
    if names is not None:
        own_modules.OwnModulesFinder(early_config.rootpath, names).install()


def pytest_configure(config: pytest.Config) -> None:
    target = config.getoption("--assay-findings")
    if target:
        config.pluginmanager.register(_Recorder(Path(target), config.rootpath), "assay-recorder")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a params.yaml only if it was named on the command line."""
    if file_path.name != layout.PARAMS or not parent.session.isinitpath(file_path):
        return None
    return PolicyFile.from_parent(parent, path=file_path)


@pytest.hookimpl(tryfirst=True)  # before -k and -m deselect, so that they reach the rules
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    roots = _projects_under_test(items)
    config.stash[ROOTS] = roots
    there = {item.path.parent for item in items if isinstance(item, PolicyItem)}
    for root in roots:
        if root not in there:
            items.extend(_collect_rules(session, root))
        _waive(items, root)


def _waive(items: list[pytest.Item], root: Path) -> None:
    """Mark tests with a valid waiver as xfail: they run but do not count."""
    from assay.gate import waivers

    now = waivers.today()
    for waiver in load_params(root).gate.waivers:
        if waiver.expired(now):
            continue
        for item in items:
            if item.nodeid == waiver.rule:
                reason = f"waived until {waiver.until}: {waiver.because}"
                item.add_marker(pytest.mark.xfail(reason=reason, strict=False))


def _collect_rules(session: pytest.Session, root: Path) -> list[pytest.Item]:
    """Collect the rules with the same hook calls as a test file, so pytest reports them too."""
    rules = PolicyFile.from_parent(session, path=root / layout.PARAMS)
    hook = session.config.hook
    hook.pytest_collectstart(collector=rules)
    report: pytest.CollectReport = hook.pytest_make_collect_report(collector=rules)
    items: list[pytest.Item] = [item for item in report.result if isinstance(item, PolicyItem)]
    for item in items:
        hook.pytest_itemcollected(item=item)
    hook.pytest_collectreport(report=report)
    return items


def _projects_under_test(items: list[pytest.Item]) -> list[Path]:
    """Roots of the projects with a collected model test or rule, in order."""
    by_folder: dict[Path, tuple[Path, Path] | None] = {}
    roots: dict[Path, None] = {}
    for item in items:
        folder = item.path.parent
        if isinstance(item, PolicyItem):
            roots[folder] = None
            continue
        if folder not in by_folder:
            by_folder[folder] = find_project(folder)
        project = by_folder[folder]
        if project and item.path.is_relative_to(project[1]):
            roots[project[0]] = None
    return list(roots)


class _Recorder:
    """Records the outcome of every item for the gate."""

    def __init__(self, target: Path, root: Path) -> None:
        self.target = target.absolute()
        # These paths differ between machines and runs, so they are removed from details.
        self.homes = (root, self.target.parent)
        self.seen = PytestRecord()

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        self.seen.collected.append(item.nodeid)
        self.seen.places += _places(item, self.homes[0])
        if isinstance(item, PolicyItem):
            self.seen.policy.append(item.nodeid)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        write_running_test(self.target, nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if not report.passed:
            lost = Uncollected(report.skipped, self._detail(report))
            self.seen.uncollected[report.nodeid or "."] = lost

    def pytest_exception_interact(
        self, node: pytest.Item | pytest.Collector, call: pytest.CallInfo[Any]
    ) -> None:
        """A test that memory did not suffice for says nothing about the model."""
        if call.excinfo is not None and not self.seen.short_of_memory:
            short = from_memory_error(call.excinfo.value)
            if short is not None:
                detail = normalize_detail(short.found or "MemoryError", self.homes)
                self.seen.short_of_memory = f"{node.nodeid}: {detail}"

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[Any]) -> None:
        if call.excinfo is not None and isinstance(call.excinfo.value, NoChampion):
            self.seen.without_champion.append(item.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        outcome: str = report.outcome
        if hasattr(report, "wasxfail"):
            outcome = "xpassed" if report.passed else "xfailed"
        elif report.failed and report.when != "call":
            outcome = "error"
        detail = "" if report.passed else self._detail(report)
        self.seen.add_report(report.nodeid, outcome, detail, final=report.when == "call")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.seen.hooks = _hooks(session.config, self.homes[0])
        self.seen.modules = source_code.loaded_files(self.homes[0])
        self.seen.write(self.target)

    def _detail(self, report: pytest.TestReport | pytest.CollectReport) -> str:
        reason = getattr(report, "wasxfail", "")
        if reason:
            return normalize_detail(reason, self.homes)
        longrepr: Any = report.longrepr
        if isinstance(longrepr, tuple):  # a skip: file, line, reason
            return normalize_detail(str(longrepr[2]), self.homes)
        crash = getattr(longrepr, "reprcrash", None)
        lacking = getattr(longrepr, "errorstring", "")  # of a fixture that there is not
        text = crash.message if crash else lacking or _last_line(str(longrepr))
        return normalize_detail(text, self.homes)


def _places(item: pytest.Item, root: Path) -> list[str]:
    """``FILE::CLASS.FUNCTION`` of a test, both as collected and as defined.

    The two differ if a class inherits its tests.
    """
    classes = [each.name for each in item.listchain() if isinstance(each, pytest.Class)]
    name = getattr(item, "originalname", None) or item.name
    places = [(item.path, ".".join((*classes, name)))]
    try:
        code = inspect.unwrap(getattr(item, "function", item)).__code__  # type: ignore[arg-type]
        places.append((Path(code.co_filename), code.co_qualname))
    except (AttributeError, ValueError):
        pass  # not a Python function
    return [
        f"{path.relative_to(root).as_posix()}::{place}"
        for path, place in places
        if path.is_relative_to(root)
    ]


def _hooks(config: pytest.Config, root: Path) -> dict[str, str]:
    """Project file -> names of its hooks that can change the outcome of a test.

    Read after all tests have run, so that hooks registered by a test or fixture are included.
    """
    by_file: dict[str, set[str]] = {}
    for plugin in config.pluginmanager.get_plugins():
        module = plugin if inspect.ismodule(plugin) else inspect.getmodule(type(plugin))
        path = Path(getattr(module, "__file__", None) or "")
        callers = config.pluginmanager.get_hookcallers(plugin) or []
        names = {caller.name for caller in callers} - HARMLESS
        if names and source_code.is_own(path, root):
            by_file.setdefault(path.relative_to(root).as_posix(), set()).update(names)
    return {path: ", ".join(sorted(names)) for path, names in sorted(by_file.items())}


def _last_line(text: str) -> str:
    lines = [line.removeprefix("E").strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
