"""``assay check --lock``: is dvc.lock current? Answered without data, cache or a remote."""

from __future__ import annotations

from pathlib import Path

from pipeline import jsonfile, layout
from pipeline.errors import LockStale, UsageError
from pipeline.params import Params
from pipeline.registry import lock_read
from pipeline.registry.lock_compare import Answer, compare

_EXAMPLES = 3


def run(root: Path, params: Params, *, lock: bool, as_json: bool = False) -> Answer:
    """Print what changed since dvc.lock was written.

    Raises
    ------
    UsageError
        Nothing was named that is to be checked.
    LockStale
        With a line for each stage that is not as dvc.lock says.
    PipelineFileError
        dvc.yaml or dvc.lock is missing or cannot be understood.
    NotARepository
    """
    if not lock:
        raise UsageError(
            "say what to check", where="assay check", expected="--lock (is dvc.lock current?)"
        )
    pipeline = lock_read.read(root)
    answer = compare(pipeline)
    if as_json:
        print(jsonfile.dumps(_plain(answer, len(pipeline.stages))), end="")
    elif not answer.changes:
        print(f"check: {layout.DVC_LOCK} is current: {len(pipeline.stages)} stages as it says")
    if not as_json and answer.unseen:
        print(_unseen(answer))
    if answer.changes:
        told = [f"{stage}: {'; '.join(found)}" for stage, found in answer.changes.items()]
        raise LockStale([f"{layout.DVC_LOCK} is not current: {line}" for line in told])
    return answer


def _plain(answer: Answer, stages: int) -> dict[str, object]:
    return {
        "schema": 1,
        "current": not answer.changes,
        "stages": stages,
        "changed": [
            {"stage": stage, "changes": list(found)} for stage, found in answer.changes.items()
        ],
        "unseen": [{"stage": stage, "path": path} for stage, path in answer.unseen],
    }


def _unseen(answer: Answer) -> str:
    paths = list(dict.fromkeys(path for _, path in answer.unseen))
    more = len(paths) - _EXAMPLES
    shown = ", ".join(paths[:_EXAMPLES]) + (f" and {more} more" if more > 0 else "")
    return f"check: nothing can be said without the data about {shown}"
