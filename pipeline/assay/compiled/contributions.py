"""What each feature of a row adds to a model's output: Shapley values, computed exactly.

The players are the features that a person knows, whatever the encoder makes of them. There are two
games. Against ``population``, the path-dependent one of TreeSHAP (Lundberg and others 2020): a
feature that is not known goes both ways at a node, as many training rows as went there. Against
``reference``, the interventional one (Janzing and others 2020): a feature that is not known has the
value of a given row, on average over some. For linear models each term is compared with its mean
over training rows, or over those rows, which is exact in either game, because no two features act
together.

TreeSHAP's weights are integrals of polynomials, which are evaluated by Gauss-Legendre quadrature
(the idea of Linear TreeSHAP, Yu and others 2022): exact, and without the differences in which the
recursive formula loses digits.
"""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

import numpy as np

from assay.columns.features import Features, Floats
from assay.compiled.archive import Data, build, dump, pack, unpack
from assay.compiled.array_types import NotCompiled
from assay.compiled.compile import read_trees
from assay.compiled.fitted_model import Model
from assay.compiled.inputs import Block, FeatureInputs, FeatureRows
from assay.compiled.linear.linear import Constant, Linear
from assay.compiled.post_transform import PostTransform
from assay.compiled.ranks import NumberRanks
from assay.compiled.read_encoder import read_encoder
from assay.compiled.scorer import CompiledModel
from assay.compiled.trees.contributions import (
    ReferenceRows,
    TreeContributions,
    WeighedNodes,
    plan_contributions,
)
from assay.compiled.trees.scan import Scan
from assay.compiled.trees.walk import StateRanks, Walk
from assay.errors import BundleChanged

Against = Literal["population", "reference"]

NEAR, NEAR_SINGLE = 1e-9, 1e-4
"""How far a sum of contributions may be from the raw output, in parts of an output above 1: where
a library adds up in float32, its own output is off by the second."""


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

    def check(self, inputs: FeatureInputs) -> None:
        """Raise ValueError if anything would be read or written out of range."""
        ...

    def of_rows(self, rows: FeatureRows, features: int) -> Iterator[tuple[Block, Floats, Floats]]:
        """Blocks of rows with contributions, (outputs, features, rows), and base, (outputs,)."""
        ...


@dataclass(frozen=True, eq=False)
class Explainer:
    """A compiled model whose scores are explained.

    Attributes
    ----------
    against
        The game's name: what a row is compared with.
    """

    model: CompiledModel
    body: Body
    against: Against

    @property
    def finish(self) -> PostTransform:
        """What makes scores of raw outputs: link and calibration, not spread over features."""
        return self.model.finish

    @property
    def features(self) -> tuple[str, ...]:
        return (*self.model.inputs.numeric, *self.model.inputs.categorical)

    def contributions(self, features: Features) -> Contributions:
        """The contributions of some rows; NaN for a row that scikit-learn refuses to score."""
        outputs, count, divisor = self.model.body.outputs, len(self.features), self.finish.divisor
        values = np.empty((features.rows, outputs, count))
        base = np.full(outputs, np.nan)
        if features.rows:
            for block, found, common in self.body.of_rows(self.model.inputs.rows(features), count):
                base = common / divisor
                values[block.start : block.stop] = np.moveaxis(found, 2, 0)
                refused = block.refused()
                if refused is not None:
                    values[block.start : block.stop][refused] = np.nan
        return Contributions(self.features, values / divisor, base)

    def words(self, name: str, text: str | None, output: int) -> dict[str, float]:
        """What each n-gram of a text adds to a raw output, the largest first.

        Together they are the feature's term, of which a contribution is what differs from its mean.
        Empty for a feature that is no text.
        """
        inputs, body, found = self.model.inputs, self.model.body, Counter[str]()
        if isinstance(body, Linear) and text is not None:
            for each, weights in zip(inputs.texts, body.of_texts(inputs.texts), strict=True):
                if inputs.categorical[each.place] == name:
                    found.update(each.words(text, weights[output]))
        return dict(sorted(found.items(), key=lambda item: (-abs(item[1]), item[0])))

    @property
    def texts(self) -> frozenset[str]:
        """The features whose words are known."""
        inputs = self.model.inputs
        return frozenset(inputs.categorical[text.place] for text in inputs.texts)

    def to_bytes(self) -> bytes:
        """What explaining needs besides the compiled model; the same always gives the same."""
        form = next(name for name, kind in _BODIES.items() if type(self.body) is kind)
        header = {"schema": _SCHEMA, "form": form, "against": self.against}
        parts = [dump(getattr(self.body, name), name) for name in _PARTS[form]]
        return pack(header, dict(ChainMap(*parts)))

    @classmethod
    def from_bytes(cls, data: Data, model: CompiledModel, where: str) -> Explainer:
        """Load what `to_bytes` gives; all indices are checked.

        Raises
        ------
        BundleChanged
            The data is something else, of another model, or damaged.
        """
        try:
            return cls._parsed(data, model)
        except Exception as error:
            # Damaged bytes can make any step of parsing raise anything.
            found = f"{type(error).__name__}: {error}"
            raise BundleChanged("not what explains a model", where=where, found=found) from None

    @classmethod
    def _parsed(cls, data: Data, model: CompiledModel) -> Explainer:
        header, arrays = unpack(data)
        form, against = header["form"], header["against"]
        if header["schema"] != _SCHEMA or against not in get_args(Against):
            raise ValueError(f"schema {header['schema']}, against {against}")
        if form != model.kind:
            raise ValueError(f"{form} in place of {model.kind}")
        parts = {name: build(kind, name, arrays) for name, kind in _PARTS[form].items()}
        if form != "trees":
            parts["of"] = model.body
        body = _BODIES[form](**parts)
        body.check(model.inputs)
        if form == "trees" and bool(len(body.reference.ranks)) != (against == "reference"):
            raise ValueError(f"rows of reference do not fit a game against {against}")
        if arrays:
            raise ValueError(f"unknown arrays: {', '.join(sorted(arrays))}")
        return cls(model, body, against)


