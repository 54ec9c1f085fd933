"""`make pictures`: docs/images/, from the pages that `make demo` and `make season` left.

A page is opened in the Chromium that the tests use, as wide as a small desk.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from scripts.clone import CLONE, ROOT, shown
from tests.browser import Browser, browser

IMAGES = ROOT / "docs" / "images"
WIDTH = 1280


@dataclass(frozen=True)
class Picture:
    """A part of a page: from the top of one element to the top of another, or at most so high.

    ``needs`` is what the page must hold to be the one that the documentation tells of.
    """

    name: str
    page: str
    first: str
    after: str
    high: int
    needs: str
    made_by: str


PICTURES = (
    Picture(
        "night.png",
        "reports/nights/2013-07-01.html",
        *("main", "#evidently", 1250, "on 2013-07-01", "make demo"),
    ),
    Picture(
        "front.png",
        "reports/index.html",
        *("#nights", "#table", 1400, "The last 184 nights", "make season"),
    ),
)


def main() -> int:
    """Take those whose pages are there; 0 if all are."""
    missing = []
    with browser() as found:
        for each in PICTURES:
            path = CLONE / each.page
            if path.is_file() and each.needs in path.read_text(encoding="utf-8"):
                found.open(path)
                take(found, each)
                print(f"pictures: {shown(IMAGES / each.name)} is {shown(path)}")
            else:
                missing.append(each)
    for each in missing:
        print(f"pictures: {each.name} is left as it was; run {each.made_by} first", file=sys.stderr)
    return 1 if missing else 0


def take(found: Browser, picture: Picture) -> None:
    """Write one of them."""
    top, bottom = (
        found.page.evaluate(
            "name => document.querySelector(name).getBoundingClientRect().top", name
        )
        for name in (picture.first, picture.after)
    )
    top = max(0, top - 12)
    clip = {"x": 0, "y": top, "width": WIDTH, "height": min(bottom - top, picture.high)}
    found.page.screenshot(path=str(IMAGES / picture.name), full_page=True, clip=clip)


if __name__ == "__main__":
    sys.exit(main())
