from __future__ import annotations

import numpy as np
import pytest

from assay.metrics.sampling_units import NIGHT, ROW
from benchmarks import gate_page, gate_simulation
from benchmarks.gate_page import Line
from benchmarks.gate_populations import Binary, Structure
from benchmarks.gate_simulation import Cell

NIGHTS = Structure(30, 0.2)


def test_a_population_has_as_many_positives_and_nights_as_it_says() -> None:
    population = Binary(0.2, NIGHTS)
    champion, challenger, units = population.draw(np.random.default_rng(1), 200_000, NIGHTS)
    assert (units.name, units.count) == (NIGHT, 30)
    assert champion.truth.mean() == pytest.approx(0.2, abs=0.08)
    assert np.array_equal(champion.truth, challenger.truth)
    assert Binary(0.2).draw(np.random.default_rng(1), 50, Structure())[2].name == ROW


def test_every_metric_is_asked_alone_and_as_a_difference(monkeypatch) -> None:
    monkeypatch.setattr("benchmarks.gate_populations.LARGE", 20_000)
    found = gate_simulation.simulate(Cell(Binary(0.21, NIGHTS), 600), 12, seed=1)
    assert {paired for _, paired in found} == {False, True}
    assert len(found) == 2 * 10
    for count in found.values():
        assert 0 <= count.covered <= count.answered <= count.trials == 12
        assert count.passed <= count.answered
    lines = list(gate_simulation.lines(Cell(Binary(0.21, NIGHTS), 600), found))
    text = gate_page.page(lines, {"PASS": 1})
    assert "By metric" in text
    assert "| auc | limit |" in text
    assert len(gate_page.table(lines).splitlines()) == 1 + len(lines)


def line(answered: int, covered: int, passed: int) -> Line:
    return Line("-", "-", 500, "auc", False, 1000, answered, covered, passed, None, None)


@pytest.mark.parametrize(
    ("found", "missed"),
    [
        (line(1000, 950, 25), []),
        (line(1000, 900, 25), ["covers too little"]),
        (line(1000, 995, 25), ["covers too much"]),
        (line(1000, 950, 90), ["passes too often"]),
        (line(10, 0, 0), []),
    ],
)
def test_what_is_not_as_required_is_named(found: Line, missed: list[str]) -> None:
    assert found.missed == missed


def test_a_model_that_changed_nothing_fails_on_no_small_slice() -> None:
    assert "FAIL" not in gate_simulation.small_slices(3, seed=1)
