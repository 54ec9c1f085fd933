"""Digests depend on content, all of it, and on nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline import digests, params
from pipeline.errors import StageInputMissing

PARCELS = Path(__file__).parent / "parcels"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(PARCELS, tmp_path / "p")
    return tmp_path / "p"


def test_the_border_between_parts_counts():
    assert digests.text("ab", "c") != digests.text("a", "bc") != digests.text("abc")


def test_the_contract_digest_moves_with_the_file_and_with_the_table_rules(project: Path):
    values = params.load(project)
    before = digests.contract_at(project, values)
    changed = values.model_copy(
        update={"contract": values.contract.model_copy(update={"max_bad_share": 0.5})}
    )
    assert digests.contract_at(project, changed) != before
    assert digests.contract_at(project, values) == before
    with (project / values.contract.file).open("a") as stream:
        stream.write("# a remark\n")
    assert digests.contract_at(project, values) != before


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
