"""``assay window``: move the training and the holdout window to the newest nights with labels."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from assay.errors import RetrainAdvised
from assay.performance import retrain
from assay.project import layout
from assay.project.document import write_text
from assay.project.params import Params, yaml_text
from assay.project.partitions import parse_day
from assay.store import open_store


@dataclass(frozen=True)
class MovedWindow:
    """The windows now, and by how many days they moved; 0 if they stayed, and ``why``."""

    days: int
    train: tuple[str, str]
    holdout: tuple[str, str]
    why: str

    def document(self) -> dict[str, Any]:
        return {"moved": self.days > 0, **asdict(self)}


def run(root: Path, params: Params, *, if_advised: bool = False) -> MovedWindow:
    """Move both windows by the same number of days, so that the holdout ends with the labels.

    Their lengths and what lies between them stay. Only params.yaml is written, and of it only the
    four days.

    Parameters
    ----------
    if_advised
        Only if ``assay monitor --retrain-if`` says to train again.
    """
    why = "asked for"
    if if_advised:
        try:
            advice = retrain.run(root, params)
        except RetrainAdvised as advised:
            why = advised.what
        else:
            told = "; ".join(each.sentence for each in advice.rules)
            return _stays(params, f"no rule says to train again: {told}")
    days = shift(params, newest_labels(root, params))
    if days <= 0:
        return _stays(params, "no labels are newer than the holdout")
    moved = MovedWindow(
        days,
        _by(params.prepare.train.start, params.prepare.train.end, days),
        _by(params.prepare.holdout.start, params.prepare.holdout.end, days),
        why,
    )
    path = root / layout.PARAMS
    values: dict[tuple[str, ...], str] = {
        ("prepare", side, end): getattr(moved, side)[at]
        for side in ("train", "holdout")
        for at, end in enumerate(("from", "to"))
    }
    write_text(path, yaml_text.set_values(path.read_text(encoding="utf-8"), values))
    return moved


def newest_labels(root: Path, params: Params) -> date | None:
    """The newest night with labels; None if there is none."""
    days = map(parse_day, open_store(root, params).labelled_partitions())
    return max((day for day in days if day is not None), default=None)


def shift(params: Params, newest: date | None) -> int:
    """By how many days the windows move for the holdout to end at ``newest``; 0 if they stay."""
    if newest is None:
        return 0
    return max(0, (newest - date.fromisoformat(str(params.prepare.holdout.end))).days)


def _stays(params: Params, why: str) -> MovedWindow:
    sides = params.prepare.train, params.prepare.holdout
    train, holdout = ((str(side.start), str(side.end)) for side in sides)
    return MovedWindow(0, train, holdout, why)


def _by(start: object, end: object, days: int) -> tuple[str, str]:
    first, last = (date.fromisoformat(str(each)) + timedelta(days=days) for each in (start, end))
    return str(first), str(last)
