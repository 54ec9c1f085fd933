"""What became of nights that were not published, in words."""

from __future__ import annotations

import pytest

from assay.cli.show.scoring import lines
from assay.score.run import NightOutcome
from assay.score.stage import NightOutcomes

DAYS = ("2013-07-01", "2013-07-02")


def told(*outcomes: NightOutcome) -> list[str]:
    return [str(line) for line in lines(NightOutcomes("store", list(outcomes)))]


@pytest.mark.parametrize(("days", "named"), [(DAYS[:1], DAYS[0]), (DAYS, "2 nights")])
def test_a_skipped_night_says_how_it_is_scored_again(days: tuple[str, ...], named: str) -> None:
    assert told(*(NightOutcome(day, "skipped") for day in days)) == [
        f"skipped {named}: published already with the same version, input and contract "
        "(--force scores again)"
    ]


def test_held_and_failed_nights_are_named() -> None:
    outcomes = [NightOutcome(day, how) for day in DAYS for how in ("failed", "held")]
    assert told(*outcomes) == [
        "held: 2013-07-01, 2013-07-02",
        "failed: 2013-07-01, 2013-07-02",
    ]


def test_of_no_night_nothing_is_said() -> None:
    assert told() == []
