"""What ``assay score`` prints, on terminals of any width."""

from __future__ import annotations

import re

import pytest

from assay.score.run import NightOutcome, ScoredRun
from assay.score.stage import ScoringOutcomes
from tests.shown import show

RUN = "20130702T021503Z-1f9c5a20"


@pytest.mark.parametrize("width", [80, 120, 200])
def test_a_runs_name_is_never_cut(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    report = ScoredRun(
        run_id=RUN, event="published", partition="2013-07-01", version="v0.1.0",
        scorer="compiled", rows_read=10_100_000, rows_scored=10_099_990, rows_quarantined=10,
        seconds=31.5, broken={"x: finite": 10}, mean=0.25,
    )  # fmt: skip
    twice = [NightOutcome("2013-07-01", "published", report)] * 2
    show("score", ScoringOutcomes("store", twice))
    told = capsys.readouterr().out
    assert len(re.findall(rf"(?<!\S){RUN}(?!\S)", told)) == 2 and told.count("v0.1.0") == 2
    assert "look at them: assay quarantine show --date 2013-07-01" in told
    assert "…" not in told and "10,100,000" in told
