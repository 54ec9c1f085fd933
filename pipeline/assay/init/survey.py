"""All rows once more: how many each day has, and a sample of them, with what the sample shows.

It shows columns that give the label away, asked for as the stage leakage does, by its functions;
those that a split leaves nothing to learn from; and how many rows are equal in what describes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import exp, prod

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from assay.formats.definition import ColumnFacts
from assay.init.label import Label
from assay.init.nights import Nights
from assay.init.roles import LEAST_TOLD, MOST_SLICED
from assay.metrics.sampling_units import SamplingUnits
from assay.project.partitions import first_day
from assay.project.tasks import Task
from assay.project.text import quote_value
from assay.training.candidates.nested import assign_folds
from assay.training.leakage.predictive_power import feature_powers, label_targets
from assay.training.leakage.table_pair import ColumnPair

SAMPLE = 20_000
POWER = 0.995
"""`leakage.max_label_power` of a new project."""
FOLDS = 5
"""`train.folds` in a new project."""
NAMES = 0.9
"""A column with nearly as many values as there are groups, each in one of them alone, is a name."""
SHARED = 1.05
"""Groups that share a value of it, on average: two that were given one name are no reason."""
TOLD = 0.01
"""Share of equal rows that is worth a word."""
ALIKE = 2.0
"""Times the design effect of nights, from which on intervals over them are clearly too narrow."""
PAIRED = 1.5
"""Times the design effect of whole numbers that pairs of neighbours have; 2 if they are alike."""
CORRELATED = 3.0
"""Features are correlated, so up to so many times as many rows are equal as if they were not."""


@dataclass(frozen=True)
class Survey:
    """Rows of each day, and a sample of the rows."""

    days: Mapping[date, int]
    sample: pd.DataFrame


def survey(tables: Iterable[pa.Table], rows: int, time: str | None) -> Survey:
    """Count days, and keep every n-th row.

    Parameters
    ----------
    tables
        All rows, in batches; at least one.
    rows
        Their number, from an earlier pass.
    time
        The column that says when a row is from, if there is one.
    """
    step = max(1, -(-rows // SAMPLE))
    days: Counter[date] = Counter()
    kept: list[pa.Table] = []
    seen = 0
    for table in tables:
        kept.append(table.take(pa.array(np.arange(-seen % step, table.num_rows, step))))
        seen += table.num_rows
        if time is not None:
            counts = pc.value_counts(pc.cast(table.column(time), pa.date32(), safe=False))
            days.update({x["values"]: x["counts"] for x in counts.to_pylist() if x["values"]})
    return Survey(days, pa.concat_tables(kept).to_pandas())


def find_leaks(
    sample: pd.DataFrame, label: str, task: Task, columns: Iterable[str]
) -> dict[str, str]:
    """The columns that give the label away alone, each with the reason.

    Of several classes, one that a column tells from all others is enough, as it is for
    `assay stage leakage`; but a number of many values may do so by right, as a petal's length does.
    """
    rows = sample[sample[label].notna()]
    # Halves by chance, as every second row may be of one class.
    half = np.random.default_rng(0).permutation(len(rows)) % 2 == 0

    def column(name: str) -> ColumnPair:
        sides = (pa.array(rows[name][some], from_pandas=True) for some in (half, ~half))
        return ColumnPair(*(pa.chunked_array([each]) for each in sides))

    targets = label_targets(column(label), label, task)
    if isinstance(targets, str):
        return {}
    number, leaks = task == "regression", {}
    for name in columns:
        numeric = pd.api.types.is_numeric_dtype(rows[name].dtype)
        # By lines a sample tells exact functions as well as the whole table does.
        of_each = feature_powers(
            column(name), targets, numeric=numeric, of_number=number, lines=True
        )
        power, about = max(of_each, default=(0.0, ""))
        one = not number and len(of_each) > 2 and min(of_each)[0] <= POWER
        if power > POWER and not (one and numeric and rows[name].nunique() > len(of_each)):
            alone = (
                f"alone it explains {power:.1%} of the label"
                if number
                else f"alone it ranks {about if one else 'rows'} with an AUC of {power:.3f}"
            )
            leaks[name] = f"it gives the label away: {alone}"
    return leaks


def find_unlearnable(
    sample: pd.DataFrame, time: str, nights: Nights, features: Iterable[str]
) -> dict[str, str]:
    """Features whose rows of the training window do not differ, each with the reason.

    One without values in the rows that a fold learns from is among them: some estimators cannot be
    fitted then.

    Parameters
    ----------
    sample
        Of all rows; what is not in it is too rare to be learnt.
    time
        The column that says when a row is from.
    """
    days = sample[time].dt.date
    first, last = nights.train
    inside = days.between(first, last)
    rows, days = sample[inside], days[inside]
    window = f"the training window ({first} to {last})"
    folds = pd.Series(assign_folds(days.to_numpy(), min(FOLDS, days.nunique())), days.index)
    why = {}
    for name in features:
        known = rows[name].dropna()
        of_fold = folds[known.index].unique()
        if not len(known):
            why[name] = f"no value in {window}: nothing can be learnt from it"
        elif len(of_fold) == 1:
            some = days[known.index]
            why[name] = (
                f"no value in {window} but from {some.min()} to {some.max()}: without those days, "
                "which a fold of training leaves out, nothing can be learnt from it"
            )
        elif known.nunique() == 1 and min(len(known), len(rows) - len(known)) < LEAST_TOLD:
            only = quote_value(known.head(1).tolist()[0])
            why[name] = f"always {only} in {window}: it can tell no row from another"
    return why


def find_group_names(rows: pd.DataFrame, group: str, columns: Iterable[str]) -> dict[str, str]:
    """The columns of texts or whole numbers that name the group, each with the reason.

    A model would learn the names of the groups in training, and meets none of them in the holdout.
    A measured number is no name, though each group may have its own.
    """
    groups = rows[group].nunique()
    names = {}
    for name in columns:
        column = rows[name]
        measured = pd.api.types.is_float_dtype(column) and not (column.dropna() % 1 == 0).all()
        if name == group or measured or column.nunique() < NAMES * groups:
            continue
        if rows.groupby(name)[group].nunique().mean() < SHARED and column.nunique() <= groups:
            names[name] = f"another name of {group}: no value of it is on both sides of the split"
    return names


def find_alike(
    sample: pd.DataFrame, time: str, nights: Nights, label: Label, columns: Iterable[str]
) -> list[str]:
    """The columns whose values cluster the labels clearly more than nights do.

    An interval over nights takes the rows of a buoy for independent: it is too narrow, by the root
    of the ratio of the two design effects. Whole numbers of which neighbours are alike are a
    quantity, as an hour is, and name nothing.

    Parameters
    ----------
    sample
        Of all rows.
    """
    rows = sample[sample[label.column].notna()]
    values, days = rows[label.column], rows[time].dt.date
    if label.task != "regression":
        values = values == values.mode()[0]
    apart = values.to_numpy(np.float64) - values.mean()

    def effect(column: pd.Series) -> float:
        sums = SamplingUnits.of(time, column).sums(apart)
        return float(sums @ sums / (apart @ apart))

    # The holdout has whole nights, and of each value only some rows.
    held = days.between(*nights.holdout).mean()
    by_night = max(1.0, effect(days.map(lambda day: first_day(day, nights.every))))

    def comes_again(column: pd.Series) -> bool:
        one, equal = effect(column), SamplingUnits.of(time, column).effective
        if equal < MOST_SLICED or 1 + held * (one - 1) < ALIKE * by_night:
            return False
        number = pd.api.types.is_numeric_dtype(column)
        return not number or effect(column.rank(method="dense") // 2) < PAIRED * one

    return [name for name in columns if comes_again(rows[name])]


def equal_rows(facts: Sequence[ColumnFacts], sample: pd.DataFrame) -> float:
    """The share of a sample's rows that equal another one in some columns, if that is by chance.

    Where these have so few values that equal rows are expected, the share is what the limit of
    `assay stage leakage` has to allow. Elsewhere it is 0, so the limit stays strict.

    Parameters
    ----------
    facts
        Of the columns that describe a row: features, and what is sensitive, as people who differ in
        nothing else are no copies.
    """
    described = [each.name for each in facts]
    equal = float(sample[described].duplicated(keep=False).mean()) if len(sample) else 0.0
    expected = 1 - exp(-prod(map(_alike, facts)) * len(sample))
    return equal if TOLD < equal <= CORRELATED * expected else 0.0


def _alike(facts: ColumnFacts) -> float:
    """The chance that two rows have the same value; 0 where no value is there twice."""
    if facts.many or facts.rows < 2:
        return 0.0
    counts = [*(rows for _, rows in facts.values), facts.nulls]
    return sum(rows * (rows - 1) for rows in counts) / (facts.rows * (facts.rows - 1))
