"""What is counted of free text, and that nights of other texts cross their limits."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.columns.features import FrameFeatures
from assay.columns.grid import NumberGrid
from assay.columns.profile import merge_profiles
from assay.columns.profile_counter import compute_profile, empty_profile
from assay.columns.reference import Reference, build_reference
from assay.columns.texts import LEAST_ROWS, MeasuredTexts, learn_texts, letters_of, words_of
from assay.monitor.drift.drift import decide
from assay.project import params
from tests.projects import PARCELS
from tests.texts import docstrings

NIGHTS, ROWS = 40, 50
SCORE = {"probability": NumberGrid((0.0, 0.5, 1.0))}
TEXTS = st.lists(st.none() | st.text() | st.sampled_from(["a fox", "The FOX ran", "日本 x"]))


def drawn(seed: int, rows: int, source: str = "") -> pd.DataFrame:
    """Rows with docstrings of all packages in their shares, or of one."""
    rng = np.random.default_rng(seed)
    texts = [each.body for each in docstrings() if source in ("", each.source)]
    chosen = [texts[place] for place in rng.integers(0, len(texts), rows)]
    body = [None if rng.random() < 0.03 else each for each in chosen]
    return pd.DataFrame({"body": body, "probability": rng.random(rows)})


@pytest.fixture(scope="module")
def reference() -> Reference:
    frame = drawn(1, NIGHTS * ROWS)
    night = pd.Series(np.repeat([f"2024-{n:03}" for n in range(NIGHTS)], ROWS))
    return build_reference(frame, night, (), (), SCORE, texts=("body",))


@given(TEXTS, TEXTS)
def test_counts_of_two_parts_add_up_to_those_of_the_whole(
    one: list[str | None], two: list[str | None]
) -> None:
    frame = pd.DataFrame({"body": pd.Series([*one, *two], dtype=object)})
    known, measured = learn_texts(frame, ["body"], np.zeros(len(frame), np.int64))
    grid = build_reference(
        frame.assign(probability=0.5),
        pd.Series(["a"] * len(frame), dtype=object),
        (),
        (),
        SCORE,
        texts=("body",),
    ).grid
    grid = {name: cells for name, cells in grid.items() if name in measured}

    def counts(rows: pd.DataFrame) -> object:
        features = MeasuredTexts(FrameFeatures(rows), known)
        return compute_profile(features, grid) if len(rows) else empty_profile(grid)

    parts = merge_profiles(counts(frame[: len(one)]), counts(frame[len(one) :]))
    whole = counts(frame)
    for name, column in whole.items():
        assert parts[name].counts == column.counts
        assert (parts[name].rows, parts[name].nulls) == (len(frame), column.nulls)
        lost = sum(each is None for each in (*one, *two))
        assert column.nulls == (lost if name == "body: length" else 0)


@given(st.text())
def test_any_text_is_measured(text: str) -> None:
    assert letters_of(text)
    assert all(len(word) > 1 for word in words_of(text))


def test_a_word_is_known_by_the_rows_of_other_nights() -> None:
    texts = ["red fox", "red fox", "blue fox", "red owl", None, "owl ox"]
    nights = np.array([0, 0, 0, 1, 1, 2])
    _, found = learn_texts(pd.DataFrame({"body": texts}), ["body"], nights)
    # Two rows of other nights have none of the words of night 0, and "red" alone of "red owl".
    assert LEAST_ROWS == 2
    assert found["body: unknown words"].tolist()[:4] == [1.0, 1.0, 1.0, 0.5]
    assert np.isnan(found["body: length"][4]) and found["body: length"][0] == 7
    assert found["body: unknown words"][4] == 0.0 and found["body: rarest word"][4] == "(none)"


def test_words_of_a_sensitive_text_are_counted_nowhere() -> None:
    frame = drawn(1, 200)
    night = pd.Series(np.repeat(["a", "b"], 100))
    made = build_reference(frame, night, (), (), SCORE, texts=("body",), sensitive=("body",))
    assert "body: rarest word" not in made.grid and "body: letters" in made.grid


def test_it_is_read_again_as_it_was_written(reference: Reference) -> None:
    again = Reference.from_json(reference.to_json(), "x")
    assert {n: tuple(w) for n, w in again.texts.items()} == {
        n: tuple(w) for n, w in reference.texts.items()
    }
    assert "body" not in again.grid and {*again.grid} == {*reference.grid}
    assert pickle.loads(pickle.dumps(again)).to_json() == reference.to_json()


def garbled(text: str | None) -> str | None:
    return None if text is None else text.encode().hex()


def cut(text: str | None) -> str | None:
    return None if text is None else text[:40]


CHANGES = {
    "of another topic": ("scipy", lambda each: each, "body: rarest word"),
    "cut short": ("", cut, "body: length"),
    "in unknown words": ("", garbled, "body: unknown words"),
    "in other letters": (
        "",
        lambda each: each and "".join(chr(0x430 + ord(c) % 32) if c.isalpha() else c for c in each),
        "body: letters",
    ),
    "lost": ("", lambda each: None, "body: length"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_night_of_other_texts_drifts_by_what_changed(reference: Reference, change: str) -> None:
    source, how, column = CHANGES[change]
    limits = params.load(PARCELS).monitor
    frame = drawn(7, ROWS, source)
    frame["body"] = pd.Series([how(each) for each in frame["body"]], dtype=object)
    features = FrameFeatures(frame)
    counts = compute_profile(
        reference.measured(features),
        reference.grid,
        {"probability": features.numbers("probability")},
    )
    decision = decide(reference, counts, limits, ROWS)
    found = decision.finding(column)
    assert found is not None and found.drifted, decision.reasons
    # One feature that drifts on one night is no alarm yet; a break is.
    assert decision.crossed == (change != "of another topic")


def test_nights_of_the_same_texts_break_no_limit(reference: Reference) -> None:
    limits, drifted, decisive = params.load(PARCELS).monitor, 0, 0
    for seed in range(100, 150):
        frame = drawn(seed, ROWS)
        features = FrameFeatures(frame)
        scores = {"probability": features.numbers("probability")}
        counts = compute_profile(reference.measured(features), reference.grid, scores)
        findings = decide(reference, counts, limits, ROWS).findings
        mine = [each for each in findings if each.column != "probability"]
        drifted += sum(each.drifted for each in mine)
        decisive += sum(each.decisive for each in mine)
    # By chance one of 41 is beyond all forty nights of the reference, in two ways for numbers.
    assert drifted <= 16 and decisive == 0
