"""References of params.yaml: resolved, or refused with the key and the nearest name."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.errors import PluginError
from assay.project.plugins import resolve


def test_a_class_and_a_function_resolve():
    from collections import OrderedDict
    from os.path import join

    assert resolve("collections.OrderedDict", key="k") is OrderedDict
    assert resolve("os.path.join", key="k") is join


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("nowhere.at.All", r"params.yaml: train.x.class: cannot import 'nowhere'"),
        ("collections.OrderedDit", r"has no 'OrderedDit'.*Did you mean 'OrderedDict'\?"),
        ("collections.OrderedDict.fromkeys", "cannot import 'collections.OrderedDict'"),
        ("sklearn.model_selection.HalvingGrid", "has no 'HalvingGrid'"),
        ("broken.thing", r"importing broken failed with ZeroDivisionError.*broken\.py:\d"),
        ("needy.thing", r"cannot import 'absent_package', which needy needs"),
    ],
)
def test_what_cannot_be_resolved_is_named(tmp_path: Path, reference: str, expected: str):
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "needy.py").write_text("import absent_package\n")
    with pytest.raises(PluginError, match=expected):
        resolve(reference, key="train.x.class", root=tmp_path)


def test_each_project_gets_its_own_module_of_the_same_name(tmp_path: Path):
    for name in ("one", "two"):
        folder = tmp_path / name / "feed"
        folder.mkdir(parents=True)
        (folder / "source.py").write_text(f"def where():\n    return '{name}'\n")
    assert resolve("feed.source.where", key="k", root=tmp_path / "one")() == "one"
    assert resolve("feed.source.where", key="k", root=tmp_path / "two")() == "two"
