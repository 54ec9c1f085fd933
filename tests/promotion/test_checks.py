"""Every reason against promotion, without git: facts in, reasons out."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from assay.promotion.checks import (
    FoundDigest,
    PromotionFacts,
    overridable,
    refusals,
    verdict_applies,
)
from assay.registry.versions import UNKNOWN, Version
from assay.reports.verdict import Finding, HoldoutUse, JudgedChampion, Outcome, Verdict, Waiver
from tests.gate.build import changed


def digest(letter: str) -> str:
    return f"sha256:{letter * 64}"


FINDING = Finding(rule="ranks", kind="rule", outcome=Outcome.PASS, detail="auc", slice="origin=EWR")
VERDICT = Verdict(
    outcome=Outcome.PASS,
    name="m1",
    candidate="prior",
    bundle=digest("a"),
    data=digest("b"),
    contract=digest("c"),
    policy=digest("d"),
    code=digest("9"),
    reports=digest("8"),
    champion=JudgedChampion(state="none"),
    holdout=HoldoutUse(challenger=1, confidence=0.95),
    findings=(FINDING,),
)
VERSION = Version(
    "m1", "v0.1.0", "1" * 40, digest("a"), digest("e"), "Ada", "2013", "", outcome="PASS"
)
GOOD = PromotionFacts(
    name="m1",
    stage="prod",
    unclean=(),
    flagged=(),
    tracked={},
    links=(),
    locked=True,
    artifact="models/bundle",
    artifact_problem=None,
    stale=(),
    again=(),
    verdict=VERDICT,
    verdict_problem=None,
    here=FoundDigest(digest("a")),
    committed=FoundDigest(digest("a")),
    data=FoundDigest(digest("b")),
    contract=FoundDigest(digest("c")),
    policy=FoundDigest(digest("d")),
    code=FoundDigest(digest("9")),
    reports=FoundDigest(digest("8")),
    today=date(2013, 7, 1),
    champion=None,
    champion_bundle=FoundDigest(),
    head_version=None,
    dropped=None,
    holder=None,
)
FAILED = changed(VERDICT, outcome=Outcome.FAIL, findings=(changed(FINDING, outcome=Outcome.FAIL),))

COMPARED = JudgedChampion(state="compared", version="v0.1.0", bundle=digest("e"))
NAMELESS = FoundDigest(problem="v0.1.0, of which no tag names the bundle")
WAIVED = changed(
    VERDICT,
    findings=(
        FINDING,
        changed(
            FAILED.findings[0],
            rule="waived",
            waiver=Waiver(because="carnival", owner="us", until="2013-06-30"),
        ),
    ),
)

BAD: list[tuple[dict[str, Any], str]] = [
    ({"unclean": ("a.py", "b.py")}, r"differs from the commit .*found a\.py, b\.py"),
    ({"unclean": tuple("abcdefgh")}, "a, b, c, d, e and 3 more"),
    ({"locked": False}, r"dvc\.lock: it is not in the commit"),
    ({"artifact": None, "artifact_problem": "nope"}, "no artifact 'm1' is declared.*found nope"),
    ({"here": FoundDigest(problem="gone")}, "no whole bundle in the work tree .found gone"),
    ({"committed": FoundDigest(digest("f"))}, r"not the one that the commit's dvc\.lock points to"),
    ({"committed": FoundDigest(problem="gone")}, "cannot be had from DVC .found gone"),
    ({"verdict": None, "verdict_problem": "no such file"}, "no verdict .*found no such file"),
    ({"flagged": ("params.yaml",)}, r"told not to look .*found params\.yaml"),
    ({"tracked": {"store": 3}}, r"only DVC or the store .*found store \(3 files\)"),
    ({"links": ("params.yaml",)}, r"symbolic link leads out of it .*found params\.yaml"),
    ({"stale": ("gate: code changed",)}, r"dvc\.lock: it does not describe .*gate: code changed"),
    ({"again": ("'ranks' is missing in it",)}, "not what the gate says .*'ranks' is missing"),
    ({"reports": FoundDigest(digest("f"))}, "about another set of reports"),
    ({"verdict": changed(VERDICT, reports=None)}, "expected set of reports nothing"),
    ({"verdict": FAILED}, r"did not let it pass .*FAIL: ranks\[origin=EWR\]"),
    ({"verdict": changed(VERDICT, outcome=Outcome.INCONCLUSIVE)}, "expected PASS, found INCONCLU"),
    ({"verdict": changed(VERDICT, name="m2")}, "about another project .expected m1, found m2"),
    (
        {"data": FoundDigest(digest("f"))},
        "about another data .expected data sha256:b{12}, found sha256:f",
    ),
    ({"contract": FoundDigest(digest("f"))}, "about another contract"),
    ({"policy": FoundDigest(problem="unreadable")}, "about another policy .*found unreadable"),
    ({"verdict": changed(VERDICT, bundle=digest("f"))}, "about another bundle"),
    (
        {"champion": "v0.1.0", "champion_bundle": FoundDigest(digest("e"))},
        "about another champion .expected champion nothing, found sha256:e",
    ),
    (
        {"champion": "v0.1.0", "champion_bundle": NAMELESS},
        r"about another champion .*found v0\.1\.0, of which no tag",
    ),
    (
        {"verdict": changed(VERDICT, champion=COMPARED)},
        "about another champion .expected champion sha256:e{12}, found nothing",
    ),
    ({"code": FoundDigest(digest("f"))}, "about another code"),
    ({"verdict": WAIVED}, r"waiver of 'waived\[origin=EWR\]' has ended .*up to 2013-06-30"),
    (
        {"verdict": WAIVED, "today": date(2013, 3, 31)},
        "waiver of .* ends too late .*up to 2013-06-29, 90 days from now, found 2013-06-30",
    ),
    ({"head_version": VERSION, "holder": "v0.1.0"}, r"v0\.1\.0 already holds the stage prod"),
    ({"head_version": changed(VERSION, bundle=digest("f"))}, "registered with another bundle"),
    ({"head_version": changed(VERSION, outcome=None)}, "no promotion wrote its tag"),
    ({"dropped": "v0.3.0"}, r"was v0\.3\.0, which was deregistered"),
]


def test_nothing_against_it_is_a_yes() -> None:
    assert refusals(GOOD) == []


@pytest.mark.parametrize(
    "fine",
    [
        {"head_version": VERSION},
        {"head_version": VERSION, "holder": "v0.2.0"},
        {"head_version": changed(VERSION, bundle=UNKNOWN)},
        {"head_version": changed(VERSION, bundle=UNKNOWN), "holder": "v0.1.0"},
    ],
)
def test_a_version_that_this_commit_already_is_may_be_given_the_stage(fine: dict[str, Any]) -> None:
    assert refusals(changed(GOOD, **fine)) == []


@pytest.mark.parametrize(("change", "message"), BAD)
def test_each_reason_stands_alone_and_says_how_to_fix_it(
    change: dict[str, Any], message: str
) -> None:
    reason, *more = refusals(changed(GOOD, **change))
    assert more == []
    with pytest.raises(type(reason), match=message):
        raise reason
    assert reason.fix


@settings(deadline=None)
@given(st.sets(st.integers(0, len(BAD) - 1), min_size=1))
def test_faults_never_cancel_each_other_out(chosen: set[int]) -> None:
    change: dict[str, Any] = {}
    for number in sorted(chosen):
        change |= BAD[number][0]
    # A verdict against the champion of today is no fault, though each half of it alone is one.
    verdict = change.get("verdict")
    assume("champion" not in change or verdict is None or verdict.champion != COMPARED)
    assert refusals(changed(GOOD, **change))


OVERRIDABLE = {
    *("verdict", "stale", "again"),
    *("data", "contract", "policy", "code", "reports", "champion"),
}


@pytest.mark.parametrize(("change", "message"), BAD)
def test_an_override_overrules_the_gate_and_nothing_else(
    change: dict[str, Any], message: str
) -> None:
    facts = changed(GOOD, **change)
    (reason,) = refusals(facts)
    told = [each.line() for each in overridable(facts)]
    if OVERRIDABLE & change.keys():
        assert refusals(facts, override=True) == []
        assert told == [reason.line()]
    else:
        (kept,) = refusals(facts, override=True)
        assert kept.line() == reason.line()
        assert told == []


def test_a_verdict_that_is_no_pass_is_the_reason_why_dvc_lock_lacks_the_gate() -> None:
    lacking = changed(GOOD, verdict=FAILED, stale=("gate: it is not in dvc.lock",))
    (verdict,) = refusals(lacking)
    assert verdict.what == "the gate did not let it pass"
    assert verdict.fix.startswith(f"{FINDING.title}: {FINDING.detail}. ")
    assert "assay promote --override" in verdict.fix
    assert "DVC keeps no output of a gate that did not pass" in overridable(lacking)[1].what
    assert refusals(lacking, override=True) == []
    assert refusals(changed(lacking, stale=()))[1:] == []
    for other in (changed(lacking, verdict=VERDICT), changed(lacking, stale=("train: changed",))):
        assert refusals(other)[0].where == "dvc.lock"


def test_what_is_wrong_in_many_stages_and_parts_is_one_reason_for_each_file() -> None:
    stale = tuple(f"{stage}: changed" for stage in "abcdefg")
    other = {"policy": FoundDigest(digest("f")), "code": FoundDigest(digest("e"))}
    edited = changed(GOOD, stale=stale, again=("'a' is PASS", "'b' is PASS"), **other)
    lock, parts, again = refusals(edited)
    assert lock.found == f"{'; '.join(stale[:5])} and 2 more"
    assert parts.what == "the verdict is about another policy, another code"
    assert parts.expected == f"policy {digest('d')[:19]}, code {digest('9')[:19]}"
    assert parts.found == f"{digest('f')[:19]}, {digest('e')[:19]}"
    assert again.found == "'a' is PASS; 'b' is PASS"


def test_a_verdict_against_the_champion_of_today_is_a_yes() -> None:
    verdict = changed(VERDICT, champion=COMPARED)
    facts = changed(
        GOOD,
        verdict=verdict,
        champion="v0.1.0",
        champion_bundle=FoundDigest(digest("e")),
        holder="v0.1.0",
    )
    assert refusals(facts) == []
    assert verdict_applies(facts)


def test_a_champion_without_a_digest_is_the_one_that_nobody_could_compare_with() -> None:
    facts = changed(GOOD, champion="v0.1.0", champion_bundle=NAMELESS)
    unread = changed(VERDICT, champion=JudgedChampion(state="unreadable", version="v0.1.0"))
    assert verdict_applies(changed(facts, verdict=unread))
    assert not verdict_applies(facts)


def test_a_waiver_holds_on_its_last_day_and_those_who_warn_are_not_named() -> None:
    assert refusals(changed(GOOD, verdict=WAIVED, today=date(2013, 6, 30))) == []
    warned = changed(FINDING, rule="warned", severity="warn", outcome=Outcome.FAIL)
    failed = changed(FAILED, findings=(*FAILED.findings, warned))
    (reason,) = refusals(changed(GOOD, verdict=failed))
    assert reason.found == "FAIL: ranks[origin=EWR]"


def test_the_champion_itself_needs_no_verdict_against_itself() -> None:
    facts = changed(
        GOOD, head_version=VERSION, champion="v0.1.0", champion_bundle=FoundDigest(digest("a"))
    )
    assert refusals(facts) == []


@pytest.mark.parametrize(
    ("change", "about_it"),
    [
        ({}, True),
        ({"verdict": FAILED}, True),
        ({"verdict": None}, False),
        ({"stale": ("gate: code changed",)}, False),
        # DVC leaves a gate that refused out of dvc.lock.
        ({"verdict": FAILED, "stale": ("gate: it is not in dvc.lock",)}, True),
        ({"verdict": FAILED, "stale": ("gate: x", "train: code changed")}, False),
        ({"again": ("'ranks' is missing in it",)}, False),
        ({"data": FoundDigest(digest("f"))}, False),
        ({"champion": "v0.1.0", "champion_bundle": FoundDigest(digest("e"))}, False),
    ],
)
def test_only_a_verdict_on_this_very_bundle_is_evidence(
    change: dict[str, Any], about_it: bool
) -> None:
    assert verdict_applies(changed(GOOD, **change)) == about_it
