"""Reasons as reports have them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.metrics.estimate import Estimate
from assay.reports.comparison import ChangedPart, ReasonChanges
from assay.reports.evaluation import ExplainedPart, Reasons

shares = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(
    lambda two: tuple(float(f"{each:.12g}") for each in two)
)


def test_what_was_written_is_read_again() -> None:
    part = ExplainedPart(rows=50, units=10, features={"hour": Estimate(0.5, 0.4, 0.7, degrees=9)})
    found = Reasons(scale="log odds", whole=part, slices={"origin=JFK": part})
    assert Reasons.of_tree(found.tree()) == found
    with pytest.raises(ValueError, match="why is missing"):
        Reasons()
    with pytest.raises(ValueError, match="why is missing"):
        ReasonChanges()


def changes(share: float, **parts: tuple[float, float]) -> ReasonChanges:
    return ReasonChanges(
        whole=ChangedPart(rows=100, units=9, changed=Estimate(share, 0.0, 1.0)), parts=parts
    )


@given(st.floats(0, 1), st.dictionaries(st.sampled_from("abcdef"), shares, min_size=1))
def test_the_sentence_names_who_gained_and_lost_most(
    share: float, parts: dict[str, tuple[float, float]]
) -> None:
    told = changes(share, **parts).sentence
    assert "\n" not in told and told.endswith(".")
    for name, (was, now) in parts.items():
        if f"{name} gained most (" in told:
            assert now - was == max(b - a for a, b in parts.values()) > 0
        if f"{name} lost most (" in told:
            assert now - was == min(b - a for a, b in parts.values()) < 0


def test_the_sentence() -> None:
    assert changes(0.1234, hour=(0.3, 0.4), day=(0.5, 0.45), rest=(0.2, 0.15001)).sentence == (
        "12.3% of rows have another strongest reason than with the champion. Of all contributions "
        "hour gained most (30.0% → 40.0%), day lost most (50.0% → 45.0%)."
    )
    same = changes(0.0, hour=(0.6, 0.6), day=(0.4, 0.4)).sentence
    assert same == "No row has another strongest reason than with the champion."
    unknown = ReasonChanges(why="champion: no trees").sentence
    assert unknown == "Whether scores have other reasons is not known: champion: no trees."
