"""Skipped tests are said at the end of a run, and where CI=true they fail it.

A test that is skipped proves nothing, and among a thousand dots nobody sees it. On a laptop
that is fair; where a whole run is to vouch for a commit, each has to run.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping

import pytest

from scripts.suite import MARK


def forbidden(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this run vouches for a commit, as CI says of itself."""
    return environment.get("CI", "").lower() == "true"


def reasons(config: pytest.Config) -> Counter[str]:
    """Why tests, or files of tests, were skipped, and how many for each reason."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    told = [each.longrepr[2] if isinstance(each.longrepr, tuple) else "" for each in skipped]
    return Counter(each.removeprefix("Skipped: ") or "no reason was given" for each in told)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if forbidden() and session.exitstatus == pytest.ExitCode.OK and reasons(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for reason, count in sorted(reasons(config).items()):
        terminalreporter.write_line(f"{MARK}{count}: {reason}")
    if forbidden() and reasons(config):
        terminalreporter.write_line("Where CI=true no test may be skipped, so this run fails.")
