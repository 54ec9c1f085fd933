"""Columns that give the label away: known only once the label is, or the label itself again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.columns.interpolation import FEW_ROWS, interpolate
from assay.project.tasks import Task

POWER = 0.995
"""How well one column alone may predict the label, as the area under the ROC curve or the share of
variance: above it, the column is taken for the label in other words. `assay leakage` has the same
question for every run, with `leakage.max_label_power`."""
SUSPECT = 0.95
"""The same for a column that stays a feature, with a question: few columns are so good by right."""
LEAST_ROWS = 50
"""With fewer rows on a side, a good feature looks like a leak."""
BINS = 64


@dataclass(frozen=True)
class Leaks:
    """Columns that are above `POWER` alone, and those above `SUSPECT`, each with what to say."""

    certain: Mapping[str, str] = field(default_factory=dict)
    likely: Mapping[str, str] = field(default_factory=dict)


def find_leaks(rows: pd.DataFrame, label: str, task: Task, columns: Iterable[str]) -> Leaks:
    """The columns that give the label away in a sample of rows, each with the reason.

    The model of one column is a table: the mean label in each of its bins on the even rows, asked
    about the odd rows. So it sees any relation, and chance does not look like one. Of few rows a
    number is also asked by lines between its values.

    Parameters
    ----------
    rows
        A sample, with the label as in the file.
    columns
        Those to look at.
    """
    known = rows[rows[label].notna()]
    if len(known) < 2 * LEAST_ROWS:
        return Leaks()
    targets = _targets(known[label], task)
    learn, ask = np.arange(len(known)) % 2 == 0, np.arange(len(known)) % 2 == 1
    certain, likely = {}, {}
    for name in columns:
        said = []
        bins = _bins(known[name])
        if bins.max() <= len(known) / 4:  # else too few rows of each text
            said.append([_by_bins(bins, target, learn, ask) for target in targets])
        if len(known) < FEW_ROWS and _is_number(known[name]):
            values = known[name].to_numpy(np.float64, na_value=np.nan)
            said.append([interpolate(values[learn], each[learn], values[ask]) for each in targets])
        if not said:
            continue
        powers = [
            max(_power(each, target[ask], task) for each in answers)
            for target, *answers in zip(targets, *said, strict=True)
        ]
        # One class that a column tells from all others is no leak: it has to give all of them away.
        power = max(powers) if task == "regression" else min(powers)
        alone = (
            f"alone it explains {power:.1%} of the label"
            if task == "regression"
            else f"alone it ranks rows with an AUC of {power:.3f}"
        )
        if power > POWER:
            certain[name] = f"it gives the label away: {alone}"
        elif power > SUSPECT:
            likely[name] = f"{alone}: is it known before the label is?"
    return Leaks(certain, likely)


def _targets(label: pd.Series, task: Task) -> list[NDArray[np.float64]]:
    if task == "regression":
        # The rank as well: a few large values would hide that all others are told exactly.
        return [label.to_numpy(np.float64), label.rank().to_numpy(np.float64)]
    codes, classes = pd.factorize(label, sort=False)
    wanted = range(1) if len(classes) == 2 else range(len(classes))
    return [(codes == code).astype(np.float64) for code in wanted]


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _bins(column: pd.Series) -> NDArray[np.int64]:
    if _is_number(column):
        counts = column.value_counts()
        # A frequent value, such as 0, has a bin of its own; the others share bins of equal count.
        # So have infinities, as nothing lies at an equal distance from them.
        frequent = counts.index[counts.to_numpy() > len(column) / BINS]
        known = column.isin([*frequent, np.inf, -np.inf])
        rest = column[~known].astype("float64")
        if rest.nunique() > BINS:
            binned = pd.qcut(rest, BINS, labels=False, duplicates="drop")
            column = column.astype(object).where(known, binned.map("bin {}".format))
    codes, _ = pd.factorize(column, use_na_sentinel=False)
    return codes.astype(np.int64)


def _by_bins(
    bins: NDArray[np.int64],
    target: NDArray[np.float64],
    learn: NDArray[np.bool_],
    ask: NDArray[np.bool_],
) -> NDArray[np.float64]:
    size = int(bins.max()) + 1
    sums = np.bincount(bins[learn], weights=target[learn], minlength=size)
    rows = np.bincount(bins[learn], minlength=size)
    mean = target[learn].mean()
    said: NDArray[np.float64] = np.where(rows > 0, sums / np.maximum(rows, 1), mean)[bins[ask]]
    return said


def _power(said: NDArray[np.float64], truth: NDArray[np.float64], task: Task) -> float:
    if task == "regression":
        spread = float(((truth - truth.mean()) ** 2).sum())
        return 1 - float(((truth - said) ** 2).sum()) / spread if spread else 0.0
    positives = truth > 0.5
    if not positives.any() or positives.all():
        return 0.0
    ranks = pd.Series(said).rank().to_numpy()
    many, few = int(positives.sum()), int((~positives).sum())
    area = (ranks[positives].sum() - many * (many + 1) / 2) / (many * few)
    return float(max(area, 1 - area))
