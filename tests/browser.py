"""The browser that pages are opened in, if this machine has one, and what they are asked there."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
MISSING = "chromium is not installed"

WIDTHS = (360, 1280)
"""A phone, and a small desk: where all is looked at."""

MORE_WIDTHS = (480, 640, 768, 1024, 1440, 1920)
"""Where it is only looked at whether all fits."""

THEIRS = ".theirs"
"""Evidently's own report: out of our hands, but for how wide it makes the page."""

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions"]

FITS = """() => {
  const page = document.scrollingElement, found = [];
  if (page.scrollWidth > innerWidth)
    found.push(`the page is ${page.scrollWidth} wide in a window of ${innerWidth}`);
  for (const text of document.querySelectorAll(".assay svg text")) {
    const inner = text.getBoundingClientRect();
    const outer = text.ownerSVGElement.getBoundingClientRect();
    const over = Math.max(outer.left - inner.left, inner.right - outer.right,
                          outer.top - inner.top, inner.bottom - outer.bottom);
    if (over > 1) found.push(`'${text.textContent}' is cut by ${over.toFixed(1)} pixels`);
  }
  for (const box of document.querySelectorAll(".assay .wide"))
    if (innerWidth >= 1280 && box.scrollWidth > box.clientWidth)
      found.push(`'${box.getAttribute("aria-label")}' needs scrolling: ${box.scrollWidth} wide`);
  return found;
}"""

STOPS = """() => [...document.querySelectorAll(
  ".assay a[href], .assay summary, .assay input, .assay [tabindex='0']")]
  .filter(each => each.checkVisibility()).length"""

FOCUSED = """() => {
  const each = document.activeElement, style = getComputedStyle(each);
  if (!each.closest(".assay")) return null;
  return {what: each.outerHTML.slice(0, 80), seen: style.outlineStyle !== "none"
    || style.boxShadow !== "none", id: [...document.querySelectorAll("*")].indexOf(each),
    chosen: each.matches("input") ? getSelection().toString() : ""};
}"""


class Browser:
    """A browser that opens a file at a time."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.said: list[str] = []
        self.errors: list[str] = []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, path: Path) -> None:
        self.said.clear()
        self.errors.clear()
        self.page.set_viewport_size({"width": WIDTHS[-1], "height": 900})
        self.page.goto(path.as_uri())

    def problems(self, width: int) -> list[str]:
        """What is wrong at one width; none is a yes."""
        self.page.set_viewport_size({"width": width, "height": 900})
        options = {
            "resultTypes": ["violations"],
            "rules": {"target-size": {"enabled": True}},
            # It would ask for style sheets by itself, which the page's policy forbids.
            "preload": False,
        }
        theirs = [THEIRS] if self.page.query_selector(THEIRS) else []
        results = Axe().run(self.page, {"exclude": theirs} if theirs else None, options)
        found = [
            f"{rule['id']}: {node['html'][:120]}: {node['failureSummary']}"
            for rule in results.response["violations"]
            for node in rule["nodes"]
        ]
        return found + self.page.evaluate(FITS)

    def unfit(self, widths: Iterable[int]) -> dict[int, list[str]]:
        """What is wider than the window or cut, by width; empty if all fits."""
        found = {}
        for width in widths:
            self.page.set_viewport_size({"width": width, "height": 900})
            if wrong := self.page.evaluate(FITS):
                found[width] = wrong
        return found

    def tab(self) -> list[dict[str, Any]]:
        """What has the focus, one press of the tabulator after the other, as far as it is ours."""
        self.page.set_viewport_size({"width": WIDTHS[-1], "height": 900})
        self.page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        found = []
        for _ in range(self.page.evaluate(STOPS)):
            self.page.keyboard.press("Tab")
            focused = self.page.evaluate(FOCUSED)
            if focused is not None:
                found.append(focused)
        return found


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium, ended with the block."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield Browser(started.new_page())
        finally:
            started.close()
