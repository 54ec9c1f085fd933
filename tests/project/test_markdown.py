"""Text of data in Markdown that others read: it links to nothing and calls nobody."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.model.manifest import Manifest
from assay.project.text import escape_all, escape_code, escape_line
from assay.training.train.model_card import render_card

ACTIVE = re.compile(r"(?i)@\w|://|www\.\w|mailto:|(?<!\\)\]\(|<|#\d|\bgh-\d|`")


@pytest.mark.parametrize(
    "text",
    [
        "ask @octocat/team",
        "[here](https://evil.example)",
        "![x](//evil.example/x.png)",
        "https://evil.example and WWW.evil.example",
        "<a href=x>",
        "fixes #12 and GH-12",
        "mailto:a@b.c",
        "a|b `c`",
    ],
)
def test_what_github_would_act_on_is_only_text(text: str) -> None:
    for safe in (escape_line, escape_all):
        found = safe(text)
        assert not ACTIVE.search(found.replace("\\`", "")), found
        shown = found.replace("\u200b", "").replace("\\", "")
        assert shown.replace("&lt;", "<").replace("&gt;", ">").replace("'", "`") == text


@given(st.text(max_size=60))
def test_it_is_one_line_whatever_it_is(text: str) -> None:
    for safe in (escape_line, escape_all, escape_code):
        assert len(safe(text).splitlines()) <= 1


def test_ordinary_words_stay_as_they_are() -> None:
    assert escape_line("dep_delay: 0.5 * 2 (v0.1.0)") == "dep_delay: 0.5 * 2 (v0.1.0)"


def test_a_card_calls_nobody() -> None:
    manifest = Manifest(
        name="@team", task="binary", classes=(), candidate="prior", estimator="a.B", args={},
        encoding="onehot", calibration="none", threshold=0.5, seed=1,
        features=("https://evil.example", "a`b"), numeric=(), categorical=(), label="y`z",
        keys=("id",), time="at", slices=(), window="2013", rows=2, positives=1, data_digest="",
        contract_digest="", out_of_fold={}, types=(), versions={},
        compiled={"used": False, "reason": "[made](by hand)"},
    )  # fmt: skip
    text = render_card(manifest)
    assert "[made]\\(by hand)" in text
    assert "@team" not in text and "https://evil" not in text and "`y'z`" in text
