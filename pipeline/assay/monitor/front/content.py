"""The content of the front page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assay.monitor.incidents.collect import AllNights
from assay.monitor.nights import combine
from assay.monitor.nights.facts import KnownNights
from assay.monitor.nights.night import Night
from assay.monitor.status_facts import StatusPart, champion_part
from assay.project.params import Params


@dataclass(frozen=True, slots=True)
class Front:
    """Everything on the page.

    Attributes
    ----------
    metric
        The name of the performance metric that is shown; None if none was measured.
    every
        All nights, and all incidents.
    """

    name: str
    stage: str
    nights: tuple[Night, ...]
    champion: StatusPart
    metric: str | None
    max_drifted_share: float
    max_quarantine_share: float
    every: AllNights


def gather(root: Path, params: Params, every: AllNights, facts: KnownNights, last: int) -> Front:
    """The last nights, and the champion.

    Parameters
    ----------
    last
        How many nights are shown.
    """
    return Front(
        name=params.name,
        stage=params.registry.stage,
        nights=every.nights[-last:],
        champion=champion_part(root, params),
        metric=combine.headline_metric(row for rows in facts.measured.values() for row in rows),
        max_drifted_share=params.monitor.max_drifted_share,
        max_quarantine_share=params.quarantine.max_share,
        every=every,
    )
