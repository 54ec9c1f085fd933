"""The front page in a real browser, as wide as a phone and as a desk."""

from __future__ import annotations

import re
import struct
import subprocess
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from assay.monitor.front.gather import Front
from assay.monitor.front.page import render
from tests.browser import CHROMIUM, MISSING

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"),
    *("--disable-dev-shm-usage", "--disable-extensions", "--disable-background-networking"),
)
MEASURE = """<script>addEventListener("load",()=>{const d=document.documentElement;
const small=[...document.querySelectorAll(".days .t")].map(t=>t.getBoundingClientRect().width);
parent.postMessage([innerWidth,d.scrollWidth,Math.min(...small),
getComputedStyle(document.querySelector(".front h1")).fontSize].join(" "),"*")})</script></body>"""
# A window cannot be as narrow as a phone, a frame can.
FRAME = """<!DOCTYPE html><body><script>addEventListener("message",
e=>document.body.setAttribute("data-seen",e.data))</script>
<iframe src="index.html" width="{width}" height="1600" style="border:0"></iframe></body>"""


def browse(page: Path, width: int, *flags: str) -> str:
    assert CHROMIUM is not None
    for turn in range(3):
        command = [
            *(CHROMIUM, *FLAGS, f"--window-size={width},1600"),
            f"--user-data-dir={page.parent / f'profile-{turn}'}",
            *(*flags, page.as_uri()),
        ]
        # It hangs at its start now and then, whatever the page, on a machine with few cores.
        with suppress(subprocess.TimeoutExpired):
            return subprocess.run(
                command, capture_output=True, text=True, timeout=40, check=True
            ).stdout
    pytest.skip("chromium hung three times before it drew anything")


def pixels(picture: Path) -> tuple[int, int, bytes]:
    """Width, height and the filtered bytes of a PNG."""
    data = picture.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed, size = 8, b"", (0, 0)
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            size = struct.unpack(">II", body[:8])
        packed += body if kind == b"IDAT" else b""
        at += length + 12
    return *size, zlib.decompress(packed)


@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_and_shows_something(
    width: int, scene: Callable[..., Front], tmp_path: Path
) -> None:
    page = tmp_path / "index.html"
    html = render(scene(90))
    page.write_text(html, encoding="utf-8")
    browse(page, width, f"--screenshot={tmp_path / 'page.png'}")
    wide, high, raw = pixels(tmp_path / "page.png")
    assert (wide, high) == (width, 1600)
    # A blank page has a colour or two; this one has tiles, words and pictures.
    assert len(set(raw)) > 60

    page.write_text(html.replace("</body>", MEASURE), encoding="utf-8")
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(width=width), encoding="utf-8")
    dumped = browse(frame, 1400, "--virtual-time-budget=5000", "--dump-dom")
    seen = re.search(r'data-seen="([^"]+)"', dumped)
    assert seen is not None
    inner, scroll, tile, title = seen[1].split()
    assert int(inner) == width
    assert int(scroll) <= width, "it has to be scrolled sideways"
    assert float(tile) >= 40, "too small for a finger"
    assert title == "22px"
