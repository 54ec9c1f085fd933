"""A bundle: one digest for its content, and no way to change a byte unseen."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from assay.columns.features import FrameFeatures
from assay.compiled import CompiledModel
from assay.errors import BundleChanged, BundleMissing
from assay.model import bundle, bundle_files
from assay.model.manifest import MANIFEST
from assay.project import layout


@pytest.fixture
def folder(parcels: Path) -> Path:
    return parcels / layout.BUNDLE


def load(folder: Path) -> bundle.Bundle:
    return bundle.load(folder, expected=None, allow_types=())


def test_what_was_written_is_what_is_read(folder: Path):
    loaded = load(folder)
    assert loaded.digest == bundle_files.verified_digest(folder)
    assert loaded.manifest.name == "parcels"
    assert loaded.manifest.keys == ("parcel",)
    assert loaded.reference.nights == 40
    assert {"probability", "late", *loaded.manifest.features} == set(loaded.sample().columns)
    assert "candidate logistic" in (folder / bundle.CARD).read_text()


@pytest.mark.parametrize(
    "name",
    [
        bundle.MODEL,
        bundle.COMPILED,
        bundle.REASONS,
        bundle.REFERENCE,
        bundle.SAMPLE,
        bundle.CARD,
        MANIFEST,
    ],
)
def test_one_flipped_byte_in_any_file_is_seen(folder: Path, name: str):
    before = bundle_files.verified_digest(folder)
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(bytes(data))
    with pytest.raises(BundleChanged):
        bundle.load(folder, expected=before, allow_types=())


def test_a_file_more_or_less_is_seen(folder: Path):
    (folder / "extra").write_text("x")
    with pytest.raises(BundleChanged, match="extra"):
        bundle_files.verified_digest(folder)
    (folder / "extra").unlink()
    (folder / bundle.CARD).unlink()
    with pytest.raises(BundleChanged, match=r"card\.md.*missing"):
        bundle_files.verified_digest(folder)


def test_another_intact_bundle_is_not_the_expected_one(folder: Path, trained: Path):
    other = bundle_files.verified_digest(trained / layout.CANDIDATES / "prior")
    with pytest.raises(BundleChanged, match="this is another bundle"):
        bundle.load(folder, expected=other, allow_types=())


@pytest.mark.parametrize("candidate", ["prior", "logistic"])
def test_what_scores_is_compiled_and_scores_as_the_model(trained: Path, candidate: str):
    loaded = load(trained / layout.CANDIDATES / candidate)
    assert isinstance(loaded.scorer, CompiledModel)
    assert loaded.manifest.compiled["used"] is True
    assert loaded.manifest.compiled["kind"] == loaded.scorer.kind
    features = FrameFeatures(loaded.sample())
    scores = loaded.scorer.scores(features)
    np.testing.assert_allclose(scores, loaded.model.scores(features), rtol=0, atol=1e-12)


def test_a_bundle_without_a_compiled_model_is_scored_by_scikit_learn(folder: Path):
    loaded = load(folder)
    bundle.write(
        folder,
        loaded.manifest,
        model=loaded.files[bundle.MODEL],
        compiled=None,
        reasons=None,
        reference=loaded.reference,
        sample=loaded.sample(),
        card=loaded.files[bundle.CARD].decode(),
    )
    assert not (folder / bundle.COMPILED).exists()
    plain = load(folder)
    assert plain.scorer is plain.model


def test_a_compiled_model_that_is_none_is_refused_where_it_is_used(folder: Path):
    loaded = load(folder)
    damaged = dataclasses.replace(loaded, files={**loaded.files, bundle.COMPILED: b"PK"})
    with pytest.raises(BundleChanged, match=r"compiled\.npz.*not a compiled model"):
        _ = damaged.scorer


def test_no_bundle_says_how_to_make_one(tmp_path: Path):
    with pytest.raises(BundleMissing, match="dvc repro"):
        load(tmp_path)


def test_writing_replaces_the_whole_folder(folder: Path):
    loaded = load(folder)
    (folder / "left-over").write_text("x")
    digest = bundle.write(
        folder,
        loaded.manifest,
        model=loaded.files[bundle.MODEL],
        compiled=loaded.files[bundle.COMPILED],
        reasons=loaded.files[bundle.REASONS],
        reference=loaded.reference,
        sample=loaded.sample(),
        card=loaded.files[bundle.CARD].decode(),
    )
    assert digest == loaded.digest == bundle_files.verified_digest(folder)
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []
