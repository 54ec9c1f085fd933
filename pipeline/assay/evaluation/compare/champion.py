"""Load the champion from models/champion and score the holdout with it.

If it cannot be compared with, the result is a state with the reason. It is neither an error that
ends the stage nor silently treated as no champion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay.columns.features import Floats
from assay.errors.base import describe_error
from assay.model import bundle as bundles
from assay.model import holdout
from assay.model.bundle import Bundle
from assay.model.manifest import Manifest
from assay.project import extras, layout, source_code
from assay.reports.champion import StageHolder
from assay.reports.comparison import ComparedChampion, State

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ScoredChampion:
    """The champion with its scores, or the state and the reason why there are none.

    ``scores`` and ``manifest`` are set if and only if ``state`` is ``compared``.
    """

    state: State
    why: str | None
    champion: ComparedChampion | None
    manifest: Manifest | None = None
    scores: Floats | None = None


def score_champion(
    root: Path, frame: pd.DataFrame, challenger: Manifest, allow_types: tuple[str, ...]
) -> ScoredChampion:
    """The champion and its scores of ``frame``, or the reason why there are none.

    Parameters
    ----------
    frame
        The holdout.
    challenger
        The challenger's manifest; task, label and classes must be the same.
    allow_types
        Types that params.yaml allows in a model.
    """
    holder = StageHolder.read(root)
    if holder.state == "none":
        return ScoredChampion("none", holder.why, None)
    champion = ComparedChampion(version=holder.version, bundle=holder.bundle)
    if holder.state == "unreadable":
        return ScoredChampion("unreadable", holder.why, champion)
    try:
        loaded = bundles.load(
            root / layout.CHAMPION_BUNDLE,
            expected=holder.bundle,
            allow_types=allow_types,
            code=source_code.file_reader(root / layout.CHAMPION_CODE),
        )
        _ = loaded.scorer
    except Exception as error:  # imports the model's own code, which may raise anything
        extras.raise_if_missing(error)
        return ScoredChampion("unreadable", describe_error(error, root), champion)
    unlike = task_mismatch(loaded.manifest, challenger)
    if unlike:
        return ScoredChampion("incomparable", unlike, champion)
    gone = missing_features(loaded.manifest, frame)
    if gone:
        return ScoredChampion("features_missing", gone, champion)
    try:
        scores = _scores(loaded, frame)
    except Exception as error:  # runs the model's own code, which may raise anything
        extras.raise_if_missing(error)
        return ScoredChampion(
            "unreadable", f"it cannot score: {describe_error(error, root)}", champion
        )
    return ScoredChampion("compared", None, champion, loaded.manifest, scores)


def task_mismatch(champion: Manifest, challenger: Manifest) -> str | None:
    """How task, label or classes differ from the challenger's; None if they do not."""
    facts: Mapping[str, tuple[object, object]] = {
        "task": (champion.task, challenger.task),
        "label": (champion.label, challenger.label),
        "classes": (", ".join(champion.classes), ", ".join(challenger.classes)),
    }
    other = [
        f"{name} is {old or 'none'} and the challenger's {new or 'none'}"
        for name, (old, new) in facts.items()
        if old != new
    ]
    return f"the champion's {' and its '.join(other)}" if other else None


def missing_features(champion: Manifest, frame: pd.DataFrame) -> str | None:
    """The champion's features that the holdout lacks or has with another type; None if none."""
    import pandas as pd

    absent = [name for name in champion.features if name not in frame.columns]
    if absent:
        return f"the holdout has no {', '.join(absent)}"
    odd = []
    for kind, names in (("numbers", champion.numeric), ("text", champion.categorical)):
        for name in names:
            # Booleans with nulls have the dtype object too, so check the values, not the dtype.
            inferred = pd.api.types.infer_dtype(frame[name], skipna=True)
            if (inferred in ("string", "categorical")) is not (kind == "text") and (
                inferred != "empty"
            ):
                odd.append(f"{name} is {inferred} in the holdout, where the champion reads {kind}")
    return "; ".join(odd) or None


def _scores(loaded: Bundle, frame: pd.DataFrame) -> Floats:
    from assay.model.batch import score_frame

    manifest = loaded.manifest
    given = score_frame(loaded, frame)
    return holdout.validate_scores(given, len(frame), manifest.task, manifest.classes)
