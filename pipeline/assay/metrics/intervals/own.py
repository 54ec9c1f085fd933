"""The project's own metrics of one model on one table, each with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from assay.metrics.estimate import Estimate
from assay.metrics.evaluator import Ints
from assay.metrics.intervals.bootstrap import (
    MOST_LEFT_OUT,
    bootstrap_difference,
    bootstrap_estimate,
    left_out_units,
)
from assay.metrics.intervals.difference import Difference
from assay.metrics.intervals.pairing import Contributions
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.own_metrics import Measure, OwnMetric, checked_value
from assay.metrics.sampling_units import SamplingUnits
from assay.project.tasks import OwnMetrics

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class OwnMeasures:
    """Own metrics, each as a function of the table's row numbers; ``seed`` of the draws."""

    metrics: tuple[OwnMetric, ...] = ()
    measures: tuple[Measure, ...] = ()
    seed: int = 0

    @classmethod
    def of(
        cls, metrics: Sequence[OwnMetric], frame: pd.DataFrame, scored: LabelledScores, seed: int
    ) -> OwnMeasures:
        """Own metrics of these rows.

        Raises
        ------
        PluginError
            A function fails on all rows, or gives no number, or not the same one again.
        """
        measures = tuple(metric.measure(frame, scored) for metric in metrics)
        for metric, measure in zip(metrics, measures, strict=True):
            checked_value(metric, measure, len(scored))
        return cls(tuple(metrics), measures, seed)

    @property
    def directions(self) -> OwnMetrics:
        return {metric.name: metric.better for metric in self.metrics}

    def estimates(self, rows: Ints, units: SamplingUnits, confidence: float) -> dict[str, Estimate]:
        """Each metric on a selection of the rows, whose units are ``units``."""
        return {
            metric.name: bootstrap_estimate(
                partial(_of_part, measure, rows), len(rows), units, confidence, self.seed
            )
            for metric, measure in zip(self.metrics, self.measures, strict=True)
        }

    def contributions(self, rows: Ints, units: SamplingUnits) -> dict[str, Contributions | None]:
        """What each unit of the table adds to each metric of a selection of the rows.

        Each unit is left out once; of more than `MOST_LEFT_OUT` units nothing is asked.
        """
        if units.codes is None or units.count > MOST_LEFT_OUT:
            return {}
        return {
            metric.name: left_out_units(measure, rows, units)
            for metric, measure in zip(self.metrics, self.measures, strict=True)
        }

    def differences(
        self,
        champion: OwnMeasures,
        rows: Ints,
        units: SamplingUnits,
        confidence: float,
        *,
        alike: bool,
    ) -> dict[str, Difference]:
        """Each metric of this model minus the champion's, on a selection of the rows.

        Parameters
        ----------
        alike
            Both models give each of these rows the same score and answer.
        """
        return {
            metric.name: bootstrap_difference(
                partial(_of_part, before, rows),
                partial(_of_part, after, rows),
                alike=alike,
                rows=len(rows),
                units=units,
                confidence=confidence,
                seed=self.seed,
            )
            for metric, before, after in zip(
                self.metrics, champion.measures, self.measures, strict=True
            )
        }


NONE = OwnMeasures()


def _of_part(measure: Measure, part: Ints, rows: Ints) -> float:
    return measure(part[rows])
