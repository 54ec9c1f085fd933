"""What every estimator must do to be trained, stored and run at night, as one check."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from assay.columns.features import Floats
from assay.compiled import fitted_model
from assay.errors import AssayError
from assay.model import model
from assay.project import source_code
from assay.project.tasks import Task
from assay.training.candidates.nested import fit_clone
from assay.training.candidates.pipeline import check_estimator_task, encoded_pipeline

if TYPE_CHECKING:
    import pandas as pd

TOLERANCE = 1e-9
"""How far scores may move with the rows around them: sums are added in another order."""

ALONE = 12
"""Rows that are scored one by one."""


def check_estimator(
    build: Callable[[], Any],
    task: Task,
    *,
    encoding: Literal["auto", "onehot", "ordinal", "text"] = "auto",
    allow_types: Sequence[str] = (),
    seed: int = 0,
    root: Path | str = ".",
) -> None:
    """Check that an estimator can be a candidate.

    It is fitted as a candidate is, on a small table of numbers and categories with gaps. Then:

    - a clone with the same seed gives the same scores, to the bit;
    - scores are probabilities that sum to 1, or finite numbers;
    - stored in a skops file and loaded again it gives the same scores, to the bit;
    - a row alone, and rows in another order, get the scores that they have in the batch;
    - gaps and categories never seen get a score, or an error that says what is missing.

    Parameters
    ----------
    build
        Returns a new, unfitted estimator: a class, or a function such as params.yaml names.
    task
        ``binary``, ``multiclass`` or ``regression``.
    encoding, allow_types
        As in params.yaml.
    seed
        For each ``random_state`` that is not set.
    root
        The project's folder, whose modules the estimator's types may come from.

    Raises
    ------
    AssertionError
        With a line for each thing that does not hold.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> check_estimator(LogisticRegression, "binary")
    """
    if task not in get_args(Task):
        raise AssertionError(f"task: expected {', '.join(get_args(Task))}, found {task!r}")
    given: object = build
    if not callable(given):
        name = type(given).__name__
        raise AssertionError(
            "build: expected a class, or a function that returns a new estimator, such as "
            f"lambda: {name}(...), found an object of type {name}"
        )
    faults = list(_faults(build, task, encoding, tuple(allow_types), seed, Path(root)))
    if faults:
        raise AssertionError("\n".join([f"no candidate for a {task} label:", *faults]))


@dataclass(frozen=True)
class _Trial:
    """A fitted estimator, and rows that it scores."""

    task: Task
    fitted: Any
    rows: pd.DataFrame

    def scores(self, rows: pd.DataFrame) -> Floats:
        return fitted_model.raw_scores(self.task, self.fitted, rows.reset_index(drop=True))


def _faults(
    build: Callable[[], Any],
    task: Task,
    encoding: str,
    allow_types: tuple[str, ...],
    seed: int,
    root: Path,
) -> Iterator[str]:
    try:
        given = build()
        estimator = check_estimator_task(given, task, "build", type(given).__name__)
    except AssayError as error:
        yield error.line()
        return
    pipeline = encoded_pipeline(estimator, encoding, NUMERIC, CATEGORICAL, seed).pipeline
    try:
        rows, trial = _first_fit(task, pipeline)
        scores = trial.scores(trial.rows)
    except Exception as error:
        yield f"it cannot be fitted and score: {fitted_model.error_message(error)}"
        return
    yield from _wrong_scores(trial, scores)
    if not np.array_equal(_fit(task, pipeline, rows).scores(trial.rows), scores, equal_nan=True):
        yield "the same seed gives other scores: a random choice does not follow random_state"
    yield from _not_stored(trial, scores, allow_types, root)
    yield from _dependent(trial, scores)
    yield from _unusual(trial)


def _first_fit(task: Task, pipeline: Any) -> tuple[TrialRows, _Trial]:
    """Fit on rows with gaps, or without if the estimator says that it takes none."""
    rows = TrialRows.of(task)
    try:
        return rows, _fit(task, pipeline, rows)
    except Exception as error:
        if not _names_gaps(error):
            raise
    rows = rows.complete()
    return rows, _fit(task, pipeline, rows)


def _fit(task: Task, pipeline: Any, rows: TrialRows) -> _Trial:
    fitted = fit_clone(pipeline, rows.features, rows.target, rows.days)
    return _Trial(task, fitted.pipeline, rows.features)


def _wrong_scores(trial: _Trial, scores: Floats) -> Iterator[str]:
    if not np.isfinite(scores).all():
        yield f"{int((~np.isfinite(scores)).sum())} scores are no finite numbers"
        return
    if trial.task == "regression":
        return
    if scores.min() < 0 or scores.max() > 1:
        yield f"probabilities from {scores.min():g} to {scores.max():g}, not from 0 to 1"
    whole = np.asarray(trial.fitted.predict_proba(trial.rows)).sum(axis=1)
    if not np.allclose(whole, 1, rtol=0, atol=1e-6):
        yield f"probabilities of a row sum to {whole[np.argmax(np.abs(whole - 1))]:g}, not 1"


def _not_stored(
    trial: _Trial, scores: Floats, allow_types: tuple[str, ...], root: Path
) -> Iterator[str]:
    try:
        packed = model.dumps(
            fitted_model.Model(trial.fitted, None, NUMERIC, CATEGORICAL, trial.task)
        )
        types = model.untrusted_types(packed)
        refused = sorted(set(types) - set(allow_types))
        if refused:
            yield f"bundle.allow_types lacks {', '.join(refused)}"
            return
        loaded = model.loads(
            packed,
            task=trial.task,
            numeric=NUMERIC,
            categorical=CATEGORICAL,
            allow_types=allow_types,
            code=source_code.find_dependencies(source_code.file_reader(root), types),
        )
        again = fitted_model.raw_scores(trial.task, loaded.estimator, trial.rows)
    except Exception as error:
        yield f"it cannot be stored and loaded: {fitted_model.error_message(error)}"
        return
    if not np.array_equal(again, scores, equal_nan=True):
        yield "stored and loaded again it gives other scores: skops does not keep all of its state"


def _dependent(trial: _Trial, scores: Floats) -> Iterator[str]:
    some = np.linspace(0, len(trial.rows) - 1, ALONE).astype(int)
    alone = np.concatenate([trial.scores(trial.rows.iloc[[each]]) for each in some])
    if not _alike(alone, scores[some]):
        yield f"a row alone scores otherwise than in a batch, {_apart(alone, scores[some])}"
    order = np.random.default_rng(0).permutation(len(trial.rows))
    shuffled = trial.scores(trial.rows.iloc[order])
    if not _alike(shuffled, scores[order]):
        yield f"scores depend on the order of rows, {_apart(shuffled, scores[order])}"


def _unusual(trial: _Trial) -> Iterator[str]:
    for what, rows in unusual_rows(trial.rows).items():
        try:
            scores = trial.scores(rows)
        except Exception as error:
            if not _names_gaps(error):
                yield f"rows {what} end with {fitted_model.error_message(error)}"
        else:
            if not np.isfinite(scores).all():
                yield f"rows {what} get scores that are no finite numbers"


def _names_gaps(error: Exception) -> bool:
    """Whether an error says that values are missing, as scikit-learn's do."""
    return isinstance(error, ValueError) and any(
        word in str(error).lower() for word in ("nan", "missing")
    )


