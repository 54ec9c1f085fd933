"""Training tables, trained candidates, and the selected one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from assay.project.text import counted, format_digits
from assay.training.train.model_card import describe_calibration, describe_vocabularies

if TYPE_CHECKING:
    from assay.training.tables.ingest import IngestSummary
    from assay.training.tables.prepare import WindowRows
    from assay.training.train.select import Selection
    from assay.training.train.stage import TrainSummary

LARGE = 100_000_000
"""Bytes of a model's files from which training warns of them."""


def ingest_lines(found: IngestSummary) -> Iterator[str]:
    yield (
        f"ingest: {counted(found.rows, 'row')} in {counted(found.nights, 'night')}, "
        f"{found.first} to {found.last}"
    )


def prepare_lines(sides: Mapping[str, WindowRows]) -> Iterator[str]:
    """A line for each of training and holdout."""
    for name, side in sides.items():
        yield (
            f"prepare: {name}, {side.window}: {counted(side.labels['rows'], 'row')}, "
            f"{_labels(side.labels)}, {side.without_label:,} without a label left out"
            + (f", {side.apart:,} of groups that the holdout has" if side.apart else "")
        )


def train_lines(found: TrainSummary) -> Iterator[str]:
    manifest = found.manifest
    name = manifest.candidate
    for line in describe_vocabularies(manifest):
        yield f"train: {name}: {line}"
    for line in manifest.uncompiled:
        yield f"train: {name}: {line}"
    if manifest.calibration_losses:
        yield f"train: {name}: calibration {describe_calibration(manifest)}"
    value = manifest.out_of_fold[found.by]
    yield f"train: {name}: out-of-fold {found.by} {value}, bundle {found.digest[:19]}"
    if found.stored >= LARGE:
        trees = manifest.compiled["kind"] == "trees"
        lower = (
            "Lower max_depth or n_estimators, or raise min_samples_leaf,"
            if trees
            else "Change its args"
        )
        yield (
            f"train: {name}: a large model: {found.scoring / 1e6:,.0f} MB in memory wherever it "
            f"scores, {found.stored / 1e6:,.0f} MB in the bundle. {lower} under "
            f"train.candidates.{name} in params.yaml if that is too much."
        )


def select_lines(found: Selection) -> Iterator[str]:
    """A line for each candidate; a star marks the selected one."""
    for name, metrics in found.candidates.items():
        mark = "*" if name == found.selected else " "
        yield f"select: {mark} {name}: {found.by} {metrics[found.by]}"


def _labels(facts: Mapping[str, Any]) -> str:
    if "positives" in facts:
        return f"{facts['positives'] / facts['rows']:.1%} positive"
    if "classes" in facts:
        return counted(len(facts["classes"]), "class", "classes")
    return f"mean {format_digits(facts['mean'])}"
