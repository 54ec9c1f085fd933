"""Why rows got their scores: contributions of features, and what else would have been decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from assay.columns.features import Floats
from assay.compiled import CompiledModel
from assay.compiled.contributions import Explainer
from assay.contract.columns import Columns
from assay.contract.definition import MASK, Contract
from assay.errors import ReasonsUnknown
from assay.model.batch import score_batch
from assay.model.bundle import REASONS, Bundle
from assay.model.manifest import Manifest
from assay.model.prediction import PREDICTION, score_column
from assay.project.text import counted

if TYPE_CHECKING:
    import pandas as pd

TOP_WORDS = 5
"""The most words that are named of a text."""

Scale = Literal["log odds", "log", "probability", "predicted value"]

_GRID = 257
"""Values of a feature that are tried where a model changes nowhere in particular."""
_HALVINGS = 1100
"""Of the gap between two of them at most: to the last bit of any number."""
_SEEN = 2000
"""The most values of training that are tried beside split points."""


def explainer_of(bundle: Bundle) -> Explainer:
    """The explainer of a bundle's model, which is a file of the bundle.

    Raises
    ------
    ReasonsUnknown
        The bundle has no such file: its model's contributions cannot be computed exactly.
    BundleChanged
        The file is damaged.
    """
    if REASONS in bundle.files and isinstance(bundle.scorer, CompiledModel):
        return Explainer.from_bytes(bundle.files[REASONS], bundle.scorer, REASONS)
    raise ReasonsUnknown(
        "the reasons of this model's scores cannot be computed exactly",
        where=f"bundle {bundle.digest[:19]}",
        expected="trees or a linear model that can be compiled (docs/reasons.md)",
        found=bundle.manifest.reasons.get("unknown"),
        fix="Ask for no reasons (score.reasons in params.yaml), or promote such a model.",
    )


def compared_with(manifest: Manifest) -> str:
    """What a row's contributions compare it with, in words."""
    chosen = manifest.reasons
    if chosen["against"] == "population":
        return "all training rows"
    side = {
        "above_threshold": " just above the threshold",
        "below_threshold": " just below the threshold",
    }
    return f"{counted(chosen['sample'], 'training row')}{side.get(chosen['rows'], '')}"


def scale(explainer: Explainer, bundle: Bundle) -> Scale:
    """What the raw outputs of a model are."""
    link = explainer.finish.link
    if link == "identity":
        return "predicted value" if bundle.manifest.task == "regression" else "probability"
    return "log" if link == "exp" else "log odds"


@dataclass(frozen=True)
class Reason:
    """What one feature added to the raw output.

    Attributes
    ----------
    words
        What the contract calls it.
    value
        Its value; of a text, the words that add most to the output (`top_words`).
    share
        Its part of all contributions, by their absolute values.
    """

    feature: str
    words: str
    value: Any
    contribution: float
    share: float


@dataclass(frozen=True)
class Explanation:
    """How the raw output of one row came about: ``base`` and all contributions.

    Attributes
    ----------
    output
        The class whose output it is; None if there is but one.
    uncalibrated
        What the link function makes of the sum; the calibration makes the score of it.
    reasons
        The strongest first.
    """

    scale: Scale
    output: str | None
    base: float
    raw: float
    uncalibrated: float
    reasons: tuple[Reason, ...]


def row_reasons(bundle: Bundle, contract: Contract, row: pa.Table, decided: Any) -> Explanation:
    """The reasons of one row's score; errors as for `explainer_of`.

    Parameters
    ----------
    row
        One row with the contract's columns.
    decided
        Its prediction: of several classes the output of this one is explained.
    """
    explainer, manifest = explainer_of(bundle), bundle.manifest
    contributions = explainer.contributions(Columns(contract, row))
    classes = manifest.classes
    place = list(classes).index(decided) if len(contributions.base) > 1 else 0
    values, base = contributions.values[0, place], float(contributions.base[place])
    linked = explainer.finish.linked(contributions.raw.T * explainer.finish.divisor)[place, 0]
    named, total = words(contract), float(np.abs(values).sum())
    return Explanation(
        scale=scale(explainer, bundle),
        output=classes[place if len(contributions.base) > 1 else -1] if classes else None,
        base=base,
        raw=base + float(values.sum()),
        uncalibrated=float(linked),
        reasons=tuple(
            Reason(
                name := contributions.features[at],
                named[name],
                MASK
                if name in manifest.sensitive
                else top_words(explainer, name, row.column(name)[0].as_py(), place),
                float(values[at]),
                float(abs(values[at]) / total) if total else 0.0,
            )
            for at in sorted(range(len(values)), key=lambda at: -abs(values[at]))
        ),
    )


