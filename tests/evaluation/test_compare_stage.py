from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.errors import (
    AssayError,
    BundleMissing,
    DataError,
    LabelError,
    SchemaMismatch,
    StageInputMissing,
)
from assay.evaluation import champion, compare
from assay.evaluation.champion import task_mismatch
from assay.evaluation.compare import missing_features
from assay.evaluation.compare_page import render
from assay.metrics.labelled_scores import LabelledScores
from assay.model import bundle, bundle_files, holdout
from assay.model.manifest import Manifest
from assay.project import digests, layout
from assay.project import params as parameters
from assay.project.tasks import METRICS


def test_a_better_challenger_is_seen_to_be_better(match: Any) -> None:
    found = match.compared()
    assert (found.state, found.why) == ("compared", None)
    assert found.differences is not None
    assert tuple(found.differences) == METRICS["binary"]
    auc = found.differences["auc"]
    assert auc.champion == 0.5
    assert auc.value == pytest.approx(auc.challenger - auc.champion)
    assert 0 < auc.low < auc.value < auc.high
    assert found.differences["log_loss"].high < 0
    assert found.stability is not None and found.stability.distance > 0.5


def test_it_says_what_it_is_about(match: Any) -> None:
    found = match.compared()
    root = match.root
    assert found.challenger.bundle == bundle_files.verified_digest(root / layout.BUNDLE)
    assert found.champion.bundle == bundle_files.verified_digest(root / layout.CHAMPION_BUNDLE)
    assert found.champion.version == "v0.1.0"
    assert found.data == digests.data(root)
    assert found.contract == digests.worktree_contract(root, parameters.load(root))
    assert found.rows == len(pd.read_parquet(root / layout.HOLDOUT_TABLE))


def test_a_model_does_not_differ_from_itself(match: Any) -> None:
    match.champion("logistic")
    found = match.compared()
    for name, one in found.differences.items():
        assert (one.value, one.low, one.high) == (0.0, 0.0, 0.0), name
    assert found.stability.distance == 0.0
    assert (found.stability.flipped.value, found.stability.rows) == (0.0, 0)


def test_swapping_the_two_turns_every_difference_round(match: Any) -> None:
    there = match.compared()
    root = match.root
    shutil.rmtree(root / layout.BUNDLE)
    shutil.copytree(root / layout.CANDIDATES / "prior", root / layout.BUNDLE)
    match.champion("logistic")
    back = match.compared()
    for name in ("auc", "log_loss", "brier"):
        assert back.differences[name].value == pytest.approx(-there.differences[name].value)
    assert back.stability == there.stability


def test_every_slice_is_listed_and_a_small_one_says_so(match: Any) -> None:
    path = match.root / layout.HOLDOUT_TABLE
    frame = pd.read_parquet(path)
    few = np.flatnonzero(frame["depot"] == "west")[50:]
    frame.drop(index=frame.index[few]).to_parquet(path)
    found = match.compared()
    assert [part.title for part in found.slices] == ["depot=north", "depot=south", "depot=west"]
    assert sum(part.rows for part in found.slices) == found.rows
    west = found.slices[-1]
    assert (west.rows, west.differences) == (50, None)
    assert west.why == "50 rows, fewer than 100"
    assert all(tuple(part.differences) == METRICS["binary"] for part in found.slices[:2])


def test_the_same_bytes_twice_and_json_on_request(match: Any) -> None:
    shown = match.shown()
    assert "champion" in shown and "auc" in shown and "depot=" in shown
    names = (layout.COMPARISON, layout.COMPARISON_PAGE)
    first = [(match.root / name).read_bytes() for name in names]
    assert match.shown("--json").encode() == first[0]
    assert [(match.root / name).read_bytes() for name in names] == first


def test_the_page_shows_each_metric_and_needs_no_network(match: Any) -> None:
    match.compared()
    html = (match.root / layout.COMPARISON_PAGE).read_text()
    assert "default-src 'none'" in html
    assert not re.search(r"(src|href)=[\"']https?:", html)
    assert all(f'<th scope="row">{name}</th>' in html for name in METRICS["binary"])
    assert html.count("<svg") == html.count("</svg>") > len(METRICS["binary"])
    assert "parcels: the challenger against v0.1.0" in html
    assert html.count("design effect") == len(METRICS["binary"])
    assert "Rows are clustered" not in html


