"""The content of the front page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from assay.monitor.incidents.collect import AllNights
from assay.monitor.nights.facts import KnownNights
from assay.monitor.nights.night import Night
from assay.monitor.status_facts import Facts, StatusPart, champion_part, retrain_facts
from assay.project import layout
from assay.project.params import Params

STAGE_PAGES = {
    layout.GATE_PAGE: "the gate's verdict",
    layout.EVALUATION_PAGE: "evaluation",
    layout.COMPARISON_PAGE: "comparison with the champion",
    layout.CONTRACT_PAGE: "contract of the training table",
}
"""Page that a stage of ``dvc repro`` writes -> its name on the front page."""


@dataclass(frozen=True, slots=True)
class Front:
    """Everything on the page.

    Attributes
    ----------
    metric
        The name of the performance metric that is shown; None if none was measured.
    every
        All nights, and all incidents.
    pages
        The pages of the stages that exist: address, relative to the front page, and name.
    retrain
        The advice to train again, as in `Status.retrain`.
    """

    name: str
    stage: str
    nights: tuple[Night, ...]
    champion: StatusPart
    metric: str | None
    max_drifted_share: float
    max_quarantine_share: float
    every: AllNights
    pages: tuple[tuple[str, str], ...] = ()
    retrain: Facts | None = None

    def document(self) -> dict[str, Any]:
        """What is on the page, as JSON values."""
        return {
            "schema": 1,
            "name": self.name,
            "page": layout.FRONT,
            "champion": self.champion.to_plain(),
            "metric": self.metric,
            "nights": [
                {
                    "partition": night.partition,
                    "standing": night.standing,
                    "run_id": night.run_id or None,
                    "version": night.version or None,
                    "rows_read": night.rows_read,
                    "quarantine_share": night.quarantine_share,
                    "drifted_share": night.drift.drifted_share if night.drift else None,
                    "estimated": night.estimated.value if night.estimated else None,
                    "trusted": night.estimated.trusted if night.estimated else None,
                    "realized": night.realized.value if night.realized else None,
                    "reasons": list(night.reasons()),
                }
                for night in self.nights
            ],
        }


def gather(root: Path, params: Params, every: AllNights, facts: KnownNights, last: int) -> Front:
    """The last nights, and the champion.

    Parameters
    ----------
    last
        How many nights are shown.
    """
    champion = champion_part(root, params)
    return Front(
        name=params.name,
        stage=params.registry.stage,
        nights=every.nights[-last:],
        champion=champion,
        metric=facts.headline_metric,
        max_drifted_share=params.monitor.max_drifted_share,
        max_quarantine_share=params.quarantine.max_share,
        every=every,
        pages=stage_pages(root),
        retrain=retrain_facts(root, params, champion),
    )


def stage_pages(root: Path) -> tuple[tuple[str, str], ...]:
    """The pages of the stages that exist; see `Front.pages`."""
    folder = PurePosixPath(layout.FRONT).parent
    return tuple(
        (str(PurePosixPath(path).relative_to(folder)), words)
        for path, words in STAGE_PAGES.items()
        if (root / path).is_file()
    )
