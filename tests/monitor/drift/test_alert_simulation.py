"""The simulation asks what it says it asks, and keeps what came out."""

from __future__ import annotations

import numpy as np
import pytest

from assay.columns.distance import total_variation
from benchmarks import alert_breaks, alert_simulation, results
from benchmarks.alert_simulation import COLUMNS, MOVED, ROWS, Row
from benchmarks.shares import Share


def test_the_planted_shift_has_the_stated_size() -> None:
    before, after = (
        alert_simulation.counts(np.random.default_rng(1), 400, moved=moved) for moved in (0, 0.15)
    )
    assert before.shape == (400, COLUMNS, 11) and (before.sum(axis=-1) == ROWS).all()
    sums = [[tuple(each.sum(axis=0)[column, 1:]) for each in (before, after)] for column in (0, 1)]
    assert total_variation(*sums[0]) == pytest.approx(0.15, abs=0.01)
    assert total_variation(*sums[1]) < 0.01


def test_correlated_nights_hang_together() -> None:
    def correlation(together: float) -> float:
        nights = alert_simulation.counts(np.random.default_rng(2), 500, together=together)
        first = nights[:, :, 1].astype(float)
        return float(np.mean([np.corrcoef(x[1:], x[:-1])[0, 1] for x in first.T]))

    assert abs(correlation(0.0)) < 0.05 and correlation(0.9) > 0.3


def test_nights_in_one_direction_are_spread_more_widely() -> None:
    def wide(form: alert_simulation.Form) -> float:
        nights = alert_simulation.counts(np.random.default_rng(3), 100, form=form)
        usual = np.array(list(alert_simulation.reference_of(nights).distances.values()))
        return float((usual.std(axis=1) / usual.mean(axis=1)).mean())

    assert wide("direction") > 2 * wide("cells")


def test_one_weather_moves_all_columns_and_some_columns_alone_are_correlated() -> None:
    def first_cells(form: alert_simulation.Form) -> np.ndarray:
        random = np.random.default_rng(4)
        nights = alert_simulation.counts(random, 300, together=0.9, form=form, rows=20_000)
        return nights[:, :, 1].astype(float)

    weather, some = first_cells("weather"), first_cells("some")
    assert np.corrcoef(weather.T).min() > 0.9
    follows = [np.corrcoef(each[1:], each[:-1])[0, 1] for each in some.T]
    assert min(follows[:5]) > 0.7 and max(np.abs(follows[5:])) < 0.25


def test_a_short_run_is_kept(tmp_path) -> None:
    row = alert_simulation.stationary(2, 60, 0.0, "cells", ROWS, seed=1)
    assert row.incidents.shape == (2,) and row.alone.mean() > row.nights.mean()
    assert row.incidents.mean() < 12
    found = {
        (60, moved): alert_simulation.shifted(8, 60, moved, seed=1) for moved in (MOVED[0], 0.15)
    }
    assert found[60, MOVED[0]].count < found[60, 0.15].count >= 7
    broken = alert_breaks.run(1, 1, references=(10,))
    seen = {how for (how, _), seen in broken.items() if seen.at_once.count}
    assert seen & {*alert_breaks.GROSS} == {*alert_breaks.GROSS} - {"top decile doubled"}
    assert "zero in 50 %" in seen and not {"zero in 10 %", "times 1.1"} & seen
    kept = results.record(tmp_path, alert_simulation.entries([row], found))
    assert len(kept) == 2
    text = alert_simulation.page([row], found, broken)
    assert "| 15% | 60 |" in text and "2 years" in text and "| times 60 | 10 |" in text


@pytest.mark.parametrize(
    ("incidents", "found", "met"),
    [(4.0, 95, [True, True]), (4.5, 95, [False, True]), (3.0, 94, [True, False])],
)
def test_a_missed_target_is_told(incidents: float, found: int, met: list[bool]) -> None:
    many = np.full(10, incidents)
    entries = alert_simulation.entries(
        [
            Row(60, 0.0, "cells", ROWS, many / 2, *[many] * 4),
            Row(10, 0.8, "direction", 250, many, *[many] * 4),
        ],
        # What is not stated, or of too few nights, decides nothing.
        {
            (60, 0.05): Share(0, 100),
            (40, 0.15): Share(0, 100),
            (60, 0.15): Share(found, 100),
        },
    )
    assert [entry.met for entry in entries] == met
