"""The stage ``compare``: write the comparison of bundle and champion, and its page."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from assay.evaluation.compare import compute, section
from assay.evaluation.compare.champion import ScoredChampion, score_champion
from assay.metrics.intervals.own import OwnMeasures
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.own_metrics import load_own_metrics
from assay.metrics.sampling_units import units_of
from assay.model import bundle as bundles
from assay.model import holdout
from assay.pages.page_layout import compose_page
from assay.project import digests, layout, source_code
from assay.project.document import write_text
from assay.project.params import Params, Window
from assay.reports.comparison import Challenger, Comparison


def run(root: Path, params: Params) -> Comparison:
    """Compare the bundle under ``root`` with the champion on the holdout.

    Writes comparison.json and the page. If there is no usable champion, the comparison states the
    reason and has no numbers.
    """
    from assay.model.batch import score_frame

    data = digests.data(root)
    allowed = params.bundle.allow_types
    bundle = bundles.load(
        root / layout.BUNDLE, expected=None, allow_types=allowed, code=source_code.file_reader(root)
    )
    manifest = bundle.manifest
    frame = holdout.read(root)
    task, classes = manifest.task, manifest.classes
    truth = holdout.labels(frame, manifest.label, task, classes)
    scores = holdout.validate_scores(score_frame(bundle, frame), len(frame), task, classes)
    units = units_of(frame, params.evaluate.unit, params.ingest.partition_by)
    other = score_champion(root, frame, manifest, allowed)
    numbers: dict[str, Any] = {"differences": None, "slices": (), "stability": None}
    why = other.why
    if other.scores is not None and other.manifest is not None:
        before = LabelledScores(task, truth, other.scores, classes, other.manifest.threshold)
        after = LabelledScores(task, truth, scores, classes, manifest.threshold)
        settings, units = params.evaluate, units.followed(after.losses())
        asked = load_own_metrics(settings.metrics, root, [*frame.columns])
        own = (
            OwnMeasures.of(asked, frame, before, params.seed),
            OwnMeasures.of(asked, frame, after, params.seed),
        )
        why = holdout_overlap(other, params.prepare.holdout)
        numbers = {
            "differences": compute.compare_rows(
                before, after, np.arange(len(frame)), units, settings.confidence, own
            ),
            "slices": compute.compare_slices(
                frame, before, after, units, manifest.slices, settings, own
            ),
            "stability": compute.stability(before, after, units, settings.confidence),
        }
    found = Comparison(
        name=manifest.name,
        task=task,
        state=other.state,
        why=why,
        challenger=Challenger(candidate=manifest.candidate, bundle=bundle.digest),
        champion=other.champion,
        data=data,
        contract=digests.worktree_contract(root, params),
        rows=len(frame),
        unit=units.name,
        units=units.count,
        confidence=params.evaluate.confidence,
        own_metrics=params.evaluate.metrics,
        **numbers,
    )
    html = compose_page(section.headline(found), section.render(found))
    found.write(root)
    write_text(root / layout.COMPARISON_PAGE, html)
    return found


def holdout_overlap(other: ScoredChampion, window: Window) -> str | None:
    """Why the champion's metrics are too good, or None.

    They are if it was trained on days of this holdout.
    """
    if other.manifest is None:
        return None
    first, _, last = other.manifest.window.partition(" to ")
    if date.fromisoformat(first) > window.end or date.fromisoformat(last) < window.start:
        return None
    return (
        f"the champion was trained on {other.manifest.window}, which is in part the holdout of "
        f"{window}: it has seen answers there, and looks better than it is"
    )
