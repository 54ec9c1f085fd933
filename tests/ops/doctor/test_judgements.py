"""What each fact means: ok, or what to type."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from assay.errors import AssayError, BundleMissing, ParamsError
from assay.ops.doctor.checks import (
    GIGABYTE,
    Disk,
    judge_bundle,
    judge_disk,
    judge_dvc,
    judge_git,
    judge_packages,
    judge_remote,
    judge_tags,
)
from assay.ops.doctor.finding import (
    Answer,
    CheckStatus,
    Diagnosis,
    diagnosis,
    of_error,
    ok,
    warning,
)
from assay.registry.remotes import DvcRemotes


def told(found: Answer | None) -> tuple[str, str | None]:
    assert found is not None
    return found.status, found.fix


def test_without_an_identity_only_a_promotion_is_hindered() -> None:
    assert told(judge_git("0123456789abcdef", ("Ada", "a@b.c"))) == ("ok", None)
    status, fix = told(judge_git("0123456789abcdef", None))
    assert status == "warning" and "git config user.name" in (fix or "")


TAGS = {"late@v1.0.0": "a", "late#prod#1": "b"}


@pytest.mark.parametrize(
    ("here", "there", "status", "fix"),
    [
        (TAGS, TAGS, "ok", None),
        ({}, {}, "ok", None),
        ({}, TAGS, "failed", "git fetch --tags up"),
        ({**TAGS, "late#prod#1": "c"}, TAGS, "failed", "git fetch --tags --force up"),
        (TAGS, {"late@v1.0.0": "a"}, "warning", "git push up 'late#prod#1'"),
    ],
)
def test_tags_are_those_of_the_remote(
    here: dict[str, str], there: dict[str, str], status: str, fix: str | None
) -> None:
    found = judge_tags("up", here, there)
    assert found.status == status
    assert (found.fix or "").endswith(fix or "") and bool(found.fix) == bool(fix)


def test_tags_that_nobody_else_can_know_are_a_warning() -> None:
    status, fix = told(judge_tags(None, TAGS, {}))
    assert status == "warning" and "git remote add origin URL" in (fix or "")


S3 = DvcRemotes("up", {"up": "s3://bucket/dvc", "disk": "/mnt/dvc"})


@pytest.mark.parametrize(
    ("remotes", "status", "fix"),
    [
        (S3, "ok", ""),
        (replace(S3, urls={}, default=None), "warning", "dvc remote add --default NAME URL"),
        (replace(S3, default=None), "failed", "dvc remote default disk"),
        (replace(S3, default="gone"), "failed", "dvc remote add gone URL"),
        (replace(S3, missing="dvc-s3"), "failed", "make setup EXTRAS=s3"),
        (replace(S3, exposed=("up.password",)), "warning", "dvc remote modify --local up password"),
    ],
)
def test_a_remote_is_configured_and_can_be_used(remotes: DvcRemotes, status: str, fix: str) -> None:
    found = judge_dvc(remotes)
    assert found.status == status and fix in (found.fix or "")


def test_a_remote_that_is_empty_is_told() -> None:
    assert told(judge_remote(S3, empty=True)) == ("warning", "dvc push")
    assert told(judge_remote(S3, empty=False)) == ("ok", None)


def test_a_bundle_that_no_other_machine_can_get_is_told() -> None:
    assert told(judge_bundle("v1", "sha256:0", 2, None)) == ("ok", None)
    assert told(judge_bundle("v1", "sha256:0", 2, [])) == ("ok", None)
    found = judge_bundle("v1", "sha256:0", 2, ["card.md"])
    assert told(found) == ("warning", "dvc push --all-tags")
    assert "lacks 1 of its 2 files" in found.found and "card.md" in found.found


@pytest.mark.parametrize(("free", "status"), [(0.9, "failed"), (4.9, "warning"), (5.1, "ok")])
def test_the_fullest_disk_decides(free: float, status: str) -> None:
    disks = [
        Disk(("the project",), 90 * GIGABYTE, 100 * GIGABYTE),
        Disk(("the store",), int(free * GIGABYTE), 100 * GIGABYTE),
    ]
    found = judge_disk(disks)
    assert found.status == status and "90.0 of 100 GB free for the project" in found.found
    assert ("the store" in (found.fix or "")) == (status != "ok")


MADE = {"python": "3.11.2", "scikit-learn": "1.8.1", "numpy": "2.3.4", "skops": "0.14.0"}


@pytest.mark.parametrize(
    ("here", "status", "fix"),
    [
        ({}, "ok", ""),
        ({"python": "3.11.9"}, "ok", ""),
        ({"python": "3.12.0"}, "warning", "make setup"),
        ({"scikit-learn": "1.8.0"}, "warning", "make setup"),
        ({"scikit-learn": "1.9.0"}, "failed", "pip install scikit-learn==1.8.1"),
        ({"numpy": "3.0.0"}, "failed", "pip install numpy==2.3.4"),
        ({"skops": "0.15.0"}, "failed", "pip install skops==0.14.0"),
        ({"python": "4.0.0"}, "failed", "install Python 3.11.2"),
    ],
)
def test_the_bundles_packages_are_those_installed(
    here: dict[str, str], status: str, fix: str
) -> None:
    found = judge_packages("v1", MADE, MADE | here)
    assert found.status == status and fix in (found.fix or "")


def test_a_package_that_is_gone_is_told() -> None:
    found = judge_packages("v1", {"numpy": "2.3.4"}, {})
    assert found.status == "failed" and "numpy 2.3.4, here none" in found.found


def test_an_error_for_people_becomes_a_finding_with_its_fix() -> None:
    error = BundleMissing("gone", where="models", expected="a", found="b", fix="dvc push")
    assert of_error(error) == ("failed", "models: gone (expected a, found b)", "dvc push")
    assert of_error(AssayError("no")) == ("failed", "no", None)
    assert of_error(ParamsError(["one", "two"])).found == "one (and 1 more)"


def test_a_line_is_one_line_and_tells_no_password() -> None:
    found = Answer("failed", "a\nb https://ada:secret@host/x", "c\td").named("x")
    assert (found.found, found.fix) == ("a b https://ada:***@host/x", "c d")


def test_the_document_is_strict_and_says_whether_all_is_well() -> None:
    fine = diagnosis([ok("x").named("a"), warning("y", "z").named("b")])
    tree = json.loads(fine.text())
    assert tree == {
        "schema": 1,
        "ok": True,
        "checks": [
            {"name": "a", "status": "ok", "found": "x", "fix": None},
            {"name": "b", "status": "warning", "found": "y", "fix": "z"},
        ],
    }
    assert Diagnosis.parse(fine.text(), "doctor.json") == fine


@pytest.mark.parametrize("status", ["failed", "broken"])
def test_one_bad_check_is_enough(status: CheckStatus) -> None:
    assert not diagnosis([ok("x").named("a"), Answer(status, "y").named("b")]).ok
