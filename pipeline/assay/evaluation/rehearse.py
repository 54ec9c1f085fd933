"""The stage ``rehearse``: score rows of the holdout as a night, then the last real nights.

The holdout shows parity and cost, the nights which decisions would have been others than the
champion's.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from assay.columns.features import FrameFeatures
from assay.contract.columns import to_frame
from assay.contract.loader import load_contract
from assay.errors import StageInputMissing
from assay.evaluation import nights
from assay.evaluation.champion import load_challenger
from assay.evaluation.cost import MEGABYTE, NO_MEMORY, Batch, measure_cost
from assay.evaluation.nights import ScoringModel
from assay.evaluation.parity import (
    ExpectedPredictions,
    count_differences,
    key_columns,
    local_params,
    local_spark,
    resolve_carriers,
    score_with_carrier,
    select_rows,
    write_night,
)
from assay.project import digests, layout
from assay.project.params import Params
from assay.reports.rehearsal import Parity, Rehearsal
from assay.score import publication_checks
from assay.score.carriers import needs_spark
from assay.score.local import rows_per_batch
from assay.score.spark.session import BackgroundSession

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def run(root: Path, params: Params) -> Rehearsal:
    """Rehearse a night with the bundle under ``root``.

    Writes rehearsal.json. An error that would end a scoring run passes through.
    """
    with tempfile.TemporaryDirectory(prefix="assay-rehearse-") as scratch:
        spark = BackgroundSession(local_spark(params), root)
        if needs_spark(params):
            spark.start()
        try:
            report = rehearse(root, params, Path(scratch), spark.session)
        finally:
            spark.stop()
    report.write(root)
    return report


def rehearse(
    root: Path, params: Params, scratch: Path, session: Callable[[], SparkSession]
) -> Rehearsal:
    """Run the rehearsal; writes only below ``scratch``.

    Parameters
    ----------
    session
        Starts Spark or waits for it. Called if a carrier needs it, and late, so that other errors
        are reported first.

    Raises
    ------
    StageInputMissing
        The holdout cannot be read, or ``nights`` or ``champion`` has not run.
    """
    settings, file = params.rehearse, root / params.contract.file
    own = local_params(params, scratch / "input")
    data = digests.data(root)
    contract = load_contract(file, root=root).without_label()
    bundle = load_challenger(root, params)
    manifest = bundle.manifest
    publication_checks.check_budget(params.quarantine, contract)
    challenger = ScoringModel(bundle, contract)
    asked = nights.prepare(root, params, challenger) if settings.nights else None
    rows = select_rows(_holdout(root), contract, settings.rows)
    # Read as in training, and scored by scikit-learn even if the bundle has a compiled model.
    scores = bundle.model.scores(FrameFeatures(to_frame(contract, rows)))
    wanted = ExpectedPredictions(
        manifest.task,
        key_columns(rows, contract),
        scores,
        manifest.classes,
        manifest.threshold,
    )
    holdout_night = write_night(rows, scratch / "input", params.ingest.partition_by)
    began = time.monotonic()
    parity = []
    for carrier in resolve_carriers(params, own, contract):
        store = scratch / carrier
        got, seconds = score_with_carrier(session, own, bundle, contract, carrier, store)
        unlike, largest = count_differences(wanted, got, params.bundle.tolerance)
        parity.append(
            Parity(
                carrier=carrier,
                rows=rows.num_rows,
                differing=unlike,
                largest=largest,
                seconds=round(seconds, 3),
            )
        )
    carrier_seconds = time.monotonic() - began
    batch = Batch(
        bundle=root / layout.BUNDLE,
        digest=bundle.digest,
        allow_types=params.bundle.allow_types,
        contract=file,
        rows=holdout_night,
        batch_rows=rows_per_batch(params.score.batch_rows, contract.width),
        repeats=settings.repeats,
        sources=root,
        code=root,
    )
    spent = measure_cost(root, batch)
    real = None
    if asked is not None:
        real = nights.rehearse(root, params, session, asked)
    return Rehearsal(
        name=manifest.name,
        bundle=bundle.digest,
        data=data,
        contract=digests.worktree_contract(root, params),
        rows=rows.num_rows,
        tolerance=params.bundle.tolerance,
        parity=tuple(parity),
        **asdict(spent),
        bundle_mb=sum(map(len, bundle.files.values())) / MEGABYTE,
        carrier_seconds=round(carrier_seconds, 3),
        why=NO_MEMORY if spent.memory_mb is None else None,
        nights=real,
        uncompiled=manifest.uncompiled,
    )


def _holdout(root: Path) -> pa.Table:
    try:
        return pq.read_table(root / layout.HOLDOUT_TABLE)
    except (OSError, pa.ArrowException) as error:
        raise StageInputMissing(
            "the holdout cannot be read",
            where=layout.HOLDOUT_TABLE,
            found=f"{type(error).__name__}: {error}",
            fix="Make it again with dvc repro --force prepare",
        ) from None
