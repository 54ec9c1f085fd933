"""The comment's text: what it says, what it says first, and that it always fits."""

from __future__ import annotations

import pytest

from assay.errors import DataOutOfReach, GateNotPassed
from assay.gate.verdict_command import GateAnswer
from assay.hosting.comment import LIMIT, Format, compose, marker
from assay.hosting.comment_changes import Changes, PartChange
from assay.pages.letters import WIDTH, interval_strip, share_bar
from assay.reports.comparison import ReasonChanges
from assay.reports.verdict import JudgedChampion
from tests.gate import build
from tests.hosting.comment_samples import CHANGES, FAIL, INCONCLUSIVE, comparison, facts, finding
from tests.verdicts import verdict

SHOWN = """\
<!-- assay:gate:late-flights -->

## ❌ FAIL: late-flights, candidate boosting

It must not be promoted. Compared with: champion, v0.1.0 (sha256:0123456789ab), on 27,075 rows of \
30 nights. Passed: 1 of 5 rules, 1 of 1 behaviours, 0 of 1 model tests (commit 0f3c2ab991). \
It is the first challenger on this holdout: a PASS takes 97.5 % certainty, that of a second one \
98.75 %.

> [!WARNING]
> **The policy and the model changed together.** This model was judged by other rules than the \
champion's. Look at the rules first, or change them in a pull request of their own.

### What stands in the way

- ❌ **no airport pays for it** at `origin=JFK`: auc changed by -0.0312, worse than the margin of \
0.01 (owner: data science)
- ❌ `tests/model/test_a.py::test_b`: it fell (owner: data science)
- ❔ **no airport pays for it** at `origin=LGA`: auc changed by -0.004, which may be the margin of \
0.01; 30 nights here, **about 118 nights would tell** (owner: data science)

### What changed since v0.1.0

- **model** changed: `train.candidates.boosting.args.depth` is new: `3`
- **policy** changed: `gate.rules[no airport pays for it].margin`: `0.02` → `0.01`; \
`tests/model/test_airports.py`
- **contract** cannot be told
- the same: data, code

### Metrics

| metric | champion | new | change | 95% interval | worse ◂ 0 ▸ better |
| --- | ---: | ---: | ---: | ---: | --- |
| auc | 0.7529 | 0.7630 | +0.0101 | +0.0042~to~+0.0160 | `··········│··├──●───┤` |
| log\\_loss | 0.5512 | 0.5451 | -0.0061 | -0.0120~to~-0.0002 | `··········│├───●────┤` |

**Reasons:** 2.0% of rows have another strongest reason than with the champion. Of all \
contributions hour gained most (60.0% → 70.0%), day lost most (40.0% → 30.0%).

### Slices whose auc moved most

| slice | rows | champion | change | 95% interval | worse ◂ 0 ▸ better |
| --- | ---: | ---: | ---: | ---: | --- |
| `origin=JFK` | 8,400 | 0.7500 | -0.0312 | -0.0371~to~-0.0253 | `├─●┤······│··········` |
| `origin=EWR` | 9,800 | 0.7500 | +0.0210 | +0.0151~to~+0.0269 | `··········│···├─●┤···` |
| `origin=LGA` | 8,875 | 0.7500 | -0.0040 | -0.0138~to~+0.0058 | `······├──●┼─┤········` |

Not measured: `origin=TEB` (12 rows, fewer than 200).

12.3% of all rows get another decision than the champion's (3,330 rows).

### Rehearsal of a night
"""


def test_what_a_reader_sees_first() -> None:
    text = compose(facts(), "github")
    shown = text.replace("&nbsp;", "~")
    assert shown[: len(SHOWN)] == SHOWN
    assert text.endswith(
        "All reports: [artifacts of this run](https://github.com/acme/late-flights/actions/runs/12)"
        ", among them `reports/gate/index.html`, `reports/compare/index.html`.\n"
    )


def test_the_same_facts_give_the_same_bytes() -> None:
    assert compose(facts(), "github") == compose(facts(), "github")


