"""Evidently's report in a real browser: it draws under the policy that keeps it offline."""

from __future__ import annotations

from typing import Any

import pytest

from assay.monitor import monitor_nights
from assay.monitor.nights.night_path import EVIDENTLY, night_path
from tests.browser import CHROMIUM, MISSING, browser


@pytest.mark.skipif(CHROMIUM is None, reason=MISSING)
def test_it_draws_and_asks_for_nothing(project: Any) -> None:
    project.score("2013-02-01", "run-1")
    monitor_nights.run(project.root, project.params, "2013-02-01", "2013-02-01", evidently=True)
    with browser() as found:
        asked: list[str] = []
        found.page.on("request", lambda request: asked.append(request.url))
        found.open(project.root / night_path("2013-02-01", EVIDENTLY))
        found.page.wait_for_selector(".main-svg", state="attached")
        body = found.page.inner_text("body")
        for words in (
            "late-flights, 2013-02-01",
            "a sample of 150 rows",
            "Nothing is decided here",
        ):
            assert words in body, words
        assert [line for line in found.said if "Content Security Policy" in line] == []
        assert found.errors == []
        assert [url[:80] for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
