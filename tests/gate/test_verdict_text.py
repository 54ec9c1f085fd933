"""verdict.md and the terminal: the whole text, the order, and names that try to break out."""

from __future__ import annotations

import re
import sys
from functools import partial
from typing import Any

import pytest
from pydantic import ValidationError

from assay.cli import terminal
from assay.cli.show.verdict import lines
from assay.gate import verdict_text
from assay.reports import verdict as verdicts
from assay.reports.verdict import Finding, JudgedChampion, Outcome, Verdict, Waiver
from tests.verdicts import verdict as build_verdict

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def finding(outcome: Outcome = PASS, rule: str = "ranks", **changes: Any) -> Finding:
    values = {
        "rule": rule,
        "kind": "rule",
        "detail": "auc 0.8 meets it",
        "metric": "auc",
        "observed": 0.80001,
        "low": 0.75,
        "high": 0.85,
        "limit": 0.7,
        "direction": "min",
        "rows": 1200,
        "owner": "us",
        "because": "it must",
    }
    return Finding(outcome=outcome, **{**values, **changes})


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
    finding(FAIL, "bad", detail="too <low>", mend="Do <more>.", owner=None, because=None),
    test_of("t::a"),
    test_of("t::b", FAIL),
    test_of("t::c", INCONCLUSIVE),
    test_of("later is worse", kind="behaviour"),
)

MARKDOWN = """\
# FAIL: late-flights, candidate boosting

FAIL: it must not be promoted. Compared with: champion, v0.1.0 (sha256:0123456789ab).

## What stands in the way

- **FAIL** bad: too &lt;low>. Do &lt;more>.
- **FAIL** `t::b`: it failed
- **INCONCLUSIVE** unsure: cannot tell
- **INCONCLUSIVE** `t::c`: it inconclusiveed

If it may go out all the same: a waiver with a reason and a last day (gate.waivers in \
params.yaml), or assay promote --override --because WHY.

## Rules

|  | rule | what | value | interval | limit | rows | owner | because |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
| **FAIL** | bad | auc | 0.8 | 0.75 to 0.85 | at least 0.7 | 1,200 |  |  |
| **INCONCLUSIVE** | unsure | change of auc | 0.8 | 0.75 to 0.85 | at least 0.7 |  | us | it must |
| FAIL (warning) | warned | auc |  |  |  | 1,200 | us | it must |
| FAIL (waived until 2020-05-31) | waived |  | 0.8 | 0.75 to 0.85 | at most 0.7 | 1,200 | us | \
it must |
| PASS | ranks[origin=EWR] | auc | 0.8 | 0.75 to 0.85 | at least 0.7 | 1,200 | us | it must |

Shown, but not deciding:

- FAIL (warning) warned: auc 0.8 meets it
- FAIL (waived until 2020-05-31) waived: auc 0.8 meets it (waived until 2020-05-31 by ops: \
a fix \\| is coming)

## Behaviour

1 of 1 passed.

## Model tests

1 of 3 passed.

- **FAIL** `t::b`: it failed
- **INCONCLUSIVE** `t::c`: it inconclusiveed

## About

- bundle: `sha256:bundle`
- data: `sha256:data`
- contract: `sha256:contract`
- policy: `sha256:policy`
- code: `sha256:code`
- reports: `sha256:reports`
- Rows as they lie here: this run did not compare them with the source.
- model types allowed by params.yaml: `a.B`, `c'D`
"""


def test_the_whole_page() -> None:
    assert verdict_text.render_markdown(verdict(*MANY, types=("a.B", "c`D"))) == MARKDOWN


def test_a_pass_has_nothing_in_its_way() -> None:
    text = verdict_text.render_markdown(verdict(finding(), champion=JudgedChampion(state="none")))
    assert text.startswith(
        "# PASS: late-flights, candidate boosting\n\nPASS: everything that decides passed. "
        "Compared with: no champion yet; absolute rules only.\n\n## Rules\n"
    )
    assert "Shown, but not deciding" not in text
    assert text.count("There are none.") == 2
    assert text.endswith("- model types allowed by params.yaml: none\n")


def test_what_could_not_be_told_is_not_called_failed() -> None:
    text = verdict_text.render_markdown(verdict(finding(INCONCLUSIVE)))
    assert text.splitlines()[2].startswith(
        "INCONCLUSIVE: nothing failed, but not everything could be told, so it must not be promoted"
    )


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a|b", "a\\|b"),
        ("<b>&", "&lt;b>&amp;"),
        ("a\n\n# b", "a # b"),
        ("`x`", "'x'"),
    ],
)
def test_a_cell_cannot_be_broken_out_of(text: str, safe: str) -> None:
    row = next(
        line
        for line in verdict_text.render_markdown(verdict(finding(rule=text))).splitlines()
        if line.startswith("| PASS")
    )
    assert row.startswith(f"| PASS | {safe} | auc |")


def test_a_node_id_is_code() -> None:
    text = verdict_text.render_markdown(verdict(test_of("t::a[`|<\n>]", FAIL)))
    assert "- **FAIL** `t::a['|< >]`: it failed" in text


