"""What steps tell each other in a run of GitHub Actions."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.cli import step_output


def test_an_output_is_one_line_and_elsewhere_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_OUTPUT", raising=False)
    step_output.write("moved", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    step_output.write("moved", "true")
    step_output.write("more", "x")
    assert (tmp_path / "output").read_text() == "moved=true\nmore=x\n"
    with pytest.raises(ValueError, match="more than one line"):
        step_output.write("moved", "true\nother=1")
