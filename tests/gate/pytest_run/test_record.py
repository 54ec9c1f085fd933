"""What pytest saw survives the way through a file, and the worst of a test's reports is its."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay.gate.pytest_run import record
from assay.gate.pytest_run.record import SEVERITY, PytestRecord, Uncollected, normalize_detail


def test_it_survives_the_way_through_a_file(tmp_path: Path) -> None:
    seen = PytestRecord(
        collected=["t::a", "t::ü"],
        policy=["params.yaml::ranks"],
        outcomes={"t::a": "passed"},
        details={"t::a": "why"},
        uncollected={"b.py": Uncollected(False, "x")},
    )
    seen.write(tmp_path / "seen.json")
    assert record.read_record(tmp_path / "seen.json") == seen
    PytestRecord().write(tmp_path / "none.json")
    assert record.read_record(tmp_path / "none.json") == PytestRecord()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("collected", None),
        ("collected", ["a", 1]),
        ("outcomes", {"a": 1}),
        ("outcomes", {"a": "won"}),
        ("details", {"a": None, "b": "x"}),
        ("uncollected", {"a": "failed: x"}),
    ],
)
def test_a_record_that_is_malformed_is_none(tmp_path: Path, key: str, value: Any) -> None:
    path = tmp_path / "seen.json"
    PytestRecord().write(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(ValueError, match=key):
        record.read_record(path)


def test_a_key_that_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "seen.json"
    PytestRecord().write(path)
    tree = json.loads(path.read_text())
    for key in tree:
        path.write_text(json.dumps({name: value for name, value in tree.items() if name != key}))
        with pytest.raises(ValueError, match=f"has no {key}"):
            record.read_record(path)


def test_no_record(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="pytest left no record"):
        record.read_record(tmp_path / "seen.json")
    for text in ("[]", "{"):
        (tmp_path / "seen.json").write_text(text)
        with pytest.raises(ValueError, match=r"object|JSON"):
            record.read_record(tmp_path / "seen.json")


def reported(*reports: tuple[str, bool]) -> tuple[str | None, str | None]:
    seen = PytestRecord()
    for number, (outcome, final) in enumerate(reports):
        seen.add_report("a", outcome, f"report {number}", final=final)
    return seen.outcomes.get("a"), seen.details.get("a")


def test_setting_up_is_not_passing() -> None:
    assert reported(("passed", False)) == (None, None)
    assert reported(("passed", False), ("passed", True), ("passed", False)) == (
        *("passed", "report 1"),
    )


@pytest.mark.parametrize("worse", range(1, len(SEVERITY)))
def test_the_worst_report_counts_whatever_the_order(worse: int) -> None:
    bad, good = SEVERITY[worse], SEVERITY[worse - 1]
    assert reported((good, True), (bad, False)) == (bad, "report 1")
    assert reported((bad, False), (good, True)) == (bad, "report 0")
    assert reported((bad, True), (bad, True)) == (bad, "report 0")


def test_what_nobody_knows_failed() -> None:
    assert reported(("passed", True), ("rerun", False)) == ("failed", "report 1")


def test_tests_are_told_apart() -> None:
    seen = PytestRecord()
    seen.add_report("a", "failed", "x", final=True)
    seen.add_report("b", "passed", "y", final=True)
    assert seen.outcomes == {"a": "failed", "b": "passed"}


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("assert 1 == 2\n  more", "assert 1 == 2"),
        ("\n   \n  assert 1  \n", "assert 1"),
        ("", "no message"),
        (" \n ", "no message"),
        ("<X object at 0x7f26d4aa4040>", "<X object at 0x...>"),
        ("0xabcd and 0xABCDEF", "0x... and 0x..."),
        ("0xabc is a number", "0xabc is a number"),
        ("/home/me/project/data/x.csv is gone", "data/x.csv is gone"),
        ("in /home/me/project", "in ."),
        ("/tmp/scratch/a and /home/me/project/b", "a and b"),
        ("\udcff", "?"),
        ("x" * 300, "x" * 300),
        ("x" * 301, "x" * 297 + "..."),
    ],
)
def test_a_detail_is_one_line_that_does_not_change(text: str, plain: str) -> None:
    homes = [Path("/home/me/project"), Path("/tmp/scratch")]
    assert normalize_detail(text, homes) == plain


def test_without_homes_paths_stay() -> None:
    assert normalize_detail("/a/b") == "/a/b"