def top_words(explainer: Explainer, name: str, value: Any, output: int) -> Any:
    """The words of a text that add most to an output, with what they add; else the value itself."""
    if name not in explainer.texts or value is None:
        return value
    grams = list(explainer.words(name, value, output).items())
    more = len(grams) - TOP_WORDS
    texts = [f"{gram} {added:+.4f}" for gram, added in grams[:TOP_WORDS]]
    return ", ".join([*texts, f"and {more} more"] if more > 0 else texts) or "no known word"


@dataclass(frozen=True)
class Change:
    """The nearest other value of one feature alone with which another decision is taken.

    Attributes
    ----------
    side
        Of a number, whether all values from ``to`` on towards this side, for a while, do the same;
        empty for other values.
    decision, score
        What would be decided, and the score.
    """

    feature: str
    value: Any
    to: Any
    side: Literal["at most", "over", "at least", ""]
    decision: Any
    score: float


def nearest_changes(bundle: Bundle, contract: Contract, row: pa.Table) -> tuple[Change, ...]:
    """For each feature that can change the decision about a row alone, its nearest change.

    Values that the contract refuses are left out. Trees change their answer at their own split
    points alone, so the numbers next to these are tried; where the contract allows but some
    numbers, those of the bundle's sample. A linear score rises or falls all along, so it is tried
    from the least to the greatest value of that sample, and then closer.

    Parameters
    ----------
    row
        One row of the contract's columns.

    Returns
    -------
    tuple of Change
        Empty for a regression, where nothing is decided, and for a model that is not compiled.
    """
    scorer = bundle.scorer
    if bundle.manifest.task == "regression" or not isinstance(scorer, CompiledModel):
        return ()
    variants = _Variants(bundle, contract, row)
    changes = []
    for place, name in enumerate(scorer.inputs.numeric):
        change = _change_number(variants, name, scorer.body.edges(place), scorer.kind)
        if change is not None:
            changes.append(change)
    for place, name in enumerate(scorer.inputs.categorical):
        known = scorer.inputs.categories[place]
        others = variants.deciding_otherwise(name, [x for x in known if x != variants.value(name)])
        if others:
            # Categories have no distance: the one that changes the score least is the nearest.
            to, answer = min(others, key=lambda other: abs(other[1].score - variants.now.score))
            changes.append(Change(name, variants.value(name), to, "", *answer))
    return tuple(changes)


class _Answer(NamedTuple):
    decision: Any
    score: float


class _Variants:
    """One row, and the model's answers if one feature of it has other values.

    Attributes
    ----------
    now
        The answer for the row as it is.
    """

    def __init__(self, bundle: Bundle, contract: Contract, row: pa.Table) -> None:
        self.bundle, self.contract, self.row = bundle, contract, row
        self.column = score_column(bundle.manifest.task)
        (answer,) = score_batch(bundle, contract, row).predictions.to_pylist()
        self.now = _Answer(answer[PREDICTION], float(answer[self.column]))

    def value(self, name: str) -> Any:
        return self.row.column(name)[0].as_py()

    def trained_values(self, name: str) -> Floats:
        """The values of a number in the bundle's sample of training, without gaps."""
        values = np.asarray(self._sample[name].astype(float), np.float64)
        return values[np.isfinite(values)]

    @cached_property
    def _sample(self) -> pd.DataFrame:
        return self.bundle.sample()

    def deciding_otherwise(self, name: str, values: list[Any]) -> list[tuple[Any, _Answer]]:
        """Those of some values with which the decision is another, with the answer."""
        answers = zip(values, self.answers(name, values), strict=True)
        return [(value, it) for value, it in answers if it and it.decision != self.now.decision]

    def answers(self, name: str, values: list[Any]) -> list[_Answer | None]:
        """The answer with each of some values; None where the contract refuses one."""
        if not values:
            return []
        at = self.row.schema.get_field_index(name)
        kind = self.row.schema.field(name).type
        rows = self.row.take(pa.array(np.zeros(len(values), np.int64)))
        rows = rows.set_column(at, name, pa.array(values, kind))
        scored = score_batch(self.bundle, self.contract, rows)
        predictions = iter(scored.predictions.select([PREDICTION, self.column]).to_pylist())
        answers: list[_Answer | None] = []
        for refused in scored.bad:
            answer = None if refused else next(predictions)
            known = answer is not None and answer[self.column] is not None
            answers.append(_Answer(*answer.values()) if answer and known else None)
        return answers


