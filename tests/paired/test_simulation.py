from __future__ import annotations

import numpy as np
import pytest

from benchmarks import gate_populations, gate_simulation, results
from benchmarks.gate_simulation import METRICS, Row, Share
from pipeline.metrics.bounds import Bounds


@pytest.mark.parametrize("made", [gate_populations.binary, gate_populations.regression])
def test_the_stated_truth_is_that_of_a_large_sample(made) -> None:
    population = made()
    drawn = population.draw(np.random.default_rng(1), 400_000)
    for metric, truths in population.truths.items():
        for truth, scored in zip(truths, drawn, strict=True):
            assert scored.values()[metric] == pytest.approx(truth, rel=0.012), metric
        assert population.better_by(metric) < 0


def test_all_questions_are_asked_of_every_metric_and_size(tmp_path) -> None:
    rows = gate_simulation.simulate(60, [300, 600], seed=1)
    assert [(one.metric, one.rows) for one in rows] == [
        (metric, size) for metric in METRICS for size in (300, 600)
    ]
    for one in rows:
        assert one.passed.trials == one.told.trials == one.covered.trials == 60
        assert one.passed.value < 0.2 < 0.5 < one.told.value
        assert one.covered.value > 0.8
    kept = results.record(tmp_path, gate_simulation.entries(rows))
    assert [entry.rows for entry in kept] == [300, 600] * 3
    text = gate_simulation.page(rows)
    assert all(label in text for label in METRICS.values())
    assert len(text.splitlines()) == 6 + len(rows)


def lines(passed: int, told: int, covered: int) -> Row:
    return Row("auc", 500, 0.01, 0.02, *(Share(count, 1000) for count in (passed, told, covered)))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (lines(25, 800, 950), []),
        (lines(50, 770, 965), []),
        (lines(51, 800, 950), ["passes too often"]),
        (lines(25, 769, 950), ["power is off"]),
        (lines(25, 831, 950), ["power is off"]),
        (lines(25, 800, 934), ["coverage is off"]),
        (lines(25, 800, 966), ["coverage is off"]),
    ],
)
def test_what_is_not_as_required_is_named(line, said) -> None:
    assert gate_simulation._missed(line) == said
    met = [entry.met for entry in gate_simulation.entries([line])]
    assert met.count(False) == len(said)


def test_a_row_counts_what_the_gate_says() -> None:
    found = [Bounds(value, 0.01) for value in (-0.02, 0.0, 0.05)]
    row = gate_simulation.row("auc", 500, -0.03, found)
    assert row.drop == 0.03
    assert row.passed == Share(2, 3)  # -0.02 - 0.0196 lies under -0.03
    assert row.least == pytest.approx(0.028, abs=0.001)
    assert row.covered == Share(1, 3)
