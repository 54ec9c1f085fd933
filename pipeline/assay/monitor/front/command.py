"""``assay front``: write the front page."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from assay.errors import AssayError
from assay.monitor.front import page
from assay.monitor.front.gather import Front, gather
from assay.monitor.front.settle import settle
from assay.project import jsonfile, layout
from assay.project.params import Params
from assay.project.textfile import write

NIGHTS = 90
NOTHING: Mapping[str, tuple[str, ...]] = MappingProxyType({})


def run(root: Path, params: Params, last: int = NIGHTS, as_json: bool = False) -> Front:
    """Write the page and say what is on it.

    Parameters
    ----------
    last
        How many nights.

    Raises
    ------
    StoreError
        The store is there and cannot be read.
    """
    front = refresh(root, params, last)
    if as_json:
        print(jsonfile.dumps(summary(front)), end="")
        return front
    counts = Counter(night.standing for night in front.nights)
    told = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    nights = "1 night" if len(front.nights) == 1 else f"{len(front.nights)} nights"
    print(nights + (f": {told}" if told else ""))
    print(f"page: {layout.FRONT}")
    return front


def refresh(
    root: Path,
    params: Params,
    last: int = NIGHTS,
    in_alarm: Mapping[str, tuple[str, ...]] = NOTHING,
) -> Front:
    """Write the page anew, and what the nights' own pages say; nothing on the terminal.

    Parameters
    ----------
    in_alarm
        Night -> columns in alarm, of nights that were looked at together just now.
    """
    front = gather(root, params, last, in_alarm)
    settle(root, params.monitor, (*front.before, *front.nights))
    write(root / layout.FRONT, page.render(front))
    return front


def keep_up(root: Path, params: Params) -> None:
    """The same after a command that is over, whose outcome it must not change.

    Why it could not be done is a line on standard error.
    """
    try:
        refresh(root, params)
    except Exception as error:  # whatever it is, the command that came before has done its work
        why = error.line() if isinstance(error, AssayError) else " ".join(str(error).split())
        print(
            f"assay: {layout.FRONT} is not up to date: {why or type(error).__name__}. "
            "Once that is mended: assay front",
            file=sys.stderr,
        )


def summary(front: Front) -> dict[str, Any]:
    """The page's facts as a JSON document."""
    return {
        "schema": 1,
        "name": front.name,
        "page": layout.FRONT,
        "champion": front.champion.to_plain(),
        "metric": front.metric,
        "nights": [
            {
                "partition": night.partition,
                "standing": night.standing,
                "run_id": night.run_id or None,
                "version": night.version or None,
                "rows_read": night.rows_read,
                "quarantine_share": night.quarantine_share,
                "drifted_share": night.drift.share if night.drift else None,
                "estimated": night.estimated.value if night.estimated else None,
                "trusted": night.estimated.trusted if night.estimated else None,
                "realized": night.realized.value if night.realized else None,
                "reasons": list(night.reasons()),
            }
            for night in front.nights
        ],
    }
