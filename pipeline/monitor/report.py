"""A night's page: our section first, then Evidently on a sample of rows.

This module is, with ``evaluate/page.py``, the only one that imports evidently.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.page import compose, silenced

if TYPE_CHECKING:
    from evidently.core.report import Snapshot


@dataclass(frozen=True)
class Sample:
    """Rows to look at: the night's and the reference's, with the same columns.

    ``scores`` are the columns that are the model's answers. ``left_out`` says why there is less
    than all features, or nothing; empty if all are here.
    """

    night: pd.DataFrame
    reference: pd.DataFrame
    scores: tuple[str, ...]
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    left_out: str

    @property
    def rows(self) -> int:
        return len(self.night) if self.numeric or self.categorical else 0


def sample_of(
    night: pd.DataFrame,
    reference: pd.DataFrame,
    scores: Sequence[str],
    numeric: Sequence[str],
    categorical: Sequence[str],
    why_none: str = "",
) -> Sample:
    """Both frames cut down to what Evidently can compare: columns with some value in each.

    Parameters
    ----------
    night, reference
        The features and the scores, one row a scored row.
    scores
        Which columns are the model's answers.
    numeric, categorical
        All columns, by what they hold.
    why_none
        Why ``night`` is empty, if that is known.
    """
    columns = [*numeric, *categorical]
    gone = [name for name in columns if name not in night or name not in reference]
    frames = [_plain(f, numeric, categorical) for f in (night, reference)]
    gone += [
        name
        for name in columns
        if name not in gone and any(frame[name].isna().all() for frame in frames)
    ]
    if set(scores) & set(gone) or len(night) < 2 or len(reference) < 2:
        found = f"{len(night)} of the night's and {len(reference)} of the reference's"
        why = f"There are too few rows to compare: {found}"
        why += f"; {why_none}." if why_none else "."
        return Sample(frames[0], frames[1], tuple(scores), (), (), why)
    kept = [[name for name in names if name not in gone] for names in (numeric, categorical)]
    why = f"Left out, for lack of values in the sample: {', '.join(gone)}." if gone else ""
    both = [*kept[0], *kept[1]]
    return Sample(
        frames[0][both], frames[1][both], tuple(scores), tuple(kept[0]), tuple(kept[1]), why
    )


def _plain(frame: pd.DataFrame, numeric: Sequence[str], categorical: Sequence[str]) -> pd.DataFrame:
    """Float64 and str columns, nulls as NaN: infinities would stop Evidently."""
    made: dict[str, pd.Series[float] | pd.Series[str]] = {}
    for name in numeric:
        if name in frame:
            values = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
            made[name] = pd.Series(np.where(np.isfinite(values), values, np.nan))
    for name in categorical:
        if name in frame:
            column = frame[name].astype(object).reset_index(drop=True)
            made[name] = column.where(column.isna(), column.astype(str)).where(
                column.notna(), np.nan
            )
    return pd.DataFrame(made)


def page(title: str, section: str, sample: Sample) -> str:
    """The whole page as one HTML document.

    Raises
    ------
    AssayError
        If Evidently's document is not one that a section can be put into.
    """
    return compose(title, section, _evidently(sample)) if sample.rows else compose(title, section)


def _evidently(sample: Sample) -> str:
    with silenced():
        from evidently import DataDefinition, Dataset, Report
        from evidently.metrics import ValueDrift
        from evidently.presets import DataDriftPreset, DataSummaryPreset

        definition = DataDefinition(
            numerical_columns=list(sample.numeric), categorical_columns=list(sample.categorical)
        )
        columns = (*sample.numeric, *sample.categorical)
        features = [name for name in columns if name not in sample.scores]
        drift = [DataDriftPreset(columns=features)] if features else []
        scores = [ValueDrift(column=name) for name in sample.scores]
        report = Report([*scores, *drift, DataSummaryPreset()])
        snapshot: Snapshot = report.run(
            Dataset.from_pandas(sample.night, data_definition=definition),
            Dataset.from_pandas(sample.reference, data_definition=definition),
        )
        return _rounded(snapshot.get_html_str(as_iframe=False))


_LONG = re.compile(r"(?<=[\[ ,:])-?\d+\.\d{7,}(?:e-?\d+)?(?=[,\]}])")


def _rounded(document: str) -> str:
    """Plotted numbers to six digits, which no eye can tell and which saves 200 kB a page.

    Only what Evidently computed is touched: it stands before its library.
    """
    data, library, rest = document.partition("<script>var global")
    return _LONG.sub(lambda number: f"{float(number[0]):.6g}", data) + library + rest