def test_parcels_that_hang_together_are_said_to(match: Any) -> None:
    found = match.compared()
    assert found.differences is not None
    assert "clustered</b>" not in render(found)
    loose = {name: replace(one, design_effect=1.5) for name, one in found.differences.items()}
    assert "clustered</b>" not in render(found.model_copy(update={"differences": loose}))
    tight = {**loose, "auc": replace(loose["auc"], design_effect=4.0)}
    html = render(found.model_copy(update={"differences": tight, "unit": "night", "units": 12}))
    assert "interval of the difference over\n12 nights." in html
    assert (
        "<b>Rows are clustered</b>: taken as independent, rows would give 1 of 10 metrics an "
        "interval that is too narrow, that of auc by a factor of 2.0."
    ) in html
    assert "DeLong, design effect 4</td>" in html


def test_a_champion_that_saw_the_holdout_is_said_to_be_flattered(match: Any) -> None:
    path = match.root / layout.PARAMS
    text = path.read_text()
    path.write_text(
        text.replace('"2024-01-01", to: "2024-02-09"', '"2024-01-01", to: "2024-01-31"').replace(
            'holdout: {from: "2024-02-10"', 'holdout: {from: "2024-02-09"'
        )
    )
    found = match.compared()
    assert found.state == "compared"
    assert "2024-01-01 to 2024-02-09" in found.why and "seen answers" in found.why
    assert found.why in (match.root / layout.COMPARISON_PAGE).read_text()


# ----------------------------------------------------- a champion that is not compared with


def test_no_champion_is_an_outcome_of_its_own(
    match: Any, facts: Callable[..., dict[str, Any]]
) -> None:
    nobody = {"version": None, "commit": None, "bundle": None}
    match.told(**facts(state="none", why="no version holds prod", **nobody))
    found = match.compared()
    assert (found.state, found.why) == ("none", "no version holds prod")
    assert found.champion is None and found.differences is None and found.slices == ()
    assert "There is no champion yet" in (match.root / layout.COMPARISON_PAGE).read_text()
    assert "no version holds prod" in match.shown()


def _torn(root: Path) -> None:
    (root / layout.CHAMPION_BUNDLE / bundle.MODEL).write_bytes(b"not a model")


def _gone(root: Path) -> None:
    shutil.rmtree(root / layout.CHAMPION_BUNDLE)


def _other(root: Path) -> None:
    shutil.rmtree(root / layout.CHAMPION_BUNDLE)
    shutil.copytree(root / layout.CANDIDATES / "logistic", root / layout.CHAMPION_BUNDLE)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [(_torn, "bytes are not those"), (_gone, "no bundle here"), (_other, "another bundle")],
)
def test_a_champion_whose_bundle_cannot_be_read_says_why(
    match: Any, spoil: Callable[[Path], None], told: str
) -> None:
    spoil(match.root)
    found = match.compared()
    assert found.state == "unreadable"
    assert told in found.why
    # The same file wherever the project lies, so that DVC sees no change.
    assert str(match.root) not in found.why
    assert found.champion.version == "v0.1.0"
    assert found.differences is None and found.stability is None


def test_a_champion_that_could_not_be_fetched_stays_unreadable(
    match: Any, facts: Callable[..., dict[str, Any]]
) -> None:
    match.told(**facts(state="unreadable", why="neither DVC's cache nor a remote gave it"))
    found = match.compared()
    assert (found.state, found.why) == ("unreadable", "neither DVC's cache nor a remote gave it")
    match.told(**facts(state="unreadable", version=None, bundle=None, why="no tags"))
    assert match.compared().champion.version is None


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (ImportError("no module named forest"), "ImportError: no module named forest"),
        (AssayError("the model gave 3 of 9 rows no score"), "3 of 9 rows no score"),
    ],
)
def test_a_champion_that_cannot_score_is_unreadable(
    match: Any, monkeypatch: pytest.MonkeyPatch, raised: Exception, told: str
) -> None:
    honest = holdout.score

    def fails(loaded: bundle.Bundle, frame: pd.DataFrame) -> LabelledScores:
        if loaded.manifest.candidate == "prior":  # the champion
            raise raised
        return honest(loaded, frame)

    monkeypatch.setattr(holdout, "score", fails)
    found = match.compared()
    assert found.state == "unreadable" and told in found.why
    assert found.why.startswith("it cannot score")