def _change_number(variants: _Variants, name: str, edges: Floats, kind: str) -> Change | None:
    """The nearest change of a number or a truth."""
    field = variants.contract.field(name)
    value = variants.value(name)
    if field.kind == "boolean":
        others = variants.deciding_otherwise(name, [x for x in (False, True) if x is not value])
        return Change(name, value, others[0][0], "", *others[0][1]) if others else None
    whole = field.kind == "integer"
    if kind != "trees":
        return _change_on_a_line(variants, name, whole)
    edges = edges[np.isfinite(edges)]
    below = np.floor(edges) if whole else edges
    # Some estimators compare in float32, where the next number is further away.
    above = below + 1 if whole else np.nextafter(edges.astype(np.float32), np.float32(np.inf))
    near = np.unique(np.concatenate([below, above.astype(np.float64)]))
    trained = np.unique(variants.trained_values(name))[:_SEEN]
    tried = np.unique(np.concatenate([near, trained]))
    numbers = tried.astype(np.int64 if whole else np.float64).tolist()
    others = variants.deciding_otherwise(name, numbers)
    if not others:
        return None
    middle = float(np.median(edges)) if value is None else float(value)
    to, answer = min(others, key=lambda other: abs(other[0] - middle))
    rises = to > middle
    if to not in near:  # of training, where the contract refuses what is next to a split point
        return Change(name, value, to, "", *answer)
    if whole:
        return Change(name, value, to, "at least" if rises else "at most", *answer)
    edge = edges[np.argmin(np.abs(edges - to))]
    return Change(name, value, float(edge), "over" if rises else "at most", *answer)


def _change_on_a_line(variants: _Variants, name: str, whole: bool) -> Change | None:
    """The nearest change of a number of which a score only rises or only falls."""
    value = variants.value(name)
    trained = variants.trained_values(name)
    if value is None or not len(trained):
        return None
    start, kind = float(value), np.int64 if whole else np.float64
    best: tuple[float, Any, _Answer] | None = None
    for end in (float(trained.min()), float(trained.max())):
        tried = np.linspace(start, end, _GRID)[1:]
        tried = np.unique(np.rint(tried)) if whole else tried
        tried = tried[np.argsort(np.abs(tried - start), kind="stable")].astype(kind)
        others = variants.deciding_otherwise(name, tried.tolist())
        if not others:
            continue
        to, answer = _closer(variants, name, value if whole else start, *others[0], whole)
        if best is None or abs(to - start) < best[0]:
            best = (abs(to - start), to, answer)
    if best is None:
        return None
    return Change(name, value, best[1], "at least" if best[1] > start else "at most", *best[2])


def _closer(
    variants: _Variants, name: str, start: float, end: float, answer: _Answer, whole: bool
) -> tuple[float, _Answer]:
    """The value nearest to ``start`` with which the decision is that of ``end``."""
    for _ in range(_HALVINGS):
        middle = (start + end) // 2 if whole else (start + end) / 2
        if middle in (start, end):
            break
        (between,) = variants.answers(name, [middle])
        if between is not None and between.decision != variants.now.decision:
            end, answer = middle, between
        else:
            start = middle
    return end, answer


def words(contract: Contract) -> Mapping[str, str]:
    """What people read of each feature: its reason in the contract, else its description or name.

    A reason is written for whom a score is about, a description for whom reads the contract.
    """
    fields = {name: contract.field(name) for name in contract.features}
    return {name: each.reason or each.description or name for name, each in fields.items()}
