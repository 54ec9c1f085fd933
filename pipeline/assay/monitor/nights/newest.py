"""The newest published nights: what a schedule looks at again each night."""

from __future__ import annotations

from pathlib import Path

from assay.errors import NothingScored
from assay.project.params import Params
from assay.store import open_store


def newest_nights(root: Path, params: Params, number: int) -> tuple[str, str]:
    """The first and the last of the newest ``number`` published nights, or of those there are.

    Raises
    ------
    NothingScored
        No night is published.
    """
    nights = sorted(open_store(root, params).visible_runs())[-number:]
    if not nights:
        raise NothingScored(
            "no night is published yet", where=params.store, fix="Score one: assay score --due."
        )
    return nights[0], nights[-1]