def _alike(one: Floats, other: Floats) -> bool:
    return bool(np.allclose(one, other, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True))


def _apart(one: Floats, other: Floats) -> str:
    return f"by up to {np.nanmax(np.abs(one - other)):.3g}"


# --------- rows to try an estimator on: numbers and categories, with gaps, rare values and new ones

NUMERIC = ("age", "load", "floor")
CATEGORICAL = ("line", "shift")
CLASSES = ("early", "late", "on time")
DAYS = 12
ROWS = 240
_LINES = [f"L{number}" for number in range(12)]


@dataclass(frozen=True)
class TrialRows:
    """Rows to fit on, in the form of `assay.model.model.feature_frame`, in the order of days."""

    features: pd.DataFrame
    target: NDArray[Any]
    days: NDArray[np.int64]

    @classmethod
    def of(cls, task: Task) -> TrialRows:
        """`ROWS` rows on `DAYS` days, some with gaps."""
        features = _features()
        return cls(features, _target(task, features), np.arange(ROWS) * DAYS // ROWS)

    def complete(self) -> TrialRows:
        """The rows without any gap."""
        kept = self.features.notna().all(axis=1).to_numpy()
        features = self.features[kept].reset_index(drop=True)
        return TrialRows(features, self.target[kept], self.days[kept])


def _features() -> pd.DataFrame:
    """Features of `ROWS` rows in the form of `assay.model.model.feature_frame`.

    A fifth of ``age`` and a tenth of ``shift`` are missing, and a line occurs once.
    """
    import pandas as pd

    rng = np.random.default_rng(7)
    share = 1 / np.arange(1, len(_LINES) + 1) ** 1.4
    line = rng.choice(_LINES, ROWS, p=share / share.sum()).astype(object)
    line[100] = "once"
    shift = rng.choice(["am", "pm", "night"], ROWS).astype(object)
    shift[rng.random(ROWS) < 0.1] = None
    return pd.DataFrame(
        {
            "age": np.where(rng.random(ROWS) < 0.2, np.nan, rng.normal(size=ROWS) * 9),
            "load": rng.gamma(2, 3, ROWS).round(1),
            "floor": rng.integers(0, 5, ROWS).astype(float),
            "line": line,
            "shift": shift,
        }
    )


def _target(task: Task, frame: pd.DataFrame) -> NDArray[Any]:
    """A label that the features explain in part: bool, one of `CLASSES`, or a positive number."""
    rng = np.random.default_rng(8)
    value = frame["age"].fillna(2) / 9 + frame["load"] / 5 - frame["floor"] / 3
    value = value + 1.5 * (frame["line"] == "L1") - (frame["shift"] == "am")
    noisy = (value + rng.normal(size=len(frame))).to_numpy()
    if task == "regression":
        return np.exp(noisy / 2)
    cuts = np.quantile(noisy, [0.5] if task == "binary" else [0.3, 0.65])
    place = np.digitize(noisy, cuts)
    if task == "binary":
        return np.asarray(place == 1)
    names: NDArray[Any] = np.array(CLASSES, dtype=object)
    return np.asarray(names[place])


def unusual_rows(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Rows that nights bring and training need not: what is unusual about them -> a few rows."""
    few = frame.dropna().head(8).reset_index(drop=True)
    without: dict[str, Any] = dict.fromkeys(NUMERIC, np.nan)
    without |= dict.fromkeys(CATEGORICAL)
    unusual = {f"without {name}": few.assign(**{name: value}) for name, value in without.items()}
    unusual["without any feature"] = few.assign(**without)
    unusual["of a line and a shift never seen"] = few.assign(line="new", shift="noon")
    unusual["with numbers far outside"] = few.assign(age=1e6, load=-1e6, floor=1e6)
    for rows in unusual.values():
        for name in CATEGORICAL:
            rows[name] = rows[name].astype(object)
    return unusual
