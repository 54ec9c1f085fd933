"""A rule that is installed as a package, and edited there, is other code."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assay.project import digests
from assay.project.installed_code import installed_digests
from assay.project.params import Params, parse
from assay.registry import dvc_lock
from tests.projects import PARCELS

RULES = "class Few:\n    outcome = 'FAIL'\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages with company/rules.py in it."""
    site = tmp_path / "site-packages"
    (site / "company").mkdir(parents=True)
    (site / "company" / "__init__.py").write_text("")
    (site / "company" / "rules.py").write_text(RULES)
    monkeypatch.syspath_prepend(site)
    return site


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (root := tmp_path / "project").mkdir()
    return root


def asking(rule: str) -> Params:
    text = (PARCELS / "params.yaml").read_text(encoding="utf-8")
    asked = f"    - {{name: few, kind: {rule}, owner: us, because: it must}}\n  behaviour:\n"
    assert "  behaviour:\n" in text
    return parse(text.replace("  behaviour:\n", asked, 1), "params.yaml")


def edit(site: Path) -> None:
    (site / "company" / "rules.py").write_text(RULES.replace("FAIL", "PASS"))


def test_its_edit_is_other_code_and_has_the_stages_run_again(project: Path, site: Path) -> None:
    given = asking("company.rules.Few")
    before = digests.code(project, given)
    written = dvc_lock.write_code_digests(project, given)
    assert dvc_lock.write_code_digests(project, given) == written
    edit(site)
    assert digests.code(project, given) != before
    now = dvc_lock.write_code_digests(project, given)
    assert all(now[stage] != written[stage] for stage in digests.STAGES)


def test_what_the_projects_own_rule_imports_is_too(project: Path, site: Path) -> None:
    (project / "data").mkdir()
    (project / "data" / "rules.py").write_text("from company.rules import Few as Mine\n")
    given = asking("data.rules.Mine")
    before = digests.code(project, given)
    edit(site)
    assert digests.code(project, given) != before


def test_every_file_counts_but_what_python_compiled(site: Path) -> None:
    before = installed_digests(["company"])
    assert {*before} == {"company/__init__.py", "company/rules.py"}
    (site / "company" / "__pycache__").mkdir()
    (site / "company" / "__pycache__" / "rules.cpython-311.pyc").write_bytes(b"1")
    os.utime(site / "company" / "rules.py", (0, 0))
    assert installed_digests(["company"]) == before
    (site / "company" / "limits.json").write_text("{}")
    assert {*installed_digests(["company"])} - {*before} == {"company/limits.json"}


def test_a_module_alone_is_one_file(site: Path) -> None:
    (site / "lonely.py").write_text(RULES)
    assert [*installed_digests(["lonely"])] == ["lonely.py"]


def test_compiled_libraries_differ_between_machines_so_their_version_counts(site: Path) -> None:
    (site / "company" / "fast.so").write_bytes(b"1")
    about = site / "company-2.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: company\nVersion: 2.1\n")
    (about / "top_level.txt").write_text("company\n")
    assert installed_digests(["company"]) == {"company": "2.1"}


@pytest.mark.parametrize("name", ["sklearn", "numpy", "pandera", "no_such_package"])
def test_what_assay_asks_for_is_pinned_and_what_is_not_there_has_no_file(name: str) -> None:
    assert installed_digests([name]) == {}
