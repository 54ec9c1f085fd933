"""What the version that held the stage before would have decided about one row, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from assay.errors import AssayError, ReasonsUnknown
from assay.model import prediction, reasons
from assay.model.batch import score_batch
from assay.model.reasons import Reason
from assay.project.params import Params
from assay.registry.pin import PinnedVersion, pin
from assay.registry.versions import read_state
from assay.store import Run


@dataclass(frozen=True)
class Before:
    """The answer of the version before, or why there is none.

    Attributes
    ----------
    version
        None if there is no such version.
    prediction, score
        As that version would have published them; the score is None for a regression.
    reasons
        The strongest first; of its own training and contract.
    unknown
        Why its answer is not known; None if it is.
    unexplained
        Why its reasons are not known; empty if they are.
    """

    version: str | None = None
    prediction: Any = None
    score: float | None = None
    reasons: tuple[Reason, ...] = ()
    unknown: str | None = None
    unexplained: str = ""


def pin_before(root: Path, params: Params, record: Run) -> PinnedVersion | Before:
    """The version that held the stage before the one that scored a run, when that came to hold it.

    Returns
    -------
    PinnedVersion or Before
        The latter without an answer: there is no such version, or it cannot be had.
    """
    stage = params.registry.stage
    state = read_state(root, params.name)
    moves = [each for each in state.histories.get(stage, ()) if each.kind != "unassign"]
    if record.started_at is not None:
        moves = [each for each in moves if datetime.fromisoformat(each.at) <= record.started_at]
    held = [each.version for each in moves]
    while held and held[-1] != record.version:
        held.pop()
    earlier = next((each for each in reversed(held) if each != record.version), None)
    if earlier is None:
        return Before(unknown=f"no other version held the stage {stage} before {record.version}")
    version = state.find(earlier)
    if version is None:
        return Before(earlier, unknown=f"{earlier} is no registered version any more")
    try:
        return pin(root, params, version)
    except AssayError as error:
        return Before(earlier, unknown=f"{earlier} cannot be loaded ({error.line()})")


def decide(pinned: PinnedVersion | Before, row: pa.Table) -> Before:
    """What a version says of one row.

    Parameters
    ----------
    pinned
        As `pin_before` returns it.
    row
        One row with the columns of its contract that the night's input has.
    """
    if isinstance(pinned, Before):
        return pinned
    bundle, contract, name = pinned.bundle, pinned.contract, pinned.version.version
    lacking = sorted(set(contract.columns) - set(row.column_names))
    if lacking:
        return Before(name, unknown=f"the input lacks what {name} reads: {', '.join(lacking)}")
    scored = score_batch(bundle, contract, row)
    if not scored.predictions.num_rows:
        rules = ", ".join(rule for rule, rows in scored.broken.items() if rows)
        return Before(name, unknown=f"{name} refuses the row: {rules}")
    (said,) = scored.predictions.to_pylist()
    decided, score = said[prediction.PREDICTION], said.get(prediction.PROBABILITY)
    try:
        explanation = reasons.row_reasons(bundle, contract, row, decided)
    except ReasonsUnknown as error:
        return Before(name, decided, score, unexplained=f"unknown reasons ({error.what})")
    return Before(name, decided, score, explanation.reasons)
