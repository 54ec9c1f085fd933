"""A plan is approved by the people who were asked, each plan anew, and promotion asks for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from assay.errors import NotAllowed, PlanRefused, PromotionRefused, UsageError
from assay.plan import apply as applying
from assay.promotion import approvals
from assay.promotion.promote import PromotionRefusals, promote
from assay.registry import git
from tests import projects
from tests.plan.conftest import NIGHTS, Planner

BEA = "Bea <bea@example.com>"


@pytest.fixture
def asked(planner: Planner) -> Planner:
    """A planned project in which marketing has to agree, and the author may not."""
    person = f"[bea@example.com, {projects.PERSON['EMAIL']}]"
    planner.change_params(
        lambda text: (
            text + f"\napprovals:\n  - {{who: marketing, people: {person}, not_author: true}}\n"
        )
    )
    projects.call(planner.root, "git", "commit", "--quiet", "--all", "--message", "Ask")
    planner.plan(first=NIGHTS[0], last=NIGHTS[0])
    return planner


@pytest.fixture
def as_bea(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def become() -> None:
        monkeypatch.setenv("GIT_COMMITTER_NAME", "Bea")
        monkeypatch.setenv("GIT_COMMITTER_EMAIL", "bea@example.com")

    return become


def refusals(planner: Planner) -> list[str]:
    try:
        promote(planner.root, planner.params)
    except PromotionRefusals as error:
        return [each.what for each in error.reasons]
    except PromotionRefused as error:
        return [error.what]
    return []


def test_promotion_names_who_has_not_approved(asked: Planner, as_bea: Callable[[], None]) -> None:
    lacking = "marketing has not approved the plan"
    assert lacking in refusals(asked)
    as_bea()
    found = approvals.approve(asked.root, asked.params, "marketing", "it is little")
    assert (found.by, found.because) == (BEA, "it is little")
    assert lacking not in refusals(asked)
    assert approvals.approve(asked.root, asked.params, "marketing", "again") == found


def test_another_plan_needs_another_approval(asked: Planner, as_bea: Callable[[], None]) -> None:
    as_bea()
    approvals.approve(asked.root, asked.params, "marketing", "it is little")
    newer = asked.plan(first=NIGHTS[1], last=NIGHTS[1])
    head, bundle = git.head(asked.root), newer.bundle
    (refused,) = approvals.refusals(asked.root, asked.params, bundle, head)
    assert refused.found == "one of another plan"
    approvals.approve(asked.root, asked.params, "marketing", "as well")
    assert approvals.refusals(asked.root, asked.params, bundle, head) == []


def test_nobody_else_can_approve_it(asked: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PromotionRefused) as caught:
        approvals.approve(asked.root, asked.params, "marketing", "mine")
    assert "is the author" in (caught.value.found or "")
    monkeypatch.setenv("GIT_COMMITTER_NAME", "Cid")
    monkeypatch.setenv("GIT_COMMITTER_EMAIL", "cid@example.com")
    with pytest.raises(PromotionRefused) as caught:
        approvals.approve(asked.root, asked.params, "marketing", "mine")
    assert "none of them" in (caught.value.found or "")


def test_a_tag_made_by_somebody_else_does_not_count(asked: Planner) -> None:
    (planned,) = asked.store.planned_runs()
    told = f"x\n\nAs: marketing\nPlan: {planned.plan}\nBecause: x\nBy: {BEA}\n"
    projects.call(asked.root, "git", "tag", "-a", "-m", told, "plan-approved/marketing/forged")
    (refused,) = approvals.refusals(
        asked.root, asked.params, planned.run.bundle, git.head(asked.root)
    )
    assert "is the author" in (refused.found or "")


def test_it_needs_a_reason_a_plan_and_a_name(planner: Planner, asked: Planner) -> None:
    for who, because, plan in (
        ("marketing", " ", None),
        ("sales", "why", None),
        ("marketing", "why", "sha256:ffffffff"),
        ("marketing", "why", ""),
    ):
        with pytest.raises(UsageError):
            approvals.approve(asked.root, asked.params, who, because, plan)


def test_without_a_plan_nobody_can_have_approved_it(planner: Planner) -> None:
    planner.change_params(lambda text: text + "\napprovals:\n  - {who: ops, people: [Bea]}\n")
    projects.call(planner.root, "git", "commit", "--quiet", "--all", "--message", "Ask")
    (refused,) = approvals.refusals(
        planner.root, planner.params, "sha256:none", git.head(planner.root)
    )
    assert "there is no plan" in refused.what


def test_apply_asks_too_and_the_history_names_who_agreed(
    asked: Planner, as_bea: Callable[[], None]
) -> None:
    asked.promote()
    with pytest.raises(PlanRefused):
        asked.apply()
    assert asked.apply(if_planned=True).nights == []
    (planned,) = asked.store.planned_runs()
    told = f"x\n\nAs: marketing\nPlan: {planned.plan}\nBecause: x\nBy: {BEA}\n"
    projects.call(asked.root, "git", "tag", "-a", "-m", told, "plan-approved/marketing/forged")
    as_bea()
    approvals.approve(asked.root, asked.params, "marketing", "it is little")
    asked.apply(exact=True)
    event = asked.store.run_events(NIGHTS[0])[-1]
    assert event.event == "published"
    assert event.detail.endswith(f", approved by {BEA} as marketing, applied by {who()}")


def who() -> str:
    return git.user_name(projects.ROOT)


def test_access_has_a_word_too_on_who_approves_and_who_applies(
    asked: Planner, as_bea: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    cid = "[cid@example.com]"
    asked.change_params(lambda text: text + f"\naccess: {{approve: {cid}, apply: {cid}}}\n")
    projects.call(asked.root, "git", "commit", "--quiet", "--all", "--message", "Cid may")
    as_bea()
    with pytest.raises(NotAllowed, match=r"Bea <bea@example\.com> may not approve"):
        approvals.approve(asked.root, asked.params, "marketing", "it is little")
    asked.change_params(lambda text: text.replace(f"approve: {cid}, ", ""))
    projects.call(asked.root, "git", "commit", "--quiet", "--all", "--message", "Bea may")
    asked.promote()
    approvals.approve(asked.root, asked.params, "marketing", "it is little")
    with pytest.raises(NotAllowed, match=r"Bea <bea@example\.com> may not apply"):
        asked.apply()
    assert not applying.is_pending(asked.root, asked.params), "nightly leaves it to a person"
    monkeypatch.setenv("GIT_COMMITTER_EMAIL", "cid@example.com")
    assert applying.is_pending(asked.root, asked.params)
    assert [night.done for night in asked.apply().nights] == ["applied"]


def test_what_is_asked_is_asked_by_the_commit(asked: Planner) -> None:
    asked.promote()
    asked.change_params(lambda text: text.partition("\napprovals:")[0])
    with pytest.raises(PlanRefused):
        asked.apply()
    assert not applying.is_pending(asked.root, asked.params)


def test_a_later_commit_makes_no_other_author(
    asked: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Cid")
    monkeypatch.setenv("GIT_AUTHOR_EMAIL", "cid@example.com")
    projects.call(asked.root, "git", "commit", "--quiet", "--allow-empty", "--message", "Notes")
    with pytest.raises(PromotionRefused) as caught:
        approvals.approve(asked.root, asked.params, "marketing", "mine")
    assert "is the author" in (caught.value.found or "")


def test_an_older_plan_cannot_be_approved(asked: Planner, as_bea: Callable[[], None]) -> None:
    (older,) = asked.store.planned_runs()
    asked.plan(first=NIGHTS[1], last=NIGHTS[1])
    as_bea()
    with pytest.raises(UsageError):
        approvals.approve(asked.root, asked.params, "marketing", "why", older.plan)
