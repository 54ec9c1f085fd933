"""The page is one file without a network, the same each time, and no name can break it."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from assay.gate.rules.leakage import LEAKAGE_WORDS
from assay.gate.rules.leakage import evaluate as leakage
from assay.gate.verdict_page import interval_chart, render_page
from assay.project.params.behaviour import LEAKAGE_CHECKS
from assay.reports.verdict import Finding, JudgedChampion, Outcome, Waiver
from tests.gate import build
from tests.gate.build import changed
from tests.verdicts import measured as finding
from tests.verdicts import verdict

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
EVIL = "<script>alert('1')</script>&\"'"


class Reader(HTMLParser):
    """Every tag and attribute, and the words of each tag but links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "br", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        # What leads elsewhere on the page says nothing of its own.
        if self.open and not {"style", "nav", "a"} & set(self.open) and data.strip():
            self.words.append(data.strip())

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def read(*findings: Finding, **changes: Any) -> Reader:
    return Reader(render_page(verdict(*findings, **changes), 0.95))


def test_it_is_self_contained_and_closed() -> None:
    text = render_page(verdict(finding(), finding(FAIL)), 0.95)
    found = Reader(text)
    assert found.open == []
    names = {tag for tag, _ in found.tags}
    assert not names & {"script", "link", "img", "iframe", "object"}
    for _, attributes in found.tags:
        assert not {"src", "xlink:href", "action"} & set(attributes)
        assert str(attributes.get("href", "#")).startswith("#")
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in text and "@import" not in text and "url(" not in text
    policy = next(a for tag, a in found.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert str(policy["content"]).startswith("default-src 'none'")
    assert "<title>FAIL: late-flights, candidate boosting</title>" in text


def test_no_name_can_break_it() -> None:
    texts = ("rule", "detail", "metric", "slice", "owner", "because")
    waived = Waiver(because=EVIL, owner=EVIL, until="2020-05-31")
    told = finding(FAIL, **dict.fromkeys(texts, EVIL))
    test = Finding(rule=EVIL, kind="test", outcome=FAIL, detail=EVIL)
    behaviour = Finding(rule=EVIL, kind="behaviour", outcome=FAIL, detail=EVIL)
    champion = JudgedChampion.model_construct(state="unreadable", version=EVIL, bundle=EVIL)
    names = {"name": EVIL, "candidate": EVIL, "types": (EVIL,), "bundle": EVIL}
    whole = verdict(told, changed(told, waiver=waived), test, behaviour)
    text = render_page(changed(whole, champion=champion, **names), 0.95)
    assert "<script" not in text
    found = Reader(text)
    assert found.open == []
    assert found.count("script") == 0
    assert sum(EVIL in words for words in found.words) >= 10


def test_whose_reasons_changed_is_said_once() -> None:
    assert "Reasons:" not in render_page(verdict(finding()), 0.95)
    text = render_page(verdict(finding()), 0.95, reasons="<b>hour</b> gained most.")
    assert text.count("<p><b>Reasons:</b> &lt;b&gt;hour&lt;/b&gt; gained most.</p>") == 1


@pytest.mark.parametrize("outcome", [PASS, FAIL, INCONCLUSIVE])
def test_the_head_says_what_it_comes_to(outcome: Outcome) -> None:
    found = read(finding(outcome))
    assert found.words[1:3] == [str(outcome), "late-flights"]
    assert any("no champion yet; absolute rules only." in each for each in found.words)
    assert ("What stands in the way" in found.words) is (outcome is not PASS)


def test_every_rule_is_a_row_with_its_numbers() -> None:
    found = read(finding(slice="origin=JFK"))
    assert found.count("tr") == 2
    start = found.words.index("ranks")
    assert found.words[start : start + 3] == ["ranks", "origin=JFK · auc · us", "because it must"]
    for each in ("0.8", "0.75 to 0.85", "at least 0.7", "1,200"):
        assert each in found.words
    assert any("95% interval" in each for each in found.words)


def test_a_rule_without_words_of_its_own_has_none() -> None:
    found = read(finding(owner=None, because=None, metric=None))
    assert not any("because" in each for each in found.words)
    assert " · " not in " ".join(found.words)


def test_rows_come_worst_first() -> None:
    found = read(
        finding(rule="fine"),
        finding(INCONCLUSIVE, rule="unsure"),
        finding(FAIL, rule="warned", severity="warn"),
        finding(FAIL, rule="bad"),
    )
    table = found.words[found.words.index("Rules") :]
    order = [each for each in table if each in ("fine", "unsure", "warned", "bad")]
    assert order == ["bad", "unsure", "warned", "fine"]


def test_what_does_not_decide_says_why() -> None:
    waived = Waiver(because="a fix is coming", owner="ops", until="2020-05-31")
    found = read(
        finding(FAIL, waiver=waived, detail="too low"),
        finding(FAIL, severity="warn"),
        finding(INCONCLUSIVE, tolerated=True),
        finding(),
    )
    for each in ("waived until 2020-05-31", "warning", "tolerated"):
        assert each in found.words
    assert "too low Waived by ops: a fix is coming" in found.words
    badges = [a["class"] for tag, a in found.tags if tag == "span" and "badge" in str(a)]
    assert badges == ["badge PASS", *["badge quietly"] * 3, "badge PASS"]


def test_behaviours_and_tests_are_listed_and_counted() -> None:
    found = read(
        finding(),
        Finding(rule="t::a", kind="test", outcome=PASS, detail="passed"),
        Finding(rule="t::b", kind="test", outcome=FAIL, detail="failed: no"),
        Finding(rule="later is worse", kind="behaviour", outcome=PASS, detail="all rows held"),
    )
    assert found.words.count("1 of 2 passed.") == 1
    assert found.words.count("1 of 1 passed.") == 1
    assert "t::b: failed: no" in found.words
    assert "t::a" in found.words
    titles = [each for each in found.words if each in ("Behaviour", "Model tests", "Rules")]
    assert titles == ["Rules", "Behaviour", "Model tests"]
    assert read(finding()).words.count("There are none.") == 2


def test_what_it_is_about_is_named() -> None:
    found = read(finding(), types=("a.B", "c.D"))
    start = found.words.index("About")
    assert found.words[start + 1 :] == [
        *("bundle", "sha256:bundle", "data", "sha256:data", "contract", "sha256:contract"),
        *(
            "policy",
            "sha256:policy",
            "code",
            "sha256:code",
            "reports",
            "sha256:reports",
            "allowed types",
            "a.B, c.D",
        ),
    ]
    assert read(finding()).words[-1] == "none"


def test_a_strip_draws_the_interval_against_the_limit() -> None:
    drawn = interval_chart(finding())
    assert drawn.count("<svg") == 2
    assert "0.8000, interval 0.7500 to 0.8500" in drawn
    assert "stroke-dasharray" in drawn
    assert interval_chart(finding(observed=None)) == ""
    assert interval_chart(finding(limit=None)) == ""
    assert interval_chart(finding(low=None, high=None)) == ""


@pytest.mark.parametrize("limit", [0.1, 0.9, 0.8])
def test_a_strip_has_room_for_everything_on_it(limit: float) -> None:
    """Nothing is squeezed onto an end: the limit, however far off, is inside the axis."""
    drawn = Reader(interval_chart(finding(limit=limit)))
    (dashed,) = [a for tag, a in drawn.tags if tag == "line" and "stroke-dasharray" in a]
    (circle,) = [a for tag, a in drawn.tags if tag == "circle"]
    (bar,) = [a for tag, a in drawn.tags if tag == "rect"]
    left = float(str(bar["x"]))
    right = left + float(str(bar["width"]))
    assert 16 < left < float(str(circle["cx"])) < right < 340 - 16
    assert 16 < float(str(dashed["x1"])) < 340 - 16


def test_the_axis_stops_at_zero_unless_something_lies_below() -> None:
    assert "axis from 0 to" in interval_chart(finding(observed=0.01, low=0.0, high=0.9, limit=0.7))
    below = interval_chart(finding(observed=0.01, low=-0.2, high=0.9, limit=0.7))
    assert "axis from -" in below


def leakage_passed() -> tuple[Finding, ...]:
    rule = build.rule(name="no leakage", kind="leakage")
    told = leakage(rule, build.leakage(), build.evaluation(), build.alone("none"))
    return tuple(changed(each, outcome=PASS) for each in told)


def test_each_leakage_check_is_one_plain_sentence_and_not_the_rule_again() -> None:
    rule = build.rule(name="no leakage", kind="leakage")
    report = build.leakage(label_sum="suspect")
    found = read(*leakage(rule, report, build.evaluation(), build.alone("none")))
    table = found.words[found.words.index("What was found") :]
    for check in LEAKAGE_CHECKS:
        words = LEAKAGE_WORDS[check]
        said = words.failed if check == "label_sum" else words.passed
        start = table.index(words.title)
        assert table[start + 1] == f"no leakage · {check} · us"
        assert f"{said}: {check} says so" in table[start : start + 4]
    assert not any("more slice" in words for words in read(*leakage_passed()).words)
    # The reason is that of the rule, and said with the first of its rows.
    assert table.count("because it must") == 1
