"""verdict.md and the terminal: the whole text, the order, and names that try to break out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from assay.gate import verdict_text
from assay.gate.verdict_page import render_page
from assay.gate.verdict_text import SHOWN, OtherSlices, fold, render_markdown, sort_findings
from assay.reports.verdict import Finding, JudgedChampion, Outcome, Verdict, Waiver
from tests.shown import show
from tests.verdicts import measured as finding
from tests.verdicts import verdict as build_verdict

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def test_of(node: str, outcome: Outcome = PASS, kind: Any = "test") -> Finding:
    return Finding(rule=node, kind=kind, outcome=outcome, detail=f"it {outcome.value.lower()}ed")


test_of.__test__ = False  # type: ignore[attr-defined]


def verdict(*findings: Finding, **changes: Any) -> Verdict:
    champion = JudgedChampion(state="compared", version="v0.1.0", bundle="sha256:0123456789abcdef")
    return build_verdict(*findings, **{"champion": champion, **changes})


WAIVER = Waiver(because="a fix | is coming", owner="ops", until="2020-05-31")
MANY = (
    finding(slice="origin=EWR"),
    finding(INCONCLUSIVE, "unsure", detail="cannot tell", rows=None, challenger=0.7, champion=0.8),
    finding(FAIL, "warned", severity="warn", observed=None, low=None, high=None, limit=None),
    finding(FAIL, "waived", waiver=WAIVER, metric=None, direction="max"),
    finding(FAIL, "bad", detail="too <low>", fix="Do <more>.", owner=None, because=None),
    test_of("t::a"),
    test_of("t::b", FAIL),
    test_of("t::c", INCONCLUSIVE),
    test_of("later is worse", kind="behaviour"),
)

MARKDOWN = """\
## ❌ FAIL: late-flights, candidate boosting

It must not be promoted. Compared with: champion, v0.1.0 (sha256:0123456789ab). Passed: 1 of 5 \
rules, 1 of 1 behaviours, 1 of 3 model tests. Rows as they lie here: this run did not compare \
them with the source. It is the first challenger on this holdout: a PASS takes 97.5 % certainty, \
that of a second one 98.75 %.

### What stands in the way

- ❌ **bad**: too &lt;low&gt;. Do &lt;more&gt;.
- ❌ `t::b`: it failed
- ❔ **unsure**: cannot tell (owner: us)
- ❔ `t::c`: it inconclusiveed

If it may go out all the same: a waiver with a reason and a last day (gate.waivers in \
params.yaml), or `assay promote --override --because WHY`.

### Shown, but not deciding

- ❌ **warned** (warning): auc 0.8 meets it (owner: us)
- ❌ **waived**: auc 0.8 meets it (owner: us) (waived until 2020-05-31 by ops: a fix \\| is coming)

<details><summary>All rules (5)</summary>

|  | rule | what | value | interval | limit | rows | because |
| --- | --- | --- | ---: | ---: | --- | ---: | --- |
| ❌ | **bad** | auc | 0.8 | 0.75 to 0.85 | at least 0.7 | 1,200 |  |
| ❔ | **unsure** | change of auc | 0.8 | 0.75 to 0.85 | at least 0.7 |  | it must |
| ❌ (warning) | **warned** | auc |  |  |  | 1,200 | it must |
| ❌ (waived until 2020-05-31) | **waived** |  | 0.8 | 0.75 to 0.85 | at most 0.7 | 1,200 | \
it must |
| ✅ | **ranks** at `origin=EWR` | auc | 0.8 | 0.75 to 0.85 | at least 0.7 | 1,200 | it must |

</details>

<details><summary>Behaviour and model tests</summary>

**Behaviour**: 1 of 1 passed

**Model tests**: 1 of 3 passed

- ❌ `t::b`: it failed
- ❔ `t::c`: it inconclusiveed

</details>

<details><summary>What the verdict is bound to</summary>

|  | digest |
| --- | --- |
| bundle | `sha256:bundle` |
| data | `sha256:data` |
| contract | `sha256:contract` |
| policy | `sha256:policy` |
| code | `sha256:code` |
| reports | `sha256:reports` |

