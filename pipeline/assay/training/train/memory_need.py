"""How much memory a training must have, told before it begins.

Only what is surely held at the same time is counted, so that nothing is refused that would have
fitted. More may be needed: then memory runs out, which is one line too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay.errors import MemoryShort
from assay.project.memory import GIGABYTE, available_memory
from assay.project.text.number_format import counted
from assay.training.candidates.pipeline import CandidatePipeline
from assay.training.candidates.vocabulary import MIN_ROWS, Counts

if TYPE_CHECKING:
    import pandas as pd

    from assay.contract.definition import Contract

NUMBER = 8
SPARSE_NUMBER = 12
"""Bytes of a number in a sparse matrix, with its place."""

SPARSE = 0.3
"""scikit-learn's ColumnTransformer makes a sparse matrix if a smaller share of it is not zero."""

LOWER = "Use a shorter prepare.train window or fewer features, or give it more memory."


@dataclass(frozen=True)
class EncodedWidth:
    """The columns that an encoder makes of a row.

    Attributes
    ----------
    numbers
        Of numeric features, with those that flag their nulls.
    categories
        Of categorical features, by feature.
    filled
        How many numbers of a row are other than 0.
    """

    numbers: int
    categories: dict[str, int]
    filled: int

    @property
    def columns(self) -> int:
        return self.numbers + sum(self.categories.values())


def encoded_width(
    features: pd.DataFrame, contract: Contract, built: CandidatePipeline, counts: Counts
) -> EncodedWidth:
    """The columns that the encoder of a pipeline will make of the training rows.

    Parameters
    ----------
    features
        In the form of `assay.model.model.feature_frame`.
    """
    numeric, categorical = contract.numeric, contract.categorical
    if built.encoding != "onehot":
        both = len(numeric) + len(categorical)
        return EncodedWidth(len(numeric), dict.fromkeys(categorical, 1), both)
    flagged = sum(bool(np.isnan(features[name].to_numpy()).any()) for name in numeric)
    widths = {
        name: len(built.capped[name].kept)
        if name in built.capped
        else int((counts[name] >= MIN_ROWS).sum())
        for name in categorical
    }
    numbers = len(numeric) + flagged
    return EncodedWidth(numbers, widths, numbers + len(categorical))


def table_bytes(rows: int, contract: Contract) -> int:
    """Bytes of a table as it is read, with its features as an estimator gets them."""
    return rows * NUMBER * (len(contract.columns) + len(contract.features))


def fitting_bytes(rows: int, width: EncodedWidth, built: CandidatePipeline) -> int:
    """Bytes that fitting takes beside the features: their columns apart, and put side by side."""
    if built.sparse and width.filled < SPARSE * width.columns:
        return 2 * rows * SPARSE_NUMBER * width.filled
    return 2 * rows * NUMBER * width.columns


def require_memory(need: int, where: str, what: str, mend: str = LOWER) -> None:
    """Refuse what needs more memory than there is.

    Parameters
    ----------
    need
        In bytes.
    where, what, mend
        The setting that asks for it, what takes the memory, and what to lower, for the error.

    Raises
    ------
    MemoryShort
        There is less.
    """
    there = available_memory()
    if there is not None and need > there:
        raise MemoryShort(
            f"memory does not suffice for {what}",
            where=where,
            expected=f"at least {need / GIGABYTE:.3g} GB",
            found=f"{there / GIGABYTE:.3g} GB available",
            mend=mend,
        )


def require_for_fit(
    name: str,
    features: pd.DataFrame,
    contract: Contract,
    built: CandidatePipeline,
    counts: Counts,
) -> None:
    """Refuse a candidate whose encoded training rows would not fit.

    Raises
    ------
    MemoryShort
        With the feature that takes most columns, if categories take most of them.
    """
    width = encoded_width(features, contract, built, counts)
    what = f"{counted(len(features), 'row')} of {counted(width.columns, 'encoded column')}"
    mend = LOWER
    if width.columns > 2 * width.numbers and built.encoding == "onehot":
        widest = max(width.categories, key=lambda feature: width.categories[feature])
        mend = (
            f"'{widest}' alone takes {counted(width.categories[widest], 'column')}: leave it "
            f"out, or take an estimator of codes (encoding: ordinal). {LOWER}"
        )
    require_memory(
        fitting_bytes(len(features), width, built),
        f"params.yaml: train.candidates.{name}",
        what,
        mend,
    )
