"""What is said of refused rows: the file to repair, and what a replay made of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from assay.cli.show import quarantine
from assay.score.operations.quarantine import QuarantineFile
from assay.score.operations.replay import ReplayReport
from assay.store import Run


def run(event: Literal["held", "published"]) -> Run:
    words = ("name", "version", "bundle", "contract", "input", "carrier", "scorer", "by", "because")
    numbers = ("base", "rows_read", "rows_scored", "rows_quarantined", "seconds")
    return Run(
        run_id="run-1",
        event=event,
        partition="2024-03-02",
        detail="",
        started_at=None,
        at=None,
        **dict.fromkeys(words, ""),
        **dict.fromkeys(numbers, None),
    )


DONE = ReplayReport(
    partition="2024-03-02",
    run_id="run-2",
    replaces="run-1",
    version="v0.1.0",
    merged=2,
    still_broken=0,
    broken={},
)


def test_repaired_rows_joined_their_night() -> None:
    assert list(quarantine.replay_lines(DONE)) == [
        "replay: 2 repaired rows scored by v0.1.0 and merged into 2024-03-02 "
        "(run run-2 in place of run-1)"
    ]


def test_what_is_still_broken_is_said_the_most_broken_rule_first() -> None:
    broken = {"a: not null": 1, "b: finite": 3}
    _, count, *rules = quarantine.replay_lines(replace(DONE, still_broken=4, broken=broken))
    assert count == "replay: 4 rows still broken, left in quarantine"
    assert rules == ["replay: 3 broke 'b: finite'", "replay: 1 broke 'a: not null'"]


@pytest.mark.parametrize(
    ("event", "rows", "then"),
    [
        (
            "published",
            1200,
            "Change values, keep _row, then: assay quarantine replay --date 2024-03-02 "
            "--rows x.csv --because WHY",
        ),
        ("held", 1200, "Run run-1 is held: rows are repaired once it is released"),
        ("published", 0, None),
        ("held", 0, None),
    ],
)
def test_a_file_says_what_to_do_with_its_rows(
    event: Literal["held", "published"], rows: int, then: str | None
) -> None:
    first, *more = quarantine.export_lines(QuarantineFile(run(event), rows, Path("x.csv")))
    assert first == f"quarantine: {rows:,} rows of 2024-03-02 written to x.csv"
    assert more == ([] if then is None else [then])
