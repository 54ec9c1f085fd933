"""Files of a bundle and of a project, damaged in hundreds of ways: one line names the file.

The mutations are drawn from a seed, so they are the same in every run. Digests are made again
after each, as somebody would who wants the file to be read.
"""

from __future__ import annotations

import hashlib
import io
import json
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.columns.features import FrameFeatures
from assay.compiled import fitted_model
from assay.errors import BundleChanged, ParamsError
from assay.model import bundle, bundle_files
from assay.model import model as model_sound
from assay.model import model as models
from assay.model.manifest import MANIFEST
from assay.model.reasons import explainer_of
from assay.project import layout, params
from tests import mutate
from tests.compiled.fitted import Case, fit, table
from tests.mutate import Told

ROOT = Path(__file__).resolve().parents[1]
CASES = [
    Case("HistGradientBoostingClassifier", {"max_iter": 3}, calibration="isotonic"),
    Case("RandomForestClassifier", {"n_estimators": 3}, "multiclass", calibration="sigmoid"),
    Case("GradientBoostingRegressor", {"n_estimators": 3}, "regression"),
]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What NumPy and scikit-learn warn of a damaged model is not the matter here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_models_file(case: Case) -> None:
    model, features = fit(case), FrameFeatures(table())
    told = Told(fitted_model.FILE)

    def read(data: bytes) -> None:
        kept = {"numeric": model.numeric, "categorical": model.categorical, "allow_types": ()}
        models.loads(data, task=case.task, **kept).scores(features)  # type: ignore[arg-type]

    ways = (mutate.raw, mutate.member, mutate.schema, mutate.numbers)
    for what, data in mutate.files(models.dumps(model), 52, 11, *ways):
        told(what, lambda data=data: read(data))
    assert told.refused >= 25


PARTS = {
    MANIFEST: (mutate.tree, mutate.tree, mutate.raw),
    bundle.REFERENCE: (mutate.tree, mutate.raw),
    bundle.SAMPLE: (mutate.raw,),
    bundle.COMPILED: (mutate.raw, mutate.member, mutate.numbers),
    bundle.REASONS: (mutate.raw, mutate.member, mutate.numbers),
}


@pytest.mark.parametrize("name", PARTS)
def test_a_file_of_a_bundle(trained: Path, name: str) -> None:
    files = bundle_files.read(trained / layout.BUNDLE)
    features = FrameFeatures(pd.read_parquet(trained / layout.HOLDOUT_TABLE))
    # A manifest may also name files that are not there, or features that the model lacks.
    told = Told("in/here", fitted_model.FILE) if name == MANIFEST else Told(name)

    def read(damaged: dict[str, bytes]) -> None:
        found = bundle.from_files(damaged, "in/here", expected=None, allow_types=())
        assert found.reference.nights >= 0
        found.sample()
        found.scorer.scores(features)
        explainer_of(found).contributions(features)

    for what, data in mutate.files(files[name], 45, 5, *PARTS[name]):
        told(what, lambda data=data: read(remade(files, name, data)))
    assert told.refused >= 20


def remade(files: Any, name: str, data: bytes) -> dict[str, bytes]:
    """The bundle with another file in it, and the digests that go with it."""
    made = {**files, name: data}
    if name != MANIFEST:
        tree = json.loads(made[MANIFEST])
        tree["files"][name] = hashlib.sha256(data).hexdigest()
        made[MANIFEST] = json.dumps(tree).encode()
    return made


def test_params_yaml() -> None:
    told = Told(layout.PARAMS)
    text = (ROOT / layout.PARAMS).read_bytes()
    for what, data in mutate.files(text, 60, 3, mutate.lines):
        told(what, lambda data=data: params.parse(data.decode(), layout.PARAMS))
    assert told.refused >= 40


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (mutate.bomb(), "more than 100,000 values, with what its aliases stand for"),
        ("a: &a [*a]\n", "params.yaml:1: the alias *a stands for itself"),
        ("a: " + "[" * 100_000, "params.yaml:1: nested more than 50 deep"),
        ("".join(f"{' ' * depth}a:\n" for depth in range(200)), "params.yaml:51: nested more"),
        ("a: " + "x" * 4_000_001, "4,000,004 characters, more than 4,000,000"),
        ("seed: " + "9" * 5000, "not valid YAML: "),
        ("seed: !tag {a: 1}", "found"),
        ("seed: !!set {a, b}", "expected plain values without tags, found"),
        ("a: 2013-99-99\n", "not valid YAML: month must be in 1..12"),
    ],
    ids=["bomb", "itself", "brackets", "indents", "size", "digits", "tag", "set", "date"],
)
def test_limits_of_params_yaml(text: str, words: str) -> None:
    with pytest.raises(ParamsError) as caught:
        params.parse(text, layout.PARAMS)
    assert any(words in line for line in caught.value.lines()), caught.value.lines()


def test_anchors_and_aliases_within_the_limits_are_read() -> None:
    text = (ROOT / layout.PARAMS).read_text(encoding="utf-8")
    said = text.replace("seed: 2013", "seed: &seed 2013").replace("folds: 5", "folds: *seed")
    assert said.count("*seed") == 1
    found = params.parse(said, layout.PARAMS)
    assert (found.seed, found.train.folds) == (2013, 2013)


def test_a_day_is_no_argument_of_a_candidate() -> None:
    """It could not be written into the bundle's manifest, once the training is done."""
    text = (ROOT / layout.PARAMS).read_text(encoding="utf-8")
    said = text.replace("max_iter: ", "since: [{on: 2013-01-01}], max_iter: ", 1)
    assert said != text
    with pytest.raises(ParamsError, match="the day 2013-01-01: write it in quotes"):
        params.parse(said, layout.PARAMS)


def test_a_zip_bomb_is_not_unpacked() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", b"{}")
        archive.writestr("0.npy", bytes(80_000_000))
    with pytest.raises(BundleChanged, match=r"bytes unpack to 80,000,002"):
        models.untrusted_types(target.getvalue())


ASTRAY = {
    "a child before its parent": ("left_child", 0),
    "a child that is not there": ("right_child", 10**6),
    "a feature that is not there": ("feature", 99),
}


@pytest.mark.parametrize("what", ASTRAY)
def test_a_tree_that_leads_astray_is_refused(what: str) -> None:
    """Asked, the first would never end, and the others would read what is not theirs."""
    forest = fit(CASES[1]).estimator[-1]
    tree = forest.estimators_[0].tree_
    state = tree.__getstate__()
    field, value = ASTRAY[what]
    state["nodes"][field][0] = value
    tree.__setstate__(state)
    with pytest.raises(ValueError, match="a node of a tree"):
        model_sound.check_trees({"estimator": forest})


@pytest.mark.parametrize(
    ("field", "value"), [("left", 0), ("right", 10**6), ("feature_idx", 99), ("bitset_idx", 10**6)]
)
def test_so_is_one_of_histogram_boosting(field: str, value: int) -> None:
    boosting = fit(CASES[0]).estimator[-1]
    predictor = boosting._predictors[0][0]
    asking = np.flatnonzero(predictor.nodes["is_categorical"])
    assert len(asking)
    predictor.nodes[field][asking[0]] = value
    with pytest.raises(ValueError, match="a node of a tree"):
        model_sound.check_trees(boosting)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_model_as_it_was_fitted_is_sound(case: Case) -> None:
    model = fit(case)
    model_sound.check_trees({"estimator": model.estimator, "calibrator": model.calibrator})
