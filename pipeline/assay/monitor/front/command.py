"""``assay front``: write the front page."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from assay.errors import AssayError
from assay.monitor.front import page
from assay.monitor.front.content import Front, gather
from assay.monitor.incidents.collect import AllNights, all_nights
from assay.monitor.nights import facts as night_facts
from assay.monitor.nights.facts import KnownNights
from assay.monitor.nights.status_update import update_statuses
from assay.project import layout
from assay.project.extras import missing_extra
from assay.project.params import Params
from assay.project.textfile import write
from assay.store import open_store

NIGHTS = 90
log = logging.getLogger(__name__)


def run(root: Path, params: Params, last: int = NIGHTS) -> Front:
    """Write the front page, and update the status on the nights' own pages.

    Parameters
    ----------
    last
        How many nights to show.
    """
    facts = night_facts.load(root, open_store(root, params), ())
    every = all_nights(facts)
    update_statuses(root, params.monitor, every.nights, facts.documents)
    return write_page(root, params, every, facts, last)


def write_page(
    root: Path, params: Params, every: AllNights, facts: KnownNights, last: int = NIGHTS
) -> Front:
    """Write the front page from given facts."""
    front = gather(root, params, every, facts, last)
    write(root / layout.FRONT, page.render(front))
    return front


def try_run(root: Path, params: Params) -> None:
    """As `run`, after a command whose result it must not change.

    A failure is only logged.
    """
    try:
        run(root, params)
    except Exception as error:  # the command itself has succeeded, so no error may escape
        known = error if isinstance(error, AssayError) else missing_extra(error)
        why = known.line() if known else " ".join(str(error).split())
        log.warning(
            "%s is not up to date: %s. Once that is mended: assay front",
            layout.FRONT,
            why or type(error).__name__,
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
