"""When matured performance says to train again, and when it says nothing."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.cli.__main__ import main
from assay.errors import RetrainAdvised, UsageError
from assay.performance import realized_metrics, retrain
from assay.performance.retrain import advise
from assay.project import params
from assay.project.params.monitoring import RetrainRule
from assay.project.partitions import parse_day
from tests.projects import PARCELS

NOW = datetime(2013, 9, 1, 12, tzinfo=UTC)


def rule(**more: Any) -> RetrainRule:
    known = {"metric": "auc", "min": 0.7, "maturity": 7, "nights": 2, "of": 3}
    return RetrainRule(**{**known, **more})


def row(day: int, value: float | None, **more: Any) -> dict[str, Any]:
    known = {
        "date": (date(2013, 7, 1) + timedelta(days=day)).isoformat(), "value": value,
        "metric": "auc", "slice": "", "maturity_days": 7, "labelled_share": 0.9,
        "estimated": False, "model_version": "v1", "run_id": "r", "low": None, "high": None,
        "rows": 9,
    }  # fmt: skip
    return {**known, **more}


def state(table: list[dict[str, Any]], given: RetrainRule | None = None) -> str:
    (found,) = advise([given or rule()], table, "date", "v1", NOW)
    return found.state


def test_k_of_the_last_n_nights_decide() -> None:
    bad, good = 0.6, 0.8
    assert state([row(0, bad), row(1, good), row(2, bad)]) == "retrain"
    assert state([row(0, bad), row(1, good), row(2, good)]) == "fine"
    assert state([row(0, bad), row(1, bad), row(2, good), row(3, good), row(4, bad)]) == "fine"
    assert state([row(0, 0.7), row(1, 0.7), row(2, 0.7)]) == "fine"
    assert state([row(day, 0.9) for day in range(3)], rule(min=None, max=0.8)) == "retrain"


@pytest.mark.parametrize(
    "more",
    [
        {"estimated": True},
        {"model_version": "v0"},
        {"maturity_days": 1},
        {"slice": "origin=JFK"},
        {"value": None},
        {"labelled_share": 0.4},
    ],
)
def test_nights_that_say_nothing_do_not_count(more: dict[str, Any]) -> None:
    table = [row(0, 0.6), row(1, 0.6), row(2, **{"value": 0.6, **more})]
    assert state(table) == "waiting"


def test_a_maturity_counts_when_its_day_is_over() -> None:
    days = (NOW.date() - date(2013, 7, 1)).days
    assert state([row(0, 0.6), row(1, 0.6), row(days - 7, 0.6)]) == "waiting"
    assert state([row(0, 0.6), row(1, 0.6), row(days - 8, 0.6)]) == "retrain"


def test_a_metric_that_is_not_measured_is_an_error_and_no_pass() -> None:
    with pytest.raises(UsageError, match="rmse, which is not measured"):
        state([row(0, 0.6)], rule(metric="rmse"))


def test_a_slice_has_rules_of_its_own() -> None:
    table = [row(day, 0.6, slice="origin=JFK") for day in range(3)]
    assert state(table, rule(slice="origin=JFK")) == "retrain"
    (found,) = advise([rule(slice="origin=JFK")], table, "date", "v1", NOW)
    assert "auc in origin=JFK after 7 days is not at least 0.7" in found.sentence


@pytest.mark.parametrize("bad", [1, 4, 7])
def test_as_many_nights_are_named_as_are_counted(bad: int) -> None:
    table = [row(day, 0.6 if day < bad else 0.8) for day in range(8)]
    (found,) = advise([rule(nights=1, of=8)], table, "date", "v1", NOW)
    words, _, named = found.sentence.partition(" (")
    assert words.endswith(f"on {bad} of the last 8 nights")
    assert named.count("2013-07-") == bad and "of them" not in named


def test_a_long_list_of_nights_says_that_it_is_not_all_of_them() -> None:
    table = [row(day, 0.6) for day in range(9)]
    (found,) = advise([rule(nights=1, of=9)], table, "date", "v1", NOW)
    told = found.sentence
    assert "on 9 of the last 9 nights (the last 7 of them: 2013-07-03 0.6, " in told
    assert told.count("2013-07-") == 7


values = st.lists(st.floats(0, 1), max_size=12)


@given(values, st.integers(1, 5), st.integers(0, 4))
def test_worse_nights_never_turn_advice_back(found: list[float], k: int, more: int) -> None:
    mine = rule(nights=k, of=k + more)
    table = [row(day, value) for day, value in enumerate(found)]
    worse = [row(day, value - 0.1) for day, value in enumerate(found)]
    order = ["waiting", "fine", "retrain"]
    assert order.index(state(worse, mine)) >= order.index(state(table, mine))
    assert state(table[::-1], mine) == state(table, mine)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 40), st.integers(0, 90 * 24))
def test_a_maturity_is_reached_as_its_day_begins_and_over_as_it_ends(
    day: date, days: int, hours: int
) -> None:
    now = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hours)
    age = (now.date() - day).days
    assert (realized_metrics.reached_maturities(day, [days], now) == (days,)) == (age >= days)
    assert (now >= realized_metrics.maturity_end(day, days)) == (age > days)
    assert parse_day(day.isoformat()) == day


def test_a_night_that_is_no_day_has_no_maturity() -> None:
    assert parse_day("north") is None


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(PARCELS, tmp_path / "parcels")
    monkeypatch.setattr(retrain, "newest_labels", lambda *_: date(2024, 3, 5))
    return tmp_path / "parcels"


def advice(says: bool) -> Any:
    def run(*_: object) -> Any:
        if says:
            raise RetrainAdvised("auc is not at least 0.6", where="parcels v0.1.0")
        return type("Advice", (), {"rules": (), "column": "day"})()

    return run


def test_both_move_by_as_many_days_and_the_rest_of_the_file_stays(project: Path) -> None:
    before = (project / "params.yaml").read_text()
    moved = retrain.move_window(project, params.load(project))
    assert (moved.days, moved.train, moved.holdout) == (
        5,
        ("2024-01-06", "2024-02-14"),
        ("2024-02-15", "2024-03-05"),
    )
    after = (project / "params.yaml").read_text()
    changed = [
        (old, new)
        for old, new in zip(before.splitlines(), after.splitlines(), strict=True)
        if old != new
    ]
    assert [new.strip() for _, new in changed] == [
        'train: {from: "2024-01-06", to: "2024-02-14"}',
        'holdout: {from: "2024-02-15", to: "2024-03-05"}',
    ]
    # A second time there is nothing newer.
    again = retrain.move_window(project, params.load(project))
    assert (again.days, again.why) == (0, "no labels are newer than the holdout")
    assert (project / "params.yaml").read_text() == after


@pytest.mark.parametrize("newest", [None, date(2024, 2, 29), date(2024, 1, 1)])
def test_they_never_move_back(newest: date | None) -> None:
    assert retrain.shift(params.load(PARCELS), newest) == 0


@pytest.mark.parametrize("says", [True, False])
def test_if_advised_they_move_only_then_and_the_next_step_knows(
    project: Path, says: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(retrain, "run", advice(says))
    monkeypatch.setenv("GITHUB_OUTPUT", str(project.parent / "output"))
    before = (project / "params.yaml").read_text()
    assert main(["window", "--if-advised", "--root", str(project)]) == 0
    assert ((project / "params.yaml").read_text() != before) is says
    assert (project.parent / "output").read_text() == f"moved={str(says).lower()}\n"
    told = capsys.readouterr().out
    assert ("auc is not at least 0.6" in told) is says
    assert ("no rule says to train again" in told) is not says