SHOWN = """\
FAIL          bad                   0.8  at least 0.7  1,200
INCONCLUSIVE  unsure                0.8  at least 0.7
FAIL          warned                                   1,200
FAIL          waived                0.8  at most 0.7   1,200
PASS          ranks   origin=EWR    0.8  at least 0.7  1,200
Behaviour: 1 of 1 passed
Model tests: 1 of 3 passed
FAIL bad: too <low>. Do <more>.
FAIL t::b: it failed
INCONCLUSIVE unsure: cannot tell (owner: us)
INCONCLUSIVE t::c: it inconclusiveed
FAIL warned: auc 0.8 meets it (warning; owner: us)
FAIL waived: auc 0.8 meets it (waived until 2020-05-31; owner: us)
FAIL: late-flights, candidate boosting, sha256:bundle; champion, v0.1.0 (sha256:0123456789ab)
"""


def shown(
    some: Verdict, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    terminal.print_lines(lines(some))
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_the_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found = shown(verdict(*MANY), capsys, monkeypatch, 120)
    assert found[0].split() == ["rule", "slice", "value", "limit", "rows"]
    assert [" ".join(line.split()) for line in found[1:]] == [
        " ".join(line.split()) for line in SHOWN.splitlines()
    ]
    # Numbers stand under one another, words begin under one another.
    assert len({line.index("0.8") for line in found[1:6] if "0.8" in line}) == 1
    starts = {line.index(name) for line, name in zip(found[1:5], ("bad", "unsure"), strict=False)}
    assert len(starts) == 1
    assert all(line.endswith("1,200") for line in (found[1], *found[3:6]))
    assert len({len(line) for line in (found[1], *found[3:6])}) == 1


@pytest.mark.parametrize(("live", "width"), [(True, 60), (False, 120)])
def test_a_terminal_has_its_own_width_and_a_log_always_the_same(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    live: bool,
    width: int,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: live)
    monkeypatch.setenv("TERM", "xterm-256color")
    if live:
        monkeypatch.setenv("COLUMNS", "60")
    else:
        monkeypatch.delenv("COLUMNS", raising=False)
    terminal.print_lines(lines(verdict(finding(FAIL, detail="x" * 300))))
    found = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert max(len(re.sub("\x1b\\[[0-9;]*m", "", line)) for line in found) == width


def test_numbers_end_and_words_begin_under_one_another(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    some = verdict(
        finding(rule="a", slice="o=first", observed=0.8, limit=0.25, rows=7),
        finding(rule="longer", slice="o=b", observed=12.25, limit=0.5, rows=1200),
    )
    found = shown(some, capsys, monkeypatch, 120)
    assert found[:3] == [
        "      rule    slice    value  limit           rows",
        "PASS  a       o=first    0.8  at least 0.25      7",
        "PASS  longer  o=b      12.25  at least 0.5   1,200",
    ]


def test_no_letter_of_a_long_name_is_lost(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "".join(f"word{number}" for number in range(30))
    found = shown(verdict(finding(rule=name)), capsys, monkeypatch, 60)
    rows = found[1 : found.index("Behaviour: 0 of 0 passed")]
    table = "".join(line.split()[1] if line.startswith("PASS") else line for line in rows)
    assert name in "".join(table.split())


def test_names_are_not_markup(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = shown(verdict(finding(FAIL, "[bold]x[/bold]")), capsys, monkeypatch, 200)
    assert "[bold]x[/bold]" in found[1]
    assert any(line.startswith("FAIL [bold]x[/bold]: ") for line in found)


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


def test_what_was_measured() -> None:
    assert verdict_text.measured_quantity(finding()) == "auc"
    assert verdict_text.measured_quantity(finding(challenger=0.5)) == "change of auc"
    assert verdict_text.measured_quantity(finding(metric=None)) == ""


def test_findings_of_a_kind_keep_their_order() -> None:
    some = verdict(*MANY)
    assert [each.rule for each in verdict_text.findings_of_kind(some, "test")] == [
        "t::a",
        "t::b",
        "t::c",
    ]
    assert [each.rule for each in verdict_text.findings_of_kind(some, "behaviour")] == [
        "later is worse"
    ]


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


def test_every_state_of_the_champion_has_words() -> None:
    for state, words in verdicts.STATES.items():
        champion = partial(JudgedChampion.model_construct, state=state)
        assert champion().description == words
        assert champion(version="v1").description == f"{words}, v1"
        assert champion(version="v1", bundle="sha256:0123456789abcdef").description == (
            f"{words}, v1 (sha256:0123456789ab)"
        )
        assert champion(bundle="sha256:0123456789abcdef").description == words


def test_outcomes_have_their_colours_and_nothing_else_has_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    found = shown(verdict(*MANY), capsys, monkeypatch, 120)
    red, yellow, green = "\x1b[1;31mFAIL", "\x1b[33mINCONCLUSIVE", "\x1b[32mPASS"
    starts = [*(red, yellow, red, red, green), "", "", *(red, red, yellow, yellow, red, red, red)]
    assert [line.split("\x1b[0m")[0].strip() for line in found[1:6]] == starts[:5]
    for line, start in zip(found[8:], starts[7:], strict=True):
        assert line.startswith(start)
        assert line.count("\x1b[") == 2
    assert "\x1b" not in found[6] + found[7]


def test_a_check_for_leakage_is_headed_by_what_it_asks_for() -> None:
    leak = finding(FAIL, rule="no leakage", slice="label_sum", metric="label_sum")
    text = verdict_text.render_markdown(verdict(leak))
    assert (
        "- **FAIL** No sum of features that gives the label away (`no leakage[label_sum]`): "
        in text
    )
    assert "| **FAIL** | No sum of features that gives the label away | label_sum |" in text
