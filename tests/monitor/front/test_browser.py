"""The front page in a real browser: as wide as a phone its tiles are large enough for a finger."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from assay.monitor.front.content import Front
from assay.monitor.front.page import render
from tests.browser import CHROMIUM, MISSING, browser

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
