from __future__ import annotations

import numpy as np
import pandas as pd

from assay.formats.definition import TableFormat, Understanding
from assay.init.checks import FieldChecks
from assay.init.duplicates import count_duplicates
from assay.init.plan import ProjectColumn
from tests.init.frames import facts_of


def counted(frame: pd.DataFrame, **roles: str) -> tuple[float, tuple[str, ...]]:
    """What is told of a frame whose columns are features but for the label y and ``roles``.

    Without y, all rows have one label.
    """
    roles = {"y": "label", **roles}
    frame = frame if "y" in frame else frame.assign(y=1)
    facts = tuple(facts_of(frame))
    columns = [
        ProjectColumn(
            *(each.name, each.name, each.kind, (roles.get(each.name, "feature"),)),
            FieldChecks({}, False, ""),
            "",
        )
        for each in facts
    ]
    known = Understanding("t.csv", len(frame), TableFormat("csv", ()), facts)
    return count_duplicates(known, frame, columns)


def test_coarse_values_may_be_equal() -> None:
    rng = np.random.default_rng(6)
    grades = pd.DataFrame({"a": rng.integers(1, 6, 1000), "b": rng.integers(1, 6, 1000)})
    assert counted(grades) == (1.0, ())


def test_copies_are_told_and_not_allowed() -> None:
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({"a": rng.normal(size=1000), "b": rng.integers(1, 6, 1000)})
    assert counted(frame) == (0.0, ())
    share, (told,) = counted(pd.concat([frame, frame.head(100)], ignore_index=True))
    assert share == 0.0 and "18% of the rows equal another one" in told


def test_rows_whose_labels_differ_are_no_copies() -> None:
    rng = np.random.default_rng(6)
    town = rng.integers(0, 400, 1000)
    frame = pd.DataFrame({"town": town, "postcode": town + 1000, "y": rng.integers(0, 2, 1000)})
    assert counted(frame) == (0.0, ())
    _, (told,) = counted(frame.assign(y=town % 2))
    assert "100% of such pairs agree in the label, so the gate will ask" in told


def test_rounded_numbers_are_equal_by_chance() -> None:
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({"a": rng.normal(size=500).round(2), "b": rng.integers(1, 4, 500)})
    share, told = counted(frame)
    assert 0.2 < share < 0.6 and told == ()


def test_people_who_differ_in_what_is_sensitive_are_no_copies() -> None:
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({"pay": rng.normal(size=1000), "age": rng.integers(20, 40, 1000)})
    twice = pd.concat([frame, frame.head(100)], ignore_index=True)
    older = twice.assign(age=twice["age"] + 20 * (twice.index >= 1000))
    assert counted(older, age="sensitive") == (0.0, ())
    _, (told,) = counted(twice, age="sensitive")
    assert "equal another one in all that describes them" in told
