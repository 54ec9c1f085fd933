"""A candidate of params.yaml as an unfitted scikit-learn pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import plugins
from pipeline.contract.model import Contract
from pipeline.errors import PluginError
from pipeline.params import Candidate
from pipeline.tasks import Task
from pipeline.train.encode import Encoding, categorical_arguments, encoder, encoding_for


@dataclass(frozen=True)
class Built:
    """An unfitted pipeline and how its features are encoded."""

    pipeline: Any
    encoding: Encoding


def build(
    name: str, candidate: Candidate, contract: Contract, task: Task, seed: int, root: Path
) -> Built:
    """The pipeline of one candidate, every random choice seeded.

    Raises
    ------
    PluginError
        The class cannot be imported, is not for this task (a probabilistic classifier, or a
        regression), or refuses its arguments.
    """
    from sklearn.pipeline import make_pipeline

    key = f"train.candidates.{name}.class"
    kind = plugins.resolve(candidate.class_path, key=key, root=root)
    if not (isinstance(kind, type) and hasattr(kind, "fit") and hasattr(kind, "get_params")):
        raise PluginError(
            "not an estimator",
            where=f"params.yaml: {key}",
            found=candidate.class_path,
            expected="a scikit-learn class of a "
            + ("regression" if task == "regression" else "classifier"),
        )
    try:
        estimator = kind(**candidate.args)
    except Exception as error:
        raise PluginError(
            f"{kind.__name__} refuses its arguments: {error}",
            where=f"params.yaml: train.candidates.{name}.args",
            found=str(dict(candidate.args)),
        ) from None
    _check_task(estimator, task, key, candidate.class_path)
    settings = estimator.get_params(deep=False)
    if "random_state" in settings and candidate.args.get("random_state") is None:
        estimator.set_params(random_state=seed)
    encoding = encoding_for(estimator, candidate.encoding)
    if "categorical_features" not in candidate.args:
        estimator.set_params(
            **categorical_arguments(estimator, encoding, contract.numeric, contract.categorical)
        )
    features = encoder(encoding, contract.numeric, contract.categorical)
    return Built(make_pipeline(features, estimator), encoding)


def _check_task(estimator: Any, task: Task, key: str, class_path: str) -> None:
    from sklearn.base import is_classifier

    where = f"params.yaml: {key}"
    if task != "regression" and not hasattr(estimator, "predict_proba"):
        raise PluginError(
            "has no predict_proba, so its scores cannot be calibrated",
            where=where,
            expected=f"a classifier that gives probabilities: the label makes this {task}",
            found=class_path,
        )
    if task == "regression" and (is_classifier(estimator) or not hasattr(estimator, "predict")):
        raise PluginError(
            "a class for classes, where the label is a number",
            where=where,
            expected="a regression, with predict",
            found=class_path,
            mend="If the numbers are classes, make the label a bool or str in the contract.",
        )
