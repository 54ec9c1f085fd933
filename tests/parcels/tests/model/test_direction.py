"""The parcels project's own model test."""


def test_farther_is_later(score, holdout):
    rows = holdout.head(200).assign(distance=50.0)
    assert score(rows.assign(distance=500.0)).mean() > score(rows).mean()
