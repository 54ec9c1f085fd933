"""``assay monitor``: judge a published night on all its rows, leave a page and a document."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from pipeline import bundle, layout
from pipeline.errors import LimitCrossed, NothingScored, VersionUnknown
from pipeline.monitor import report, section
from pipeline.monitor.drift import decide
from pipeline.monitor.sample import night_sample
from pipeline.monitor.summary import NightSummary, path
from pipeline.params import Params
from pipeline.profile import NumberGrid
from pipeline.reference import Reference
from pipeline.store import open_store

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.registry.versions import Version
    from pipeline.store import RunRecord


def run(root: Path, params: Params, partition: str, as_json: bool = False) -> NightSummary:
    """Compare the night's last published run with the reference of the version that made it.

    Parameters
    ----------
    partition
        The night, such as ``2013-07-01``.

    Raises
    ------
    NothingScored
        No run has published the night.
    VersionUnknown, BundleMissing, BundleChanged
        What scored the night cannot be had any more.
    LimitCrossed
        After everything is written: a limit was crossed.
    """
    store = open_store(root, params)
    record = store.published_run(partition)
    if record is None:
        raise NothingScored(
            "no run has published this night",
            where=partition,
            mend=f"Score it: assay score --date {partition}",
        )
    loaded = _bundle(root, params, record)
    reference, manifest = loaded.reference, loaded.manifest
    profile = store.profile(record.run_id, partition)
    decision = decide(reference, profile, params.monitor, record.rows_scored or 0)
    predictions = store.predictions(partition)
    # Should another run be published meanwhile, its scores are not those that were judged.
    mine = predictions.filter(pc.equal(predictions.column("run_id"), record.run_id))
    rows, why_none = night_sample(root, params, partition, manifest, mine, reference.scores)
    sample = report.sample_of(
        rows, _at_most(loaded, params), reference.scores, *_columns(reference), why_none
    )
    summary = NightSummary(
        name=params.name,
        partition=partition,
        run_id=record.run_id,
        version=record.version,
        bundle=record.bundle,
        contract=record.contract,
        scored_at=f"{record.at:%Y-%m-%d %H:%M:%S} UTC" if record.at else "unknown",
        rows_read=record.rows_read or 0,
        rows_scored=record.rows_scored or 0,
        rows_quarantined=record.rows_quarantined or 0,
        sample_rows=sample.rows,
        page=path(partition, ".html"),
        limits=params.monitor,
        decision=decision,
    )
    ours = section.render(summary, reference, profile, sample.left_out)
    title = f"{params.name}: {summary.headline()}"
    _write(root / summary.page, report.page(title, ours, sample))
    _write(root / path(partition, ".json"), summary.to_json())
    if as_json:
        print(summary.to_json(), end="")
    else:
        _table(summary)
    if decision.crossed:
        first, *more = decision.reasons
        raise LimitCrossed(
            first + (f"; and {len(more)} more" if more else ""),
            where=f"night {partition}",
            mend=f"See {summary.page}",
        )
    return summary


def _bundle(root: Path, params: Params, record: RunRecord) -> bundle.Bundle:
    from pipeline.registry.fetch import fetch_bundle
    from pipeline.registry.versions import versions

    version: Version | None = next(
        (each for each in versions(root, params.name) if each.version == record.version), None
    )
    if version is None:
        raise VersionUnknown(
            f"the version that scored this night, {record.version}, is not registered here",
            where=f"run {record.run_id}",
            mend="If another clone made it: git fetch --tags.",
        )
    folder = fetch_bundle(root, version, root / layout.WORK / "bundles")
    # The run's digest decides: a tag that was moved since must not pass for what scored.
    return bundle.load(folder, expected=record.bundle, allow_types=params.bundle.allow_types)


def _columns(reference: Reference) -> tuple[list[str], list[str]]:
    """Names of the columns of numbers, and of those of categories."""
    numeric = [name for name, grid in reference.grid.items() if isinstance(grid, NumberGrid)]
    return numeric, [name for name in reference.grid if name not in numeric]


def _at_most(loaded: bundle.Bundle, params: Params) -> pd.DataFrame:
    rows = loaded.sample()
    limit = params.monitor.sample_rows
    return rows if len(rows) <= limit else rows.sample(limit, random_state=params.seed)


def _write(target: Path, text: str) -> None:
    """Whole or not at all: a reader never sees half a page."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".night-") as scratch:
        made = Path(scratch) / target.name
        made.write_text(text, encoding="utf-8")
        made.replace(target)


def _table(summary: NightSummary) -> None:
    from rich.console import Console
    from rich.table import Table

    decision = summary.decision
    table = Table(title=summary.headline(), title_justify="left")
    for name in ("column", "distance", "limit", "nulls", "change", "new", "over its limit"):
        right = name not in {"column", "over its limit"}
        table.add_column(name, justify="right" if right else "left", no_wrap=right)
    shown = [f for f in decision.findings if f.crossed]
    shown += [f for f in decision.findings if not f.crossed][: max(0, 5 - len(shown))]
    for f in shown:
        table.add_row(
            f.column,
            _number(f.distance),
            _number(f.limit),
            _share(f.null_share),
            _share(f.null_share_change),
            _share(f.new_category_share),
            "; ".join(f.reasons),
        )
    Console(width=120 if not sys.stdout.isatty() else None, markup=False).print(table)
    print(
        f"{summary.name} {summary.version}, run {summary.run_id}: {summary.rows_scored:,} rows "
        f"scored, {summary.rows_quarantined:,} quarantined; {len(decision.drifted)} of "
        f"{decision.features} features drifted"
    )
    print(f"limits are the {decision.quantile:g} quantile of {decision.nights} reference nights")
    print(f"page: {summary.page}")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"
