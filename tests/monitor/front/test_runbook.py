"""The runbook beside the front page: of the version in use, from what its nights were like."""

from __future__ import annotations

import re
from typing import Any

from assay.cli.__main__ import build_parser
from assay.monitor.front import command, runbook
from assay.project.params import Webhook
from tests.projects import ROOT

NIGHT = "2013-02-01"


def written(project: Any) -> str:
    project.run(command.run)
    return " ".join(re.sub(r"<[^>]+>", " ", project.read("reports/runbook.html")).split())


def test_it_says_what_it_is_what_is_normal_and_whom_to_tell(project: Any) -> None:
    before = written(project)
    assert "not known yet: no night is published" in before
    project.score(NIGHT, "run-1")
    project.monitor(NIGHT)
    project.set("card", owner="Data science", contact="night-shift@example.com")
    project.set("alerts", webhook=Webhook(url_env="HOOK"))
    text = written(project)
    assert "v0.1.0, verdict" in text and "owner Data science" in text
    assert "contact night-shift@example.com" in text
    assert "rows read 300 in the middle, 300 to 300 on 1 night" in text
    assert "refused 0.67% in the middle" in text and "held if over" in text
    assert "told by assay alert the webhook in HOOK" in text
    assert "may promote everybody" in text
    assert 'href="runbook.html"' in project.read("reports/index.html")


def test_nights_are_judged_where_nobody_knows_who_may(project: Any) -> None:
    project.score(NIGHT, "run-1")
    for name in ("one", "two"):
        project.git("remote", "add", name, "https://example.com/repository")
    project.monitor(NIGHT)
    text = " ".join(re.sub(r"<[^>]+>", " ", project.read("reports/runbook.html")).split())
    assert re.search(r"may act cannot be told: \S+ nobody knows which of git", text)


def test_what_it_says_to_type_is_there() -> None:
    pages = {page for *_, page in runbook.STATES if page}
    assert all((ROOT / "docs" / "how-to" / f"{page}.md").is_file() for page in pages)
    known = build_parser().format_help()
    for words in (words for _, words, _ in runbook.STATES):
        for name in re.findall(r"assay ([a-z-]+)", words):
            assert name in known, name
