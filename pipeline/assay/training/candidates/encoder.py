"""The encoder of features: an unfitted ColumnTransformer before a candidate's estimator."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from assay.training.candidates.nested import wrapped_estimator
from assay.training.candidates.other_libraries import NUMBERS, TEXTS

if TYPE_CHECKING:
    import pandas as pd


# --------- the categories that a model is told apart, where a feature has more than a model can use
# A model holds few categories: histogram boosting has 255 bins, and a one-hot column for each of a
# million categories fits no memory. So each encoding has a most, and the rest of a feature's
# categories, with those never seen, become one. The kept ones are the most frequent. The fitted
# encoder lists them alone, so neither the bundle nor a night's work grows with the rest.

Encoding = Literal["onehot", "ordinal", "text"]

MOST_CODES = 254
"""The most codes of one feature: categories, one for nulls and one for the rest."""

MOST_COLUMNS = 1000
"""The most one-hot columns of one feature."""

MIN_ROWS = 20
"""A category with fewer rows has no one-hot column of its own."""

Counts: TypeAlias = "Mapping[str, pd.Series[int]]"
"""For each categorical feature, the rows of each category."""


@dataclass(frozen=True)
class Vocabulary:
    """The categories of a feature that are told apart, sorted, and how many it has."""

    kept: tuple[str, ...]
    found: int


NOTHING_COUNTED: Counts = MappingProxyType({})
NOTHING_CAPPED: Mapping[str, Vocabulary] = MappingProxyType({})


def count_categories(features: pd.DataFrame, categorical: Sequence[str]) -> Counts:
    """The rows of each category; nulls are not counted.

    Parameters
    ----------
    features
        In the form of `assay.compiled.fitted_model.feature_frame`.
    """
    return {name: features[name].value_counts(sort=False) for name in categorical}


def cap_categories(counts: Counts, encoding: Encoding, estimator: Any) -> dict[str, Vocabulary]:
    """The features with more categories than an encoding has room for, in the order of ``counts``.

    Of equally frequent categories, those that come first in the alphabet are kept. Texts have no
    such room: what takes them has its own way with many.
    """
    if encoding == "text":
        return {}
    most, least = (MOST_COLUMNS, MIN_ROWS) if encoding == "onehot" else (_codes(estimator) - 2, 1)
    # A feature that needs no code for the rest has room for one category more.
    room = most if encoding == "onehot" else most + 1
    return {
        name: _most_frequent(rows, most, least) for name, rows in counts.items() if len(rows) > room
    }


def _most_frequent(rows: pd.Series[int], most: int, least: int) -> Vocabulary:
    enough = rows[rows >= least]
    kept = heapq.nsmallest(most, zip(-enough.to_numpy(), enough.index, strict=True))
    return Vocabulary(tuple(sorted(name for _, name in kept)), len(rows))


def _codes(estimator: Any) -> int:
    """The most codes that an estimator takes: histogram boosting has a bin for each."""
    inner = estimator
    while (within := wrapped_estimator(inner)) is not None:
        inner = within
    settings = inner.get_params(deep=False)
    bins = settings.get("max_bins") if "categorical_features" in settings else None
    return min(MOST_CODES, bins) if isinstance(bins, int) else MOST_CODES


# -------------------------------------------------------------------------------------------------

NOTHING_ORDERED: Mapping[str, Sequence[str]] = MappingProxyType({})

MOST_GRAMS = 20_000
"""The most words of a text column by default; of those that so many rows have at least:"""
MIN_ROWS_OF_GRAM = 3

NULL_TEXT = "(null)"
"""What a missing category is, where categories are texts."""


@dataclass(frozen=True)
class CandidatePipeline:
    """An unfitted pipeline, and how its features are encoded.

    Attributes
    ----------
    capped
        The features with categories that are not told apart.
    sparse
        Whether the estimator takes a sparse matrix.
    """

    pipeline: Any
    encoding: Encoding
    capped: Mapping[str, Vocabulary]
    sparse: bool


def build_encoder(
    encoding: Encoding,
    numeric: Sequence[str],
    categorical: Sequence[str],
    capped: Mapping[str, Vocabulary] = NOTHING_CAPPED,
    sparse: bool = False,
    ordered: Mapping[str, Sequence[str]] = NOTHING_ORDERED,
    texts: Mapping[str, Sequence[Any]] = NOTHING_ORDERED,
) -> Any:
    """An unfitted ColumnTransformer.

    Its columns are the numeric ones, the ``ordered`` ones (``ordinal``), the other categories, then
    the ``capped`` ones. Categories that training lacks do not raise: they become missing
    (``ordinal``) or are treated as rare ones (``onehot``). In a capped feature they are like any
    category that is not kept: of one code (``ordinal``), or without a column of its own
    (``onehot``). As ``text``, categories stay what they are, beside unchanged numbers in a
    DataFrame, and a missing one is `NULL_TEXT`.

    Parameters
    ----------
    sparse
        Whether the estimator takes a sparse matrix. It gets one if few of the numbers in it are
        other than 0.
    ordered
        Features whose categories have an order: their codes are numbers, the least 0, in a table
        of texts too. One-hot, an order makes no difference.
    texts
        Features that are free text, each with the unfitted vectorizers that read it. Their columns
        come last, in a sparse matrix; a null is an empty text.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    ranked = [name for name in categorical if name in ordered and encoding != "onehot"]
    apart = {*capped, *ranked, *texts}
    few = [name for name in categorical if name not in apart]
    # Nulls stay apart from the rest. scikit-learn wants an encoder's nulls last.
    kept: Any = [[*vocabulary.kept, None] for vocabulary in capped.values()]
    if encoding == "text":
        same = SimpleImputer(
            missing_values=None,
            strategy="constant",
            fill_value=NULL_TEXT,
            keep_empty_features=True,
        )
        unchanged = [
            (NUMBERS[0], "passthrough", list(numeric)),
            (NUMBERS[1], _ranks([ordered[name] for name in ranked]), ranked),
            (TEXTS, same, few),
        ]
        made = ColumnTransformer([part for part in unchanged if part[2]])
        return made.set_output(transform="pandas")
    if encoding == "ordinal":
        numbers: Any = "passthrough"
        categories: Any = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
        many: Any = OrdinalEncoder(
            categories=kept,
            handle_unknown="use_encoded_value",
            unknown_value=max(map(len, kept), default=0),
        )
    else:
        numbers = make_pipeline(
            SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
            StandardScaler(copy=False),  # what it gets is the imputer's own copy
        )
        categories = OneHotEncoder(
            handle_unknown="infrequent_if_exist", min_frequency=MIN_ROWS, sparse_output=sparse
        )
        many = OneHotEncoder(categories=kept, handle_unknown="ignore", sparse_output=sparse)
    parts = [
        (NUMBERS[0], numbers, list(numeric)),
        (NUMBERS[1], _ranks([ordered[name] for name in ranked]), ranked),
        ("categories", categories, few),
        ("many categories", many, list(capped)),
        *(
            (f"text {place} of {name}", _read_text(reader), [name])
            for name, readers in texts.items()
            for place, reader in enumerate(readers, start=1)
        ),
    ]
    whole = {"sparse_threshold": 1.0} if texts else {}
    return ColumnTransformer([part for part in parts if part[2]], **whole)


def default_reader() -> Any:
    """What reads a text where the candidate does not say: TF-IDF of its words without accents."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(
        strip_accents="unicode",
        min_df=MIN_ROWS_OF_GRAM,
        max_features=MOST_GRAMS,
        sublinear_tf=True,
    )


def _read_text(reader: Any) -> Any:
    """A vectorizer, which takes texts alone, behind what makes a column of them."""
    from sklearn.base import clone
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    filled = SimpleImputer(
        missing_values=None, strategy="constant", fill_value="", keep_empty_features=True
    )
    return make_pipeline(filled, FunctionTransformer(np.ravel), clone(reader))


def _ranks(orders: Sequence[Sequence[str]]) -> Any:
    """An unfitted encoder of ordered categories: the place of each, NaN for null and others."""
    from sklearn.preprocessing import OrdinalEncoder

    return OrdinalEncoder(
        categories=[[*order] for order in orders],
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
    )
