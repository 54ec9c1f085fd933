"""What each feature of a row adds to a model's output: Shapley values, computed exactly.

The players are the features that a person knows, whatever the encoder makes of them. For trees the
game is the path-dependent one of TreeSHAP (Lundberg and others 2020): a feature that is not known
goes both ways at a node, as many training rows as went there. So rows are compared with all of
training. For linear models each term is compared with its mean over a sample of training rows,
which is exact in every game, because no two features act together.

TreeSHAP's weights are integrals of polynomials, which are evaluated by Gauss-Legendre quadrature
(the idea of Linear TreeSHAP, Yu and others 2022): exact, and without the differences in which the
recursive formula loses digits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from assay.columns.features import Features, Floats
from assay.compiled.compile import compile_model, read_trees
from assay.compiled.fitted_model import Model
from assay.compiled.inputs import Block, FeatureInputs, FeatureRows
from assay.compiled.linear.linear import Constant, Linear
from assay.compiled.post_transform import PostTransform
from assay.compiled.read_encoder import read_encoder
from assay.compiled.trees.contributions import plan_contributions
from assay.project.tasks import Task


@dataclass(frozen=True)
class Contributions:
    """How the raw outputs of some rows came about: ``base`` plus all contributions of a row.

    Attributes
    ----------
    features
        In the order of ``values``.
    values
        Of shape (rows, outputs, features).
    base
        Of shape (outputs,): the output of a row of which nothing is known.
    """

    features: tuple[str, ...]
    values: Floats
    base: Floats

    @property
    def raw(self) -> Floats:
        """The raw outputs, of shape (rows, outputs)."""
        return np.asarray(self.base + self.values.sum(axis=2))


class Body(Protocol):
    """The part of a model that gives raw outputs, feature by feature."""

    def of_rows(self, rows: FeatureRows, features: int) -> Iterator[tuple[Block, Floats, Floats]]:
        """Blocks of rows with contributions, (outputs, features, rows), and base, (outputs,)."""
        ...


@dataclass(frozen=True, eq=False)
class Explainer:
    """A model whose scores are explained.

    Attributes
    ----------
    finish
        What makes scores of raw outputs: the link function and the calibration, which are not
        spread over features.
    """

    inputs: FeatureInputs
    body: Body
    finish: PostTransform
    outputs: int

    @property
    def features(self) -> tuple[str, ...]:
        return (*self.inputs.numeric, *self.inputs.categorical)

    def contributions(self, features: Features) -> Contributions:
        """The contributions of some rows; NaN for a row that scikit-learn refuses to score."""
        count, divisor = len(self.features), self.finish.divisor
        values = np.empty((features.rows, self.outputs, count))
        base = np.full(self.outputs, np.nan)
        if features.rows:
            for block, found, common in self.body.of_rows(self.inputs.rows(features), count):
                base = common / divisor
                values[block.start : block.stop] = np.moveaxis(found, 2, 0)
                refused = block.refused()
                if refused is not None:
                    values[block.start : block.stop][refused] = np.nan
        return Contributions(self.features, values / divisor, base)


def explain_model(model: Model, task: Task, classes: Sequence[str], sample: Features) -> Explainer:
    """The explainer of a fitted model.

    Parameters
    ----------
    sample
        Rows of training, with which the terms of a linear model are compared.

    Raises
    ------
    assay.compiled.array_types.NotCompiled
        A part of the model is not one that can be compiled, or its trees do not say how many
        training rows went which way.
    """
    compiled = compile_model(model, task, classes)
    encoder, estimator = (step for _, step in model.estimator.steps)
    encoded = read_encoder(encoder, model.numeric, model.categorical)
    found = read_trees(estimator, encoded, task)
    body: Body
    if found is not None:
        body = plan_contributions(found.forest, encoded.columns, len(model.numeric))
    elif isinstance(compiled.body, Linear):
        body = _linear(compiled.body, compiled.inputs, sample)
    else:
        assert isinstance(compiled.body, Constant)
        body = ConstantContributions(compiled.body.sums.base)
    return Explainer(compiled.inputs, body, compiled.finish, compiled.body.outputs)


@dataclass(frozen=True, eq=False)
class ConstantContributions:
    """Of a model that gives the same outputs for every row."""

    base: Floats

    def of_rows(self, rows: FeatureRows, features: int) -> Iterator[tuple[Block, Floats, Floats]]:
        """See `Body`."""
        for block in rows.blocks(rows.count):
            yield block, np.zeros((len(self.base), features, block.rows)), self.base


@dataclass(frozen=True, eq=False)
class LinearContributions:
    """Of a linear model: each feature's term less its mean, of shape (outputs, features)."""

    linear: Linear
    means: Floats

    def of_rows(self, rows: FeatureRows, features: int) -> Iterator[tuple[Block, Floats, Floats]]:
        """See `Body`."""
        base = self.linear.weights.intercept + self.means.sum(axis=1)
        for block, terms in self.linear.terms(rows, features):
            yield block, terms - self.means[:, :, None], base


def _linear(linear: Linear, inputs: FeatureInputs, sample: Features) -> LinearContributions:
    count = len(inputs.numeric) + len(inputs.categorical)
    total = np.zeros((linear.outputs, count))
    rows = inputs.rows(sample)
    for _, terms in linear.terms(rows, count):
        total += terms.sum(axis=2)
    return LinearContributions(linear, total / max(rows.count, 1))
