"""The page says our answer first, escapes what it shows and asks nothing of a network."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.columns.features import FrameFeatures
from assay.columns.grid import SCORE_GRID
from assay.columns.profile_counter import compute_profile
from assay.columns.reference import Reference, build_reference
from assay.model.prediction import PROBABILITY as SCORE
from assay.monitor.drift.drift import decide
from assay.monitor.evidently import page as pages
from assay.monitor.evidently.page import Sample, sample_of
from assay.monitor.nights import page as night_page
from assay.monitor.nights.night import EVIDENTLY, MonitoringStatus, night_path
from assay.monitor.nights.page import EvidentlyPart, PageContent, night_content
from assay.monitor.nights.summary import NightSummary
from assay.pages.templating import compose_page
from assay.project.params import Monitor
from tests.browser import CHROMIUM, MISSING, browser
from tests.monitor.decided import decided, published

NASTY = "</script><body><script>alert(1)</script>"


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
        # A whole digest stands in a field, to be copied.
        self.text += "".join(value or "" for name, value in attrs if name == "value")

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


@dataclass
class Judged:
    summary: NightSummary
    reference: Reference
    told: PageContent
    sample: Sample

    def page(self, sample: Sample | None = None) -> str:
        """Evidently's report."""
        given = sample or self.sample
        ours = night_page.introduce(self.summary, given.rows, given.left_out)
        return pages.render_page("late-flights", ours, self.summary.partition, given)

    def own(self, part: EvidentlyPart = EvidentlyPart.THERE, **changes: Any) -> str:
        """The night's own page."""
        told = replace(self.told, **changes)
        ours = night_page.render(self.summary, self.reference, told, part)
        return compose_page("late-flights", ours, links=pages.FRONT)


@pytest.fixture(scope="module")
def judged() -> Judged:
    before, tonight = table(1200, 0), table(300, 1)
    nights = pd.Series(np.arange(1200) % 12).astype(str)
    reference = build_reference(before, nights, ["x"], ["c"], {SCORE: SCORE_GRID})
    tonight[SCORE] **= 4
    counted = compute_profile(FrameFeatures(tonight), reference.grid)
    sample = sample_of(tonight, before, [SCORE], ["x", "gone", SCORE], ["c"])
    decision = decide(reference, counted, Monitor(), 300)
    summary = NightSummary(
        published(),
        replace(decided("2013-07-01"), drift=decision),
        MonitoringStatus("drift"),
        Monitor(),
        broken_rules={"x: finite": 3},
    )
    return Judged(summary, reference, night_content(summary, reference, "binary", counted), sample)


def test_the_page(judged: Judged, capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        html = judged.page()
    assert capfd.readouterr() == ("", "")
    assert len(html.encode()) < 5_000_000
    page = Page(html)
    known = ("data:", "#", "../index.html", "2013-07-01.html")
    assert [a for a in page.addresses if not a.startswith(known)] == []
    assert "default-src 'none'" in html and "connect-src" not in html
    for fact in (
        "late-flights, 2013-07-01",
        "a sample of 300 rows",
        "Nothing is decided here",
        "Left out, for lack of values in the sample: gone.",
    ):
        assert fact in page.text, fact
    assert "Limits crossed" not in html, "later nights may change it"


def test_a_night_s_own_page_is_light_and_whole(judged: Judged) -> None:
    html = judged.own()
    assert len(html.encode()) < 100_000
    page = Page(html)
    known = ("#", "../index.html", "2013-07-01.evidently.html")
    assert [a for a in page.addresses if not a.startswith(known)] == []
    for fact in (
        "Limits crossed on 2013-07-01",
        "probability: distance",
        "run-1",
        "v0.1.0",
        judged.summary.record.bundle,
        "303",
        "What each column holds",
        "3 rows in quarantine",
        "x: finite",
    ):
        assert fact in page.text, fact
    assert html.count("shares in the reference, and now") == 3, "gone has no value to draw"
    assert NASTY not in html and "script" not in page.tags


def test_a_night_s_own_page_says_how_to_have_evidently_s(judged: Judged) -> None:
    asked = judged.own(EvidentlyPart.NOT_ASKED)
    assert "assay monitor --date 2013-07-01 --evidently" in asked
    assert "pip install" in judged.own(EvidentlyPart.NOT_INSTALLED)


def test_many_columns_keep_a_night_s_own_page_light(judged: Judged) -> None:
    (x,) = [each for each in judged.told.columns if each.name == "x"]
    many = tuple(
        replace(x, finding=replace(x.finding, column=f"column_{number:03}"))
        for number in range(300)
    )
    html = judged.own(columns=(*judged.told.columns, *many))
    assert len(html.encode()) < 700_000
    known = len(judged.told.columns) + 300
    assert f"Of {known} columns the 60 that stand first above" in " ".join(html.split())


def test_what_data_is_called_is_never_run(judged: Judged) -> None:
    html = judged.page()
    assert "alert(1)" in html, "the category is on the page"
    assert NASTY not in html
    # The data, Evidently's library in two scripts, and the call that draws.
    found = [tag for tag in Page(html).tags if tag in {"script", "body"}]
    assert found == ["script", "body", "script", "script", "script"]


def test_what_ends_evidently_ends_no_command(
    judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "run_presets", lambda *_: 1 / 0)
    html = judged.page()
    assert "is left out, because it ended with ZeroDivisionError: division by zero" in html


def test_a_night_without_a_sample_still_has_a_page(judged: Judged) -> None:
    none = sample_of(
        judged.sample.night.iloc[:0], judged.sample.reference, [SCORE], ["x", SCORE], ["c"]
    )
    assert none.rows == 0
    html = judged.page(none)
    assert "drawDashboard" not in html
    assert "There are too few rows to compare" in html


def test_of_many_columns_the_scores_and_the_first_are_sampled() -> None:
    names = [f"column_{number:03}" for number in range(60)]
    night, before = (
        pd.DataFrame({name: np.arange(9.0) for name in [*names, SCORE]}) for _ in range(2)
    )
    given = (night, before, [SCORE], [*names, SCORE], [], "", ())
    few = sample_of(*given, order=[*reversed(names), SCORE], most=30)
    assert few.numeric == (*names[-29:], SCORE) == tuple(few.night) == tuple(few.reference)
    assert few.left_out == "Only 30 of 61 columns, to keep the page small."
    assert len(sample_of(*given, most=61).numeric) == 61


def test_evidently_gets_no_infinity_and_no_empty_column() -> None:
    night, before = table(20, 0), table(30, 1)
    night.loc[3, "x"] = np.inf
    sample = sample_of(night, before, [SCORE], ["x", "gone", "unheard", SCORE], ["c"])
    assert sample.numeric == ("x", SCORE)
    assert not np.isinf(sample.night[list(sample.numeric)].to_numpy()).any()
    assert "gone, unheard" in sample.left_out


def test_a_sample_leaves_sensitive_columns_out(judged: Judged) -> None:
    night = table(300, 1)
    sample = sample_of(night, table(300, 0), [SCORE], ["x", SCORE], ["c"], "", ("c", "id"))
    assert (sample.numeric, sample.categorical) == (("x", SCORE), ())
    assert "c" not in sample.night and "c" not in sample.reference
    assert sample.left_out == "Left out, as sensitive: c."


@pytest.mark.skipif(CHROMIUM is None, reason=MISSING)
def test_it_draws_and_asks_for_nothing(project: Any) -> None:
    project.score("2013-02-01", "run-1")
    project.monitor("2013-02-01", evidently=True)
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
