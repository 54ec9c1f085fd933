"""Why rows got their scores: contributions of features, and what else would have been decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa

from assay.columns.features import Floats
from assay.compiled import CompiledModel
from assay.compiled.contributions import Explainer
from assay.contract.columns import Columns
from assay.contract.definition import Contract
from assay.errors import ReasonsUnknown
from assay.model.batch import score_batch
from assay.model.bundle import REASONS, Bundle
from assay.model.manifest import Manifest
from assay.model.prediction import PREDICTION, score_column
from assay.project.text import counted

if TYPE_CHECKING:
    import pandas as pd

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
        The bundle has no such file: its model's contributions cannot be computed exactly, or it
        was made before bundles had one.
    BundleChanged
        The file is damaged.
    """
    if REASONS in bundle.files and isinstance(bundle.scorer, CompiledModel):
        return Explainer.from_bytes(bundle.files[REASONS], bundle.scorer, REASONS)
    where = f"bundle {bundle.digest[:19]}"
    why = bundle.manifest.reasons.get("unknown")
    if why is None:
        raise ReasonsUnknown(
            "a bundle of before, without what explains its scores",
            where=where,
            expected=REASONS,
            fix=f"Train it again: dvc repro --force train@{bundle.manifest.candidate}",
        )
    raise ReasonsUnknown(
        "the reasons of this model's scores cannot be computed exactly",
        where=where,
        expected="trees or a linear model that can be compiled (docs/reasons.md)",
        found=str(why),
        fix="Ask for no reasons (score.reasons in params.yaml), or promote such a model.",
    )


def compared_with(manifest: Manifest) -> str:
    """What a row's contributions compare it with, in words."""
    told = manifest.reasons
    if told["against"] == "population":
        return "all training rows"
    side = {
        "above_threshold": " just above the threshold",
        "below_threshold": " just below the threshold",
    }
    return f"{counted(told['sample'], 'training row')}{side.get(told['rows'], '')}"


def scale(explainer: Explainer, bundle: Bundle) -> Scale:
    """What the raw outputs of a model are."""
    link = explainer.finish.link
    if link == "identity":
        return "predicted value" if bundle.manifest.task == "regression" else "probability"
    return "log" if link == "exp" else "log odds"


HIDDEN = "not shown"
"""In place of the cell of a sensitive column."""


@dataclass(frozen=True)
class Reason:
    """What one feature added to the raw output.

    Attributes
    ----------
    words
        What the contract calls it.
    share
        Its part of all contributions, by their absolute values.
    """

    feature: str
    words: str
    value: Any
    contribution: float
    share: float


@dataclass(frozen=True)
class RowReasons:
    """How the raw output of one row came about: ``base`` and all contributions.

    Attributes
    ----------
    output
        The class whose output it is; None if there is but one.
    uncalibrated
        What the link function makes of the sum.
    reasons
        The strongest first.
    """

    scale: Scale
    output: str | None
    base: float
    raw: float
    uncalibrated: float
    reasons: tuple[Reason, ...]


def row_reasons(bundle: Bundle, contract: Contract, row: pa.Table, decided: Any) -> RowReasons:
    """The reasons of one row's score; errors as for `explainer_of`.

    Parameters
    ----------
    row
        One row with the contract's columns.
    decided
        Its prediction: of several classes the output of this one is explained.
    """
    explainer, manifest = explainer_of(bundle), bundle.manifest
    found = explainer.contributions(Columns(contract, row))
    classes = manifest.classes
    place = list(classes).index(decided) if len(found.base) > 1 else 0
    values, base = found.values[0, place], float(found.base[place])
    linked = explainer.finish.linked(found.raw.T * explainer.finish.divisor)[place, 0]
    named, total = words(contract), float(np.abs(values).sum())
    return RowReasons(
        scale=scale(explainer, bundle),
        output=classes[place if len(found.base) > 1 else -1] if classes else None,
        base=base,
        raw=base + float(values.sum()),
        uncalibrated=float(linked),
        reasons=tuple(
            Reason(
                name := found.features[at],
                named[name],
                HIDDEN if name in manifest.sensitive else row.column(name)[0].as_py(),
                float(values[at]),
                float(abs(values[at]) / total) if total else 0.0,
            )
            for at in np.argsort(-np.abs(values), kind="stable").tolist()
        ),
    )


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
    asked = _Asked(bundle, contract, row)
    found = []
    for place, name in enumerate(scorer.inputs.numeric):
        if (change := _number(asked, name, scorer.body.edges(place), scorer.kind)) is not None:
            found.append(change)
    for place, name in enumerate(scorer.inputs.categorical):
        known = [each for each in scorer.inputs.categories[place] if each != asked.value(name)]
        others = list(asked.try_each(name, known))
        if others:
            # Categories have no distance: the one that changes the score least is the nearest.
            to, told = min(others, key=lambda each: abs(each[1][1] - asked.score))
            found.append(Change(name, asked.value(name), to, "", *told))
    return tuple(found)


