"""The Python form: passes in silence, fails with the rows."""

from __future__ import annotations

import numpy as np
import pytest

from assay.errors import BehaviourError
from assay.testing import directional, invariant, minimum, monotone, robust
from tests.gate.behaviour.models import fates, probability, rows

FARTHER = {"column": "distance", "add": 100}


def test_what_holds_says_nothing() -> None:
    frame = rows()
    invariant(probability, frame, {"column": "depot", "set": "moon"}, within=0.0)
    directional(probability, frame, lambda f: f.assign(distance=900.0), expect="not_lower")
    robust(probability, frame, "missing", columns=["distance"])
    robust(probability, frame, "unseen")
    monotone(probability, frame, "distance", 0, 400)
    minimum(probability, frame, [{"name": "far", "row": {"distance": 2000.0}, "min": 0.9}])


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda f: invariant(probability, f, FARTHER, within=0.01), "rows move by more than 0.01"),
        (lambda f: directional(probability, f, FARTHER, expect="not_higher"), "rows rise"),
        (lambda f: robust(probability, f, "missing", within=0.01), "rows move by more than 0.01"),
        (lambda f: monotone(probability, f, "distance", 0, 9, expect="decreasing"), "rows rise on"),
        (lambda f: minimum(probability, f, [{"name": "x", "max": 0}]), "1 of 1 case wrong"),
    ],
)
def test_what_does_not_hold_shows_the_rows(call, told: str) -> None:
    with pytest.raises(AssertionError, match=told) as caught:
        call(rows())
    assert "score after" in str(caught.value)


def test_classes_of_a_bare_function_go_by_their_place() -> None:
    directional(fates, rows(), FARTHER, expect="not_lower", of="1")
    with pytest.raises(BehaviourError, match="one of 0, 1, 2"):
        directional(fates, rows(), FARTHER, expect="not_lower")


def test_a_bare_function_may_give_any_number() -> None:
    invariant(lambda f: np.full(len(f), -7e5), rows(), FARTHER, within=0.0)


def test_no_rows_are_refused() -> None:
    with pytest.raises(BehaviourError, match="no rows"):
        invariant(probability, rows().head(0), FARTHER, within=0.0)
