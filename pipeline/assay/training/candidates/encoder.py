"""The encoder of features: an unfitted ColumnTransformer before a candidate's estimator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from assay.training.candidates.other_libraries import NUMBERS, TEXTS
from assay.training.candidates.vocabulary import MIN_ROWS, NOTHING_CAPPED, Encoding, Vocabulary

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
