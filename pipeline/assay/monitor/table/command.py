"""``assay drift``: compare a table with the reference before it is scored."""

from __future__ import annotations

from pathlib import Path

from assay.contract.load import load
from assay.contract.model import Contract
from assay.errors import LimitCrossed, UsageError
from assay.model import bundle
from assay.model.bundle import Bundle
from assay.monitor.drift.drift import decide
from assay.monitor.table import count as raw_count
from assay.monitor.table import where as raw_inputs
from assay.monitor.table.answer import TableDrift, features_of
from assay.monitor.table.count_rows import fit
from assay.project import layout, sources
from assay.project.params import Params
from assay.project.params.inputs import Delta, Parquet
from assay.registry.state import Version
from assay.registry.versions import champion
from assay.score.progress import Progress, Sink


def run(
    root: Path,
    params: Params,
    table: str | None,
    date: str | None,
    folder: Path | None,
    spark: bool = False,
    sink: Sink | None = None,
) -> TableDrift:
    """Compare all rows of a table with the reference of the promoted version.

    Parameters
    ----------
    table, date
        Exactly one of them: a Parquet file, a folder of them or a Delta table; or a night of
        ``score.input``.
    folder
        A bundle to compare with instead.
    spark
        Whether to count with Spark even where threads of this process can.
    sink
        Receives progress lines; the log if None.

    Raises
    ------
    UsageError
        Not exactly one of the two is given.
    LimitCrossed
        A limit was crossed.
    """
    if (table is None) == (date is None):
        raise UsageError("say what to compare", where="assay drift", expected="TABLE or --date DAY")
    version, loaded = _with_what(root, params, folder)
    features = features_of(loaded.reference)
    if table is not None:
        raw = raw_inputs.of_path(table, Path.cwd())
    else:
        assert date is not None, "one of the two is given"
        contract = _asked(root, params, version, loaded)
        raw = raw_inputs.of_night(root, params, contract, date)
    known = fit(features.grid, raw.schemas) if raw.contract is None else None
    grid, lacking = (features.grid, {}) if known is None else (known.grid, known.lacking)
    progress = Progress(1, sink)
    name = f"drift: {raw.where}"
    progress.step(name)
    counted = raw_count.count(root, params, raw, grid, spark, progress.within(name))
    decision = decide(
        features, counted.profile, params.monitor, counted.rows, lacking, by_sampling=True
    )
    answer = TableDrift(
        raw.where,
        "" if version is None else version.version,
        loaded.digest,
        params.monitor,
        decision,
    )
    if decision.crossed:
        first, *more = decision.reasons
        raise LimitCrossed(
            first + (f"; and {len(more)} more" if more else ""), where=raw.where
        ).after(answer)
    return answer


def _with_what(root: Path, params: Params, folder: Path | None) -> tuple[Version | None, Bundle]:
    from assay.registry.fetch import fetch_bundle

    if folder is not None:
        own, allowed = sources.reader(root), params.bundle.allow_types
        return None, bundle.load(folder, expected=None, allow_types=allowed, code=own)
    version = champion(root, params.name, params.registry.stage)
    fetched = fetch_bundle(root, version, root / layout.WORK / "bundles")
    allowed = params.bundle.allow_types
    return version, bundle.load(fetched, expected=version.bundle, allow_types=allowed)


def _asked(root: Path, params: Params, version: Version | None, loaded: Bundle) -> Contract | None:
    """The contract of an input whose files do not state columns and types; None if they do."""
    from assay.registry.pin import contract_of

    if isinstance(params.score.input, Parquet | Delta):
        return None
    if version is None:
        return load(root / params.contract.file, root=root).without_label()
    return contract_of(root, version, loaded)[0]
