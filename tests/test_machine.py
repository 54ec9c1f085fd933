"""A full disk is one line and no bug, and what stages write is there whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from assay.cli import __main__ as cli
from assay.cli.__main__ import GROUPS
from assay.cli.command import Command
from assay.errors import UNFORESEEN
from assay.project.document import dumps, read_stage_file, write_json


@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOSPC, 1), (errno.EIO, 1), (errno.EACCES, 1), (errno.ENOENT, 70)]
)
def test_what_the_machine_says_no_with_is_no_bug(
    number: int, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(given: object) -> None:
        raise OSError(number, "No space left on device", "reports/x.json")

    monkeypatch.setattr(GROUPS[0], "commands", [Command("work", "w", "w", work)])
    assert cli.main(["work"]) == code
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and ("bug in Assay" in said) == (code == UNFORESEEN)
    if code == 1:
        assert said.startswith("assay: reports/x.json: cannot be read or written (found No space")


def test_a_document_that_cannot_be_written_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "reports" / "x.json"
    write_json(path, {"night": 1})
    real = Path.write_text

    def cut(self: Path, text: str, encoding: str) -> int:
        real(self, text[:3], encoding=encoding)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(Path, "write_text", cut)
        write_json(path, {"night": 2})
    assert read_stage_file(tmp_path, "reports/x.json", "x") == dumps({"night": 1})
    assert [each.name for each in path.parent.iterdir()] == ["x.json"]
    write_json(path, {"night": 3})
    assert read_stage_file(tmp_path, "reports/x.json", "x") == dumps({"night": 3})
