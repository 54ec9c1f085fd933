"""The site of the pages: no link leads nowhere, nothing comes from elsewhere, search answers."""

from __future__ import annotations

import threading
import tomllib
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from scripts import site
from tests.browser import CHROMIUM, MISSING, Browser, browser
from tests.projects import ROOT

ASKED = {
    "night is held": "night-is-held",
    "night failed": "night-failed",
    "incident is open": "incident-is-open",
    "pull request is red": "pull-request-is-red",
    "verdict inconclusive": "inconclusive",
    "labels are late": "labels-are-late",
    "estimate not trusted": "estimate-is-not-trusted",
    "earlier version": "go-back",
    "explain one score": "explain-a-score",
    "forget a person": "forget-a-person",
    "scores to another team": "give-scores-to-others",
    "add a metric": "first-change",
    "add a rule": "own-code",
    "add an estimator": "own-code",
    "score on a cluster": "cluster",
    "upgrade": "start",
    "leave": "leave-assay",
}
"""What somebody types into the search, and the page that answers."""


PATIENCE = 60
"""Half seconds."""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the site is served."""
    assert site.main() == 0, "a link leads nowhere"
    handler = partial(Quiet, directory=str(ROOT / "build" / "site"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def reader() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip(MISSING)
    with browser() as opened:
        yield opened


def test_the_search_finds_the_page_first(address: str, reader: Browser) -> None:
    reader.page.goto(f"{address}/index.html")
    field = reader.page.locator("input[type=search], input[placeholder=Search]").last
    for words, page in ASKED.items():
        found: list[str] = []
        for _ in range(PATIENCE):
            # What is pressed or typed before the page is ready is lost.
            if not field.is_visible():
                reader.page.keyboard.press("Control+k")
                reader.page.wait_for_timeout(500)
                continue
            field.fill("")
            field.fill(words)
            reader.page.wait_for_timeout(500)
            hits = reader.page.locator("a:has(mark)")
            found = [str(hits.first.get_attribute("href"))] if hits.count() else []
            if any(f"/{page}.html" in each for each in found):
                break
        else:
            pytest.fail(f"{words}: {found}")


def test_a_page_asks_nobody_else_and_fits_every_window(address: str, reader: Browser) -> None:
    asked: list[str] = []
    reader.page.on("request", lambda request: asked.append(request.url))
    pages = [page.relative_to(ROOT).with_suffix("") for page in (ROOT / "docs").rglob("*.md")]
    for name in ("index", *(page.as_posix().replace("README", "index") for page in pages)):
        reader.page.goto(f"{address}/{name}.html")
        for width in (360, 768, 1280, 1920):
            reader.page.set_viewport_size({"width": width, "height": 900})
            wide = reader.page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
            assert wide <= 0, (name, width)
    assert all(url.startswith(address) for url in asked), asked


def test_each_page_is_in_the_table_of_contents() -> None:
    config = (ROOT / "zensical.toml").read_text("utf-8")
    listed = str(tomllib.loads(config)["project"]["nav"])
    pages = [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "how-to").glob("*.md")]
    names = [page.relative_to(ROOT).as_posix() for page in pages]
    assert [name for name in names if f"'{name}'" not in listed] == ["docs/README.md"]
