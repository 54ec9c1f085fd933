"""The rows of the comparison hold every value at which an answer may change."""

from __future__ import annotations

import dataclasses

import numpy as np

from assay.compiled.edge_cases import MOST_CATEGORIES, MOST_EDGES
from assay.edge.hard_rows import hard_rows
from tests.compiled.fitted import CASES, SMALL
from tests.edge.exported import export, sample

DEEP = next(case for case in CASES if "n_estimators=60" in str(case))


def test_every_threshold_and_limit_is_there_with_its_neighbours() -> None:
    found = export(DEEP)
    place = found.model.inputs.numeric.index("age")
    edges = np.concatenate([found.model.body.edges(place), [-40.0, 60.5]])
    edges = edges[np.isfinite(edges)]
    assert len(edges) > MOST_EDGES  # so that there are several parts
    batches = hard_rows(found.model, found.rules, sample(found))
    asked = np.concatenate([rows.of_numbers["age"] for rows in batches])
    for near in (edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf)):
        assert set(near) <= set(asked)
    assert {np.inf, -np.inf} <= set(asked)


def test_every_category_is_there_and_rows_without_a_value() -> None:
    found = export(SMALL["linear"])
    inputs = found.model.inputs
    names = tuple(f"L{number}" for number in range(MOST_CATEGORIES + 9))
    states = inputs.states
    first = states.state[: len(inputs.categories[0]) + 2]
    many = np.concatenate([np.zeros(len(names), np.uint16), first[-2:]])
    rest = states.state[len(first) :]
    starts = states.starts + len(many) - len(first)
    starts[0] = 0
    wide = dataclasses.replace(
        inputs,
        categories=(names, inputs.categories[1]),
        states=dataclasses.replace(states, starts=starts, state=np.concatenate([many, rest])),
    )
    wide.check()
    model = dataclasses.replace(found.model, inputs=wide)
    batches = list(hard_rows(model, found.rules, sample(found)))
    asked = {text for rows in batches for text in rows.of_categories["line"].categories}
    assert {*names, "L8", ""} <= asked
    missing = [
        np.logical_and.reduce(
            [np.isnan(values) for values in rows.of_numbers.values()]
            + [column.codes < 0 for column in rows.of_categories.values()]
        )
        for rows in batches
    ]
    assert np.concatenate(missing).any()
