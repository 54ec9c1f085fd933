"""A linear model that several sites agreed on, as a candidate of `assay stage train`.

Its coefficients, and the numbers by which features are encoded, were learnt over the rows of all
sites (`assay.federate`). As a candidate it takes part in everything that follows: it is calibrated,
compiled, compared and gated on the rows of this site. ``fit`` learns nothing; it returns the
ordinary scikit-learn pipeline that the agreed numbers make.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from assay.errors import PluginError, StageInputMissing
from assay.project.document import Count, Document, Finite, Report, Text
from assay.training.candidates.encoder import CandidatePipeline, Vocabulary, build_encoder

if TYPE_CHECKING:
    import pandas as pd

    from assay.contract.definition import Contract
    from assay.project.tasks import Task

FILE = "data/federated.json"


class SiteResult(Document):
    """A metric on a site's own holdout: of a model learnt there alone, and of the agreed one."""

    rows: Count
    metric: Text
    alone: Finite | None
    agreed: Finite | None


class AgreedModel(Report):
    """data/federated.json: a linear model of the rows of all sites.

    Attributes
    ----------
    categories
        Of each categorical feature, those with a column of their own.
    nullable
        Numeric features that have nulls at some site.
    fill
        What replaces a null, by numeric feature: the mean over all sites.
    center, scale
        Of the numeric columns, then of the indicators of nulls.
    coefficients
        Of the encoder's columns, in their order.
    rounds
        Sums that were exchanged until the coefficients did not change.
    results
        By site.
    """

    SCHEMA: ClassVar = 1
    FILE: ClassVar = FILE
    STAGE: ClassVar = "federate"
    WHAT: ClassVar = "a model of several sites"

    schema_number: Literal[1] = Field(default=1, alias="schema")
    session: Text
    agreement: Text
    sites: Annotated[tuple[Text, ...], Field(min_length=3)]
    task: Literal["binary", "regression"]
    label: Text
    penalty: Annotated[Finite, Field(gt=0)]
    numeric: tuple[Text, ...]
    categorical: tuple[Text, ...]
    categories: Mapping[str, tuple[Text, ...]]
    nullable: tuple[Text, ...]
    fill: tuple[Finite, ...]
    center: tuple[Finite, ...]
    scale: tuple[Annotated[Finite, Field(gt=0)], ...]
    coefficients: tuple[Finite, ...]
    intercept: Finite
    rows: Count
    rounds: Count
    results: Mapping[str, SiteResult]

    @model_validator(mode="after")
    def _of_one_size(self) -> Self:
        inputs = len(self.numeric) + len(self.nullable)
        columns = inputs + sum(len(each) + 1 for each in self.categories.values())
        for name, wanted in (
            ("fill", len(self.numeric)),
            ("center", inputs),
            ("scale", inputs),
            ("coefficients", columns),
        ):
            if len(getattr(self, name)) != wanted:
                raise ValueError(f"{name} has {len(getattr(self, name))} numbers, not {wanted}")
        if {*self.categories} != {*self.categorical}:
            raise ValueError("categories are not those of the categorical features")
        return self


def fitted_encoder(
    numeric: Sequence[str],
    categorical: Sequence[str],
    categories: Mapping[str, Sequence[str]],
    nullable: Sequence[str],
    fill: Sequence[float],
) -> Any:
    """An encoder whose parts are fitted to agreed numbers; its scaler changes nothing yet.

    Each category has a column, and nulls have one; all others have none.
    """
    import pandas as pd

    kept = {
        name: Vocabulary(tuple(categories[name]), len(categories[name])) for name in categorical
    }
    encoder = build_encoder("onehot", numeric, categorical, kept)
    # Two rows show each part which columns it has; the numbers learnt from them are replaced.
    values: dict[str, Any] = {name: [0.0, np.nan if name in nullable else 0.0] for name in numeric}
    values |= {name: pd.array([None, None], dtype=object) for name in categorical}
    encoder.fit(pd.DataFrame(values))
    if numeric:
        imputer, scaler = numeric_steps(encoder)
        imputer.set_params(strategy="mean")
        imputer.statistics_ = np.array(fill, np.float64)
        set_scale(scaler, np.zeros(scaler.n_features_in_), np.ones(scaler.n_features_in_))
    return encoder


