"""Measures of drift: what one is, Assay's own, and those that params.yaml asks for.

A project's own is a class like Assay's, named by ``measure: module.Class`` (docs/own-code.md).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pydantic import ValidationError

from assay.columns.distance import MEASURES
from assay.columns.grid import ColumnGrid
from assay.columns.profile import ColumnProfile
from assay.errors import ParamsError, PluginError
from assay.project import plugins, source_code
from assay.project.params import Params
from assay.project.params.messages import unknown_name
from assay.project.params.values import Section, Text

KEY = "monitor.measures"


class Measure(Section):
    """A measure of drift; a class of the project's own is derived from it.

    Its fields are its keys under ``monitor.measures``.

    Attributes
    ----------
    columns
        The columns that are measured; all if empty.
    limit
        The most that it may be; without one it is shown, and decides nothing.
    title
        Its name on pages and in incidents; by default ``measure``.
    """

    measure: Text
    columns: tuple[Text, ...] = ()
    limit: float | None = None
    title: ClassVar[str] = ""

    def value(self, grid: ColumnGrid, before: ColumnProfile, night: ColumnProfile) -> float | None:
        """How far a night's column is from the reference's; None if such a column has no value.

        Parameters
        ----------
        grid
            The cells in which both are counted.
        before, night
            Counts of the reference and of the night; each has at least one value.
        """
        raise NotImplementedError

    def most(self, grid: ColumnGrid, before: ColumnProfile, night: ColumnProfile) -> float | None:
        """The limit on such a night; a class may compute it from the counts."""
        return self.limit

    def words(self, value: float, limit: float) -> str:
        """Why a column is over the limit, for people."""
        return f"{self.name} {value:.3f} over its limit {limit:.3f}"

    @property
    def name(self) -> str:
        return self.title or self.measure


class Known(Measure):
    """One of `assay.columns.distance.MEASURES`, with a limit set by hand."""

    def value(self, grid: ColumnGrid, before: ColumnProfile, night: ColumnProfile) -> float | None:
        value: float | None = MEASURES[self.measure](grid, before, night)
        return value


@dataclass(frozen=True, slots=True)
class Measured:
    """A column by a measure of params.yaml.

    Attributes
    ----------
    value
        None if it is no finite number; it is then over any limit.
    words
        Why it is over the limit; empty if it is not.
    """

    title: str
    value: float | None
    limit: float | None
    words: str = ""


def read_measures(params: Params, root: Path) -> tuple[Measure, ...]:
    """The measures under ``monitor.measures``, Assay's and the project's own.

    Raises
    ------
    ParamsError
        There is none of that name, or a key is unknown, missing or of another type.
    PluginError
        A class of the project's own cannot be imported, or is no measure.
    """
    asked: list[Measure] = []
    for number, given in enumerate(params.monitor.measures):
        kind = _kind(given.measure, root)
        try:
            asked.append(kind.model_validate(given.keys))
        except ValidationError as error:
            raise ParamsError(params.explain(error, kind, (*KEY.split("."), number))) from None
    return tuple(asked)


def _kind(name: str, root: Path) -> type[Measure]:
    if name in MEASURES:
        return Known
    if "." not in name:
        known = "a class such as data.measures.MeanChange, or one of Assay's"
        raise ParamsError([*unknown_name(name, MEASURES, KEY, known)])
    kind = plugins.resolve(name, key=KEY, root=root)
    if isinstance(kind, type) and issubclass(kind, Measure) and kind.value is not Measure.value:
        return kind
    raise PluginError(
        "no measure of drift",
        where=f"params.yaml: {KEY}",
        expected="a class that is derived from assay.testing.Measure, with a method value",
        found=name,
    )


def code_of(params: Params, root: Path) -> str:
    """The text of the project's own code that measures."""
    own = [each.measure for each in params.monitor.measures if "." in each.measure]
    return repr(source_code.find_dependencies(source_code.file_reader(root), own))


def measure(
    asked: Sequence[Measure],
    column: str,
    grid: ColumnGrid,
    before: ColumnProfile,
    night: ColumnProfile,
) -> Iterator[Measured]:
    """A column by each measure that has a value of it; see `Measure.value`.

    Raises
    ------
    PluginError
        A class of the project's own fails.
    """
    for each in asked:
        if each.columns and column not in each.columns:
            continue
        try:
            value, limit = each.value(grid, before, night), each.most(grid, before, night)
            if value is None:
                continue
            # Not "value > limit": NaN is over it.
            words = each.words(value, limit) if limit is not None and not value <= limit else ""
            known = float(value) if math.isfinite(value) else None
            yield Measured(each.name, known, None if limit is None else float(limit), words)
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"the measure failed with {type(error).__name__}: {error}",
                where=f"params.yaml: {KEY}{source_code.raised_at(error)}",
                found=f"{each.measure} of column {column}",
            ) from None
