"""``assay drift``: compare a table with the reference before it is scored.

A night of ``score.input`` is counted as when it is scored; Parquet and Delta are counted where they
lie.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
import pyarrow.fs as pafs

from assay.columns.reference import Reference
from assay.contract.definition import Contract
from assay.contract.loader import load_contract
from assay.errors import LimitCrossed, NightEmpty, RowCountMismatch, SourceError, UsageError
from assay.model import bundle
from assay.model.bundle import Bundle
from assay.monitor.drift.drift import DriftDecision, decide, drifted_words
from assay.monitor.drift.measures import read_measures
from assay.monitor.table_counts import Counting, TableCounts, match_schemas, total
from assay.project import layout, source_code
from assay.project.params import Monitor, Params
from assay.project.processes import system_allocator
from assay.project.text import counted
from assay.registry.versions import Version, read_champion
from assay.score.carriers import choose_carrier, open_night
from assay.score.inputs import files
from assay.score.inputs.files import ListedFile
from assay.score.inputs.formats import find_night, format_of
from assay.score.inputs.types import NightInput
from assay.score.progress import Progress
from assay.score.spark.session import session
from assay.store.delta.external_table import read_snapshot
from assay.store.delta.location import filesystem

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NO_CONTRACT = Contract("", "", "", (), (), "", has_label=False)
"""Requires no column, so that missing columns are reported as drift."""

TEXT = frozenset({".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson"})
"""Endings of files that do not state the types of their columns."""


@dataclass(frozen=True)
class TableDrift:
    """A drift decision about a table.

    Attributes
    ----------
    version, bundle
        The promoted version it was compared with, empty if a bundle was named; the bundle's digest.
    """

    table: str
    version: str
    bundle: str
    limits: Monitor
    decision: DriftDecision

    def headline(self) -> str:
        """The result in one sentence."""
        if self.decision.crossed:
            return f"Limits crossed in {self.table}"
        if self.decision.drifted:
            return f"Within limits, {self.drifted_words}: {self.table}"
        return f"Within limits: {self.table}"

    @property
    def drifted_words(self) -> str:
        """How many features drifted, and what share of them may."""
        decision = self.decision
        return drifted_words(
            len(decision.drifted), decision.features, self.limits.max_drifted_share
        )

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        about = {"table": self.table, "version": self.version, "bundle": self.bundle}
        return {"schema": 1, **about, **self.decision.document(self.limits)}


Located: TypeAlias = tuple[NightInput, Mapping[str, pa.Schema]]
"""A table before any row is read, as if it were a night, and the schemas of its files by name."""


def run(
    root: Path, params: Params, table: str | None, date: str | None, folder: Path | None
) -> TableDrift:
    """Compare all rows of a table with the reference of the promoted version.

    Parameters
    ----------
    table, date
        Exactly one of them: a Parquet file, a folder of them or a Delta table; or a night of
        ``score.input``.
    folder
        A bundle to compare with instead.

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
    features = _without_scores(loaded.reference)
    contract: Contract | None = None
    if table is None:
        assert date is not None, "one of the two is given"
        contract = _contract(root, params, version, loaded)
        night = find_night(root, params, contract or NO_CONTRACT, date)
        schemas: Mapping[str, pa.Schema] = {}
        if night.schema is not None:
            schemas = {night.where: night.schema}
    else:
        night, schemas = locate_path(table, Path.cwd())
    grid, lacking = features.grid, dict[str, str]()
    if contract is None:  # files state columns and types
        grid, lacking = match_schemas(features.grid, schemas, features.texts)
    counting = Counting(night.where, grid, params.score.batch_rows, contract, features.texts)
    counts = _count(root, params, night, counting, Progress(1))
    decision = decide(
        *(features, counts.profile, params.monitor, counts.rows, lacking),
        by_sampling=True,
        measures=read_measures(params, root),
    )
    answer = TableDrift(
        night.where,
        "" if version is None else version.version,
        loaded.digest,
        params.monitor,
        decision,
    )
    if decision.crossed:
        first, *more = decision.reasons
        raise LimitCrossed(
            first + (f"; and {len(more)} more" if more else ""), where=night.where
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


def _without_scores(reference: Reference) -> Reference:
    """The reference without the model's scores, which a table before scoring does not have."""
    grid = {name: cells for name, cells in reference.grid.items() if name not in reference.scores}
    profile = {name: reference.profile[name] for name in grid}
    return replace(reference, grid=grid, profile=profile, scores=(), slices=())


def _contract(
    root: Path, params: Params, version: Version | None, loaded: Bundle
) -> Contract | None:
    """The contract of an input whose files do not state columns and types; None if they do."""
    from assay.registry.pin import load_pinned_contract

    if format_of(params.score.input).typed:
        return None
    if version is None:
        file = params.contract.file
        return load_contract(root / file, file, root=root).without_label()
    return load_pinned_contract(root, version, loaded)[0]


def _ending(name: str) -> str:
    """The ending of a file's name in small letters, without that of gzip."""
    return Path(name.lower().removesuffix(".gz")).suffix


def locate_path(path: str, here: Path) -> Located:
    """A Parquet file, a folder of them, or a Delta table.

    Parameters
    ----------
    path
        Relative to ``here``, or with a scheme.

    Raises
    ------
    NightEmpty
        It has no rows.
    SourceError
        There is nothing, or files that are neither Parquet nor Delta.
    """
    address = files.resolve_uri(here, path)
    footers = files.parallel_map(files.read_footer, _listed(address))
    where = path.rstrip("/")
    schemas = {each.file.path.removeprefix(f"{address}/"): each.schema for each in footers}
    if len(footers) == 1:
        schemas = {where: footers[0].schema}
    listed = tuple(each.file for each in footers)
    rows = sum(file.rows for file in listed)
    if rows == 0:
        raise NightEmpty("the table has no rows", where=path, found=counted(len(footers), "file"))
    return NightInput("", "", where, files=listed, rows=rows), schemas


def _listed(address: str) -> Sequence[ListedFile]:
    with files.read_errors(address):
        system, base = filesystem(address)
        logged = system.get_file_info(f"{base}/_delta_log").type == pafs.FileType.Directory
    if logged:
        # A Delta table's folder also holds files that the table no longer contains.
        return [
            ListedFile(f"{address}/{file.path}", file.path, file.size, file.written)
            for file in read_snapshot(address).files
        ]
    listed = files.list_tree(address)
    for file in listed:
        if _ending(file.relative) in TEXT:
            raise SourceError(
                "its columns have no types to compare",
                where=file.path,
                expected="a Parquet file, a folder of them, or a Delta table",
                found=_ending(file.relative),
                fix="Name one of them, or a night of score.input: assay drift --date DAY.",
            )
    return listed


def _count(
    root: Path,
    params: Params,
    night: NightInput,
    work: Counting,
    progress: Progress,
) -> TableCounts:
    """Count every row, each column of a grid in its cells.

    Raises
    ------
    RowCountMismatch
        The number of counted rows differs from the source's.
    """
    name = f"drift: {night.where}"
    progress.step(name)
    with ExitStack() as at_the_end:

        def started() -> SparkSession:
            running = session(params, root)
            at_the_end.callback(running.stop)
            return running

        opened = at_the_end.enter_context(
            open_night(
                cache(started),
                root,
                params,
                night,
                work.contract or NO_CONTRACT,
                choose_carrier(params, night),
            )
        )
        # Freed memory is returned to the system at once, which is slower: the table may be long.
        with system_allocator():
            parts, counts = opened.run(work, progress.task_callback(name))
            total_counts = total(parts, work.grid)
    for expected in counts - {total_counts.rows}:
        raise RowCountMismatch(
            "rows were lost on the way",
            where=night.where,
            expected=counted(expected, "row"),
            found=f"{total_counts.rows}",
            fix="Try again; if it happens twice, the table changed meanwhile.",
        )
    return total_counts
