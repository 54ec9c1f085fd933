"""Free text in the contract: who may have the role, what reads it, what takes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.contract.definition import Contract, Role
from assay.contract.loader import load_contract_text
from assay.errors import ContractFileError, ParamsError, PluginError
from assay.model import model as models
from assay.project.params import parse
from assay.project.params.candidates import Candidate
from assay.score.local import rows_per_batch
from assay.training.candidates.encoder import CandidatePipeline
from assay.training.candidates.nested import fit_clone
from assay.training.candidates.pipeline import build_pipeline
from assay.training.train import stage
from tests.projects import PARCELS
from tests.texts import docstrings

CONTRACT = """
import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

class Row(pa.DataFrameModel):
    name: Series[str] = pa.Field(metadata={"role": "key"})
    at: Series[pd.Timestamp] = pa.Field(metadata={"role": "time"})
    part: Series[str] = pa.Field(metadata={"role": "feature"})
    body: Series[str] = pa.Field(nullable=True, metadata={"role": "text"})
    numeric: Series[bool] = pa.Field(metadata={"role": "label"})
"""
LOGISTIC = {"class": "sklearn.linear_model.LogisticRegression"}


def read(old: str = "", new: str = "") -> Contract:
    assert old in CONTRACT
    return load_contract_text(CONTRACT.replace(old, new) if old else CONTRACT, "data/contract.py")


def built(**told: Any) -> CandidatePipeline:
    candidate = Candidate.model_validate({**LOGISTIC, **told})
    return build_pipeline("words", candidate, read(), "binary", 1, Path())


def test_a_text_is_a_feature_of_which_no_category_is_made() -> None:
    contract = read()
    assert contract.texts == ("body",)
    assert contract.field("body").roles == (Role.FEATURE, Role.TEXT)
    assert contract.categorical == ("part", "body")
    # A batch of 100,000 rows with pages of text would be 400 MB.
    assert rows_per_batch(100_000, contract.width) < 50_000


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("body: Series[str]", "body: Series[float]", "found float"),
        ('{"role": "text"}', '{"role": ["text", "slice"]}', "found slice"),
        ('{"role": "text"}', '{"role": "text", "order": ["a", "b"]}', "found an order"),
    ],
)
def test_what_is_no_free_text_is_refused_in_one_line(old: str, new: str, found: str) -> None:
    with pytest.raises(ContractFileError) as caught:
        read(old, new)
    line = caught.value.line()
    assert "data/contract.py:10" in line and found in line and "\n" not in line


@pytest.mark.parametrize(
    ("told", "where"),
    [
        ({"class": "sklearn.ensemble.HistGradientBoostingClassifier"}, "words.class"),
        ({"encoding": "ordinal"}, "words.encoding"),
        ({"text": {"class": "sklearn.linear_model.Ridge"}}, "words.text[0]"),
        ({"text": {"class": "sklearn.preprocessing.StandardScaler"}}, "words.text[0]"),
    ],
)
def test_what_takes_no_text_is_refused_in_one_line(told: Any, where: str) -> None:
    with pytest.raises(PluginError) as caught:
        built(**told)
    assert f"params.yaml: train.candidates.{where}" in caught.value.line()


@pytest.mark.parametrize("given", ["tfidf", "[]", "{args: {}}", '[{class: "no class"}]'])
def test_what_reads_a_text_is_an_object_or_several(given: str) -> None:
    text = (PARCELS / "params.yaml").read_text(encoding="utf-8")
    last = "class: sklearn.linear_model.LogisticRegression"
    with pytest.raises(ParamsError) as caught:
        parse(text.replace(last, f"{last}\n      text: {given}"), "params.yaml")
    (line,) = caught.value.line().splitlines()
    assert "train.candidates.logistic.text" in line


def test_a_candidate_says_how_text_is_read() -> None:
    place = "sklearn.feature_extraction.text"
    words = {"class": f"{place}.TfidfVectorizer", "args": {"stop_words": ("and", "the")}}
    hashes = {"class": f"{place}.HashingVectorizer", "args": {"ngram_range": (1, 2)}}
    made = built(text=[words, hashes])
    (_, _, _), (first, one, _), (second, two, _) = made.pipeline[0].transformers
    assert (first, second) == ("text 1 of body", "text 2 of body")
    assert one[-1].stop_words == ["and", "the"] and two[-1].ngram_range == (1, 2)


def test_a_bundle_holds_the_words_as_plain_numbers_and_reads_a_null_as_no_word() -> None:
    texts = docstrings()[::8]
    frame = pd.DataFrame(texts, columns=["name", "source", "part", "body"])[["part", "body"]]
    frame = frame.astype(object)
    frame.loc[3, "body"] = None
    target = np.array([each.source == "numpy" for each in texts])
    made = fit_clone(built().pipeline, frame, target, np.arange(len(frame)).astype(str)).pipeline
    words = made[0].named_transformers_["text 1 of body"][-1].vocabulary_
    assert list(words) == sorted(words) and {type(place) for place in words.values()} == {int}
    packed = models.dumps(models.Model(made, None, (), ("part", "body")))
    assert models.untrusted_types(packed) == []
    assert made[0].transform(frame)[[3]].nnz == 1  # the part alone


def test_texts_that_share_no_word_are_named_with_what_reads_them() -> None:
    frame = pd.DataFrame({"part": ["a", "b"] * 10, "body": [f"word{row}" for row in range(20)]})
    with pytest.raises(ValueError) as raised:
        built().pipeline.fit(frame, [True, False] * 10)
    params = parse((PARCELS / "params.yaml").read_text(encoding="utf-8"), "params.yaml")
    rows: Any = None
    line = stage._fit_failed(raised.value, params, "logistic", rows, read()).line()
    assert "train.candidates.logistic.text: fitting failed" in line
    assert "keeps some words of 'body'" in line and "min_df" in line
