"""Stories in which a law was broken once, each as short as it could be made."""

from __future__ import annotations

import pytest

from tests.life.machine import Team
from tests.life.nights import Delivery


@pytest.mark.parametrize("delivery", ["none", "damaged", "no column"])
def test_a_night_whose_first_attempt_fails_is_known_everywhere(
    team: Team, delivery: Delivery
) -> None:
    team.day(delivery="whole", scheduled=True)
    team.day(delivery=delivery, scheduled=False)
    team.score(back=0, force=False)
    team.nothing_is_wrong()


def test_rows_in_git_are_taken_out_by_what_the_check_says(team: Team) -> None:
    team.begins(by_file=True)
    team.day(delivery="whole", scheduled=False)
    team.commits_nights()


@pytest.mark.parametrize("by_file", [False, True])
def test_days_without_input_between_the_first_two_nights_are_shown(
    team: Team, by_file: bool
) -> None:
    team.begins(by_file=by_file)
    team.day(delivery="whole", scheduled=True)
    team.day(delivery="none", scheduled=False)
    team.day(delivery="none", scheduled=False)
    team.day(delivery="whole", scheduled=False)
    team.score(back=0, force=False)
    team.nightly()
    team.nothing_is_wrong()


def test_a_night_taken_back_after_a_run_was_killed_is_taken_back(team: Team) -> None:
    team.day(delivery="whole", scheduled=True)
    team.killed(back=0, after=False)
    team.retract(back=0)
    team.nothing_is_wrong()


@pytest.mark.parametrize("fork", [False, True])
def test_a_change_of_the_readme_after_a_promotion_is_green(team: Team, fork: bool) -> None:
    team.pull(change="docs", fork=fork)


def test_a_pull_request_whose_author_forgot_dvc_repro_is_red(team: Team) -> None:
    team.pull(change="forgotten", fork=False)


def test_a_run_that_is_held_waits_though_the_one_before_was_taken_back(team: Team) -> None:
    team.day(delivery="whole", scheduled=True)
    team.again(back=0, delivery="doubled")
    team.score(back=0, force=False)
    team.retract(back=0)
    team.nothing_is_wrong()
    assert team.world.ledger.waiting()


def test_a_challenger_is_judged_merged_promoted_reverted_and_rolled_back(team: Team) -> None:
    team.day(delivery="whole", scheduled=True)
    team.prepares(branch="model")
    team.checks(branch="model", fork=True)
    team.checks(branch="model", fork=False)
    team.merges(branch="model")
    team.day(delivery="whole", scheduled=True)
    assert team.is_promoted
    team.revert(merged=True)
    team.pull(change="docs", fork=False)
    team.rollback()
    team.day(delivery="whole", scheduled=True)
    team.pull(change="docs", fork=False)
