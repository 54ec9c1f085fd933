"""Columns that give the label away: known only once the label is, or the label itself again.

They are asked for as `assay leakage` does, by the same functions: here on two halves of a sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa

from assay.project.tasks import Task
from assay.training.leakage.column_sums import class_sum, number_sum
from assay.training.leakage.predictive_power import Targets, feature_powers, label_targets
from assay.training.leakage.row_hashing import to_floats
from assay.training.leakage.table_pair import ColumnPair

POWER, SUM_POWER = 0.995, 0.75
"""`leakage.max_label_power` and `max_sum_power` of a new project."""
SUSPECT = 0.95
"""Power of one column from which on it is a question: few columns are so good by right."""


@dataclass(frozen=True)
class Leaks:
    """Columns that `assay leakage` would refuse, and those above `SUSPECT`, each with what to say.

    ``powers``: how well each column alone predicts the label.
    """

    certain: Mapping[str, str] = field(default_factory=dict)
    likely: Mapping[str, str] = field(default_factory=dict)
    powers: Mapping[str, float] = field(default_factory=dict)


class Halves:
    """The rows of a sample that have a label, as two halves by chance.

    Parameters
    ----------
    rows
        A sample, with the label as in the file.
    """

    def __init__(self, rows: pd.DataFrame, label: str, task: Task) -> None:
        self._rows = rows[rows[label].notna()]
        # By chance, as every second row may be of one class.
        self._half = np.random.default_rng(0).permutation(len(self._rows)) % 2 == 0
        self.label, self.number = label, task == "regression"
        found = label_targets(self.column(label), label, task)
        self.targets: Targets = [] if isinstance(found, str) else found

    def column(self, name: str) -> ColumnPair:
        values = self._rows[name]
        sides = (pa.array(values[some], from_pandas=True) for some in (self._half, ~self._half))
        return ColumnPair(*(pa.chunked_array([each]) for each in sides))

    def is_number(self, name: str, *, flags: bool = True) -> bool:
        """Whether a column has numbers, or ``flags``."""
        kind = self._rows[name].dtype
        return pd.api.types.is_numeric_dtype(kind) and (
            flags or not pd.api.types.is_bool_dtype(kind)
        )

    def distinct(self, name: str) -> int:
        return int(self._rows[name].nunique())


def find_leaks(halves: Halves, columns: Iterable[str]) -> Leaks:
    """The columns that give the label away, each with the reason.

    Of several classes, one that a column tells from all others is enough, as it is for
    `assay leakage`.
    """
    certain, likely, powers = {}, {}, {}
    for name in columns if halves.targets else ():
        numeric = halves.is_number(name)
        of_each = feature_powers(
            halves.column(name),
            halves.targets,
            numeric=numeric,
            of_number=halves.number,
            lines=True,  # by which a sample tells exact functions as well as the whole table does
        )
        power, about = max(of_each)
        powers[name] = power
        one = not halves.number and len(of_each) > 2 and min(of_each)[0] <= POWER
        alone = (
            f"alone it explains {power:.1%} of the label"
            if halves.number
            else f"alone it ranks {about if one else 'rows'} with an AUC of {power:.3f}"
        )
        if power > POWER and one and numeric and halves.distinct(name) > len(of_each):
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
    return Leaks(certain, likely, powers)


def find_sum(halves: Halves, columns: Iterable[str]) -> dict[str, str]:
    """The features whose sum or difference gives the label away, each with the same reason."""
    numbers = {
        name: (to_floats(pair.train), to_floats(pair.holdout))
        for name in columns
        if halves.targets and halves.is_number(name, flags=False)
        for pair in (halves.column(name),)
    }
    found = None
    if numbers and halves.number:
        found = number_sum(numbers, halves.targets[0][1:], halves.label)
    elif numbers:
        found = class_sum(numbers, halves.targets)
    if found is None or found.power <= (SUM_POWER if halves.number else POWER):
        return {}
    tells = (
        f"{found.text} explains {found.power:.1%} of {found.about}"
        if halves.number
        else f"{found.text} ranks {found.about} with an AUC of {found.power:.3f}"
    )
    why = (
        f"together they give the label away, {tells}, which assay leakage fails: leave out with "
        "--leave-out what is known only with the label, as a total is; if all are known before, "
        f"raise leakage.{'max_sum_power' if halves.number else 'max_label_power'} in params.yaml"
    )
    return dict.fromkeys(found.columns, why)
