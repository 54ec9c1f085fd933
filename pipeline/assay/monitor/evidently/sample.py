"""The sample of rows for Evidently's own presets. No decision uses it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Sample:
    """Sampled rows of the night and of the reference, with the same columns.

    ``scores`` are the columns of the model's scores. ``left_out`` says why features or all rows are
    missing; empty if nothing is.
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

    def first(self, names: Sequence[str], most: int) -> Sample:
        """The scores, and the first of the features.

        Parameters
        ----------
        names
            All columns, the most important first.
        most
            The most columns to keep.
        """
        here = {*self.numeric, *self.categorical}
        ordered = sorted(
            (name for name in names if name in here), key=lambda n: n not in self.scores
        )
        kept = set(ordered[:most])
        if len(kept) == len(here):
            return self
        words = f"Only {len(kept)} of {len(here)} columns, to keep the page small."
        return replace(
            self,
            numeric=tuple(name for name in self.numeric if name in kept),
            categorical=tuple(name for name in self.categorical if name in kept),
            night=self.night[[name for name in self.night if name in kept]],
            reference=self.reference[[name for name in self.reference if name in kept]],
            left_out=f"{self.left_out} {words}".strip(),
        )


def sample_of(
    night: pd.DataFrame,
    reference: pd.DataFrame,
    scores: Sequence[str],
    numeric: Sequence[str],
    categorical: Sequence[str],
    why_none: str = "",
    sensitive: Collection[str] = (),
) -> Sample:
    """Reduce both frames to what Evidently can compare: columns with a value in each.

    Parameters
    ----------
    night, reference
        The features and the scores, one row a scored row.
    scores
        Which columns are the model's scores.
    numeric, categorical
        All columns, by type.
    why_none
        Why ``night`` is empty, if that is known.
    sensitive
        Columns that are left out: a sample is single rows.
    """
    hidden = [name for name in (*numeric, *categorical) if name in sensitive]
    numeric, categorical = (
        [name for name in names if name not in hidden] for names in (numeric, categorical)
    )
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
    reasons = [
        *([f"Left out, as sensitive: {', '.join(hidden)}."] if hidden else []),
        *([f"Left out, for lack of values in the sample: {', '.join(gone)}."] if gone else []),
    ]
    why = " ".join(reasons)
    both = [*kept[0], *kept[1]]
    return Sample(
        frames[0][both], frames[1][both], tuple(scores), tuple(kept[0]), tuple(kept[1]), why
    )


def _plain(frame: pd.DataFrame, numeric: Sequence[str], categorical: Sequence[str]) -> pd.DataFrame:
    """Float64 and str columns, nulls and infinities as NaN: Evidently fails on infinities."""
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
