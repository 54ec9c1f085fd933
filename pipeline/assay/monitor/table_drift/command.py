"""``assay drift``: compare a table with the reference before it is scored."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from assay.contract.definition import Contract
from assay.contract.loader import load_contract
from assay.errors import LimitCrossed, UsageError
from assay.model import bundle
from assay.model.bundle import Bundle
from assay.monitor.drift.drift import decide
from assay.monitor.table_drift import count, locate
from assay.monitor.table_drift.count_rows import match_schemas
from assay.monitor.table_drift.flat_file import is_flat
from assay.monitor.table_drift.result import TableDrift, drop_scores
from assay.project import layout, source_code
from assay.project.params import Params
from assay.registry.state import Version
from assay.registry.versions import read_champion
from assay.score.inputs.formats import FORMATS
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
        Exactly one of them: a Parquet file, a folder of them, a Delta table, or a flat file that is
        read as `assay init` would; or a night of ``score.input``.
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
    features = drop_scores(loaded.reference)
    with TemporaryDirectory(prefix="assay-drift-") as scratch:
        if table is None:
            assert date is not None, "one of the two is given"
            contract = _asked(root, params, version, loaded)
            raw = locate.locate_night(root, params, contract, date)
        elif is_flat(Path(table)):
            raw = locate.locate_flat(table, Path.cwd(), features.grid, Path(scratch))
        else:
            raw = locate.locate_path(table, Path.cwd())
        known = match_schemas(features.grid, raw.schemas) if raw.contract is None else None
        grid, lacking = (features.grid, {}) if known is None else (known.grid, known.lacking)
        progress = Progress(1, sink)
        name = f"drift: {raw.where}"
        progress.step(name)
        counted = count.count(root, params, raw, grid, spark, progress.task_callback(name))
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
        ).attach_report(answer)
    return answer


def _with_what(root: Path, params: Params, folder: Path | None) -> tuple[Version | None, Bundle]:
    from assay.registry.fetch import fetch_bundle

    if folder is not None:
        own, allowed = source_code.file_reader(root), params.bundle.allow_types
        return None, bundle.load(folder, expected=None, allow_types=allowed, code=own)
    version = read_champion(root, params.name, params.registry.stage)
    fetched = fetch_bundle(root, version, root / layout.WORK / "bundles")
    allowed = params.bundle.allow_types
    return version, bundle.load(fetched, expected=version.bundle, allow_types=allowed)


def _asked(root: Path, params: Params, version: Version | None, loaded: Bundle) -> Contract | None:
    """The contract of an input whose files do not state columns and types; None if they do."""
    from assay.registry.pin import load_pinned_contract

    if FORMATS[params.score.input.format].typed:
        return None
    if version is None:
        return load_contract(
            root / params.contract.file, params.contract.file, root=root
        ).without_label()
    return load_pinned_contract(root, version, loaded)[0]