def test_a_champion_whose_feature_is_gone(match: Any) -> None:
    path = match.root / layout.HOLDOUT_TABLE
    loaded = bundle.load(match.root / layout.BUNDLE, expected=None, allow_types=())
    frame = pd.read_parquet(path)
    old = replace(loaded.manifest, features=(*loaded.manifest.features, "colour", "size"))
    assert missing_features(old, frame) == "the holdout has no colour, size"
    assert missing_features(loaded.manifest, frame) is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"weight": ["heavy", None]}, "weight is string in the holdout, where .* reads numbers"),
        ({"depot": [1.0, 2.0]}, "depot is floating in the holdout, where .* reads text"),
    ],
)
def test_a_feature_of_another_kind_is_not_the_champion_s(
    match: Any, change: dict[str, Any], told: str
) -> None:
    loaded = bundle.load(match.root / layout.BUNDLE, expected=None, allow_types=())
    frame = pd.read_parquet(match.root / layout.HOLDOUT_TABLE).head(2).assign(**change)
    assert re.search(told, missing_features(loaded.manifest, frame) or "")


def test_truths_with_gaps_and_empty_columns_are_no_other_kind(match: Any) -> None:
    loaded = bundle.load(match.root / layout.BUNDLE, expected=None, allow_types=())
    frame = pd.read_parquet(match.root / layout.HOLDOUT_TABLE).head(2)
    odd = frame.assign(
        express=np.array([True, None], dtype=object), depot=[None, None], weight=[None, None]
    )
    assert missing_features(loaded.manifest, odd) is None


def test_the_stage_reports_missing_features_and_other_questions(
    match: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "missing_features", lambda *_: "the holdout has no colour")
    found = match.compared()
    assert (found.state, found.why) == ("features_missing", "the holdout has no colour")
    monkeypatch.setattr(champion, "task_mismatch", lambda *_: "the champion's task is regression")
    found = match.compared()
    assert (found.state, found.why) == ("incomparable", "the champion's task is regression")
    assert found.differences is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"task": "multiclass"}, "the champion's task is multiclass and the challenger's binary"),
        ({"label": "lost"}, "the champion's label is lost and the challenger's late"),
        ({"classes": ("a", "b")}, "the champion's classes is a, b and the challenger's none"),
        ({}, None),
        ({"threshold": 0.9, "keys": ("other",)}, None),
    ],
)
def test_another_question_is_named(match: Any, change: dict[str, Any], told: str | None) -> None:
    loaded = bundle.load(match.root / layout.BUNDLE, expected=None, allow_types=())
    champion_manifest: Manifest = replace(loaded.manifest, **change)
    assert task_mismatch(champion_manifest, loaded.manifest) == told


# ------------------------------------------------------------------------------- refusals


def _holdout(root: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    path = root / layout.HOLDOUT_TABLE
    change(pd.read_parquet(path)).to_parquet(path)


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda root: shutil.rmtree(root / layout.CHAMPION), StageInputMissing),
        (lambda root: (root / layout.CHAMPION_FACTS).write_text("{}"), DataError),
        (lambda root: shutil.rmtree(root / layout.BUNDLE), BundleMissing),
        (lambda root: (root / layout.HOLDOUT_TABLE).unlink(), StageInputMissing),
        (lambda root: _holdout(root, lambda frame: frame.iloc[:0]), LabelError),
        (lambda root: _holdout(root, lambda frame: frame[frame["late"]]), LabelError),
        (
            lambda root: (root / layout.PARAMS).write_text(
                (root / layout.PARAMS)
                .read_text()
                .replace("min_slice_rows: 100", "min_slice_rows: 100\n  pairs: [[depot, colour]]")
            ),
            SchemaMismatch,
        ),
    ],
    ids=["no champion.json", "torn", "no bundle", "no holdout", "empty", "one class", "no field"],
)
def test_refuses_and_writes_nothing(
    match: Any, spoil: Callable[[Path], Any], error: type[AssayError]
) -> None:
    spoil(match.root)
    with pytest.raises(error) as caught:
        match.compared()
    assert "\n" not in caught.value.line()
    assert not (match.root / layout.COMPARISON).exists()


def test_what_was_written_is_plain_json(match: Any) -> None:
    match.compared()
    tree = json.loads((match.root / layout.COMPARISON).read_text())
    assert tree["schema"] == 2
    assert (tree["unit"], tree["units"]) == ("row", tree["rows"])
    assert set(tree["stability"]) == {"distance", "flipped", "rows"}
