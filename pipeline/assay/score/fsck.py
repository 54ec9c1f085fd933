"""``assay fsck``: whether the store is whole, and what mends it if it is not."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from assay.project.params import Params
from assay.store import Damage, Damaged, open_store


def run(root: Path, params: Params, mend: bool = False, as_json: bool = False) -> list[Damage]:
    """Look over every table's log, and read every file that it is made of.

    Parameters
    ----------
    mend
        Mend what can be mended without losing a row that could still be read.

    Raises
    ------
    Damaged
        With a line for each damage that is left.
    """
    found = open_store(root, params).check(mend)
    left = [each for each in found if not each.mended]
    if as_json:
        print(json.dumps({"store": params.store, "damages": [asdict(each) for each in found]}))
    else:
        for each in found:
            if each.mended:
                print(f"mended: {each.table}: {each.what}: {each.mend}")
        if not found:
            print(f"{params.store}: nothing is damaged")
    if left:
        raise Damaged([each.line() for each in left])
    return found
