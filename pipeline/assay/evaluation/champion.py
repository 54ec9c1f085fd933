"""Load the challenger, and the champion from where the stage ``champion`` left it.

If the champion cannot be compared with, the result is a state with the reason. It is neither an
error that ends the stage nor silently treated as no champion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from assay.errors.base import describe_error
from assay.model import bundle as bundles
from assay.model.bundle import Bundle
from assay.model.manifest import Manifest
from assay.project import extras, layout, source_code
from assay.project.params import Params
from assay.reports.champion import StageHolder


@dataclass(frozen=True)
class Champion:
    """The champion, or the state and the reason why it cannot be used.

    ``bundle`` is set if and only if ``state`` is ``loaded``, and then ``why`` is None. States as in
    `assay.reports.comparison.State`.
    """

    state: Literal["none", "unreadable", "incomparable", "loaded"]
    why: str | None
    version: str | None
    digest: str | None
    bundle: Bundle | None = None

    def unreadable(self, why: str) -> Champion:
        """The same champion, which turned out to be of no use."""
        return replace(self, state="unreadable", why=why, bundle=None)


def load_challenger(root: Path, params: Params) -> Bundle:
    """The bundle that select chose; errors as `assay.model.bundle.load`."""
    return bundles.load(
        root / layout.BUNDLE,
        expected=None,
        allow_types=params.bundle.allow_types,
        code=source_code.file_reader(root),
    )


def load_champion(root: Path, params: Params, challenger: Manifest) -> Champion:
    """The champion that holds the stage; task, label and classes must be the challenger's.

    Raises
    ------
    StageInputMissing
        The stage ``champion`` has not run.
    """
    holder = StageHolder.read(root)
    if holder.state != "found":
        return Champion(holder.state, holder.why, holder.version, holder.bundle)
    champion = Champion("loaded", None, holder.version, holder.bundle)
    try:
        loaded = bundles.load(
            root / layout.CHAMPION_BUNDLE,
            expected=holder.bundle,
            allow_types=params.bundle.allow_types,
            code=source_code.file_reader(root / layout.CHAMPION_CODE),
        )
        _ = loaded.scorer
    except Exception as error:  # imports the model's own code, which may raise anything
        extras.raise_if_missing(error)
        return champion.unreadable(describe_error(error, root))
    unlike = task_mismatch(loaded.manifest, challenger)
    if unlike:
        return replace(champion, state="incomparable", why=unlike)
    return replace(champion, bundle=loaded)


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
