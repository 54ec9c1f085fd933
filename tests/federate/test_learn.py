"""What is learnt from sums is what scikit-learn learns from all rows, for any features."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from assay.federate.learn import Learnt, learn
from assay.training.candidates.agreed import fitted_encoder, numeric_steps, set_scale

SITES = 3


class Pool:
    """Sums over sites in threads, as the exchange does over processes."""

    def __init__(self) -> None:
        self._barrier = threading.Barrier(SITES, timeout=30)
        self._parts: dict[str, list[Any]] = {}

    def __call__(self, step: str, numbers: Any) -> Any:
        self._parts.setdefault(step, []).append(np.asarray(numbers))
        self._barrier.wait()
        return np.sum(self._parts[step], axis=0)


def rows(count: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "site": np.arange(count) % SITES,
            "a": rng.normal(50, 9, count),
            "b": np.where(rng.random(count) < 0.2, np.nan, rng.exponential(3, count)),
            "kind": rng.choice(["x", "y", "z"], count).astype(object),
        }
    )
    frame.loc[frame["site"] == 1, "b"] = np.nan  # no value at one of the sites
    frame.loc[::17, "kind"] = None
    return frame


def together(
    frame: pd.DataFrame, target: Any, task: Any, numeric: tuple[str, ...], kinds: Any
) -> Learnt:
    pool, found = Pool(), dict[int, Learnt]()

    def take_part(site: int) -> None:
        mine = (frame["site"] == site).to_numpy()
        found[site] = learn(frame[mine], target[mine], task, numeric, kinds, 2.0, pool)

    threads = [threading.Thread(target=take_part, args=(site,)) for site in range(SITES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [*found[0].coefficients] == pytest.approx([*found[2].coefficients], abs=1e-12)
    return found[0]


@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.parametrize(
    ("numeric", "kinds"),
    [
        (("a", "b"), {"kind": ("x", "y")}),
        (("b",), {}),
        ((), {"kind": ("x", "y", "z")}),
    ],
)
def test_it_is_the_model_of_all_rows(task: Any, numeric: tuple[str, ...], kinds: Any) -> None:
    frame = rows()
    score = 0.1 * frame["a"] - 0.4 * frame["b"].fillna(3) + (frame["kind"] == "x")
    noisy = score.to_numpy() + np.random.default_rng(4).logistic(0, 1, len(frame))
    target = (noisy > np.median(noisy)).astype(float) if task == "binary" else noisy
    made = together(frame, target, task, numeric, kinds)

    encoder = fitted_encoder(numeric, (*kinds,), kinds, made.nullable, made.fill.tolist())
    if numeric:
        inputs = numeric_steps(encoder)[0].transform(frame[[*numeric]])
        assert made.fill == pytest.approx(frame[[*numeric]].mean().to_numpy(), rel=1e-12)
        assert made.center == pytest.approx(inputs.mean(axis=0), rel=1e-12)
        assert made.scale == pytest.approx(inputs.std(axis=0), rel=1e-9)
        set_scale(numeric_steps(encoder)[1], made.center, made.scale)
    columns = np.asarray(encoder.transform(frame))
    pooled: Any = (
        LogisticRegression(C=0.5, solver="newton-cholesky", tol=1e-12, max_iter=1_000)
        if task == "binary"
        else Ridge(alpha=2.0)
    )
    pooled.fit(columns, target)
    assert np.ravel(pooled.coef_) == pytest.approx(made.coefficients, abs=1e-8)
    assert float(np.ravel(pooled.intercept_)[0]) == pytest.approx(made.intercept, abs=1e-8)


def test_one_answer_alone_teaches_nothing() -> None:
    frame = rows()
    frame["site"] = 0
    with pytest.raises(ValueError, match="300 of 300 rows are true"):
        learn(frame, np.ones(300), "binary", ("a",), {}, 1.0, lambda _, numbers: numbers)
