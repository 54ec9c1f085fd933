"""A manifest: its values are checked, and so are the versions that it was made with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay.errors import BundleChanged, BundleIncompatible
from assay.model import bundle
from assay.model.manifest import MANIFEST, listed_files, parse_manifest
from assay.project import layout


@pytest.fixture(scope="module")
def tree(trained: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((trained / layout.BUNDLE / MANIFEST).read_bytes())
    return data


def parse(tree: dict[str, Any]) -> Any:
    return parse_manifest(json.dumps(tree).encode(), "here")


def test_what_was_parsed_is_written_again_to_the_byte(trained: Path) -> None:
    data = (trained / layout.BUNDLE / MANIFEST).read_bytes()
    assert parse_manifest(data, "here").to_json() == data


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": 2},
        {"surprise": 1},
        {"versions": {"scikit-learn": "0.1.0"}},
        {"versions": {}},
    ],
)
def test_a_manifest_of_other_versions_is_refused(parcels: Path, changes: dict[str, object]) -> None:
    path = parcels / layout.BUNDLE / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(BundleIncompatible):
        bundle.load(path.parent, expected=None, allow_types=())


@pytest.mark.parametrize("name", ["seed", "reasons"])
def test_a_key_that_is_missing_is_named(tree: dict[str, Any], name: str) -> None:
    with pytest.raises(BundleIncompatible, match=name):
        parse({each: value for each, value in tree.items() if each != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("task", "clustering"),
        ("seed", True),
        ("threshold", "0.5"),
        ("keys", "parcel"),
        ("versions", {"python": 3}),
        ("out_of_fold", {"auc": "high"}),
        ("features", ["other"]),
    ],
)
def test_a_value_of_another_type_is_refused(tree: dict[str, Any], name: str, value: object) -> None:
    with pytest.raises(BundleChanged, match=rf"here/manifest\.json.*{name}"):
        parse({**tree, name: value})


def test_own_code_is_listed_under_a_prefix() -> None:
    data = json.dumps({"files": {"card.md": "a"}, "code": {"data/steps.py": "b"}}).encode()
    assert listed_files({MANIFEST: data}, "here", code=False) == {"card.md": "a"}
    assert listed_files({MANIFEST: data}, "here", code=True) == {
        "card.md": "a",
        "code/data/steps.py": "b",
    }


@pytest.mark.parametrize("files", [{}, {MANIFEST: b"[]"}, {MANIFEST: b'{"files": {"a": 1}}'}])
def test_files_without_a_manifest_are_refused(files: dict[str, bytes]) -> None:
    with pytest.raises(BundleChanged, match="cannot be read"):
        listed_files(files, "here", code=False)
