"""Exact contributions of features, against shap, woodelf and the libraries' own functions.

All explain the same rows by the same trees, but shap's of the forest, which would take half an
hour for them: its time per row does not depend on their number. Times are seconds of one core. That
all give the same values is checked.
"""

from __future__ import annotations

import pickle
import time
from dataclasses import dataclass
from typing import Any

import catboost
import lightgbm
import numpy as np
import pandas as pd
import xgboost
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from assay.columns.features import FrameFeatures
from assay.compiled.compile import compile_model
from assay.compiled.contributions import explain_model
from assay.compiled.fitted_model import Model
from assay.training.candidates.pipeline import encoded_pipeline
from benchmarks import peer_env
from benchmarks.bench import Bench
from benchmarks.contender import ONE_THREAD, Contender
from benchmarks.measure import in_turns
from benchmarks.results import Result

COLUMNS = tuple(f"x{number}" for number in range(18))
ROWS, FOREST_ROWS, MANY_ROWS = 30_000, 100_000, 1_000_000
SHAP_ROWS = 500
"""Of the forest's."""
TRAINED, FOREST_TRAINED = 30_000, 5_000
REFERENCE = 100
"""Rows that others are compared with."""
EXACT, SINGLE = 1e-9, 1e-3
"""How far values may be apart; woodelf and XGBoost add up in float32."""


@dataclass(frozen=True)
class Case:
    """A model and who else explains it."""

    about: str
    estimator: Any
    peer: str
    rows: int
    target: float
    near: float = EXACT
    trained: int = TRAINED
    peer_rows: int | None = None


BOOSTING = HistGradientBoostingClassifier(max_iter=100)
CASES = (
    Case(
        "LightGBM, 100 trees of 31 leaves",
        lightgbm.LGBMClassifier(n_estimators=100, verbose=-1, n_jobs=1),
        "its own",
        ROWS,
        15.0,
    ),
    Case(
        "XGBoost, 100 trees of 31 leaves",
        xgboost.XGBClassifier(
            n_estimators=100, max_leaves=31, max_depth=0, grow_policy="lossguide", n_jobs=1
        ),
        "its own",
        ROWS,
        15.0,
        SINGLE,
    ),
    Case(
        "CatBoost, 100 trees of 32 leaves",
        catboost.CatBoostClassifier(
            n_estimators=100, depth=5, verbose=False, thread_count=1, allow_writing_files=False
        ),
        "its own",
        ROWS,
        15.0,
    ),
    Case("histogram boosting, 100 trees of 31 leaves", BOOSTING, "shap", ROWS, 15.0),
    Case("histogram boosting, 100 trees of 31 leaves", BOOSTING, "woodelf", MANY_ROWS, 1.5, SINGLE),
    Case(
        "random forest, 100 full trees",
        RandomForestClassifier(100, random_state=1),
        "shap",
        FOREST_ROWS,
        100.0,
        trained=FOREST_TRAINED,
        peer_rows=SHAP_ROWS,
    ),
)


def drawn(rows: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Numbers, of which some act together, and a label."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(rows, len(COLUMNS))), columns=list(COLUMNS))
    value = frame["x0"] * frame["x1"] + frame["x2"] - frame["x3"] ** 2 + frame["x4"] * frame["x5"]
    return frame, (value + rng.normal(size=rows) > 0).to_numpy()


def fitted(estimator: object, frame: pd.DataFrame, label: np.ndarray) -> Model:
    """The estimator as `assay stage train` would fit it."""
    made = encoded_pipeline(estimator, "auto", COLUMNS, (), seed=1, ordered={})
    return Model(made.pipeline.fit(frame, label), None, COLUMNS, ())


def run(bench: Bench) -> list[Result]:
    """Rows a second of each model."""
    frame, label = drawn(MANY_ROWS)
    python = peer_env.explainers(bench.build / "explainers-env")
    with bench.contender("explainer_peer", python=python, environment=ONE_THREAD) as peers:
        return [_case(bench, peers, case, frame, label) for case in CASES]


def _case(
    bench: Bench, peers: Contender, case: Case, frame: pd.DataFrame, label: np.ndarray
) -> Result:
    model = fitted(case.estimator, frame[: case.trained], label[: case.trained])
    compiled = compile_model(model, "binary", ())
    rows, fewer = FrameFeatures(frame[: case.rows]), case.peer_rows or case.rows
    made = {
        against: explain_model(model, compiled, FrameFeatures(frame[:REFERENCE]), against)
        for against in ("population", "reference")
    }
    for each in made.values():
        each.contributions(FrameFeatures(frame[:2]))  # compiles
    folder = bench.output("contributions")
    folder.mkdir()
    (folder / "model.pickle").write_bytes(pickle.dumps(model.estimator[-1]))
    encoded = np.ascontiguousarray(model.estimator[0].transform(frame[: case.rows]))
    np.save(folder / "rows.npy", encoded)
    kept: dict[str, np.ndarray] = {}

    def ours() -> float:
        before = time.process_time()
        kept["ours"] = made["population"].contributions(rows).values[:fewer, 0]
        return case.rows / (time.process_time() - before)

    def theirs() -> float:
        if case.peer == "its own":
            before = time.process_time()
            kept["theirs"] = by_library(model.estimator[-1], encoded)
            return case.rows / (time.process_time() - before)
        paths = {name: str(folder / f"{name}.npy") for name in ("rows", "values")}
        told = {"by": case.peer, "model": str(folder / "model.pickle"), "count": fewer}
        answer = peers.ask("explain", **told, **paths)
        kept["theirs"] = np.load(paths["values"])
        return fewer / float(answer["seconds"])

    title = f"contributions of {case.about}, against {case.peer}"
    found = in_turns({"ours": ours, "theirs": theirs}, bench.repeats, title)
    apart = float(np.abs(kept["ours"] - kept["theirs"]).max())
    if not apart <= case.near:
        raise AssertionError(f"{title}: values are {apart:g} apart")
    before = time.process_time()
    made["reference"].contributions(rows)
    against = case.rows / (time.process_time() - before)
    return bench.result(
        title,
        found["ours"],
        found["theirs"],
        target=case.target,
        rows=case.rows,
        unit="rows/s of a core",
        others={each.__name__: each.__version__ for each in (lightgbm, xgboost, catboost)}
        | peer_env.EXPLAINERS,
        details={
            "a million rows, s": 1e6 / float(np.median(found["ours"])),
            f"against {REFERENCE} rows of reference, rows/s": against,
        },
        cores=1,
    )


def by_library(estimator: Any, rows: np.ndarray) -> np.ndarray:
    """What a library's own function says, in one thread."""
    if isinstance(estimator, lightgbm.LGBMClassifier):
        values = estimator.booster_.predict(rows, pred_contrib=True, num_threads=1)
    elif isinstance(estimator, xgboost.XGBClassifier):
        values = estimator.get_booster().predict(xgboost.DMatrix(rows), pred_contribs=True)
    else:
        pool = catboost.Pool(rows)
        values = estimator.get_feature_importance(pool, type="ShapValues", thread_count=1)
    return np.asarray(values)[:, :-1]