Model types allowed by params.yaml: `a.B`, `c'D`

</details>
"""


def test_the_whole_page() -> None:
    assert verdict_text.render_markdown(verdict(*MANY, types=("a.B", "c`D"))) == MARKDOWN


def test_a_pass_has_nothing_in_its_way() -> None:
    text = verdict_text.render_markdown(verdict(finding(), champion=JudgedChampion(state="none")))
    assert text.startswith("## ✅ PASS: ")
    assert "no champion yet" in text
    assert "stands in the way" not in text and "not deciding" not in text
    assert text.count("there are none") == 2


def test_a_file_and_a_terminal_cut_nothing_and_a_comment_does() -> None:
    long = verdict(
        finding(FAIL, detail="x" * 1000),
        *(finding(FAIL, f"r{n}", detail=f"{n}") for n in range(30)),
    )
    for form in ("file", "terminal"):
        text = verdict_text.render_markdown(long, form)  # type: ignore[arg-type]
        assert "x" * 1000 in text and "**r29**" in text.partition("All rules")[0]
    (blocking,) = (
        part.text
        for part in verdict_text.render_parts(long, "github", project="p")
        if part.title == "what stands in the way"
    )
    assert "x" * 300 not in blocking and blocking.endswith("…and 21 more.")


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a|b", "a\\|b"),
        ("<b>&", "&lt;b&gt;&amp;"),
        ("a\n\n# b", "a \\# b"),
        ("`x`", "\\`x\\`"),
    ],
)
def test_a_cell_cannot_be_broken_out_of(text: str, safe: str) -> None:
    row = next(
        line
        for line in verdict_text.render_markdown(verdict(finding(rule=text))).splitlines()
        if line.startswith("| ✅")
    )
    assert row.startswith(f"| ✅ | **{safe}** | auc |")


def shown(
    some: Verdict, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    show("gate verdict", some)
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_the_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found = shown(verdict(*MANY), capsys, monkeypatch, 120)
    assert found[0] == "FAIL: late-flights, candidate boosting"
    assert found[-1].startswith("FAIL: late-flights, candidate boosting, sha256:bundle; champion")
    # Numbers stand under one another.
    rows = [line for line in found if line.endswith("1,200")]
    assert len(rows) == 4 and len({len(line) for line in rows}) == 1
    assert any(line.strip() == "• FAIL bad: too <low>. Do <more>." for line in found)
    assert "sha256:contract" not in "".join(found)


def test_no_letter_of_a_long_name_is_lost(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "".join(f"word{number}" for number in range(30))
    found = shown(verdict(finding(rule=name)), capsys, monkeypatch, 60)
    rows = found[found.index("All rules (1)") : found.index("Behaviour and model tests")]
    column = next(line.index("rule") for line in rows if " rule " in line)
    assert name in "".join(line[column:].split("  ")[0].strip() for line in rows[4:])


def test_names_are_not_markup(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = shown(verdict(finding(FAIL, "[bold]x[/bold]")), capsys, monkeypatch, 200)
    assert sum("FAIL" in line and "[bold]x[/bold]" in line for line in found) == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ("0.8", "0.75 to 0.85", "at least 0.7", "1,200")),
        ({"low": None}, ("0.8", "", "at least 0.7", "1,200")),
        ({"high": None}, ("0.8", "", "at least 0.7", "1,200")),
        ({"direction": "max", "rows": 0}, ("0.8", "0.75 to 0.85", "at most 0.7", "0")),
        (
            {"observed": None, "low": None, "high": None, "limit": None, "rows": None},
            ("", "", "", ""),
        ),
        (
            {"outcome": INCONCLUSIVE, "observed": None, "low": None, "limit": None, "rows": 30},
            ("not measured", "", "", "30"),
        ),
        ({"observed": 0.0, "limit": 0.0}, ("0", "0.75 to 0.85", "at least 0", "1,200")),
    ],
)
def test_numbers_as_words(changes: dict[str, Any], words: tuple[str, ...]) -> None:
    assert verdict_text.format_values(finding(**changes)) == words


@pytest.mark.parametrize("kind", [Finding, Waiver, JudgedChampion, Verdict])
def test_a_verdict_cannot_be_changed_afterwards(kind: Any) -> None:
    made: dict[Any, Any] = {
        Finding: finding(),
        Waiver: WAIVER,
        JudgedChampion: JudgedChampion(state="none"),
        Verdict: verdict(finding()),
    }
    for name in kind.model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(made[kind], name, None)


def one_of(number: int, **changes: Any) -> Finding:
    values = {
        "rule": "ranks",
        "kind": "rule",
        "outcome": Outcome.PASS,
        "detail": f"slice {number} meets it",
        "metric": "auc",
        "slice": f"shop={number}",
        "observed": 0.7 + number / 10_000,
        "limit": 0.7,
        "direction": "min",
        "rows": 100,
    }
    return Finding(**{**values, **changes})


def test_a_reason_that_rules_share_is_told_once_for_all() -> None:
    why = {"detail": "no night could be rehearsed", "observed": None, "outcome": Outcome.FAIL}
    rules = [one_of(0, rule=name, slice=None, **why) for name in ("held", "flipped", "slower")]
    tests = [one_of(0, rule=f"t::{name}", kind="test", slice=None, **why) for name in "ab"]
    other = one_of(0, rule="calm", slice=None, **why, owner="another")
    judged = verdict(*rules, other, *tests)
    for names in ("**held**, **flipped**, **slower**", "**calm**", "`t::a`"):
        assert f"- ❌ {names}: no night could be rehearsed" in render_markdown(judged)
    assert "<b>held, flipped, slower</b>: no night" in render_page(judged, 0.95)


some = st.builds(
    one_of,
    st.integers(0, 2_000),
    rule=st.sampled_from("ab"),
    outcome=st.sampled_from(Outcome),
    severity=st.sampled_from(("block", "warn")),
    observed=st.none() | st.floats(0, 1),
)


@given(st.lists(some, max_size=80))
def test_no_finding_is_lost_or_shown_twice(findings: list[Finding]) -> None:
    shown = fold(findings)
    told = [
        each for one in shown for each in (one.findings if isinstance(one, OtherSlices) else (one,))
    ]
    assert sorted(map(repr, told)) == sorted(map(repr, findings))
    for rest in shown:
        if isinstance(rest, OtherSlices):
            alike = {(each.rule, each.outcome, each.exemption_reason) for each in rest.findings}
            assert len(alike) == 1
            mine = [one for one in shown if isinstance(one, Finding) and
                    (one.rule, one.outcome, one.exemption_reason) in alike]  # fmt: skip
            assert len(mine) == SHOWN


def test_the_nearest_to_the_limit_stay_in_their_order() -> None:
    unmeasured = one_of(3, observed=None)
    many = [*(one_of(number) for number in range(2_000, 0, -1)), unmeasured]
    *shown, rest = fold(many)
    assert [each.slice for each in shown if isinstance(each, Finding)] == [
        *(f"shop={number}" for number in range(9, 0, -1)),
        "shop=3",
    ]
    assert isinstance(rest, OtherSlices)
    assert rest.sentence == "ranks: 1,991 more slices"


def test_pages_of_many_slices_are_short() -> None:
    bad = [one_of(number, outcome=Outcome.FAIL) for number in range(40)]
    found = verdict(*bad, *(one_of(number, rule="keeps") for number in range(2_000)))
    text = render_markdown(found)
    assert len(text.splitlines()) < 80
    assert "| ❌ | ranks: 30 more slices |" in text
    assert "- ❌ ranks: 30 more slices\n" in text
    assert "| ✅ | keeps: 1,990 more slices |" in text
    page = render_page(found, 0.95)
    # The page has all of them; those that are folded without a picture.
    assert "shop=1999: 0.8999, 100 rows" in page
    assert page.count("<svg") < 60
    assert sort_findings(found.findings)[0].outcome is Outcome.FAIL
