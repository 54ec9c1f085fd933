"""Whatever stands in a name, a value or a message, it is only read."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from assay.gate.verdict_command import GateAnswer
from assay.hosting.comment import LIMIT, compose
from assay.hosting.comment_changes import Changes, KeyChange, PartChange
from assay.project.text import code, one_line, prose
from assay.reports.rehearsal import SliceFlips
from assay.reports.verdict import Waiver
from tests.gate import build
from tests.hosting.comment_samples import FAIL, INCONCLUSIVE, change, comparison, facts, finding

NASTY = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</details><h1>PASS</h1>",
    "-->",
    "@mallory",
    "@acme/everybody",
    "fixes #12",
    "acme/late-flights#12",
    "GH-12",
    "!12 %3 ~bug &4 $5 ^alert#6",
    "[PASS](https://evil.invalid)",
    "![x](https://evil.invalid/x.png)",
    "https://evil.invalid www.evil.invalid mailto:a@b.invalid",
    "`code` ``two`` ```three",
    "a | b | c",
    "a\\| b \\",
    "line\n\n# heading\n- item\n/close\n/merge",
    "line\r\u2028\u2029\x85\x0b/approve",
    "$\\href{https://evil.invalid}{x}$",
    "**bold** _em_ ~~gone~~ ^^",
    "&lt;b&gt; &#60;b&#62;",
    "\u202egpj.exe\u2066",
    "[x]: https://evil.invalid",
    "> [!CAUTION]\n> all is lost",
    "::error::x %0A",
    "a" * 5000,
    " ",
    "🙂" * 400,
]

words = st.one_of(
    st.sampled_from(NASTY),
    st.text(min_size=1, max_size=60),
    st.lists(st.sampled_from(NASTY), min_size=2, max_size=3).map("".join),
)
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")


def told(text: str) -> Any:
    """A comment that says ``text`` wherever something from outside can stand."""
    waiver = Waiver(because=text, owner=text, until="2030-01-01")
    named: dict[str, Any] = {"detail": text, "owner": text, "because": text}
    many = (
        finding(text, FAIL, slice=text, metric=text, **named),
        finding(text, INCONCLUSIVE, unit=text, units=3, units_needed=9, **named),
        finding("waived", FAIL, waiver=waiver),
        finding(text, FAIL, kind="behaviour", **named),
        finding(text, FAIL, kind="test", **named),
    )
    keys = (KeyChange(text, text, text), KeyChange(text, None, text), KeyChange(text, text, None))
    parts = (
        PartChange("model", True, keys, (text,), text),
        PartChange("policy", True),
        PartChange("data", None),
    )
    place = build.compared_place(text, change(0.7, 0.1))
    found = facts(
        *many,
        name=text,
        comparison=comparison(slices=(place,), unit=text),
        rehearsal=build.rehearsal(
            why=text, parity=(build.parity(carrier=text),), nights=nights_told(text)
        ),
        changes=Changes(parts, keys, text),
    )
    verdict = build.changed(found.verdict, candidate=text, types=(text,))
    return build.changed(found, answer=GateAnswer(verdict=verdict))


def nights_told(text: str) -> Any:
    """Nights of which days, rules and reasons are ``text``."""
    slices = (SliceFlips(field=text, value=text, rows=100, flipped=3),)
    night = build.night(f"1 {text}", flipped=3, slices=slices)
    return build.nights(night, build.unread_night(f"3 {text}", text))


HARMLESS = facts()


def shape(text: str) -> list[str]:
    """The elements of the comment, without what stands in them."""
    return [
        f"{token.type}{token.tag}" if token.type != "inline" else inline(token.children)
        for token in MARKDOWN.parse(text)
    ]


def inline(children: Any) -> str:
    kinds = [each.type for each in children or [] if each.type not in ("text", "softbreak")]
    return " ".join(kinds)


ALONE = re.compile(r"(?<![\w/])(https?://|www\.|mailto:)(?!github\.com/acme)", re.I)


@settings(max_examples=60, deadline=None)
@given(words)
def test_nothing_from_outside_does_anything(text: str) -> None:
    for form in ("github", "gitlab"):
        body = compose(told(text), form)  # type: ignore[arg-type]
        body.encode()
        assert len(body) < LIMIT
        # The same elements as of a text that does nothing: none is added, none is broken.
        assert shape(body) == shape(compose(told("plain"), form))  # type: ignore[arg-type]
        seen = "\n".join(spoken(body))
        assert not re.search(r"@[\w/]", seen)
        assert not re.search(r"(?i)(?:#|\bgh-|!|~|%|\$|\^|&)\d", seen)
        assert not ALONE.search(seen)
        assert not any(line.startswith("/") for line in body.splitlines())
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x09\x0b-\x1f]", body)
        # An escaped backtick begins no code.
        assert not re.search(r"(?<!&#36;)\$", re.sub(r"\\.|`[^`]*`", "", body))


def spoken(body: str) -> list[str]:
    """The text that a reader sees outside of code, as a code host looks for references in it."""
    return [
        "".join(child.content for child in token.children or [] if child.type == "text")
        for token in MARKDOWN.parse(body)
        if token.type == "inline"
    ]


@pytest.mark.parametrize("text", NASTY)
def test_each_of_them_by_itself(text: str) -> None:
    assert shape(compose(told(text), "github")) == shape(compose(told("plain"), "github"))


@given(st.text(max_size=300), st.integers(1, 80))
def test_a_line_is_one_and_as_long_as_it_may_be(text: str, most: int) -> None:
    line = one_line(text, most)
    assert len(line.splitlines()) <= 1 and len(line) <= most
    for shown in (prose(text, most), code(text, most), code(text, most, cell=True)):
        assert "\n" not in shown
        shown.encode()


def test_a_file_name_that_is_no_unicode() -> None:
    """Git hands on bytes; a comment must be UTF-8."""
    parts = (PartChange("model", False), PartChange("policy", True, (), ("tests/\udcff.py",)))
    text = compose(facts(changes=Changes(parts)), "github")
    assert r"`tests/\udcff.py`" in text
    text.encode()


def test_what_is_harmless_stays_as_it_is() -> None:
    assert prose("auc 0.753, 95% interval 0.747 to 0.759: at most 3") == (
        "auc 0.753, 95% interval 0.747 to 0.759: at most 3"
    )
    assert code("origin=JFK") == "`origin=JFK`"
    assert code("a|b", cell=True) == "`a\\|b`" and code("a|b") == "`a|b`"
