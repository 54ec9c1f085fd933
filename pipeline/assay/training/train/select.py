"""Selects the best candidate by ``train.select_by`` and copies its bundle."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, PlainSerializer, model_validator

from assay.errors import BundleMissing, LabelError
from assay.model import bundle_files
from assay.model.bundle import CARD
from assay.model.manifest import MANIFEST
from assay.project import layout, partitions
from assay.project.document import Report, Text
from assay.project.params import Params
from assay.project.tasks import orient_value

_log = logging.getLogger(__name__)

Scores = Annotated[
    Mapping[str, Mapping[str, float | None]],
    AfterValidator(MappingProxyType),
    PlainSerializer(
        lambda given: {name: dict(sorted(each.items())) for name, each in sorted(given.items())}
    ),
]
"""Candidate -> metric -> out-of-fold value."""


class Selection(Report):
    """selection.json: the chosen candidate. ``dvc metrics`` reads it too.

    It has no schema version, because DVC would show that as a metric.
    """

    SCHEMA: ClassVar = None
    FILE: ClassVar = layout.SELECTION
    STAGE: ClassVar = "select"
    WHAT: ClassVar = "a selection"

    by: Text
    candidates: Scores
    selected: Text

    @model_validator(mode="after")
    def _one_of_the_candidates(self) -> Self:
        if self.selected not in self.candidates:
            raise ValueError(
                f"selected is '{self.selected}', not one of {', '.join(self.candidates)}"
            )
        return self


def best_candidate(scores: Scores, by: str) -> str:
    """Name of the best candidate; of equal ones the first in params.yaml.

    One without a value, as is one whose ``fit`` does not learn, is selected only if it is alone.

    Raises
    ------
    LabelError
        No candidate has a value for the metric.
    """
    ranked = [
        (orient_value(by, value), name)
        for name, metrics in scores.items()
        if (value := metrics.get(by)) is not None
    ]
    if not ranked and len(scores) == 1:
        return next(iter(scores))
    if not ranked:
        raise LabelError(
            "no candidate has a value for the metric that selects",
            where="params.yaml: train.select_by",
            found=by,
            fix="Leave one candidate, or add one that learns from its rows.",
        )
    top = max(value for value, _ in ranked)
    return next(name for value, name in ranked if value == top)


def run(root: Path, params: Params) -> Selection:
    """Copy the best candidate's bundle to ``models/bundle``.

    Raises
    ------
    BundleMissing
        A candidate of params.yaml was not trained.
    """
    scores: dict[str, Mapping[str, float | None]] = {}
    for name in params.train.candidates:
        folder = root / layout.CANDIDATES / name
        if not folder.is_dir():
            raise BundleMissing(
                "the candidate was not trained",
                where=f"{layout.CANDIDATES}/{name}",
                fix=f"Run dvc repro train@{name}.",
            )
        files = bundle_files.read(folder)
        bundle_files.verify(files, str(folder))
        scores[name] = json.loads(files[MANIFEST])["out_of_fold"]
    unknown = [
        name for name, metrics in scores.items() if metrics.get(params.train.select_by) is None
    ]
    if unknown and len(scores) > 1:
        _log.warning(
            "select: %s without an out-of-fold %s, so left out: the training's log and %s say why",
            ", ".join(unknown),
            params.train.select_by,
            CARD,
        )
    chosen = best_candidate(scores, params.train.select_by)
    with partitions.replace_folder(root / layout.BUNDLE) as made:
        for path in (root / layout.CANDIDATES / chosen).iterdir():
            shutil.copyfile(path, made / path.name)
    selection = Selection(by=params.train.select_by, candidates=scores, selected=chosen)
    selection.write(root)
    return selection
