"""As much of a bundle as estimates need, from scores that somebody else made.

The reference, its effects of nights and its loss models come from the functions of training, and a
night goes through those of monitoring: its profile, the drift decision, trust and the estimate.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.columns.features import CategoryColumn, Floats, FrameFeatures
from assay.columns.grid_builder import build_grid
from assay.columns.profile_counter import compute_profile
from assay.columns.reference import build_reference
from assay.model import prediction
from assay.monitor.drift.drift import decide
from assay.performance.estimate.night import NightEstimate, estimate_night
from assay.project.params import Monitor
from assay.training.train.estimate_errors import (
    LossModel,
    dependence,
    fit_loss_models,
    learn_night_effects,
)

NOTHING: Mapping[str, float] = {}


def learn(
    made: Any,
    features: pd.DataFrame,
    nights: NDArray[np.intp],
    threshold: float,
    folds: int,
    importance: Mapping[str, float] = NOTHING,
) -> Any:
    """The bundle.

    Parameters
    ----------
    made
        ``scored`` and ``unseen`` of a `assay.training.train.fit.FittedModel`.
    nights
        Of each row, as a whole number from 0.
    """
    task, classes, known = made.scored.task, made.scored.classes, made.scored.scores
    numeric = tuple(name for name in features if features[name].dtype.kind in "fiub")
    rest = tuple(name for name in features if name not in numeric)
    contract: Any = SimpleNamespace(numeric=numeric, categorical=rest, texts=())
    features = features[[*numeric, *rest]]
    block = nights * folds // (int(nights.max()) + 1)
    losses: dict[str, LossModel] = {}
    if task == "regression":
        losses = fit_loss_models(contract, features, known - made.scored.truth, block, 1)
    columns = {
        name: np.asarray(classes, dtype=object)[values.codes]
        if isinstance(values, CategoryColumn)
        else values
        for name, values in prediction.profiled_scores(task, classes, known).items()
    }
    grids = prediction.class_grids(task, classes, known)
    beside = {
        name: (grids[name], values)
        for name, values in prediction.class_probabilities(task, classes, known).items()
    }
    for name, one in losses.items():
        grid = build_grid(pd.DataFrame({"loss": one.values}), ["loss"], [])["loss"]
        beside[name] = (grid, one.values)
    reference = build_reference(
        features.assign(**columns),
        pd.Series(nights),
        numeric,
        rest,
        prediction.score_grids(task, classes, known, threshold),
        importance=importance,
        beside=beside,
        effects=learn_night_effects(made, losses, nights, (), features),
        depends=dependence(contract, features, made, losses, nights, block, 1),
    )
    manifest = SimpleNamespace(
        task=task,
        classes=classes,
        threshold=threshold,
        label="truth",
        rows=len(features),
        loss_noise={name: one.noise for name, one in losses.items()},
    )
    sample = pd.DataFrame({"truth": made.scored.truth, "prediction": known}) if losses else None
    return SimpleNamespace(
        manifest=manifest, reference=reference, sample=lambda: sample, losses=losses
    )


def estimate(
    bundle: Any,
    night: pd.DataFrame,
    score: Floats,
    confidence: float,
    widths: Mapping[str, float] = NOTHING,
) -> NightEstimate:
    """What is expected of a night with these features and scores."""
    task, classes, features = bundle.manifest.task, bundle.manifest.classes, FrameFeatures(night)
    counted = {
        **prediction.profiled_scores(task, classes, score),
        **prediction.class_probabilities(task, classes, score),
        **{name: np.maximum(one.model.scores(features), 0) for name, one in bundle.losses.items()},
    }
    profile = compute_profile(features, bundle.reference.counted, counted)
    findings = decide(bundle.reference, profile, Monitor(), len(night)).findings
    return estimate_night(bundle, profile, confidence, findings, widths)
