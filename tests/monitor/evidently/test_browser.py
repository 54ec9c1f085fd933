"""A night's page in a real browser: Evidently draws under the policy that keeps it offline."""

from __future__ import annotations

import re
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from assay.monitor import one_night
from tests.browser import CHROMIUM, MISSING

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-extensions", "--disable-background-networking", "--enable-logging=stderr"),
    *("--window-size=1400,2000", "--virtual-time-budget=15000", "--dump-dom"),
)


def browse(page: Path) -> tuple[str, str]:
    """What the page came to, and what the browser said about it."""
    for turn in range(3):
        profile = page.parent / f"profile-{turn}"
        command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}", page.as_uri()]
        # It hangs at its start now and then, whatever the page, on a machine with few cores.
        with suppress(subprocess.TimeoutExpired):
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
            return done.stdout, done.stderr
    pytest.skip("chromium hung three times before it drew anything")


def test_it_draws_and_asks_for_nothing(project: Any, tmp_path: Path) -> None:
    project.score("2013-02-01", "run-1")
    summary = one_night.run(project.root, project.params, "2013-02-01")
    page = tmp_path / "night.html"
    shutil.copy(project.root / summary.page, page)
    drawn, said = browse(page)
    body = drawn[drawn.index("<body") :]
    for words in (
        "Within limits on 2013-02-01",
        "on all 298 scored rows",
        "What the columns hold",
        "auc, expected without labels",
        "A sample of 150 rows, for looking at",
    ):
        # React writes into the page; the data of a script is in its head.
        assert words in re.sub(r"<[^>]+>", "", body), words
    assert 'class="main-svg"' in body, "no histogram"
    assert "Content Security Policy" not in said and "Uncaught" not in said, said[-2000:]
