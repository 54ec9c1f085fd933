"""Turns a model's raw outputs into scores: the link function, and the calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from assay.columns.features import Floats
from assay.compiled.archive import build, dump
from assay.compiled.array_types import Array, NotCompiled
from assay.compiled.fitted_model import log_odds
from assay.compiled.ranks import RankGrid, build_grid
from assay.project.tasks import Task

Link = Literal["identity", "exp", "logistic", "half_logistic", "softmax"]

_LINKS: Mapping[str, Link] = {
    "IdentityLink": "identity",
    "LogLink": "exp",
    "LogitLink": "logistic",
    "HalfLogitLink": "half_logistic",
    "MultinomialLogit": "softmax",
}


def inverse_link(loss: Any) -> Link:
    """The inverse of the link function of a scikit-learn loss.

    Raises
    ------
    NotCompiled
        The link function is not supported.
    """
    name = type(loss.link).__name__
    if name not in _LINKS:
        raise NotCompiled(f"its loss has the link function {name}")
    return _LINKS[name]


@dataclass(frozen=True, eq=False)
class Sigmoid:
    """A logistic regression on log odds."""

    slope: float
    intercept: float

    def check(self) -> None:
        """Nothing to check: any two numbers are valid."""

    def __call__(self, raw: Floats) -> Floats:
        from assay.compiled.linear.kernels_linear import logistic

        out = np.empty(len(raw))
        logistic(np.ascontiguousarray(log_odds(raw)[:, 0]), self.slope, self.intercept, out)
        return out


@dataclass(frozen=True, eq=False)
class Isotonic:
    """Linear interpolation between knots; values outside are clipped to the nearest knot."""

    knots: Floats
    heights: Floats

    def check(self) -> None:
        """Raise ValueError if the knots do not increase."""
        good = 0 < len(self.knots) == len(self.heights) < 0xFFFF
        if not good or not (np.diff(self.knots) > 0).all() or not np.isfinite(self.knots).all():
            raise ValueError("knots do not increase, or do not fit their heights")

    @cached_property
    def _grid(self) -> RankGrid:
        return build_grid(self.knots)

    def __call__(self, raw: Floats) -> Floats:
        from assay.compiled.kernels_columns import ranks
        from assay.compiled.linear.kernels_linear import interpolate

        out, rank = np.empty(len(raw)), np.empty(len(raw), np.uint16)
        # A row that will be refused may be NaN; replace it by any number.
        inside = np.clip(np.nan_to_num(raw), self.knots[0], self.knots[-1])
        ranks(inside, *self._grid, 0, rank, rank)
        interpolate(inside, rank, self.knots, self.heights, out)
        return out


Calibrator = Sigmoid | Isotonic

_CALIBRATORS: dict[str, type[Calibrator]] = {"sigmoid": Sigmoid, "isotonic": Isotonic}


@dataclass(frozen=True, eq=False)
class PostTransform:
    """Link function and calibration of raw outputs.

    Attributes
    ----------
    divisor
        Raw outputs are divided by it: the number of trees for a forest that averages.
    classes
        The number of scores of a row; 0 for one score without a second dimension.
    calibrators
        None, or one for the positive class or for each class; each may be None.
    single
        Whether the link is computed in 32 bits, as XGBoost does.
    """

    task: Task
    link: Link
    divisor: int
    classes: int
    calibrators: tuple[Calibrator | None, ...] | None
    single: bool = False

    def check(self, outputs: int) -> None:
        """Raise ValueError if the parts are inconsistent."""
        one, many = self.classes == 0, self.classes > 1
        # A model of two classes may have one output: the probability of the second class.
        fits = (one and outputs == 1) or (many and outputs == self.classes)
        fits = fits or (self.classes == 2 and outputs == 1 and "logistic" in self.link)
        if not fits or (self.task == "multiclass") != many or self.divisor < 1:
            raise ValueError("outputs do not fit the scores")
        if self.calibrators is not None and len(self.calibrators) != max(self.classes, 1):
            raise ValueError("calibrators do not fit the scores")
        for calibrator in self.calibrators or ():
            if calibrator is not None:
                calibrator.check()

    def scores(self, raw: Floats) -> Floats:
        """Scores of a block, of shape (rows,) or (rows, classes), from (outputs, rows)."""
        linked = self.linked(raw)
        if self.classes == 0:
            first = self.calibrators[0] if self.calibrators else None
            return linked[0] if first is None else first(linked[0])
        if len(linked) == 1:
            rest = 1 - linked
            if self.single:
                rest = rest.astype(np.float32).astype(np.float64)
            linked = np.vstack([rest, linked])
        if self.calibrators is None:
            return np.ascontiguousarray(linked.T)
        return normalised(
            [
                row if calibrator is None else calibrator(row)
                for calibrator, row in zip(self.calibrators, linked, strict=True)
            ]
        )

    def linked(self, raw: Floats) -> Floats:
        """What the model itself says of raw outputs, before calibration; of the same shape."""
        from assay.compiled.linear.kernels_linear import logistic

        if self.divisor > 1:
            raw = raw / self.divisor
        if self.single:
            return linked_in_single(raw, self.link)
        if self.link == "exp":
            with np.errstate(over="ignore"):
                return np.exp(raw)
        if self.link == "softmax":
            return softmax(raw)
        if self.link == "identity":
            return raw
        out = np.empty(raw.shape)
        for row, target in zip(raw, out, strict=True):
            logistic(
                np.ascontiguousarray(row), 2.0 if self.link == "half_logistic" else 1.0, 0.0, target
            )
        return out

    def parts(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Header and arrays; the reverse of `from_parts`."""
        names: list[str | None] | None = None
        arrays: dict[str, Array] = {}
        if self.calibrators is not None:
            names = []
            for place, calibrator in enumerate(self.calibrators):
                kind = None if calibrator is None else type(calibrator).__name__.lower()
                names.append(kind)
                if calibrator is not None:
                    arrays |= dump(calibrator, f"calibrator.{place}")
        header = {
            "task": self.task,
            "link": self.link,
            "divisor": self.divisor,
            "classes": self.classes,
            "calibrators": names,
            "single": self.single,
        }
        return header, arrays

    @classmethod
    def from_parts(cls, header: dict[str, Any], arrays: dict[str, Array]) -> PostTransform:
        """Rebuild from header and arrays; removes the arrays that it uses from ``arrays``.

        Raises
        ------
        ValueError, KeyError, TypeError
            The header is damaged.
        """
        if header["link"] not in get_args(Link) or header["task"] not in get_args(Task):
            raise ValueError("an unknown link or task")
        if type(header["divisor"]) is not int or type(header["classes"]) is not int:
            raise ValueError("the divisor or the classes are no number")
        if type(header["single"]) is not bool:
            raise ValueError("single is neither true nor false")
        names = header["calibrators"]
        calibrators = (
            None
            if names is None
            else tuple(
                None if name is None else build(_CALIBRATORS[name], f"calibrator.{place}", arrays)
                for place, name in enumerate(names)
            )
        )
        return cls(
            header["task"],
            header["link"],
            header["divisor"],
            header["classes"],
            calibrators,
            header["single"],
        )


