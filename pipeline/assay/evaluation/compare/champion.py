"""The champion that lies in models/champion: what it is, and its scores of the holdout.

Whatever keeps it from being compared with is an outcome that says why: neither an error that
ends the stage nor a comparison without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay.columns.features import Floats
from assay.errors import AssayError
from assay.model import bundle as bundles
from assay.model import holdout
from assay.model.bundle import Bundle, Manifest
from assay.project import layout, sources
from assay.reports.champion import StageHolder
from assay.reports.comparison import ComparedChampion, State

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Opponent:
    """The champion, ready to be compared with, or the state and the reason why it is not.

    ``scores`` are there if and only if ``state`` is ``compared``; ``manifest`` then is too.
    """

    state: State
    why: str | None
    champion: ComparedChampion | None
    manifest: Manifest | None = None
    scores: Floats | None = None


def opponent(
    root: Path, frame: pd.DataFrame, challenger: Manifest, allow_types: tuple[str, ...]
) -> Opponent:
    """The champion and its scores of ``frame``, or why there are none.

    Parameters
    ----------
    frame
        The holdout.
    challenger
        What the champion has to answer the same question as.
    allow_types
        Types that params.yaml allows in a model.

    Raises
    ------
    StageInputMissing, DataError
        The champion stage has not run, or its file is not what it wrote.
    """
    holder = StageHolder.read(root)
    if holder.state == "none":
        return Opponent("none", holder.why, None)
    champion = ComparedChampion(version=holder.version, bundle=holder.bundle)
    if holder.state == "unreadable":
        return Opponent("unreadable", holder.why, champion)
    try:
        loaded = bundles.load(
            root / layout.CHAMPION_BUNDLE,
            expected=holder.bundle,
            allow_types=allow_types,
            code=sources.reader(root / layout.CHAMPION_CODE),
        )
        _ = loaded.scorer
    except Exception as error:  # a model's own code is imported here, and raises what it likes
        return Opponent("unreadable", _line(error, root), champion)
    unlike = other_question(loaded.manifest, challenger)
    if unlike:
        return Opponent("incomparable", unlike, champion)
    gone = missing_features(loaded.manifest, frame)
    if gone:
        return Opponent("features_missing", gone, champion)
    try:
        scores = _scores(loaded, frame)
    except Exception as error:  # so is a model's own code run here
        return Opponent("unreadable", f"it cannot score: {_line(error, root)}", champion)
    return Opponent("compared", None, champion, loaded.manifest, scores)


def other_question(champion: Manifest, challenger: Manifest) -> str | None:
    """How the champion answers another question than the challenger; None if it does not."""
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
    """Which of the champion's features the holdout lacks or holds another kind of."""
    import pandas as pd

    absent = [name for name in champion.features if name not in frame.columns]
    if absent:
        return f"the holdout has no {', '.join(absent)}"
    odd = []
    for kind, names in (("numbers", champion.numeric), ("text", champion.categorical)):
        for name in names:
            # Truths with gaps are objects too, so what a column holds decides, not its type.
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
    return holdout.scores_of(given, len(frame), manifest.task, manifest.classes)


def _line(error: Exception, root: Path) -> str:
    """The error in one line that is the same wherever the project lies."""
    told = error.line() if isinstance(error, AssayError) else f"{type(error).__name__}: {error}"
    return " ".join(told.split()).removeprefix(f"{root}/")
