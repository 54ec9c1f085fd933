"""Digests depend on content, all of it, and on nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import assay
from assay.errors import StageInputMissing
from assay.project import digests, params

PARCELS = Path(__file__).parents[1] / "parcels"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(PARCELS, tmp_path / "p")
    return tmp_path / "p"


def test_the_border_between_parts_counts():
    assert (
        digests.digest_texts("ab", "c")
        != digests.digest_texts("a", "bc")
        != digests.digest_texts("abc")
    )


def test_the_contract_digest_moves_with_the_file_and_with_the_table_rules(project: Path):
    values = params.load(project)
    before = digests.worktree_contract(project, values)
    changed = values.model_copy(
        update={"contract": values.contract.model_copy(update={"max_bad_share": 0.5})}
    )
    assert digests.worktree_contract(project, changed) != before
    assert digests.worktree_contract(project, values) == before
    with (project / values.contract.file).open("a") as stream:
        stream.write("# a remark\n")
    assert digests.worktree_contract(project, values) != before


def test_the_policy_digest_moves_with_every_model_test(project: Path):
    values = params.load(project)
    before = digests.policy(project, values)
    cache = project / values.gate.tests / "__pycache__"
    cache.mkdir()
    (cache / "x.pyc").write_bytes(b"1")
    assert digests.policy(project, values) == before
    (project / values.gate.tests / "test_more.py").write_text("def test_more(): pass\n")
    assert digests.policy(project, values) != before


def test_what_is_not_there_has_no_digest(tmp_path: Path):
    with pytest.raises(StageInputMissing, match="no such file"):
        digests.data(tmp_path)


PACKAGE = Path(assay.__file__).parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("installed") / "assay"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture(scope="module")
def unchanged(installed: Path) -> dict[str, str]:
    return digests.verdict_files(installed)


def with_a_remark(package: Path, file: str) -> dict[str, str]:
    """What is judged by, once a line was added to one of the package's files."""
    path = package / file
    before = path.read_bytes()
    path.write_bytes(before + b"# a remark\n")
    try:
        return digests.verdict_files(package)
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize(
    "file",
    [
        "errors/base.py",
        "project/tasks.py",
        "columns/features.py",
        "metrics/binary.py",
        "metrics/intervals/difference.py",
        "contract/checks/row_checks.py",
        "model/batch.py",
        "compiled/trees/walk.py",
        "reports/comparison.py",
        "store/publish.py",
        "registry/git_contents.py",
        "score/scoring_job.py",
        "training/leakage/predictive_power.py",
        "evaluation/compare.py",
        "evaluation/cost.py",
        "gate/rules/limit.py",
        "gate/behaviour/checks.py",
        "gate/pytest_run/plugin.py",
    ],
)
def test_what_decides_is_in_the_digest(
    installed: Path, unchanged: dict[str, str], file: str
) -> None:
    assert with_a_remark(installed, file) != unchanged


@pytest.mark.parametrize(
    "file",
    [
        "pages/templating.py",
        "pages/charts.py",
        "pages/templates/verdict.html",
        "pages/templates/style.css",
        "training/train/fit.py",
        "performance/labels.py",
        "cli/night_commands.py",
    ],
)
def test_what_only_shows_or_comes_before_or_after_is_not(
    installed: Path, unchanged: dict[str, str], file: str
) -> None:
    assert with_a_remark(installed, file) == unchanged


def test_what_is_installed_judges() -> None:
    assert digests.verdict_files(PACKAGE)["assay/gate/rules/limit.py"]


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        ("evaluation.html", {"evaluate"}),
        ("estimates.html", {"evaluate"}),
        ("comparison.html", {"compare"}),
        ("verdict.html", {"gate"}),
        ("contract.html", {"contract"}),
        ("night.html", set()),
        ("style.css", {"contract", "evaluate", "compare", "gate"}),
        ("macros.html", {"contract", "evaluate", "compare", "gate"}),
    ],
)
def test_a_stage_runs_again_when_a_template_of_its_page_changes(
    file: str, stages: set[str]
) -> None:
    path = f"assay/pages/templates/{file}"
    assert {
        stage for stage in digests.STAGES if path in digests.stage_files(PACKAGE, [stage])
    } == stages