def softmax(raw: Floats) -> Floats:
    """Softmax of each column, in scikit-learn's order of operations."""
    with np.errstate(invalid="ignore"):
        shifted: Floats = raw - raw.max(axis=0)
    np.exp(shifted, out=shifted)
    shifted /= shifted.sum(axis=0)
    return shifted


def linked_in_single(raw: Floats, link: Link) -> Floats:
    """The link of float32 outputs, of shape (outputs, rows), in XGBoost's order of operations."""
    from assay.compiled.kernels_single import exponential

    def exp(values: Floats) -> npt.NDArray[np.float32]:
        out = np.empty(values.shape, np.float32)
        for row, target in zip(values, out, strict=True):
            exponential(np.ascontiguousarray(row), target)
        return out

    one = np.float32(1)
    if link == "exp":
        return exp(raw).astype(np.float64)
    if link == "logistic":
        return (one / (exp(np.minimum(-raw, np.float32(88.7))) + one)).astype(np.float64)
    if link == "softmax":
        raised = exp((raw - raw.max(axis=0)).astype(np.float32).astype(np.float64))
        total = np.add.accumulate(raised, axis=0, dtype=np.float64)[-1]
        return np.asarray(raised / total.astype(np.float32), np.float64)
    return raw


def normalised(each: Sequence[Floats]) -> Floats:
    """Normalise to sum 1, as in `assay.compiled.fitted_model.calibrate`; shape (rows, classes)."""
    mapped = np.column_stack(each)
    total = mapped.sum(axis=1, keepdims=True)
    alike = np.full_like(mapped, 1 / mapped.shape[1])
    return np.asarray(np.divide(mapped, total, out=alike, where=total != 0))
