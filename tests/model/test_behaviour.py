"""What any model of late flights must do, beyond ``gate.behaviour`` in params.yaml."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from assay.testing import robust

ROWS = 3000
DAWN = 6 * 60
EVENING = 19 * 60

Score = Callable[[pd.DataFrame], np.ndarray]


@pytest.fixture(scope="module")
def rows(holdout: pd.DataFrame) -> pd.DataFrame:
    """Some departures of the holdout, spread over its whole window."""
    step = max(1, len(holdout) // ROWS)
    return holdout.iloc[::step].head(ROWS).reset_index(drop=True)


def at(rows: pd.DataFrame, minute: int) -> pd.DataFrame:
    """The same flights, with all of their clock moved so that they leave at ``minute``."""
    shift = minute - rows["departure_minute"]
    return rows.assign(
        departure_minute=rows["departure_minute"] + shift,
        arrival_minute=(rows["arrival_minute"] + shift) % (24 * 60),
        scheduled=rows["scheduled"] + pd.to_timedelta(shift, unit="min"),
    )


def test_scores_are_probabilities(score: Score, rows: pd.DataFrame) -> None:
    scores = score(rows)
    assert scores.shape == (len(rows),)
    assert np.isfinite(scores).all()
    assert ((scores >= 0) & (scores <= 1)).all()


def test_flights_are_told_apart(score: Score, rows: pd.DataFrame) -> None:
    assert np.ptp(score(rows)) > 0.1


def test_order_of_rows_does_not_matter(score: Score, rows: pd.DataFrame) -> None:
    order = np.random.default_rng(2013).permutation(len(rows))
    np.testing.assert_array_equal(score(rows.iloc[order]), score(rows)[order])


def test_a_row_scores_alone_as_among_others(score: Score, rows: pd.DataFrame) -> None:
    alone = np.concatenate([score(rows.iloc[[position]]) for position in range(5)])
    np.testing.assert_array_equal(alone, score(rows)[:5])


def test_columns_in_any_order_and_further_ones_do_not_matter(
    score: Score, rows: pd.DataFrame
) -> None:
    robust(score, rows, "shuffled_columns")
    np.testing.assert_array_equal(score(rows.assign(gate="B12", delay=np.nan)), score(rows))


def test_the_truth_is_not_looked_at(score: Score, rows: pd.DataFrame) -> None:
    np.testing.assert_array_equal(score(rows.drop(columns="late")), score(rows))


def test_evenings_are_later_than_dawn(score: Score, rows: pd.DataFrame) -> None:
    # Delays add up over a day: the same flights must look riskier at 19:00 than at 06:00.
    gain = score(at(rows, EVENING)) - score(at(rows, DAWN))
    assert gain.mean() > 0.05
