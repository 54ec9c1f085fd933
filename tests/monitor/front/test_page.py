"""The front page as HTML."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from assay.monitor.front import charts
from assay.monitor.front.charts import months
from assay.monitor.front.command import Front, column_lines, render
from assay.monitor.incidents.collect import AllNights
from assay.monitor.nights.night import Night, ShownMetric
from assay.monitor.status import ChampionStatus, MissingPart
from assay.pages.templating import POLICY
from tests.browser import CHROMIUM, MISSING, browser
from tests.monitor.decided import decided, finding


def test_each_night_is_a_click_away_and_nothing_is_far(scene: Callable[..., Front]) -> None:
    front = scene(90)
    html = render(front)
    links, ids = re.findall(r'href="([^"]*)"', html), re.findall(r'\bid="([^"]*)"', html)
    # Its own page where it has one, else its line: nothing leads anywhere else.
    for link in links:
        assert re.fullmatch(r"nights/[\d-]+\.html|#[\w-]+|runbook\.html", link)
        assert not link.startswith("#") or link[1:] in ids
    for night in front.nights:
        wanted = f"nights/{night.partition}.html" if night.page else f"#night-{night.partition}"
        assert wanted in links
    assert POLICY in html and 'name="viewport"' in html
    assert not re.search(r"<script|https?://|<img|url\(", html)
    assert html == render(front)


def test_words_of_data_stay_words(scene: Callable[..., Front]) -> None:
    front = scene(90, name="<script>alert(1)</script>")
    bad = Night("<i>2013</i>", "failed", note="<b>disk</b> & 'more'")
    html = render(replace(front, nights=(*front.nights, bad)))
    assert "<script" not in html and "<i>2013" not in html and "<b>disk" not in html
    assert "&lt;b&gt;&amp;wind" in html


def test_before_the_first_night(scene: Callable[..., Front]) -> None:
    nothing = replace(
        scene(0),
        champion=MissingPart(none="no registry yet"),
        metric=None,
        every=AllNights(()),
    )
    html = render(nothing)
    assert "No night has been scored yet" in html
    assert "no registry yet" in html
    assert "Every night" not in html


def test_one_night_is_enough(scene: Callable[..., Front]) -> None:
    html = render(scene(1))
    assert "The last 1 nights" not in html and "The last night" in html


def test_a_verdict_that_a_person_overruled_shows(scene: Callable[..., Front]) -> None:
    front = scene(3)
    assert isinstance(front.champion, ChampionStatus)
    overruled = front.champion.model_copy(update={"override": "the boss said so"})
    assert "OVERRIDDEN by a person: the boss said so" in render(replace(front, champion=overruled))


def test_the_reason_of_a_rollback_is_not_told_as_that_of_a_promotion(
    scene: Callable[..., Front],
) -> None:
    front = scene(3)
    assert '<p class="quiet">because it ranks</p>' in render(front)
    assert isinstance(front.champion, ChampionStatus)
    update = {"because": "scores too high", "rolled_back": True}
    html = render(replace(front, champion=front.champion.model_copy(update=update)))
    assert '<p class="quiet">rolled back to, because scores too high</p>' in html


def test_days_stand_below_their_day_of_the_week() -> None:
    nights = [Night(day, "missing") for day in ("2013-08-30", "2013-08-31", "2013-09-01")]
    august, september = months(nights)
    assert (august.title, august.blanks, len(august.tiles)) == ("August 2013", 4, 2)
    assert (september.title, september.blanks, len(september.tiles)) == ("September 2013", 6, 1)


def test_a_day_that_no_night_was_due_on_is_left_blank() -> None:
    nights = [Night(day, "missing") for day in ("2013-07-01", "2013-07-08")]
    (july,) = months(nights)
    assert [tile.text if tile else None for tile in july.tiles] == ["1", *[None] * 6, "8"]


def test_nights_that_are_no_days_are_tiles_with_names() -> None:
    (only,) = months([Night("a/b%", "published", page=True), Night("c d", "held", note="why")])
    assert not only.days
    first, second = only.tiles
    assert first is not None and second is not None
    # The page's file is named a%2Fb%25.html, which a link has to quote once more.
    assert first.link == "nights/a%252Fb%2525.html"
    assert second.link == "#night-c_20d"
    assert second.title == "c d: held; why"


def test_columns_come_by_how_often_they_were_over(drift: Callable[..., object]) -> None:
    def night(day: int, **times: float | None) -> Night:
        found = drift(f"2013-07-0{day}", "r", False, **times)
        return Night(f"2013-07-0{day}", "published", run_id="r", judged=found)  # type: ignore[arg-type]

    lines, quiet = column_lines([night(1, a=2.0, b=1.5, c=0.1), night(2, a=0.1, b=None, c=0.2)])
    assert [(line.name, line.nights) for line in lines] == [("b", 2), ("a", 1)]
    assert quiet == 1
    assert charts.UNKNOWN in str(lines[0].picture)
    assert charts.UNKNOWN not in str(lines[1].picture)


def test_a_night_over_any_limit_is_drawn_over_its_limit() -> None:
    # Such as that of the Wasserstein distance, or of empty values.
    found = decided(
        "2013-07-01", findings=[replace(finding("a", 0.6), crossed=True), finding("b", 2.5)]
    )
    nights = [Night("2013-07-01", "published", run_id="r", judged=found)]
    pictures = {line.name: str(line.picture) for line in column_lines(nights)[0]}
    assert charts.shade(1.0) in pictures["a"] and charts.shade(2.5) in pictures["b"]


def test_no_line_is_drawn_over_nights_that_nobody_measured() -> None:
    def night(day: int, value: float | None) -> Night:
        one = None if value is None else ShownMetric(value, None, None, 0)
        return Night(f"2013-07-0{day}", "published", estimated=one)

    nights = [night(1, 0.7), night(2, None), night(3, 0.6), night(4, 0.6)]
    svg = str(charts.performance(nights, "auc"))
    assert svg.count("stroke-width='1.8'") == 2
    assert charts.performance([night(1, None)], "auc") is None


def test_a_year_of_fifty_columns_is_light(scene: Callable[..., Front]) -> None:
    front = scene(365, 50)
    assert len(front.nights) == 365
    assert len(render(front)) < 2_000_000


TILES = "[...document.querySelectorAll('.days .t')].map(each => each.getBoundingClientRect())"
TITLE = "getComputedStyle(document.querySelector('.front h1')).fontSize"


@pytest.mark.skipif(CHROMIUM is None, reason=MISSING)
@pytest.mark.parametrize("width", [390, 1280])
def test_it_shows_tiles_for_a_finger(
    width: int, scene: Callable[..., Front], tmp_path: Path
) -> None:
    page = tmp_path / "index.html"
    page.write_text(render(scene(90)), encoding="utf-8")
    with browser() as found:
        found.open(page)
        found.page.set_viewport_size({"width": width, "height": 1600})
        tiles = found.page.evaluate(TILES)
        assert len(tiles) == 90
        assert min(tile["width"] for tile in tiles) >= 40
        assert all(tile["left"] >= 0 and tile["right"] <= width for tile in tiles)
        assert found.page.evaluate(TITLE) == "22px"
        # A blank page takes a hundredth of that.
        assert len(found.page.screenshot()) > 30_000
