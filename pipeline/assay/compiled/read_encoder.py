"""Reads a fitted ColumnTransformer into columns of numbers, indicators and tables of states.

How it encodes categories is not reimplemented but probed: the fitted encoder transforms every
category it knows, an unknown one, and a null.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from assay.columns.features import Floats
from assay.compiled.array_types import Array, NotCompiled, Shorts, public_name
from assay.compiled.columns import (
    Category,
    Column,
    ColumnEncoder,
    MissingIndicator,
    NumberColumn,
    Vocabulary,
)
from assay.compiled.texts import Cutting, TextEncoder

_MOST_STATES = 1 << 16
_CATEGORIES = ("sklearn.preprocessing.OrdinalEncoder", "sklearn.preprocessing.OneHotEncoder")


def read_encoder(encoder: Any, numeric: Sequence[str], categorical: Sequence[str]) -> ColumnEncoder:
    """The columns that a fitted encoder makes of the features.

    Raises
    ------
    NotCompiled
        It has other parts than those that `assay.training.candidates.pipeline` uses.
    """
    _expect(encoder, "sklearn.compose.ColumnTransformer")
    # Whether its output is sparse makes no difference to the numbers in it.
    if "texts" in encoder.named_transformers_:
        raise NotCompiled("the estimator takes categories as texts")
    plain = encoder.remainder == "drop" and not encoder.transformer_weights
    if not plain or hasattr(encoder, "_sklearn_output_config"):
        raise NotCompiled("the ColumnTransformer does more than put columns side by side")
    columns: list[Column] = []
    texts: list[TextEncoder] = []
    # A feature that no part of the encoder takes has one state for all categories.
    words = {name: Vocabulary((), np.zeros(2, np.uint16)) for name in categorical}
    for label, part, names in encoder.transformers_:
        if isinstance(part, str) or len(names) == 0:
            if part != "drop" and len(names):
                raise NotCompiled(f"the encoder's part {label} is {part}")
            continue
        kind = public_name(part)
        if kind == "sklearn.pipeline.Pipeline" and len(part.steps) == 3:
            texts.append(_text(part, _places(names, categorical, label)))
        elif texts:
            raise NotCompiled("the columns of a text are not the last")
        elif kind in _CATEGORIES:
            made, vocabularies = _categories(part, _places(names, categorical, label))
            words |= dict(zip(names, vocabularies, strict=True))
            columns += made
        elif kind == "sklearn.preprocessing.FunctionTransformer" and part.func is None:
            columns += [NumberColumn(place) for place in _places(names, numeric, label)]
        elif kind == "sklearn.pipeline.Pipeline":
            columns += _scaled(part, _places(names, numeric, label))
        else:
            raise NotCompiled(f"{kind} is not one of the encoders that can be compiled")
    return ColumnEncoder(
        tuple(numeric),
        tuple(categorical),
        tuple(words[name] for name in categorical),
        tuple(columns),
        tuple(texts),
    )


_VECTORIZERS = tuple(
    f"sklearn.feature_extraction.text.{name}Vectorizer" for name in ("Count", "Hashing", "Tfidf")
)


def _text(part: Any, places: Sequence[int]) -> TextEncoder:
    """How a vectorizer reads the only text that it is given."""
    filled, flat, reader = (step for _, step in part.steps)
    _expect(filled, "sklearn.impute.SimpleImputer")
    _expect(flat, "sklearn.preprocessing.FunctionTransformer")
    name = public_name(reader)
    if name not in _VECTORIZERS or filled.fill_value != "" or len(places) != 1:
        raise NotCompiled(f"{name} is not one of {', '.join(_VECTORIZERS)}")
    params = reader.get_params()
    own = [key for key in ("analyzer", "preprocessor", "tokenizer") if callable(params[key])]
    own += [] if isinstance(params["strip_accents"], str | None) else ["strip_accents"]
    own += [] if params["input"] == "content" else ["input"]
    if own:
        raise NotCompiled(f"{name} has its own way with {', '.join(own)}")
    shortest, longest = params["ngram_range"]
    cutting = Cutting(
        params["analyzer"],
        params["lowercase"],
        params["strip_accents"] or "",
        params["token_pattern"] or "",
        int(shortest),
        int(longest),
        tuple(sorted(reader.get_stop_words() or ())) if params["analyzer"] == "word" else (),
    )
    words = getattr(reader, "vocabulary_", {})
    return TextEncoder(
        places[0],
        cutting,
        tuple(sorted(words, key=words.__getitem__)),
        len(words) or int(params["n_features"]),
        np.asarray(reader.idf_, np.float64) if params.get("use_idf") else np.empty(0),
        params["binary"],
        params.get("sublinear_tf", False),
        params.get("norm") or "",
        params.get("alternate_sign", False),
    )


def _expect(thing: Any, name: str) -> None:
    if public_name(thing) != name:
        raise NotCompiled(f"{public_name(thing)} is not {name}, which can be compiled")


def _places(names: Any, features: Sequence[str], label: str) -> list[int]:
    if not isinstance(names, list) or not set(names) <= set(features):
        raise NotCompiled(f"the encoder's part {label} takes other columns than its features")
    return [features.index(name) for name in names]


def _scaled(part: Any, places: Sequence[int]) -> list[Column]:
    """Columns of imputed and scaled numbers, then their missing indicators."""
    steps = [step for _, step in part.steps]
    if len(steps) != 2:
        raise NotCompiled("numbers go through other steps than imputing and scaling")
    imputer, scaler = steps
    _expect(imputer, "sklearn.impute.SimpleImputer")
    _expect(scaler, "sklearn.preprocessing.StandardScaler")
    fill = np.asarray(imputer.statistics_)
    if fill.dtype != np.float64 or np.isnan(fill).any() or not np.isnan(imputer.missing_values):
        raise NotCompiled("the imputer drops columns, or fills what is not a missing number")
    flagged = [] if imputer.indicator_ is None else imputer.indicator_.features_.tolist()
    width = len(places) + len(flagged)
    mean = scaler.mean_ if scaler.with_mean else np.zeros(width)
    scale = scaler.scale_ if scaler.with_std else np.ones(width)
    numbers: list[Column] = [
        NumberColumn(place, True, float(fill[at]), float(mean[at]), float(scale[at]))
        for at, place in enumerate(places)
    ]
    for at, which in enumerate(flagged, start=len(places)):
        known, null = (np.array([0.0, 1.0]) - mean[at]) / scale[at]
        numbers.append(MissingIndicator(places[which], float(known), float(null)))
    return numbers


def _categories(part: Any, places: Sequence[int]) -> tuple[list[Column], list[Vocabulary]]:
    """Columns with a table of values by state, and for each feature its states."""
    known = [_texts(items) for items in part.categories_]
    widths = getattr(part, "_n_features_outs", [1] * len(places))
    answers = _answers(part, known)
    columns: list[Column] = []
    words = []
    start = 0
    for place, names, width in zip(places, known, widths, strict=True):
        # The rows of one feature: its categories, an unknown one, a null.
        table = _dense(answers[: len(names) + 2, start : start + width])
        start += width
        states, values = _alike(table)
        words.append(Vocabulary(tuple(names), states))
        columns += [Category(place, np.ascontiguousarray(column)) for column in values.T]
    return columns, words


def _texts(items: Array) -> list[str]:
    texts = [item for item in items.tolist() if isinstance(item, str)]
    # A null is one of the categories if there was one in training.
    if len(items) - len(texts) > 1 or len(texts) + 2 > _MOST_STATES:
        raise NotCompiled("categories are not all text, or too many")
    return texts


def _answers(part: Any, known: Sequence[list[str]]) -> Any:
    """The encoder's output for each feature's categories side by side, padded with nulls.

    An array or a sparse matrix, of 64-bit numbers.
    """
    import pandas as pd

    rows = max(len(names) for names in known) + 2
    asked: Mapping[str, list[str | None]] = {
        name: [*names, _unknown(names), *[None] * (rows - len(names) - 1)]
        for name, names in zip(part.feature_names_in_, known, strict=True)
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is an unknown category
        try:
            made = part.transform(pd.DataFrame(asked, dtype=object))
        except ValueError as error:
            raise NotCompiled(f"the encoder refuses unknown categories or nulls: {error}") from None
    # Told by its method: workers, which only import this file, may have no SciPy.
    sparse = hasattr(made, "tocsr")
    if not (isinstance(made, np.ndarray) or sparse) or made.dtype != np.float64:
        raise NotCompiled("the encoder makes something else than a matrix of 64-bit numbers")
    return made.tocsr() if sparse else made


def _dense(table: Any) -> Floats:
    """A part of `_answers` as an array: of one feature, as all of them could be large."""
    found: Floats = table if isinstance(table, np.ndarray) else table.toarray()
    return found


def _unknown(names: Sequence[str]) -> str:
    return "?" * (1 + max((len(name) for name in names), default=0))


def _alike(table: Floats) -> tuple[Shorts, Floats]:
    """Merge equal rows into states: returns the state of each row, and the row of each state."""
    seen: dict[bytes, int] = {}
    plain = np.where(np.isnan(table), np.nan, table)  # one kind of NaN
    states = [seen.setdefault(row.tobytes(), len(seen)) for row in plain]
    _, first = np.unique(states, return_index=True)
    return np.array(states, np.uint16), plain[first]
