"""``assay front``: write the front page."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from pipeline import jsonfile, layout
from pipeline.monitor.front import page
from pipeline.monitor.front.gather import Front, gather
from pipeline.params import Params

NIGHTS = 90


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


def refresh(root: Path, params: Params, last: int = NIGHTS) -> Front:
    """Write the page anew, and nothing on the terminal."""
    front = gather(root, params, last)
    target = root / layout.FRONT
    target.parent.mkdir(parents=True, exist_ok=True)
    # Whole or not at all: a reader never sees half a page.
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".front-") as scratch:
        made = Path(scratch) / target.name
        made.write_text(page.render(front), encoding="utf-8")
        made.replace(target)
    return front


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
