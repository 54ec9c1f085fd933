"""The page says our answer first, escapes what it shows and asks nothing of a network."""

from __future__ import annotations

import re
import warnings
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from pipeline.features import FrameFeatures
from pipeline.monitor import charts, report, section
from pipeline.monitor.drift import decide
from pipeline.monitor.summary import NightSummary, path
from pipeline.outcome import PROBABILITY as SCORE
from pipeline.params import Monitor
from pipeline.profile import SCORE_GRID, CategoryGrid, ColumnProfile, Profile, profile_of
from pipeline.reference import Reference, reference_of

NASTY = "<script>alert(1)</script>"


class Page(HTMLParser):
    """Every address that the document itself would open, and its text outside scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.text = ""
        self.skipping = False
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.skipping = tag in {"script", "style"}
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href"}]

    def handle_endtag(self, tag: str) -> None:
        self.skipping = False

    def handle_data(self, data: str) -> None:
        if not self.skipping:
            self.text += data


def table(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "x": rng.normal(size=rows),
            "gone": np.full(rows, np.nan),
            "c": pd.Series(rng.choice(["a", NASTY], rows)).where(rng.random(rows) > 0.1, None),
            SCORE: rng.random(rows),
        }
    )


@pytest.fixture(scope="module")
def judged() -> tuple[NightSummary, Reference, Profile, report.Sample]:
    before, tonight = table(1200, 0), table(300, 1)
    nights = pd.Series(np.arange(1200) % 12).astype(str)
    reference = reference_of(before, nights, ["x"], ["c"], {SCORE: SCORE_GRID})
    tonight[SCORE] **= 4
    counted = profile_of(FrameFeatures(tonight), reference.grid)
    sample = report.sample_of(tonight, before, [SCORE], ["x", "gone", SCORE], ["c"])
    summary = NightSummary(
        name="late-flights",
        partition="2013-07-01",
        run_id="run-1",
        version="v0.1.0",
        bundle="sha256:" + "ab" * 32,
        contract="sha256:" + "cd" * 32,
        scored_at="2013-07-02 01:00:00 UTC",
        rows_read=303,
        rows_scored=300,
        rows_quarantined=3,
        sample_rows=sample.rows,
        page=path("2013-07-01", ".html"),
        limits=Monitor(),
        decision=decide(reference, counted, Monitor(), 300),
    )
    return summary, reference, counted, sample


def test_the_page(
    judged: tuple[NightSummary, Reference, Profile, report.Sample],
    capfd: pytest.CaptureFixture[str],
) -> None:
    summary, reference, counted, sample = judged
    ours = section.render(summary, reference, counted, sample.left_out)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        html = report.page("late-flights", ours, sample)
    assert capfd.readouterr() == ("", "")
    assert len(html.encode()) < 5_000_000
    page = Page(html)
    assert [a for a in page.addresses if not a.startswith("data:")] == []
    assert "default-src 'none'" in html and "connect-src" not in html
    for fact in (
        "Limits crossed on 2013-07-01",
        "probability: distance",
        "run-1",
        "v0.1.0",
        summary.bundle,
        "303",
        "Evidently on a sample of 300 rows",
        "Left out, for lack of values in the sample: gone.",
    ):
        assert fact in page.text, fact
    assert html.index("Limits crossed") < html.index("drawDashboard")
    assert NASTY not in ours and "&lt;script&gt;alert" in ours


def test_a_night_without_a_sample_still_has_a_page(
    judged: tuple[NightSummary, Reference, Profile, report.Sample],
) -> None:
    summary, reference, counted, full = judged
    sample = report.sample_of(full.night.iloc[:0], full.reference, [SCORE], ["x", SCORE], ["c"])
    assert sample.rows == 0
    page = Page(report.page("t", section.render(summary, reference, counted, ""), sample))
    assert "Limits crossed" in page.text
    assert "script" not in page.tags


def test_evidently_gets_no_infinity_and_no_empty_column() -> None:
    night, before = table(20, 0), table(30, 1)
    night.loc[3, "x"] = np.inf
    sample = report.sample_of(night, before, [SCORE], ["x", "gone", "unheard", SCORE], ["c"])
    assert sample.numeric == ("x", SCORE)
    assert not np.isinf(sample.night[list(sample.numeric)].to_numpy()).any()
    assert "unheard, gone" in sample.left_out


def test_long_floats_are_cut_in_data_only() -> None:
    text = '[0.12345678901, "0.12345678901"]<script>var global = [0.12345678901]'
    assert report._rounded(text) == text.replace("[0.12345678901,", "[0.123457,")


def test_bars_add_up_to_everything() -> None:
    grid = CategoryGrid(tuple(f"v{i:02}" for i in range(40)))
    counts = tuple(range(41))
    column = ColumnProfile(sum(counts), 0, counts, 0.0, 0.0, None, None)
    names, before, _ = charts._bars(grid, counts, counts)
    assert len(names) == charts.SHOWN_CATEGORIES + 2
    assert sum(before) == sum(counts)
    assert names[-2:] == ["others", "new"]
    assert re.search(r"new: reference 4\.9%, night 4\.9%", charts.histogram(grid, column, column))
