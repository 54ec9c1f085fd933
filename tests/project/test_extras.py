from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from assay.errors import ExtraMissing
from assay.project import extras
from tests import bare


def absent(name: str) -> ModuleNotFoundError:
    return ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "is_installed", lambda module: False)


def test_the_table_is_that_of_pyproject() -> None:
    declared = {
        name: {canonicalize_name(Requirement(text).name) for text in texts}
        for name, texts in bare.PROJECT["optional-dependencies"].items()
    }
    every = declared.pop("all")
    assert every == {"assay"}
    told = {name: set(modules.values()) for name, modules in extras.EXTRAS.items()}
    assert told == {name: declared[name] for name in told}
    (reference,) = map(Requirement, bare.PROJECT["optional-dependencies"]["all"])
    # Most projects have no candidates of other libraries, no searches and no exports to devices.
    assert reference.extras >= told.keys() - {
        "catboost",
        "lightgbm",
        "xgboost",
        "optuna",
        "edge",
        "onnx",
        "iceberg",
    }


def test_an_extra_brings_what_the_base_does_not() -> None:
    base = {canonicalize_name(Requirement(text).name) for text in bare.PROJECT["dependencies"]}
    assert not base & {name for modules in extras.EXTRAS.values() for name in modules.values()}


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("pyspark", "this needs pyspark: pip install 'assay[spark]'"),
        ("py4j.protocol", "this needs pyspark: pip install 'assay[spark]'"),
        ("sklearn.base", "this needs scikit-learn: pip install 'assay[train]'"),
        ("scikit-learn", "this needs scikit-learn: pip install 'assay[train]'"),
        ("gto.api", "this needs gto: pip install 'assay[dvc]'"),
    ],
)
@pytest.mark.usefixtures("nothing_installed")
def test_a_failed_import_names_the_extra(name: str, line: str) -> None:
    error = extras.missing_extra(absent(name))
    assert error is not None and error.line() == line


@pytest.mark.usefixtures("nothing_installed")
def test_an_error_around_a_failed_import_counts_as_that_import() -> None:
    try:
        try:
            raise absent("dvc.repo")
        except ModuleNotFoundError as error:
            raise RuntimeError("cannot read the pipeline") from error
    except RuntimeError as error:
        found = extras.missing_extra(error)
    assert found is not None and found.extra == "dvc"


@pytest.mark.parametrize(
    "error", [absent("pandas"), absent(""), ImportError("cannot import name 'x'"), ValueError("x")]
)
@pytest.mark.usefixtures("nothing_installed")
def test_any_other_error_is_left_as_it_is(error: Exception) -> None:
    assert extras.missing_extra(error) is None
    extras.raise_if_missing(error)


def test_a_library_that_lacks_a_part_is_not_fixed_by_its_extra() -> None:
    assert extras.missing_extra(absent("pyspark.nowhere")) is None


@pytest.mark.usefixtures("nothing_installed")
def test_a_distribution_that_is_asked_for_by_name_counts_too() -> None:
    with pytest.raises(PackageNotFoundError) as raised:
        version("no-such-distribution")
    assert extras.missing_extra(raised.value) is None
    assert extras.missing_extra(PackageNotFoundError("scikit-learn")) is not None


def test_what_is_needed_is_there_or_named(monkeypatch: pytest.MonkeyPatch) -> None:
    extras.require("evidently", "pyspark")
    monkeypatch.setattr(extras, "is_installed", lambda module: module in sys.builtin_module_names)
    with pytest.raises(
        ExtraMissing, match=r"this needs evidently: pip install 'assay\[evidently\]'"
    ):
        extras.require("evidently")
