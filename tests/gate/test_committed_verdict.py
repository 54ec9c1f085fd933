"""CI's own verdict counts only if it is about what was committed."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from assay.errors import GateNotPassed
from assay.gate.committed_verdict import differences, require_same
from assay.project import layout
from assay.reports.verdict import JudgedChampion, Outcome
from tests.gate import build
from tests.verdicts import verdict

HERE = verdict()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    return tmp_path


def commit(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / {"verdict": layout.VERDICT, "lock": layout.DVC_LOCK}[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for command in (["add", "--all"], ["commit", "--quiet", "--allow-empty", "-m", "x"]):
        subprocess.run(["git", *command], cwd=root, check=True)


def test_the_same_verdict_counts(repository: Path) -> None:
    commit(repository, verdict=HERE.text(), lock="")
    assert require_same(repository, HERE)


def test_where_nothing_is_committed_there_is_nothing_to_compare(repository: Path) -> None:
    commit(repository)
    assert not require_same(repository, HERE)
    commit(repository, lock="")
    with pytest.raises(GateNotPassed, match="the commit holds no verdict"):
        require_same(repository, HERE)


def test_what_is_no_verdict_is_refused(repository: Path) -> None:
    commit(repository, verdict="{}", lock="")
    with pytest.raises(GateNotPassed):
        require_same(repository, HERE)


@pytest.mark.parametrize(
    "change",
    [
        {"bundle": "sha256:" + "1" * 64},
        {"data": "sha256:" + "1" * 64},
        {"contract": "sha256:" + "1" * 64},
        {"policy": "sha256:" + "1" * 64},
        {"code": "sha256:" + "1" * 64},
        {"outcome": Outcome.PASS},
        {"name": "other"},
        {
            "champion": JudgedChampion(
                state="compared", version="v0.1.0", bundle="sha256:" + "2" * 64
            )
        },
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_difference_is_named(change: dict[str, Any]) -> None:
    (found,) = differences(HERE, build.changed(HERE, **change))
    assert found[0] == next(iter(change))
    assert found[1] != found[2]


def test_what_the_champion_s_own_bundle_was_compared_with_does_not_matter() -> None:
    """It is not promoted again, so no verdict beside today's champion is asked of its author."""
    champion = JudgedChampion(state="compared", version="v0.2.0", bundle=HERE.bundle)
    assert differences(build.changed(HERE, champion=champion), HERE) == []


def test_a_digest_is_told_with_twelve_digits() -> None:
    other = build.changed(HERE, data="sha256:0123456789ab" + "c" * 52)
    assert differences(HERE, other) == [("data", HERE.data[:19], "sha256:0123456789ab")]


def test_another_bundle_is_refused_with_both(repository: Path) -> None:
    other = build.changed(HERE, bundle="sha256:" + "1" * 64)
    commit(repository, verdict=other.text(), lock="")
    with pytest.raises(GateNotPassed, match=r"expected bundle sha256:.*found bundle sha256:1111"):
        require_same(repository, HERE)
