"""Columns that give the label away: known only once the label is, or the label itself again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.columns.interpolation import FEW_ROWS, interpolate
from assay.project.params import LeakageParams
from assay.project.tasks import Task
from assay.project.text.quoting import mark_blanks
from assay.training.leakage.column_sums import class_sum, number_sum

POWER = 0.995
"""How well one column alone may predict the label, as the area under the ROC curve or the share of
variance: above it, the column is taken for the label in other words. `assay leakage` has the same
question for every run, with `leakage.max_label_power`."""
SUSPECT = 0.95
"""The same for a column that stays a feature, with a question: few columns are so good by right."""
LEAST_ROWS = 50
"""With fewer rows on a side, a good feature looks like a leak."""
LEAST_CLASS_ROWS = 5
"""With fewer rows of a class, chance tells them from all others by some column."""
BINS = 64


@dataclass(frozen=True)
class Leaks:
    """Columns that are above `POWER` alone, and those above `SUSPECT`, each with what to say.

    ``powers``: how well each column alone predicts the label.
    """

    certain: Mapping[str, str] = field(default_factory=dict)
    likely: Mapping[str, str] = field(default_factory=dict)
    powers: Mapping[str, float] = field(default_factory=dict)


def find_leaks(rows: pd.DataFrame, label: str, task: Task, columns: Iterable[str]) -> Leaks:
    """The columns that give the label away in a sample of rows, each with the reason.

    The model of one column is a table: the mean label in each of its bins on one half of the rows,
    asked about the other half. So it sees any relation, and chance does not look like one. Of few
    rows a number is also asked by lines between its values. A class is also ranked by the number
    itself, as a rare one fills no bin. Of several classes, one that a column tells from all others
    is enough, as it is for `assay leakage`.

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
    if not targets:
        return Leaks()
    certain, likely, alone_powers = {}, {}, {}
    for name in columns:
        powers = _powers(known[name], list(targets.values()), task)
        power, most = max(zip(powers, targets, strict=True))
        alone_powers[name] = power
        one = len(targets) > 1 and task != "regression" and min(powers) <= POWER
        measured = _is_number(known[name]) and known[name].nunique() > len(targets)
        about = most if one else "rows"
        alone = (
            f"alone it explains {power:.1%} of the label"
            if task == "regression"
            else f"alone it ranks {about} with an AUC of {power:.3f}"
        )
        if power > POWER and one and measured:
            # It may do so by right, as a petal's length does; a code of few values is that class in
            # other words.
            likely[name] = (
                f"{alone}, which assay leakage fails: leave it out, or, if it is known before the "
                "label, raise leakage.max_label_power in params.yaml"
            )
        elif power > POWER:
            certain[name] = f"it gives the label away: {alone}"
        elif power > SUSPECT and not one:
            likely[name] = f"{alone}: is it known before the label is?"
    return Leaks(certain, likely, alone_powers)


def find_sum(rows: pd.DataFrame, label: str, task: Task, columns: Iterable[str]) -> dict[str, str]:
    """The columns whose sum or difference gives the label away, each with the same reason.

    Parameters
    ----------
    rows
        A sample, with the label as in the file.
    columns
        The features.
    """
    known = rows[rows[label].notna()]
    targets = _targets(known[label], task) if len(known) >= 2 * LEAST_ROWS else {}
    if not targets:
        return {}
    half = _half(len(known))
    halves = {name: (each[half], each[~half]) for name, each in targets.items()}
    numbers = {}
    for name in columns:
        if _is_number(known[name]):
            values = known[name].to_numpy(np.float64, na_value=np.nan)
            numbers[name] = values[half], values[~half]
    regression = task == "regression"
    found = number_sum(numbers, halves[label], label) if regression else (
        class_sum(numbers, [(name, *pair) for name, pair in halves.items()])
    )  # fmt: skip
    if found is None or found.power <= (LeakageParams().max_sum_power if regression else POWER):
        return {}
    tells = (
        f"{found.text} explains {found.power:.1%} of {found.about}"
        if regression
        else f"{found.text} ranks {found.about} with an AUC of {found.power:.3f}"
    )
    why = (
        f"together they give the label away, {tells}, which assay leakage fails: leave out with "
        "--leave-out what is known only with the label, as a total is; if all are known before, "
        f"raise leakage.{'max_sum_power' if regression else 'max_label_power'} in params.yaml"
    )
    return dict.fromkeys(found.columns, why)


