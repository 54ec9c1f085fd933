"""A champion without git, and nights of the small project rehearsed as the stage does it."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

from assay.contract.loader import load_contract
from assay.evaluation import nights
from assay.evaluation.nights import ScoringModel
from assay.model import bundle, bundle_files
from assay.project import digests, layout, source_code
from assay.project import params as parameters
from assay.reports.champion import StageHolder
from assay.reports.rehearsal import RehearsedNights

LAST = (date(2024, 3, 1), date(2024, 3, 2))
"""On the second of them three rows break the contract."""


def prepared(root: Path, days: Any = LAST, given: Any = None) -> tuple[Any, nights.RehearsalPlan]:
    params = parameters.load(root)
    changes: dict[str, Any] = {
        "rehearse": params.rehearse.model_copy(update={"nights": days, "repeats": 1})
    }
    if given is not None:
        changes["score"] = params.score.model_copy(update={"input": given})
    params = params.model_copy(update=changes)
    nights.run(root, params)
    contract = load_contract(root / params.contract.file, root=root).without_label()
    loaded = bundle.load(root / layout.BUNDLE, expected=None, allow_types=())
    return params, nights.prepare(root, params, ScoringModel(loaded, contract))


def rehearsed(root: Path, spark: Any, days: Any = LAST, given: Any = None) -> RehearsedNights:
    params, asked = prepared(root, days, given)
    return nights.rehearse(root, params, lambda: spark, asked)


def counted(found: RehearsedNights) -> Any:
    """All of it but for what tells the input apart."""
    tree = found.tree()
    for night in tree["nights"]:
        del night["fingerprint"]
    return tree["nights"]


VERSION = "v0.1.0"


def write_champion(root: Path, candidate: str | None) -> None:
    """Make a candidate the champion, under the contract that is there now; None for no champion."""
    shutil.rmtree(root / layout.CHAMPION, ignore_errors=True)
    if candidate is None:
        StageHolder(state="none", stage="prod", why="nobody was promoted").write(root)
        return
    source = root / layout.CANDIDATES / candidate
    shutil.copytree(source, root / layout.CHAMPION_BUNDLE)
    for path, text in digests.contract_files(source_code.file_reader(root), VERSION).items():
        place = root / layout.CHAMPION_CONTRACT / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    StageHolder(
        state="found",
        stage="prod",
        version=VERSION,
        commit="1" * 40,
        bundle=bundle_files.verified_digest(source),
    ).write(root)


def edit(root: Path, name: str, old: str, new: str) -> None:
    """Replace a text in a file of a project, where it must stand."""
    text = (root / name).read_text(encoding="utf-8")
    assert old in text
    (root / name).write_text(text.replace(old, new), encoding="utf-8")
