"""After ``assay labels`` the page of a night says how well it was scored."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from typing import Any

import pandas as pd
import pytest

from assay.cli.document import to_json
from assay.monitor import monitor_nights
from assay.project import layout
from tests.performance.test_labels import NIGHT, at, truths
from tests.performance.test_labels import take as take_labels

UNKNOWN = "not known yet"


def take(project: Any, rows: pd.DataFrame, now: datetime) -> None:
    taken = take_labels(project, rows, now)
    measured = [each.record.partition for each in taken.measured]
    monitor_nights.try_write_again(project.root, project.params, measured)


def page(project: Any) -> str:
    text: str = (project.root / f"reports/nights/{NIGHT}.html").read_text(encoding="utf-8")
    return text


def test_labels_renew_the_page_and_keep_what_was_decided(
    project: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    project.score(NIGHT, "run-1")
    rows = truths(project)
    before = monitor_nights.run(project.root, project.params, NIGHT, NIGHT)
    assert UNKNOWN in page(project) and 'id="label"' not in page(project)
    take(project, rows, at(2))
    assert UNKNOWN not in page(project) and 'id="label"' in page(project)
    front = project.root / layout.FRONT
    assert front.exists(), "it shows how well the night was scored"
    front.unlink()
    written = (project.root / f"reports/nights/{NIGHT}.json").read_text(encoding="utf-8")
    document, former = json.loads(written), json.loads(to_json(before.summaries[0]))
    changed = {name for name in document if document[name] != former[name]}
    assert changed == {"label", "performance"}
    # Where drawing fails, the labels are taken all the same.
    monkeypatch.setattr(monitor_nights.NightWriter, "_write_page", None)
    with caplog.at_level(logging.WARNING):
        take(project, rows.assign(late=~rows["late"]), at(2).replace(hour=18))
    assert "the pages of the nights are not up to date" in caplog.text
    assert f"assay monitor --from {NIGHT} --to {NIGHT}" in caplog.text
    assert front.exists()


def test_a_night_that_was_not_monitored_gets_no_page(project: Any) -> None:
    project.score(NIGHT, "run-1")
    take(project, truths(project), at(2))
    assert not (project.root / "reports/nights").exists()
