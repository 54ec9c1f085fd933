"""Pytest in this very process, with Assay's plugin and as somebody would call it in a project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# A session in this process forgets afterwards what it was the first to import, and these cannot be
# imported twice.
import scipy.fft
import scipy.linalg
import scipy.special
import scipy.stats  # noqa: F401

Pytest = Callable[..., pytest.RunResult]


@pytest.fixture
def session_in(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """From a project's root and arguments to the result of the session there."""
    plugin = ("-p", "no:assay", "-p", "assay.gate.pytest_run.plugin", "-p", "no:cacheprovider")

    def go(root: Path, *arguments: str) -> pytest.RunResult:
        monkeypatch.chdir(root)
        return pytester.runpytest_inprocess(f"--rootdir={root}", *plugin, *arguments)

    return go


@pytest.fixture
def run(session_in: Pytest, tiny: Any) -> Pytest:
    """Pytest in the tiny project."""
    return lambda *arguments: session_in(tiny.root, *arguments)
