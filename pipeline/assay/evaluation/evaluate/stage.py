"""The stage ``evaluate``: write the evaluation of the bundle on the holdout, plots and a page."""

from __future__ import annotations

from pathlib import Path

from assay.evaluation.evaluate import compute, page, plots
from assay.evaluation.evaluate.feature_importance import measure_importance
from assay.evaluation.evaluate.section import PageHeader
from assay.metrics.intervals.own import OwnMeasures
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.own_metrics import load_own_metrics
from assay.metrics.sampling_units import units_of
from assay.model import bundle as bundles
from assay.model import holdout
from assay.model import model as models
from assay.project import digests, layout, source_code
from assay.project.document import write_json, write_text
from assay.project.params import Params
from assay.reports.evaluation import Evaluation


def run(root: Path, params: Params) -> Evaluation:
    """Evaluate the bundle under ``root`` on the holdout.

    Writes evaluation.json, metrics.json, the plot tables and the page. Nothing is written until
    everything is computed.
    """
    from assay.model.batch import score_frame

    data = digests.data(root)
    bundle = bundles.load(
        root / layout.BUNDLE,
        expected=None,
        allow_types=params.bundle.allow_types,
        code=source_code.file_reader(root),
    )
    manifest = bundle.manifest
    frame = holdout.read(root)
    task, classes = manifest.task, manifest.classes
    # Validate the labels before scoring, since the table may be empty.
    truth = holdout.labels(frame, manifest.label, task, classes)
    scores = holdout.validate_scores(score_frame(bundle, frame), len(frame), task, classes)
    scored = LabelledScores(task, truth, scores, classes, manifest.threshold)
    units = units_of(frame, params.evaluate.unit, params.ingest.partition_by)
    asked = load_own_metrics(params.evaluate.metrics, root, [*frame.columns])
    own = OwnMeasures.of(asked, frame, scored, params.seed)
    found = compute.evaluate(
        frame, scored, units, manifest.slices, params.evaluate, manifest.sensitive, own
    )
    importance = measure_importance(
        bundle.scorer, frame, scored, manifest.features, params.train.select_by, params.seed
    )
    evaluation = Evaluation(
        **dict(found),
        name=manifest.name,
        candidate=manifest.candidate,
        bundle=bundle.digest,
        data=data,
        contract=digests.worktree_contract(root, params),
        # From the model file that was loaded, not from the bundle's manifest.
        importance=importance,
        types=tuple(models.untrusted_types(bundle.files[bundles.MODEL])),
    )
    tables = plots.tables(scored, manifest.label)
    html = page.render(
        found,
        scored,
        tables,
        PageHeader(
            name=manifest.name,
            candidate=manifest.candidate,
            bundle=bundle.digest,
            label=manifest.label,
            window=str(params.prepare.holdout),
        ),
        params.seed,
        importance,
        params.evaluate.evidently == "always",
    )
    evaluation.write(root)
    write_json(root / layout.METRICS, found.summary())
    write_text(root / layout.EVALUATION_PAGE, html)
    plots.write(tables, root / layout.PLOTS)
    return evaluation
