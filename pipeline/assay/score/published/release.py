"""A person's word on one run: publish it although it was held, or take it back."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assay.project.params import Params
from assay.registry.person import person
from assay.store import open_store


def release(
    root: Path, params: Params, run_id: str, because: str, as_json: bool = False
) -> dict[str, Any]:
    """Publish a held run after all; the runs table keeps who did it, and why.

    Raises
    ------
    UsageError
        No reason was given.
    RunUnknown
        There is no such run, or it is not held.
    RunOvertaken
        The night changed hands since the run started: score it again.
    StoreError
        The run's files are not there any more as they were written.
    """
    by = person(root, because)
    record = open_store(root, params).release(run_id, by, because.strip())
    told = {
        "released": run_id,
        "partition": record.partition,
        "version": record.version,
        "rows_scored": record.rows_scored,
        "rows_quarantined": record.rows_quarantined,
        "by": by,
        "because": because.strip(),
    }
    rows = "" if record.rows_scored is None else f", {record.rows_scored:,} rows"
    _tell(told, f"released: readers of {record.partition} see run {run_id}{rows}", as_json)
    return told


def retract(
    root: Path, params: Params, run_id: str, because: str, as_json: bool = False
) -> dict[str, Any]:
    """Take the visible run of a night back; the runs table keeps who did it, and why.

    Raises
    ------
    UsageError
        No reason was given.
    RunUnknown
        There is no such run, or it is not the one that readers see.
    """
    by = person(root, because)
    done = open_store(root, params).retract(run_id, by, because.strip())
    told = {**asdict(done), "by": by, "because": because.strip()}
    told["retracted"] = told.pop("run_id")
    now = f"run {done.back_to} again" if done.back_to else "nothing"
    _tell(told, f"retracted: readers of {done.partition} see {now}", as_json)
    return told


def _tell(told: dict[str, Any], line: str, as_json: bool) -> None:
    print(json.dumps(told, indent=2, ensure_ascii=False) if as_json else line)
