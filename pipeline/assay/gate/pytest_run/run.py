"""Run pytest on a project's model tests and rules in a separate process.

Whatever process they start ends with it: none may change what the gate writes afterwards.

Nothing outside the policy may disable a rule or test. So pytest gets our configuration instead of
the project's, PYTEST_* and PYTHON* environment variables are dropped, only conftest files under
``gate.tests`` are loaded, because only those are in the policy digest, and of the project only
modules that are evidence are found.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from assay.errors.machine import from_memory_error
from assay.gate.pytest_run import own_modules, record
from assay.gate.pytest_run.decided import OPTION, PytestFinding, write_findings
from assay.project import digests, layout, source_code
from assay.project.processes import python_command, python_environment, run_and_end_all

# Normal exit codes: all passed, or some failed. Any other means a broken session.
FINISHED = (0, 1)
TIMEOUT_SECONDS = 3600.0
"""Timeout of the whole pytest run in seconds; a timeout is a FAIL."""
JUNIT = f"{layout.GATE_REPORT}/junit.xml"
BROUGHT = {"anyio", "faker", "hydra", "hypothesis", "platformdirs", "typeguard"}
"""Plugins that take longer to load than most model tests take, all but Hypothesis brought by DVC
and Evidently: only for tests with their word in them, as of a fixture, a mark or an import."""
CONFIG = f"""\
[pytest]
python_files = {" ".join(own_modules.FILES)}
python_classes = {own_modules.CLASSES}
python_functions = {own_modules.FUNCTIONS}
xfail_strict = true
"""


@dataclass(frozen=True)
class PytestRun:
    """One pytest process: its record, or in ``crash`` the reason why it is not usable."""

    seen: record.PytestRecord
    code: int
    output: str
    crash: str | None

    @property
    def short_of_memory(self) -> str:
        """What memory did not suffice for, so that nothing is known of the model; "" if it did."""
        if self.seen.short_of_memory or self.crash is None:
            return self.seen.short_of_memory
        return self.crash if from_memory_error(RuntimeError(self.crash)) else ""


def run_pytest(
    root: Path, tests: str, decided: Sequence[PytestFinding], *, plan: bool = False
) -> PytestRun:
    """Run the rules of ``root/params.yaml`` and the tests under ``root/tests``.

    Parameters
    ----------
    root
        The project.
    tests
        Folder of model tests, relative to ``root``. If it does not exist, only the rules run.
    decided
        The findings of rules and behaviours, to be shown beside the tests.
    plan
        Only collect the tests and find their fixtures; nothing is run or written to the project.

    Raises
    ------
    PluginError
        A module that the tests import has the name of an installed one.
    """
    with tempfile.TemporaryDirectory(prefix="assay-gate-") as scratch:
        target = Path(scratch) / "seen.json"
        config_path(target).write_text(CONFIG, encoding="utf-8")
        write_findings(findings_path(target), decided)
        printed = Path(scratch) / "output"
        try:
            # A file, because whoever inherits a pipe could keep it open.
            with printed.open("wb") as output:
                code = run_and_end_all(
                    [*pytest_command(root, tests, target), *(_plan(target) if plan else ())],
                    timeout=TIMEOUT_SECONDS,
                    cwd=root,
                    env=pytest_environment(os.environ, Path(scratch)),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
        except subprocess.TimeoutExpired:
            return PytestRun(
                record.PytestRecord(),
                -1,
                printed.read_text(encoding="utf-8", errors="replace"),
                _too_long(record.read_running_test(target)),
            )
        text = printed.read_text(encoding="utf-8", errors="replace")
        try:
            seen, crash = record.read_record(target), None
        except ValueError as error:
            seen, crash = record.PytestRecord(), str(error)
    if code not in FINISHED or crash:
        last = record.normalize_detail(_telling_line(text), [root, Path(scratch)])
        crash = f"pytest ended with exit code {code}: {last}"
    return PytestRun(seen, code, text, crash)


def config_path(target: Path) -> Path:
    """Path of pytest's configuration, beside the record."""
    return target.parent / "pytest.ini"


def findings_path(target: Path) -> Path:
    """Path of the file with the gate's findings, beside the record."""
    return target.parent / "decided.json"


def pytest_command(root: Path, tests: str, target: Path) -> list[str]:
    """The command line. It names params.yaml, so rules run even if no test is found."""
    # The entry point would register the plugin a second time: 'no:assay' keeps it out.
    plugins = ["-p", "no:assay", "-p", "assay.gate.pytest_run.plugin", "-p", "no:cacheprovider"]
    plugins += ["--disable-plugin-autoload", *_installed_plugins(root, tests)]
    settings = ["-c", str(config_path(target)), f"--rootdir={root}"]
    output = ["-q", "--tb=short", "--no-header", "--color=no", f"--junitxml={root / JUNIT}"]
    output += [f"--assay-findings={target}", f"{OPTION}={findings_path(target)}"]
    output += [f"--basetemp={target.parent / 'tmp'}"]
    output += [f"{own_modules.OPTION}={name}" for name in own_modules.importable_names(root, tests)]
    where = [layout.PARAMS]
    if (root / tests).is_dir():
        where += [tests, f"--confcutdir={root / tests}"]
    last = ("--continue-on-collection-errors", *where)
    return python_command("pytest", *plugins, *settings, *output, *last)


def _plan(target: Path) -> tuple[str, ...]:
    """Options that override those of the gate: no test is called, and its junit.xml stays."""
    return ("--setup-plan", f"--junitxml={target.parent / 'junit.xml'}")


def _installed_plugins(root: Path, tests: str) -> list[str]:
    """Options that load other installed plugins, by the name of their entry points.

    If pytest looked for them itself, it would rewrite the assertions in all modules of their
    distributions. No byte code is written, so each run would pay for it again: three seconds.
    """
    read = source_code.file_reader(root)
    code = source_code.find_dependencies(read, (), digests.model_tests(root, tests)).values()
    names = {each.name for each in entry_points(group="pytest11")} - {"assay"}
    for word in BROUGHT:
        if not any(word in text for text in code):
            names = {name for name in names if not name.startswith(word)}
    return [option for name in sorted(names) for option in ("-p", name)]


def pytest_environment(outer: Mapping[str, str], scratch: Path) -> dict[str, str]:
    """``outer`` without PYTEST_* and PYTHON* variables."""
    inner = python_environment(
        {name: value for name, value in outer.items() if not name.startswith("PYTEST_")}
    )
    # No byte code or Hypothesis database may be written into the project, because its folders are
    # dependencies of stages.
    inner["PYTHONDONTWRITEBYTECODE"] = "1"
    inner["HYPOTHESIS_STORAGE_DIRECTORY"] = str(scratch / "hypothesis")
    return inner


def _too_long(node: str | None) -> str:
    text = f"pytest did not end within {TIMEOUT_SECONDS / 60:g} minutes"
    return f"{text}; the last test that began was {node}" if node else text


def _telling_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("ERROR", "E  ", "INTERNALERROR"))]
    return (errors or lines or ["no output"])[-1].removeprefix("E  ").strip()
