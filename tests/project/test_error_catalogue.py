"""Each kind of error is in the catalogue, in the command and in the documentation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.cli.__main__ import main
from assay.errors import UsageError
from assay.project import error_catalogue
from assay.project.error_catalogue import catalogue, explain, kinds

ROOT = Path(__file__).resolve().parents[2]


def test_every_kind_of_error_is_explained_and_nothing_else() -> None:
    names = {kind.__name__ for kind in kinds()}
    assert names == set(error_catalogue._ADVICE)
    codes = [each.code for each in catalogue().codes]
    assert len(codes) == len(set(codes)) == len(names) + 4


def test_a_code_and_a_name_are_the_same_question() -> None:
    assert explain("42") == explain("PromotionRefused")
    assert explain(None) == catalogue()
    for word in ("99", "Promotion", ""):
        with pytest.raises(UsageError, match="no error has this code"):
            explain(word)


def test_the_command_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "51"]) == 0
    told = capsys.readouterr().out
    assert "RunHeld" in told and "assay release RUN" in told
    assert main(["explain", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == catalogue().plain()
    assert main(["explain", "99"]) == UsageError.exit_code


def test_the_documentation_lists_them_all() -> None:
    text = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
    listed = [line for line in text.splitlines() if line.startswith("| ") and line[2].isdigit()]
    assert listed == [
        f"| {each.code} | {each.name and f'`{each.name}`'} | {each.what} | {each.mend} |"
        for each in catalogue().codes
    ]
