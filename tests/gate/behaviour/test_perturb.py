from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import BehaviourError
from assay.gate.behaviour.changes import perturbed_frames, typo
from tests.gate.behaviour.models import rows, subject


def frames(perturb: str, *columns: str, **facts: object) -> dict[str, pd.DataFrame]:
    found = perturbed_frames(perturb, rows(), subject(**facts), columns, [3])  # type: ignore[arg-type]
    return {f"{place} {note}": frame for place, (note, frame) in enumerate(found)}


def altered_columns(frame: pd.DataFrame) -> list[str]:
    return [name for name in frame.columns if not frame[name].equals(rows()[name])]


def test_missing_takes_what_a_night_may_lack() -> None:
    (frame,) = frames("missing").values()
    assert altered_columns(frame) == ["distance"]
    assert frame["distance"].isna().all()


def test_each_column_alone_and_then_all_of_them() -> None:
    found = frames("missing", "pieces", "express", "depot")
    assert [altered_columns(frame) for frame in found.values()] == [
        ["pieces"],
        ["express"],
        ["depot"],
        ["depot", "pieces", "express"],
    ]
    assert list(found)[-1] == "3 missing, 3 columns"


def test_unseen_is_unseen_even_where_somebody_thought_of_the_name() -> None:
    frame = rows().assign(depot="never seen before")
    ((_, after),) = perturbed_frames("unseen", frame, subject(), (), [3])
    assert set(after["depot"]) == {"never seen before!"}


def test_typo_alters_every_text_alike_and_keeps_gaps() -> None:
    frame = rows()
    frame.loc[3, "depot"] = None
    ((_, after),) = perturbed_frames("typo", frame, subject(), (), [3])
    assert after["depot"].isna().tolist() == frame["depot"].isna().tolist()
    pairs = set(zip(frame["depot"], after["depot"], strict=True))
    assert len(pairs) == 4
    assert all(old != new for old, new in pairs if old is not None)


@given(st.text(max_size=6), st.integers(0, 1000))
def test_a_typo_is_another_text_and_the_same_each_time(text: str, seed: int) -> None:
    slip = typo(text, [seed])
    assert slip and slip != text
    assert slip == typo(text, [seed])
    assert abs(len(slip) - len(text)) <= 2


def test_extremes_lie_far_beyond_both_ends() -> None:
    found = list(frames("extreme").values())
    low, high = rows()["distance"].min(), rows()["distance"].max()
    lowest, highest = found[1]["distance"], found[4]["distance"]
    assert lowest.nunique() == highest.nunique() == 1
    assert lowest[0] == pytest.approx(low - 10 * (high - low))
    assert highest[0] == pytest.approx(high + 10 * (high - low))
    assert found[0]["pieces"].dtype == rows()["pieces"].dtype
    assert "express" not in altered_columns(found[-1])


def test_extremes_of_small_and_of_empty_columns() -> None:
    small = pd.Series([1, 100], dtype="int8")
    frame = pd.DataFrame({"a": small, "b": pd.Series([np.nan, np.nan])})
    found = [f for _, f in perturbed_frames("extreme", frame, subject(numeric=("a", "b")), (), [3])]
    assert found[0]["a"].tolist() == [-128, -128] and found[3]["a"].tolist() == [127, 127]
    assert found[4]["b"].tolist() == [10.0, 10.0]


def test_shuffled_columns_keeps_every_cell() -> None:
    for frame in frames("shuffled_columns").values():
        assert list(frame.columns) != list(rows().columns)
        pd.testing.assert_frame_equal(frame[rows().columns], rows())


@pytest.mark.parametrize(
    ("perturb", "columns", "facts", "reason"),
    [
        ("unseen", ("pieces",), {}, "column 'pieces' cannot be unseen"),
        ("typo", ("sent",), {}, "the model does not read column 'sent'"),
        ("extreme", ("express",), {}, "column 'express' cannot be extreme"),
        ("missing", ("dist",), {}, "no column 'dist'"),
        ("missing", (), {"nullable": ()}, "no column that can be missing"),
        ("unseen", (), {"categorical": ()}, "no column that can be unseen"),
        ("shuffled_columns", ("depot",), {}, "none can be named"),
    ],
)
def test_damage_that_makes_no_sense_is_refused(
    perturb: str, columns: tuple[str, ...], facts: dict[str, object], reason: str
) -> None:
    with pytest.raises(BehaviourError, match=reason):
        frames(perturb, *columns, **facts)