def test_it_opens_with_a_mark_that_no_name_can_end() -> None:
    assert marker("a--> b/ü") == "<!-- assay:gate:a--%3E%20b%2F%C3%BC -->"
    assert len(marker("🙂" * 9000)) < 400
    assert marker("a" * 9000) != marker("a" * 9001)
    assert compose(facts(name="x"), "gitlab").startswith("<!-- assay:gate:x -->\n")


@pytest.mark.parametrize(
    ("form", "line"),
    [("github", "> [!WARNING]\n> **The policy"), ("gitlab", "> ⚠️ **The policy")],
)
def test_a_new_policy_with_a_new_model_is_said_loudly(form: Format, line: str) -> None:
    assert line in compose(facts(), form)
    for quiet in ("model", "policy"):
        parts = tuple(
            PartChange(each.name, False) if each.name == quiet else each for each in CHANGES.parts
        )
        assert "changed together" not in compose(facts(changes=Changes(parts)), form)


NIGHTS = build.nights(
    build.night(), build.night("2013-12-31", rows=300, flipped=35), build.unread_night("2014-01-01")
)
DRESS = """\
### Dress rehearsal

- 2 real nights (2013-12-30 to 2013-12-31), 400 rows, **10.0% decided otherwise**
- ❔ 2014-01-01: a column is missing
"""
FOLDED = """\
<details><summary>Dress rehearsal by night (3)</summary>

| night | rows | decided otherwise |
| --- | ---: | ---: |
| `2013-12-30` | 100 | 5.0% |
| `2013-12-31` | 300 | 11.7% |
| `2014-01-01` |  | a column is missing |

</details>
"""


def test_whose_reasons_changed_is_said_where_it_is_known() -> None:
    about = build.comparison(build.difference(0.01))
    unknown = build.changed(about, reasons=ReasonChanges(why="challenger: no <trees> @all"))
    for found, told in (
        (unknown, "**Reasons:** Whether scores have other reasons is not known: challenger: no "),
        (build.changed(about, reasons=None), None),
        (build.alone("none"), None),
    ):
        text = compose(facts(comparison=found), "github")
        assert ("**Reasons:**" in text) is (told is not None)
        assert told is None or (told in text and "<trees>" not in text)


def test_real_nights_beside_the_champion() -> None:
    text = compose(facts(rehearsal=build.rehearsal(nights=NIGHTS)), "github")
    assert DRESS in text and FOLDED in text
    assert text.index(DRESS) < text.index("### Shown, but") < text.index(FOLDED)
    assert "Dress rehearsal" not in compose(facts(), "github")


@pytest.mark.parametrize("verdict", [None, "stale"])
def test_no_verdict_is_not_an_old_one(verdict: str | None) -> None:
    found = facts(finding(), problems=("it is about another bundle",))
    if verdict is None:
        found = facts(answer=GateAnswer(problems=("reports/gate/verdict.json: no such file",)))
    text = compose(found, "github")
    assert "## ⛔ NO VERDICT: late-flights" in text
    assert "PASS" not in text and "Metrics" not in text
    assert found.answer.problems[0].replace(":", ":") in text


def test_what_differs_from_the_commit_is_the_headline_with_the_commands() -> None:
    error = GateNotPassed(
        "this run of the gate does not say what was committed",
        expected="champion sha256:4f",
        found="champion nothing",
    )
    judged = facts(finding()).answer.verdict
    answer = GateAnswer(verdict=judged, refusal=error, commands=("dvc repro", "git push"))
    text = compose(facts(answer=answer), "github")
    assert text.splitlines()[2] == "## ⛔ NOT WHAT WAS COMMITTED: late-flights"
    head = text.partition("###")[0]
    assert "- the commit: champion nothing" in head and "\ndvc repro\ngit push\n" in head
    assert "PASS" not in head and "Everything that decides" not in head


def test_a_fork_without_data_is_neither_passed_nor_refused() -> None:
    error = DataOutOfReach("not judged: no access to the data", found="the rows of the source")
    answer = GateAnswer(refusal=error, commands=("gh pr checkout 7",))
    text = compose(facts(answer=answer), "github")
    assert text.splitlines()[2] == "## ⚪ late-flights: not judged: no access to the data"
    assert "the gate needs the rows of the source" in text and "\ngh pr checkout 7\n" in text
    assert "PASS" not in text and "VERDICT" not in text and "Metrics" not in text


