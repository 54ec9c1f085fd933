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
