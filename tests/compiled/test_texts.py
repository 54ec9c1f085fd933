"""Texts become the columns that scikit-learn makes of them, and linear models score them alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge, SGDRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

from assay.columns.features import FrameFeatures
from assay.compiled import CompiledModel, compile_and_compare
from assay.compiled.archive import pack, unpack
from assay.compiled.compile import compile_model
from assay.compiled.contributions import check_sums, explain_model
from assay.compiled.fitted_model import Model
from assay.compiled.read_encoder import _text
from assay.compiled.texts import TextEncoder
from assay.errors import BundleChanged
from assay.model import model as models
from assay.training.candidates.nested import fit_clone
from assay.training.candidates.pipeline import encoded_pipeline
from tests.texts import docstrings

CORPUS = [
    "The quick brown fox, don't e-mail 3.14 %",
    "naïve café Straße ﬁne x² ①",
    "日本語 テキスト здраво مرحبا हिन्दी 🙂",
    "a  b\t\n c\u00a0d",
    "the the the fox",
]
CUTS: list[dict[str, Any]] = [
    {},
    {"ngram_range": (1, 2), "stop_words": "english"},
    {"ngram_range": (2, 3), "stop_words": ["fox", "the"], "lowercase": False},
    {"analyzer": "char", "ngram_range": (1, 4), "strip_accents": "ascii"},
    {"analyzer": "char_wb", "ngram_range": (2, 5), "strip_accents": "unicode"},
    {"token_pattern": r"(?u)\w+|[^\w\s]"},
]
COUNTED: list[dict[str, Any]] = [
    {},
    {"binary": True, "norm": "l1"},
    {"sublinear_tf": True, "use_idf": False, "norm": None},
]
READERS = (
    [TfidfVectorizer(**cut, **how) for cut in CUTS for how in COUNTED]
    + [CountVectorizer(**cut) for cut in CUTS]
    + [HashingVectorizer(**cut, n_features=61) for cut in CUTS]
    + [HashingVectorizer(alternate_sign=False, norm="l1", binary=True, n_features=1 << 20)]
)


def encoder(reader: Any) -> TextEncoder:
    filled = SimpleImputer(missing_values=None, strategy="constant", fill_value="")
    part = make_pipeline(filled, FunctionTransformer(np.ravel), reader)
    part.fit(pd.DataFrame({"body": [*CORPUS, None]}, dtype=object))
    return _text(part, [0])


@pytest.mark.parametrize("reader", READERS, ids=str)
def test_columns_are_those_of_scikit_learn(reader: Any) -> None:
    made = encoder(reader)

    @given(st.lists(st.text() | st.sampled_from(CORPUS), min_size=1, max_size=5))
    def agree(texts: list[str]) -> None:
        wanted = reader.transform(texts).toarray()
        found = np.zeros_like(wanted)
        text, column, value = made.columns(texts)
        found[text, column] = value
        np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-15)
        some = texts[0]
        named = sum(made.words(some, np.ones(made.width)).values())
        assert named == pytest.approx(found[0].sum(), abs=1e-9)

    agree()


def table() -> pd.DataFrame:
    texts = docstrings()[::6]
    frame = pd.DataFrame(texts, columns=["name", "source", "part", "body"])
    frame.loc[frame.index % 11 == 3, "body"] = None
    frame["title"] = [name.rpartition(".")[2] for name in frame["name"]]
    frame["length"] = frame["body"].str.len().astype(float)
    frame["size"] = frame["length"].fillna(50) ** 0.5
    frame["numeric"] = frame["source"].isin(["numpy", "scipy"])
    return frame


READ = {
    "body": [
        TfidfVectorizer(stop_words="english", strip_accents="unicode", min_df=3, sublinear_tf=True)
    ],
    "title": [
        HashingVectorizer(analyzer="char_wb", ngram_range=(2, 4), n_features=4096),
        CountVectorizer(token_pattern="[a-z]+", max_features=50),
    ],
}
NUMERIC, CATEGORICAL = ("length",), ("part", "title", "body")


def fitted(estimator: Any, label: str, task: Any) -> tuple[Model, pd.DataFrame]:
    frame = table()
    made = encoded_pipeline(estimator, "auto", NUMERIC, CATEGORICAL, 1, texts=READ)
    days = np.arange(len(frame)).astype(str)
    features = frame[[*NUMERIC, *CATEGORICAL]].astype(dict.fromkeys(CATEGORICAL, object))
    features = features.where(features.notna(), None).astype({"length": float})
    pipeline = fit_clone(made.pipeline, features, frame[label].to_numpy(), days).pipeline
    return Model(pipeline, None, NUMERIC, CATEGORICAL, task), frame


@pytest.mark.parametrize(
    ("estimator", "label", "task"),
    [
        (LogisticRegression(C=3.0), "numeric", "binary"),
        (LogisticRegression(), "source", "multiclass"),
        (Ridge(), "size", "regression"),
        (SGDRegressor(tol=None, max_iter=20, random_state=1), "size", "regression"),
    ],
    ids=lambda each: str(each).partition("(")[0],
)
def test_a_linear_model_of_docstrings_scores_as_scikit_learn(
    estimator: Any, label: str, task: Any
) -> None:
    model, frame = fitted(estimator, label, task)
    features = FrameFeatures(frame)
    classes = sorted(set(frame[label])) if task == "multiclass" else ()
    data, proof = compile_and_compare(model, features, 1e-12, task=task, classes=classes)
    assert proof.used and proof.kind == "linear", proof
    compiled = CompiledModel.from_bytes(data or b"", "a test")
    explainer = explain_model(model, compiled, features)
    check_sums(explainer, features)
    again = models.loads(
        models.dumps(model), task=task, numeric=NUMERIC, categorical=CATEGORICAL, allow_types=()
    )
    np.testing.assert_array_equal(again.scores(features), model.scores(features))


def test_a_damaged_text_is_refused_when_it_is_loaded() -> None:
    model, _ = fitted(LogisticRegression(), "numeric", "binary")
    header, arrays = unpack(compile_model(model, "binary", ()).to_bytes())
    first, *others = header["texts"]
    damaged = [{name: value for name, value in first.items() if name != each} for each in first]
    damaged += [
        first | {"place": 9},
        first | {"width": 0},
        first | {"vocabulary": first["vocabulary"][1:]},
        first | {"cutting": {**first["cutting"], "longest": None, "more": 1}},
    ]
    for each in damaged:
        with pytest.raises(BundleChanged):
            CompiledModel.from_bytes(pack({**header, "texts": [each, *others]}, arrays), "x")
    for name in ("body.weights.texts", "texts.0.idf"):
        with pytest.raises(BundleChanged):
            CompiledModel.from_bytes(pack(header, {**arrays, name: arrays[name][1:]}), "x")


def test_of_the_matrix_only_what_is_other_than_zero_is_held() -> None:
    model, frame = fitted(LogisticRegression(), "numeric", "binary")
    encoded = model.estimator[0].transform(frame)
    assert encoded.nnz < encoded.shape[0] * encoded.shape[1] / 20


def test_what_always_says_the_same_is_compiled_beside_texts_too() -> None:
    model, frame = fitted(DummyClassifier(strategy="prior"), "numeric", "binary")
    _, proof = compile_and_compare(model, FrameFeatures(frame), 1e-12, task="binary", classes=())
    assert proof.used and proof.kind == "constant"


def test_a_tree_of_texts_is_scored_by_scikit_learn() -> None:
    model, frame = fitted(DecisionTreeClassifier(), "numeric", "binary")
    _, proof = compile_and_compare(model, FrameFeatures(frame), 1e-12, task="binary", classes=())
    assert not proof.used and "only those are compiled with texts" in proof.reason