class _Asked:
    """One row, and what is decided if a feature of it is another."""

    def __init__(self, bundle: Bundle, contract: Contract, row: pa.Table) -> None:
        self.bundle, self.contract, self.row = bundle, contract, row
        self.column = score_column(bundle.manifest.task)
        (said,) = score_batch(bundle, contract, row).predictions.to_pylist()
        self.decision, self.score = said[PREDICTION], float(said[self.column])

    def value(self, name: str) -> Any:
        return self.row.column(name)[0].as_py()

    def seen(self, name: str) -> Floats:
        """The values of a number in the bundle's sample of training, without gaps."""
        values = np.asarray(self._sample[name].astype(float), np.float64)
        return values[np.isfinite(values)]

    @cached_property
    def _sample(self) -> pd.DataFrame:
        return self.bundle.sample()

    def try_each(self, name: str, values: list[Any]) -> Iterator[tuple[Any, tuple[Any, float]]]:
        """Those of some values with which the decision is another, with it and the score."""
        for value, told in zip(values, self.tell(name, values), strict=True):
            if told is not None and told[0] != self.decision:
                yield value, told

    def tell(self, name: str, values: list[Any]) -> list[tuple[Any, float] | None]:
        """The decision and the score with each of some values; None where one is refused."""
        if not values:
            return []
        at = self.row.schema.get_field_index(name)
        kind = self.row.schema.field(name).type
        rows = self.row.take(pa.array(np.zeros(len(values), np.int64)))
        rows = rows.set_column(at, name, pa.array(values, kind))
        scored = score_batch(self.bundle, self.contract, rows)
        said = iter(scored.predictions.select([PREDICTION, self.column]).to_pylist())
        found: list[tuple[Any, float] | None] = []
        for bad in scored.bad:
            each = None if bad else next(said)
            known = each is not None and each[self.column] is not None
            found.append((each[PREDICTION], each[self.column]) if each and known else None)
        return found


def _number(asked: _Asked, name: str, edges: Floats, kind: str) -> Change | None:
    """The nearest change of a number or a truth."""
    field = asked.contract.field(name)
    value = asked.value(name)
    if field.kind == "boolean":
        others = list(asked.try_each(name, [each for each in (False, True) if each is not value]))
        return Change(name, value, others[0][0], "", *others[0][1]) if others else None
    whole = field.kind == "integer"
    if kind != "trees":
        return _on_a_line(asked, name, whole)
    edges = edges[np.isfinite(edges)]
    below = np.floor(edges) if whole else edges
    # Some estimators compare in float32, where the next number is further away.
    above = below + 1 if whole else np.nextafter(edges.astype(np.float32), np.float32(np.inf))
    near = np.unique(np.concatenate([below, above.astype(np.float64)]))
    seen = np.unique(asked.seen(name))[:_SEEN]
    tried = np.unique(np.concatenate([near, seen]))
    found = list(asked.try_each(name, tried.astype(np.int64 if whole else np.float64).tolist()))
    if not found:
        return None
    middle = float(np.median(edges)) if value is None else float(value)
    to, told = min(found, key=lambda each: abs(each[0] - middle))
    rises = to > middle
    if to not in near:  # of training, where the contract refuses what is next to a split point
        return Change(name, value, to, "", *told)
    if whole:
        return Change(name, value, to, "at least" if rises else "at most", *told)
    edge = edges[np.argmin(np.abs(edges - to))]
    return Change(name, value, float(edge), "over" if rises else "at most", *told)


def _on_a_line(asked: _Asked, name: str, whole: bool) -> Change | None:
    value = asked.value(name)
    seen = asked.seen(name)
    if value is None or not len(seen):
        return None
    start, kind = float(value), np.int64 if whole else np.float64
    best: tuple[float, Any, tuple[Any, float]] | None = None
    for end in (float(seen.min()), float(seen.max())):
        tried = np.linspace(start, end, _GRID)[1:]
        tried = np.unique(np.rint(tried)) if whole else tried
        tried = tried[np.argsort(np.abs(tried - start), kind="stable")].astype(kind)
        found = next(iter(asked.try_each(name, tried.tolist())), None)
        if found is None:
            continue
        to, told = _closer(asked, name, value if whole else start, *found, whole)
        if best is None or abs(to - start) < best[0]:
            best = (abs(to - start), to, told)
    if best is None:
        return None
    return Change(name, value, best[1], "at least" if best[1] > start else "at most", *best[2])


def _closer(
    asked: _Asked, name: str, start: float, end: float, told: tuple[Any, float], whole: bool
) -> tuple[float, tuple[Any, float]]:
    """The value nearest to ``start`` with which the decision is that of ``end``."""
    for _ in range(_HALVINGS):
        middle = (start + end) // 2 if whole else (start + end) / 2
        if middle in (start, end):
            break
        (at,) = asked.tell(name, [middle])
        if at is not None and at[0] != asked.decision:
            end, told = middle, at
        else:
            start = middle
    return end, told


def words(contract: Contract) -> Mapping[str, str]:
    """What people read of each feature: its reason in the contract, else its description or name.

    A reason is written for whom a score is about, a description for whom reads the contract.
    """
    fields = {name: contract.field(name) for name in contract.features}
    return {name: each.reason or each.description or name for name, each in fields.items()}
