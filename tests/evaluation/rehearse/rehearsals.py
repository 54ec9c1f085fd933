"""Nights of the small project, rehearsed as the stage does it, whatever they are read from."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from assay.contract.loader import load_contract
from assay.evaluation.rehearse import last_nights, nights
from assay.evaluation.rehearse.champion import NightModel
from assay.model import bundle
from assay.project import layout
from assay.project import params as parameters
from assay.reports.rehearsed_nights import RehearsedNights

LAST = (date(2024, 3, 1), date(2024, 3, 2))
"""On the second of them three rows break the contract."""


def prepared(root: Path, days: Any = LAST, given: Any = None) -> tuple[Any, nights.AskedNights]:
    params = parameters.load(root)
    changes: dict[str, Any] = {
        "rehearse": params.rehearse.model_copy(update={"nights": days, "repeats": 1})
    }
    if given is not None:
        changes["score"] = params.score.model_copy(update={"input": given})
    params = params.model_copy(update=changes)
    last_nights.run(root, params)
    contract = load_contract(root / params.contract.file, root=root).without_label()
    loaded = bundle.load(root / layout.BUNDLE, expected=None, allow_types=())
    return params, nights.prepare(root, params, NightModel(loaded, contract, params.contract))


def rehearsed(root: Path, spark: Any, days: Any = LAST, given: Any = None) -> RehearsedNights:
    params, asked = prepared(root, days, given)
    return nights.rehearse(root, params, lambda: spark, asked, root / layout.HOLDOUT_TABLE)


def counted(found: RehearsedNights) -> Any:
    """All of it but for what is measured with a clock, and what tells the input apart."""
    tree = found.tree()
    for night in tree["nights"]:
        for model in ("challenger", "champion"):
            del night[model]["seconds"]
        del night["fingerprint"]
    return tree["nights"]
