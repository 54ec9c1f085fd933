"""Which params.yaml is one of Assay's."""

from __future__ import annotations

from pathlib import Path

from assay.gate.pytest_run.project import find_project, is_assay_project


def test_a_folder_without_readable_params_is_nobodys(tmp_path: Path) -> None:
    assert not is_assay_project(tmp_path)
    (tmp_path / "params.yaml").write_bytes(b"\xff\xfe\x00")
    assert not is_assay_project(tmp_path)
    assert find_project(tmp_path) is None
    (tmp_path / "params.yaml").write_text("theirs: 1\n", encoding="utf-8")
    assert not is_assay_project(tmp_path)
