from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluate import charts, page, plots
from pipeline.evaluate.compute import evaluate
from pipeline.evaluate.results import Estimate
from pipeline.evaluate.section import About
from pipeline.params import METRICS, Evaluate


@pytest.fixture(scope="module")
def html() -> str:
    random = np.random.default_rng(1)
    p = random.beta(2, 3, 1500)
    frame = pd.DataFrame(
        {
            "late": random.random(1500) < p,
            "origin": np.where(np.arange(1500) < 30, "<script>alert(1)</script>", "JFK"),
        }
    )
    found = evaluate(frame, "late", p, 0.4, ("origin",), Evaluate(replicates=100), 1)
    y = frame["late"].to_numpy()
    about = About("late-flights", "boosting", "sha256:0", "late", "2013-06-01 to 2013-06-30")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "SAMPLE_ROWS", 1000)
        return page.render(found, y, p, plots.calibration(y, p), about, 1)


def test_one_file_that_needs_no_network(html: str) -> None:
    assert len(html.encode()) < 5_000_000
    assert "default-src 'none'" in html[:1000]
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=[\"']https?:", html)


def test_our_section_comes_first_and_is_whole(html: str) -> None:
    start, end = html.index('<section class="assay"'), html.index("</section>")
    ours = html[start:end]
    assert html.index("<body") < start
    assert end < html.index("window.drawDashboard")
    assert all(f"<td>{name}</td>" in ours for name in METRICS)
    assert "30 rows, fewer than 200" in ours
    assert "A sample of 1,000 of the 1,500 rows" in ours
    assert ours.count("<svg") == ours.count("</svg>") > len(METRICS)


def test_values_from_the_data_are_escaped(html: str) -> None:
    assert "<script>alert(1)" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_a_strip_without_a_value_draws_none() -> None:
    empty = charts.strip(Estimate(None, None, None, "no rows"), 0, 1)
    assert "circle" not in empty and "rect" not in empty and "no value" in empty
    bare = charts.strip(Estimate(0.5, None, None, "few"), 0, 1)
    assert "circle" in bare and "rect" not in bare


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.7, 0.9), (0.65, 0.7), (0, 3.4), (0, 0.12)])
def test_ticks_are_few_and_inside(low: float, high: float) -> None:
    found = charts.ticks(low, high)
    assert 3 <= len(found) <= 8
    assert low <= found[0] < found[-1] <= high