def numeric_steps(encoder: Any) -> tuple[Any, Any]:
    """The imputer and the scaler of an encoder with numeric features."""
    _, steps, _ = encoder.transformers_[0]
    return steps[0], steps[1]


def set_scale(scaler: Any, center: np.ndarray, scale: np.ndarray) -> None:
    """Have a fitted StandardScaler subtract ``center`` and divide by ``scale``, ``(columns,)``."""
    scaler.mean_, scaler.scale_, scaler.var_ = center, scale, np.square(scale)


def _estimator(made: AgreedModel, target: np.ndarray) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge

    columns = len(made.coefficients)
    if made.task == "regression":
        fitted = Ridge(alpha=made.penalty)
        fitted.coef_, fitted.intercept_ = np.array(made.coefficients), made.intercept
        fitted.n_features_in_ = columns
        return fitted
    fitted = LogisticRegression(C=1 / made.penalty)
    fitted.classes_ = np.unique(target)
    fitted.coef_ = np.array([made.coefficients])
    fitted.intercept_ = np.array([made.intercept])
    fitted.n_features_in_, fitted.n_iter_ = columns, np.array([made.rounds])
    return fitted


def fit_alone(
    features: pd.DataFrame, target: np.ndarray, contract: Contract, task: Task, penalty: float
) -> Any:
    """A linear model of the same kind, fitted to the rows of this site alone."""
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline

    model = (
        Ridge(alpha=penalty)
        if task == "regression"
        else LogisticRegression(C=1 / penalty, max_iter=1_000)
    )
    encoder = build_encoder("onehot", contract.numeric, contract.categorical)
    return make_pipeline(encoder, model).fit(features, target)


class AgreedPipeline:
    """What `assay stage train` fits; its ``fit`` gives the pipeline of the agreed numbers."""

    def __init__(self, text: str) -> None:
        self.text = text

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """As scikit-learn's ``clone`` asks."""
        return {"text": self.text}

    def fit(self, features: Any, target: np.ndarray) -> Any:
        """The fitted pipeline; nothing is learnt from the rows."""
        from sklearn.pipeline import make_pipeline

        made = AgreedModel.parse(self.text, FILE)
        encoder = fitted_encoder(
            made.numeric, made.categorical, made.categories, made.nullable, made.fill
        )
        if made.numeric:
            set_scale(numeric_steps(encoder)[1], np.array(made.center), np.array(made.scale))
        return make_pipeline(encoder, _estimator(made, target))


def agreed_pipeline(name: str, root: Path, contract: Contract, task: Task) -> CandidatePipeline:
    """The candidate of the model in the project at ``root``.

    Raises
    ------
    PluginError
        The model has other features, another label or another task than the contract.
    AssayError
        The file is missing or malformed.
    """
    if not (root / FILE).is_file():
        raise StageInputMissing(
            "no model of several sites has been learnt: no such file",
            where=FILE,
            fix="assay federate --site NAME --folder PATH --session NAME, at each site",
        )
    made = AgreedModel.read(root)
    for what, mine, theirs in (
        ("task", task, made.task),
        ("label", contract.label, made.label),
        ("numeric features", contract.numeric, made.numeric),
        ("categorical features", contract.categorical, made.categorical),
    ):
        if mine != theirs:
            raise PluginError(
                f"the sites agreed on another {what}",
                where=f"params.yaml: train.candidates.{name}; {FILE}",
                expected=str(mine),
                found=str(theirs),
                fix="Run assay federate again at each site with the contract of now.",
            )
    return CandidatePipeline(AgreedPipeline(made.text()), "onehot", {}, False)
