"""A version whose tags were made by hand scores, and the command says so once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay.cli.__main__ import main
from assay.project import params
from assay.registry.verification import NOT_WRITTEN
from assay.registry.versions import read_champion
from assay.score import stage
from assay.store import open_store
from tests.projects import call
from tests.scorer import Shared

NIGHTS = ("2024-03-01", "2024-03-02")


def by_hand(root: Path) -> None:
    """A higher version of the very same bundle, with the stage."""
    given = params.load(root)
    bundle = read_champion(root, given.name, "prod").bundle
    message = f"by hand\n\nBundle: {bundle}\nVerdict: sha256:{'0' * 64}\nOutcome: PASS\n"
    call(root, "git", "commit", "--quiet", "--allow-empty", "--message", "Nothing")
    for name in (f"{given.name}@v9.0.0", f"{given.name}#prod#9"):
        call(root, "git", "tag", "--annotate", name, "--message", message)


@pytest.mark.parametrize("forged", [False, True])
def test_a_command_says_once_that_its_version_is_unverified(
    live: Path,
    spark: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    forged: bool,
) -> None:
    if forged:
        by_hand(live)
    monkeypatch.setattr(stage, "BackgroundSession", lambda params, root: Shared(spark))
    given = params.load(live)
    nights = ("--from", NIGHTS[0], "--to", NIGHTS[1])
    assert main(["score", *nights, "--json", "--root", str(live)]) == 0
    shown = capsys.readouterr()
    warning = f"score: v9.0.0 is unverified: {NOT_WRITTEN}."
    assert shown.err.splitlines().count(warning) == int(forged)
    assert ("unverified" in shown.err) == forged
    told = json.loads(shown.out)
    assert [each["outcome"] for each in told] == ["published", "published"]
    assert {each["unverified"] for each in told} == {NOT_WRITTEN if forged else None}
    (run,) = open_store(live, given).runs(NIGHTS[0])
    assert run.detail == (f"v9.0.0 is unverified: {NOT_WRITTEN}." if forged else "")