def test_the_champion_s_own_model_has_no_table_of_zeros() -> None:
    told = compose(facts(finding()), "github")
    assert "### Metrics" in told
    own = JudgedChampion(state="compared", version="v0.2.0", bundle=verdict().bundle)
    text = compose(facts(finding(), champion=own), "github")
    assert "### Metrics" not in text and "moved most" not in text
    assert "The model is the champion's own, so there is no difference to show." in text


def test_whole_sections_are_left_out_the_least_important_first() -> None:
    whole = compose(facts(), "github")
    kept = whole
    for room in range(len(whole), 500, -150):
        text = compose(facts(), "github", limit=room)
        assert len(text) < room
        if room > 2500:
            assert "## ❌ FAIL" in text and "What stands in the way" in text
        if len(text) > 2500 and text != whole:
            (line,) = [each for each in text.splitlines() if each.startswith("Left out")]
            assert len(line) >= len([x for x in kept.splitlines() if x.startswith("Left out")][:1])
        kept = text
    short = compose(facts(), "github", limit=len(whole))
    assert "Left out, as a comment has room for 60,000 characters: digests." in short or (
        "all changed keys" in short
    )


def test_a_thousand_findings_fit() -> None:
    many = [
        finding(f"rule {n} " + "<&$" * 60, (FAIL, INCONCLUSIVE)[n % 2], slice="a=" + "|" * 300,
                detail=f"{n}$<&" * 400, because="&" * 400, owner="<" * 400)
        for n in range(1000)
    ]  # fmt: skip
    places = [build.compared_place("<&" * 90 + str(n), change_of(n)) for n in range(1000)]
    text = compose(facts(*many, comparison=comparison(slices=tuple(places))), "github")
    assert len(text) < LIMIT
    assert "…and 990 more." in text and "Left out" in text


def change_of(number: int) -> object:
    return build.difference(number / 1e5 - 0.005, 0.002)


@pytest.mark.parametrize(
    ("numbers", "reach", "drawn"),
    [
        ((0.0, 0.0, 0.0), 0.0, "··········●··········"),
        ((0.5, 0.0001, 1.0), 1.0, "··········│├───●────┤"),
        ((0.5, 0.0, 1.0), 1.0, "··········├────●────┤"),
        ((0.5, -0.0001, 1.0), 1.0, "·········├┼────●────┤"),
        ((1.0, 0.5, 2.0), 1.0, "··········│····├────●"),
        ((-5.0, None, None), 1.0, "●·········│··········"),
        ((0.1, -0.9, 0.9), 1.0, "·├────────┼●───────┤·"),
        ((None, 0.0, 1.0), 1.0, ""),
        ((float("nan"), 0.0, 1.0), 1.0, ""),
        ((0.0, 0.0, float("inf")), 1.0, ""),
    ],
)
def test_an_interval_as_letters(
    numbers: tuple[float | None, ...], reach: float, drawn: str
) -> None:
    assert interval_strip(*numbers, reach) == drawn  # type: ignore[misc]
    assert len(drawn) in (0, WIDTH)


@pytest.mark.parametrize(
    ("share", "drawn"), [(0.0, "░" * WIDTH), (1.0, "█" * WIDTH), (None, ""), (1.2, "")]
)
def test_a_share_as_letters(share: float | None, drawn: str) -> None:
    assert share_bar(share) == drawn


def test_what_is_better_is_right_of_zero_whatever_the_metric() -> None:
    worse = {"auc": build.difference(-0.01, 0.001), "log_loss": build.difference(0.01, 0.001)}
    text = compose(facts(comparison=comparison(differences=worse, slices=())), "github")
    assert text.count("│··········` |") == 2
    # Of a bias, nearer to zero is better, so a difference alone does not tell.
    bias = comparison(task="regression", differences={"bias": build.difference(0.1)}, slices=())
    row = next(x for x in compose(facts(comparison=bias), "github").splitlines() if "| bias" in x)
    assert "`" not in row