def explain_model(
    model: Model, compiled: CompiledModel, sample: Features, against: Against = "population"
) -> Explainer:
    """The explainer of a fitted model.

    Parameters
    ----------
    sample
        Rows of training, at least one: those that others are compared with, if ``against`` is
        ``reference``. Terms of a linear model are compared with them in any case.

    Raises
    ------
    assay.compiled.array_types.NotCompiled
        Its trees do not say how many training rows went which way, a path asks for too many
        features, or contributions and raw outputs of the sample differ.
    """
    encoder, estimator = (step for _, step in model.estimator.steps)
    encoded = read_encoder(encoder, model.numeric, model.categorical)
    found = read_trees(estimator, encoded, compiled.finish.task)
    body: Body
    if found is not None:
        trees = plan_contributions(found.forest, encoded.columns, len(model.numeric))
        body = trees.against(compiled.inputs.rows(sample)) if against == "reference" else trees
    elif isinstance(compiled.body, Linear):
        body = LinearContributions(compiled.body, _means(compiled.body, compiled.inputs, sample))
    else:
        assert isinstance(compiled.body, Constant)
        body = ConstantContributions(compiled.body)
    return Explainer(compiled, body, against)


def check_sums(explainer: Explainer, rows: Features) -> None:
    """Check that base and contributions of some rows add up to the model's raw outputs.

    Raises
    ------
    assay.compiled.array_types.NotCompiled
        They do not, within `NEAR` or `NEAR_SINGLE`.
    """
    model = explainer.model
    outputs = [raw for _, raw in model.body.raw(model.inputs.rows(rows))]
    expected = np.concatenate(outputs, axis=1).T / model.finish.divisor
    apart = np.abs(explainer.contributions(rows).raw - expected) / np.maximum(1, np.abs(expected))
    furthest = float(np.nan_to_num(apart, nan=np.inf).max(initial=0.0))
    single = isinstance(model.body, Scan | Walk) and model.body.nodes.single
    if furthest > (NEAR_SINGLE if single else NEAR):
        raise NotCompiled(f"contributions and raw output are {furthest:.3g} apart")


@dataclass(frozen=True, eq=False)
class ConstantContributions:
    """Of a model that gives the same outputs for every row."""

    of: Constant

    def check(self, inputs: FeatureInputs) -> None:
        """Nothing to check: there are no indices."""

    def of_rows(self, rows: FeatureRows, features: int) -> Iterator[tuple[Block, Floats, Floats]]:
        """See `Body`."""
        base = self.of.sums.base
        for block in rows.blocks(rows.count):
            yield block, np.zeros((len(base), features, block.rows)), base


@dataclass(frozen=True, eq=False)
class MeanTerms:
    """The mean of each output's term of each feature, output by output."""

    means: Floats


@dataclass(frozen=True, eq=False)
class LinearContributions:
    """Of a linear model: each feature's term less its mean."""

    of: Linear
    terms: MeanTerms

    def check(self, inputs: FeatureInputs) -> None:
        """Raise ValueError unless each term has a mean."""
        if len(self.terms.means) != self.of.outputs * len(inputs.numeric + inputs.categorical):
            raise ValueError("means do not fit the features")

    def of_rows(self, rows: FeatureRows, features: int) -> Iterator[tuple[Block, Floats, Floats]]:
        """See `Body`."""
        means = self.terms.means.reshape(-1, features)
        base = self.of.weights.intercept + means.sum(axis=1)
        for block, terms in self.of.terms(rows, features):
            yield block, terms - means[:, :, None], base


def _means(linear: Linear, inputs: FeatureInputs, sample: Features) -> MeanTerms:
    count = len(inputs.numeric + inputs.categorical)
    total = np.zeros((linear.outputs, count))
    rows = inputs.rows(sample)
    for _, terms in linear.terms(rows, count):
        total += terms.sum(axis=2)
    return MeanTerms((total / max(rows.count, 1)).reshape(-1))


_SCHEMA = 1
_PARTS: Mapping[str, Mapping[str, Any]] = {
    "trees": {
        "ranks": NumberRanks,
        "states": StateRanks,
        "nodes": WeighedNodes,
        "reference": ReferenceRows,
    },
    "linear": {"terms": MeanTerms},
    "constant": {},
}
_BODIES: Mapping[str, Any] = {
    "trees": TreeContributions,
    "linear": LinearContributions,
    "constant": ConstantContributions,
}
