"""The reference of a bundle: counts of its training rows, which nights are compared with.

The importance of a feature is how far the model's output moves when the feature is shuffled: L.
Breiman, "Random Forests", Machine Learning 45, 2001, compares losses, and here the outputs are
compared, because a night that was just scored has no labels yet. A feature that the model does not
use has importance 0.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from assay.columns.features import (
    ColumnCache,
    Floats,
    FrameFeatures,
    Scorer,
    ShuffledFeatures,
    SliceField,
)
from assay.columns.grid import ColumnGrid, Grid
from assay.columns.grid_builder import build_grid
from assay.columns.moved_scores import ReferenceReasons
from assay.columns.reference import Reference, build_reference
from assay.contract.definition import NUMERIC, Contract
from assay.metrics.slices import MISSING, slice_names
from assay.model import prediction
from assay.project.params import Params
from assay.project.tasks import Task
from assay.training.candidates.nested import assign_folds
from assay.training.train.estimate_errors import (
    LossModel,
    dependence,
    fit_loss_models,
    learn_night_effects,
)
from assay.training.train.fit import FittedModel

DIGITS = 9
"""Significant digits of an importance."""

MOST = 50
"""Most values of one field that are counted, the most frequent first, to keep profiles small."""


def permutation_importance(
    scorer: Scorer, sample: pd.DataFrame, features: Sequence[str], seed: int
) -> dict[str, float]:
    """The mean absolute change of the score, for each feature that is shuffled within ``sample``.

    For several classes it is half the sum over the classes: the share of probability that moves
    between classes.

    Parameters
    ----------
    sample
        Rows with all features.
    seed
        Each feature has its own random stream, so adding one does not change the others.
    """
    columns = ColumnCache(FrameFeatures(sample))
    before = scorer.scores(columns)
    importance = {}
    for name in features:
        order = np.random.default_rng([seed, zlib.crc32(name.encode())]).permutation(len(sample))
        moved = _moved(before, scorer.scores(ShuffledFeatures(columns, name, order)))
        importance[name] = float(f"{moved:.{DIGITS}g}")
    return importance


def _moved(before: Floats, after: Floats) -> float:
    change = np.abs(after - before)
    each = change if change.ndim == 1 else change.sum(axis=1) / 2
    return float(each.mean()) if len(each) else 0.0


def select_slice_fields(
    contract: Contract, frame: pd.DataFrame, min_rows: int
) -> tuple[SliceField, ...]:
    """The contract's slice fields, each with its values that have ``min_rows`` rows or more.

    Parameters
    ----------
    frame
        The training table. Fields without such a value and timestamps are left out.
    """
    fields = []
    for name in contract.slices:
        kind = contract.field(name).kind
        if kind == "timestamp":
            continue
        rows = Counter(slice_names(frame[name]).tolist())
        enough = sorted(
            ((value, count) for value, count in rows.items() if count >= min_rows),
            key=lambda item: (-item[1], item[0]),
        )[:MOST]
        values = tuple(sorted(value for value, _ in enough if value != MISSING))
        null = MISSING if MISSING in dict(enough) else None
        if values or null:
            fields.append(SliceField(name, values, kind in NUMERIC, null))
    return tuple(fields)


def make_reference(
    contract: Contract,
    task: Task,
    made: FittedModel,
    nights: pd.Series[str],
    sliced: pd.DataFrame,
    grids: Grid,
    params: Params,
    importance: Mapping[str, float],
    losses: Mapping[str, LossModel],
    reasons: ReferenceReasons | None,
    night_rows: Mapping[str, int],
) -> Reference:
    """The counts of training that nights are compared with.

    Parameters
    ----------
    nights
        Of each training row.
    sliced
        The slice fields of the same rows.
    grids
        Of the scores.
    importance
        As of `permutation_importance`.
    losses
        As of `make_loss_models`.
    reasons
        What moves scores, out of fold.
    night_rows
        As `assay.training.tables.prepare.read_night_rows` gives them.
    """
    fields = select_slice_fields(contract, sliced, params.evaluate.min_slice_rows)
    codes = np.unique(nights.to_numpy(), return_inverse=True)[1]
    # A slice field need not be a feature; the rows and their order are the same.
    more = {field.name: sliced[field.name].to_numpy() for field in fields}
    truths = prediction.truths(task, made.rows[contract.label].to_numpy())
    scored = made.scored
    beside = prediction.class_probabilities(task, scored.classes, scored.scores)
    beside_grids = prediction.class_grids(task, scored.classes, scored.scores)
    rows = made.rows.copy(deep=False)
    for name, column in more.items():
        if name not in rows:
            rows[name] = column
    return build_reference(
        rows,
        nights,
        contract.numeric,
        [name for name in contract.categorical if name not in contract.texts],
        grids,
        slices=fields,
        importance=importance,
        reasons=reasons,
        texts=contract.texts,
        sensitive=contract.sensitive,
        rows=night_rows,
        label=(prediction.truth_grid(task, scored.classes, truths), truths),
        beside={
            **{name: (beside_grids[name], values) for name, values in beside.items()},
            **{name: (_loss_grid(learnt), learnt.values) for name, learnt in losses.items()},
        },
        effects=learn_night_effects(made, losses, codes, fields, sliced),
        depends=dependence(
            *(contract, made.rows[[*contract.numeric, *contract.categorical]], made, losses, codes),
            *(assign_folds(made.days.to_numpy(), params.train.folds), params.seed),
        ),
    )


def make_loss_models(
    contract: Contract, task: Task, made: FittedModel, params: Params
) -> dict[str, LossModel]:
    """Models of a regression's errors; empty for other tasks."""
    if task != "regression":
        return {}
    return fit_loss_models(
        contract,
        made.rows[[*contract.numeric, *contract.categorical]],
        made.scored.scores - made.scored.truth,
        assign_folds(made.days.to_numpy(), params.train.folds),
        params.seed,
    )


def _loss_grid(learnt: LossModel) -> ColumnGrid:
    return build_grid(pd.DataFrame({"loss": learnt.values}), ["loss"], [])["loss"]
