"""Short lives, the same in each run; `make year` lives a year of each seed."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.life.machine import Team


class Short(Team):
    """A life without training; what becomes of a challenger is a story."""

    trains = 0


def test_whatever_a_team_does_all_laws_hold() -> None:
    asked = settings(
        max_examples=8,
        stateful_step_count=20,
        derandomize=True,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    run_state_machine_as_test(Short, settings=asked)
