"""What can be known of the model tests without a model: whether pytest finds all they ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from assay.errors import AssayError
from assay.gate.pytest_run import declared_tests
from assay.gate.pytest_run.findings import session_findings, uncollected_findings
from assay.gate.pytest_run.run import run_pytest


def test_faults(root: Path, tests: str) -> Iterator[str]:
    """A line for each test that the gate could not run, and for a folder in which there is none.

    The files are imported as the gate imports them. No test and no fixture is called.

    Parameters
    ----------
    tests
        The folder ``gate.tests``, relative to ``root``.
    """
    unreadable = list(_unreadable(root, tests))
    if unreadable:
        yield from unreadable
        return
    planned = run_pytest(root, tests, (), plan=True)
    seen = planned.seen
    lost = uncollected_findings(root, tests, planned)
    if not (seen.tests or seen.uncollected or lost):
        yield AssayError(
            "there is no model test",
            where=tests,
            expected="a file test_*.py with a function test_* (gate.tests in params.yaml)",
            found="none" if (root / tests).is_dir() else "no such folder",
        ).line()
        return
    for node, detail in seen.details.items():
        if seen.outcomes[node] == "error":
            yield f"{node}: cannot run: {detail}"
    for node, reason in seen.uncollected.items():
        outcome, _, detail = reason.partition(": ")
        if outcome == "failed":
            yield f"{node}: could not be collected: {detail}"
    for found in (*session_findings(planned, tests, there=True), *lost):
        yield f"{found.rule}: {found.detail}"


def _unreadable(root: Path, tests: str) -> Iterator[str]:
    for path in sorted((root / tests).rglob("*.py")):
        file = path.relative_to(root).as_posix()
        try:
            list(declared_tests.parse_tests(path, file))
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None)
            yield AssayError(
                "not valid Python",
                where=f"{file}:{line}" if line else file,
                found=getattr(error, "msg", None) or str(error),
            ).line()