def _half(rows: int) -> NDArray[np.bool_]:
    """Half of the rows by chance, as every second one may be of one class."""
    found: NDArray[np.bool_] = np.random.default_rng(0).permutation(rows) % 2 == 0
    return found


def _targets(label: pd.Series, task: Task) -> dict[str, NDArray[np.float64]]:
    """What a column is asked for: a number, or whether a row is of a class; by what it is about."""
    name = str(label.name)
    if task == "regression":
        # The rank as well: a few large values would hide that all others are told exactly.
        ranks = label.rank().to_numpy(np.float64)
        return {name: label.to_numpy(np.float64), f"the rank of {name}": ranks}
    codes, classes = pd.factorize(label, sort=False)
    rows = np.bincount(codes)
    wanted = range(1) if len(classes) == 2 else range(len(classes))
    return {
        f"{name}={mark_blanks(classes[code])}": (codes == code).astype(np.float64)
        for code in wanted
        if LEAST_CLASS_ROWS <= rows[code] <= len(label) - LEAST_CLASS_ROWS
    }


def _powers(
    column: pd.Series, targets: Sequence[NDArray[np.float64]], task: Task
) -> Sequence[float]:
    """How well a column alone predicts each target, by the model of it that does so best."""
    half = _half(len(column))
    bins = _bins(column)
    numbers = column.to_numpy(np.float64, na_value=np.nan) if _is_number(column) else None
    # An empty cell is below all numbers or above them, whichever tells more.
    places = [] if numbers is None or task == "regression" else _places(numbers)
    powers = []
    for target in targets:
        areas = [_area(each, target > 0.5) for each in places]
        found = [area for each in areas for area in (each, 1 - each)]
        said = np.empty(len(target))
        if bins.max() <= len(column) / 4:  # else too few rows of each text
            for learn in (half, ~half):
                said[~learn] = _by_bins(bins, target, learn)
            found.append(_power(said, target, task))
        if numbers is not None and len(column) < FEW_ROWS:
            for learn in (half, ~half):
                said[~learn] = interpolate(numbers[learn], target[learn], numbers[~learn])
            found.append(_power(said, target, task))
        powers.append(max(found, default=0.0))
    return powers


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
    bins: NDArray[np.int64], target: NDArray[np.float64], learn: NDArray[np.bool_]
) -> NDArray[np.float64]:
    size = int(bins.max()) + 1
    sums = np.bincount(bins[learn], weights=target[learn], minlength=size)
    rows = np.bincount(bins[learn], minlength=size)
    mean = target[learn].mean()
    said: NDArray[np.float64] = np.where(rows > 0, sums / np.maximum(rows, 1), mean)[bins[~learn]]
    return said


def _power(said: NDArray[np.float64], truth: NDArray[np.float64], task: Task) -> float:
    if task == "regression":
        spread = float(((truth - truth.mean()) ** 2).sum())
        return 1 - float(((truth - said) ** 2).sum()) / spread if spread else 0.0
    return _area(_ranks(said), truth > 0.5)


def _places(numbers: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    empty = np.isnan(numbers)
    ends = [-np.inf, np.inf] if empty.any() else [0.0]
    return [_ranks(np.where(empty, end, numbers)) for end in ends]


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(pd.Series(values).rank(), np.float64)


def _area(places: NDArray[np.float64], positives: NDArray[np.bool_]) -> float:
    yes, no = int(positives.sum()), int((~positives).sum())
    return float((places[positives].sum() - yes * (yes + 1) / 2) / (yes * no))
