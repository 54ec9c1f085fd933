"""Every reason against promotion, without git: facts in, reasons out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.registry.decide import Facts, Seen, refusals
from pipeline.registry.state import UNKNOWN, Version
from pipeline.verdict import Finding, Outcome, Verdict


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
    champion=None,
    findings=(FINDING,),
)
VERSION = Version("m1", "v0.1.0", "1" * 40, digest("a"), digest("e"), "Ada", "2013", "")
GOOD = Facts(
    name="m1",
    stage="prod",
    unclean=(),
    locked=True,
    artifact="models/bundle",
    artifact_problem=None,
    verdict=VERDICT,
    verdict_problem=None,
    verdict_committed=True,
    here=Seen(digest("a")),
    committed=Seen(digest("a")),
    data=Seen(digest("b")),
    contract=Seen(digest("c")),
    policy=Seen(digest("d")),
    head_version=None,
    dropped=None,
    holder=None,
)
FAILED = replace(VERDICT, outcome=Outcome.FAIL, findings=(replace(FINDING, outcome=Outcome.FAIL),))

BAD: list[tuple[dict[str, Any], str]] = [
    ({"unclean": ("a.py", "b.py")}, r"differs from the commit .*found a\.py, b\.py"),
    ({"unclean": tuple("abcdefgh")}, "a, b, c, d, e and 3 more"),
    ({"locked": False}, r"dvc\.lock: it is not in the commit"),
    ({"artifact": None, "artifact_problem": "nope"}, "no artifact 'm1' is declared.*found nope"),
    ({"here": Seen(problem="gone")}, "no whole bundle in the work tree .found gone"),
    ({"committed": Seen(digest("f"))}, r"not the one that the commit's dvc\.lock points to"),
    ({"committed": Seen(problem="gone")}, "cannot be had from DVC .found gone"),
    ({"verdict": None, "verdict_problem": "no such file"}, "no verdict .*found no such file"),
    ({"verdict_committed": False}, "the commit does not hold this verdict"),
    ({"verdict": FAILED}, r"did not let it pass .*FAIL: ranks\[origin=EWR\]"),
    ({"verdict": replace(VERDICT, outcome=Outcome.INCONCLUSIVE)}, "expected PASS, found INCONCLU"),
    ({"verdict": replace(VERDICT, name="m2")}, "about another project .expected m1, found m2"),
    ({"data": Seen(digest("f"))}, "about another data .expected data sha256:b{12}, found sha256:f"),
    ({"contract": Seen(digest("f"))}, "about another contract"),
    ({"policy": Seen(problem="unreadable")}, "about another policy .*found unreadable"),
    ({"verdict": replace(VERDICT, bundle=digest("f"))}, "about another bundle"),
    ({"head_version": VERSION, "holder": "v0.1.0"}, r"v0\.1\.0 already holds the stage prod"),
    ({"head_version": replace(VERSION, bundle=digest("f"))}, "registered with another bundle"),
    ({"dropped": "v0.3.0"}, r"was v0\.3\.0, which was deregistered"),
]


def test_nothing_against_it_is_a_yes() -> None:
    assert refusals(GOOD) == []


@pytest.mark.parametrize(
    "fine",
    [
        {"head_version": VERSION},
        {"head_version": VERSION, "holder": "v0.2.0"},
        {"head_version": replace(VERSION, bundle=UNKNOWN)},
        {"head_version": replace(VERSION, bundle=UNKNOWN), "holder": "v0.1.0"},
    ],
)
def test_a_version_that_this_commit_already_is_may_be_given_the_stage(fine: dict[str, Any]) -> None:
    assert refusals(replace(GOOD, **fine)) == []


@pytest.mark.parametrize(("change", "message"), BAD)
def test_each_reason_stands_alone_and_says_how_to_mend_it(
    change: dict[str, Any], message: str
) -> None:
    reason, *more = refusals(replace(GOOD, **change))
    assert more == []
    with pytest.raises(type(reason), match=message):
        raise reason
    assert reason.mend


@given(st.sets(st.integers(0, len(BAD) - 1), min_size=1))
def test_faults_never_cancel_each_other_out(chosen: set[int]) -> None:
    change: dict[str, Any] = {}
    for number in sorted(chosen):
        change |= BAD[number][0]
    assert refusals(replace(GOOD, **change))
