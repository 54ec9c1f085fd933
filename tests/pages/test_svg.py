"""Words of a picture lie inside it and beside each other, in the browser as by our own measure."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from assay.pages import charts
from assay.pages.svg import FONT_SIZE, Anchor, Picture, Scale, label_margin, text_width, tick_labels
from assay.pages.templating import compose_page
from tests.browser import CHROMIUM, MISSING, WIDTHS, browser

WORDS = ("1,000,000", "-0.00015", "1e+06", "WWWMMM", "il.,-|", "2013-12-31", "départ à 7 h")
ANCHORS: tuple[Anchor, ...] = ("start", "middle", "end")


def places(picture: object) -> list[tuple[float, str, str]]:
    """Place, anchor and words of each text."""
    found = re.findall(r"<text x='([^']+)' y='[^']+' text-anchor='(\w+)'>([^<]*)", str(picture))
    return [(float(x), anchor, words) for x, anchor, words in found]


@pytest.mark.parametrize("anchor", ANCHORS)
@pytest.mark.parametrize("x", [0, 150, 300])
def test_words_at_an_edge_move_inside(x: float, anchor: Anchor) -> None:
    picture = Picture(300, 20, "title", fixed=True)
    picture.text(x, 11, "1,000,000", anchor)
    ((at, kept, _),) = places(picture)
    wide = text_width("1,000,000")
    left = at - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
    assert kept == anchor
    assert left >= -0.1 and left + wide <= 300.1
    assert x != 150 or at == 150


@pytest.mark.parametrize("high", [1, 0.00012, 1e7, 3.5e5, 1e20])
def test_labels_of_an_axis_do_not_cover_each_other(high: float) -> None:
    found = places(charts.strip_axis(0.0, high))
    assert found[0][2] == "0" and len(found) >= 2
    ends = [(at - text_width(w) / 2, at + text_width(w) / 2) for at, _, w in found]
    assert all(right < left for (_, right), (left, _) in pairwise(ends))
    assert ends[-1][1] <= charts.STRIP_WIDTH + 0.1


def test_labels_at_the_left_have_room() -> None:
    up = Scale(0, 1e6, 100, 10)
    labels = tick_labels(up)
    picture = Picture(200, 110, "title")
    left = label_margin(words for _, words in labels)
    picture.labels_left(labels, left - 5)
    assert labels[-1][1] == "1,000,000"
    assert {at for at, _, _ in places(picture)} == {round(left - 5, 1)}


def test_what_is_drawn_is_told_and_escaped() -> None:
    picture = Picture(10, 10, "<b>", "a & b")
    picture.text(0, 5, "<i>")
    picture.dot(5, 5, 1, "red", "'c'")
    text = str(picture)
    assert "role='img'><title>&lt;b&gt;</title><desc>a &amp; b</desc>" in text
    assert "&lt;i&gt;" in text and "<title>&#39;c&#39;</title>" in text


@pytest.mark.skipif(CHROMIUM is None, reason=MISSING)
def test_no_word_is_cut_in_a_browser(tmp_path: Path) -> None:
    drawn = ""
    for words in WORDS:
        picture = Picture(200, FONT_SIZE * 10, words, fixed=True)
        for line, anchor in enumerate(ANCHORS):
            picture.text(0, FONT_SIZE * (3 * line + 1), words, anchor)
            picture.text(200, FONT_SIZE * (3 * line + 2), words, anchor)
        drawn += str(picture)
    page = tmp_path / "page.html"
    page.write_text(compose_page("words", f"<h1>words</h1>{drawn}"), encoding="utf-8")
    with browser() as found:
        found.open(page)
        assert {width: found.problems(width) for width in WIDTHS} == {w: [] for w in WIDTHS}
