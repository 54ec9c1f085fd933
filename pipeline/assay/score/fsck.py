"""``assay fsck``: whether the store is whole, and what mends it if it is not."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from assay.project.params import Params
from assay.store import Damage, Damaged, open_store


@dataclass(frozen=True)
class Found:
    """What was wrong with a store, and what of it was mended."""

    store: str
    damages: tuple[Damage, ...]

    def plain(self) -> dict[str, Any]:
        return {"store": self.store, "damages": [asdict(each) for each in self.damages]}


def run(root: Path, params: Params, mend: bool = False) -> Found:
    """Look over every table's log, and read every file that it is made of.

    Parameters
    ----------
    mend
        Mend what can be mended without losing a row that could still be read.

    Raises
    ------
    Damaged
        With a line for each damage that is left; what was found is on it.
    """
    found = Found(params.store, tuple(open_store(root, params).check(mend)))
    left = [each.line() for each in found.damages if not each.mended]
    if left:
        raise Damaged(left).after(found)
    return found
