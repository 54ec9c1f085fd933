"""Stories in which a law was broken once, each as short as it could be made."""

from __future__ import annotations

import pytest

from tests.life import pulls
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


def test_a_change_of_the_readme_after_a_promotion_is_green(team: Team) -> None:
    assert list(pulls.of_docs(team.world).violations()) == []
