"""``assay promote``: the registry's promotion, with the gate's checks of the verdict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from assay.gate import provenance, verdict_verification
from assay.project.params import Params
from assay.registry import promote as registry
from assay.registry.promote import StageMove
from assay.registry.promotion_facts import GateFunctions


def promote(
    root: Path,
    params: Params,
    *,
    because: str | None = None,
    stage: str | None = None,
    bump: Literal["major", "minor", "patch"] = "minor",
    override: bool = False,
    ask_host: Callable[[], str | None] | None = None,
) -> StageMove:
    """Register the checked-out commit as a version and assign it the registry stage.

    See :func:`assay.registry.promote.promote`, which this calls with the gate's checks.
    """
    return registry.promote(
        root,
        params,
        because=because,
        stage=stage,
        bump=bump,
        override=override,
        ask_host=ask_host,
        gate=GateFunctions(
            reports=provenance.reports_digest, problems=verdict_verification.find_discrepancies
        ),
    )
