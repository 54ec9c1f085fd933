"""Assay from Python: versions that score tables, and the nights that were published.

::

    import assay

    prod = assay.version("prod")        # or "v0.2.0": verified, and fixed from here on
    scored = prod.score(frame)          # pandas, polars, Arrow, DuckDB
    scored.predictions, scored.quarantine

    store = assay.open_store()
    store.predictions("2013-07-01")     # an Arrow dataset, which polars and DuckDB read lazily

A version scores a row as a night does: the same contract, the same model, the same numbers. Only
the names in ``__all__`` and their methods are stable.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from assay.contract.definition import Contract
from assay.contract.private_columns import keep_private
from assay.errors import UsageError
from assay.project.params import Params, load
from assay.project.text import counted
from assay.registry import fetch, versions
from assay.registry.pin import PinnedVersion, pin_named
from assay.reports.verdict import Verdict
from assay.score.table import TableScorer, to_arrow
from assay.store import Run, Store
from assay.store import open_store as open_tables
from assay.store.delta.tables import PREDICTIONS, PRIVATE, QUARANTINE

if TYPE_CHECKING:
    from pyarrow.dataset import Dataset

__all__ = ["NightStore", "ScoredTable", "ScoringVersion", "open_store", "version"]

WHERE = "assay.version(...).score"


def version(name: str | None = None, *, root: str | Path = ".") -> ScoringVersion:
    """A registered version, verified and fixed: later promotions do not change it.

    Parameters
    ----------
    name
        A stage such as ``prod``, or a version such as ``v0.2.0``; by default the stage that
        params.yaml scores with.
    root
        The project's folder.

    Returns
    -------
    ScoringVersion
        With a warning if the version is unverified, as `assay versions` shows it.

    Raises
    ------
    NoChampion
        Nothing holds the stage.
    VersionUnknown
        There is no such version.
    BundleMissing, BundleChanged
        Its bundle cannot be had, or is not the registered one.
    """
    _check_text(name, "assay.version", "a stage or a version, as 'prod' or 'v0.2.0'")
    root = Path(root).resolve()
    params = load(root)
    keep_private(root, params)
    pinned = pin_named(root, params, name)
    if pinned.doubt:
        warnings.warn(pinned.warning, stacklevel=2)
    return ScoringVersion(root, params, pinned)


def open_store(root: str | Path = ".") -> NightStore:
    """What the project's nights published, to read.

    Parameters
    ----------
    root
        The project's folder, whose params.yaml says where the store is.
    """
    root = Path(root).resolve()
    return NightStore(open_tables(root, load(root)))


@dataclass(frozen=True)
class ScoredTable:
    """A table that was scored: each of its rows is in ``predictions`` or in ``quarantine``.

    Attributes
    ----------
    predictions
        The key columns, what the model says (docs/tables.md), and the version and digest that said
        it; in the order of the given rows.
    quarantine
        The key columns of the rows that broke the contract, ``broken_rules``, and the whole row as
        JSON; cells of private columns apart from it in ``private``.
    broken
        The number of rows that broke each rule.
    null_scores
        Rows of ``predictions`` to which the model gave no score.
    """

    predictions: pa.Table
    quarantine: pa.Table
    broken: Mapping[str, int]
    null_scores: int

    def __repr__(self) -> str:
        rules = ", ".join(f"{rule} {count:,}" for rule, count in self.broken.items())
        return (
            f"{counted(self.predictions.num_rows, 'row')} scored, "
            f"{self.quarantine.num_rows:,} quarantined{f' ({rules})' if rules else ''}, "
            f"{self.null_scores:,} without a score"
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>{_html(self.predictions)}"


class ScoringVersion:
    """A version that scores tables; made by `version`."""

    def __init__(self, root: Path, params: Params, pinned: PinnedVersion) -> None:
        self._root, self._params, self._pinned = root, params, pinned

    @property
    def name(self) -> str:
        """Such as ``v0.2.0``."""
        return self._pinned.version.version

    @property
    def commit(self) -> str:
        """The commit that it was registered at."""
        return self._pinned.version.commit

    @property
    def digest(self) -> str:
        """The digest of its bundle, as each published row carries it."""
        return self._pinned.bundle.digest

    @property
    def task(self) -> str:
        """``binary``, ``multiclass`` or ``regression``."""
        return self._pinned.bundle.manifest.task

    @property
    def threshold(self) -> float | None:
        """The least probability that is decided as true; None if the task is not binary."""
        return self._pinned.bundle.manifest.threshold if self.task == "binary" else None

    @property
    def classes(self) -> tuple[str, ...]:
        """What a classifier tells apart, in the order of ``probabilities``."""
        return tuple(self._pinned.bundle.manifest.classes)

    @property
    def unverified(self) -> str | None:
        """Why the version's tags and verdict do not agree; None if they do."""
        return self._pinned.doubt

    @property
    def contract(self) -> Contract:
        """What a row must look like to be scored, as of the version's commit."""
        return self._pinned.contract

    @property
    def card(self) -> str:
        """The version's card, as Markdown: docs/card.md."""
        from assay.promotion.card import facts, markdown

        known = versions.read_state(self._root, self._params.name)
        known_facts = facts.read_facts(self._root, self._params, known, self._pinned.version)
        return markdown.render(known_facts)

    @cached_property
    def verdict(self) -> Verdict | None:
        """The gate's verdict on it; None if it was promoted without one.

        Raises
        ------
        PromotionRefused
            The verdict at its commit is not one that the gate wrote.
        """
        text = fetch.read_verdict(self._root, self._pinned.version)
        return None if text is None else Verdict.parse(text, f"the verdict of {self.name}")

    def score(self, table: Any, *, reasons: int = 0) -> ScoredTable:
        """Check and score the rows of a table.

        Rows that break the contract are not scored, and neither are those whose key comes twice in
        the table, if ``quarantine.repeated_keys`` of params.yaml refuses them at night.

        Parameters
        ----------
        table
            At least the contract's columns, but for the label: a pandas or polars data frame, an
            Arrow table, a DuckDB relation, or anything else with Arrow's PyCapsule interface
            (``__arrow_c_stream__``).
        reasons
            How many of the strongest features to give for each row, in the column ``reasons``
            (docs/reasons.md); 0 for none.

        Raises
        ------
        UsageError
            It is no table.
        SchemaMismatch
            A column is missing, or has another type.
        ScoresInvalid
            The model raised an error for very many rows.
        ReasonsUnknown
            Reasons are asked for, and the model's are not computed exactly.
        """
        rows = to_arrow(table, WHERE)
        pieces = self._scorer.score_table(rows, reasons)
        broken: dict[str, int] = {}
        for piece, _ in pieces:
            for rule, count in piece.broken.items():
                broken[rule] = broken.get(rule, 0) + count
        stamped = self._scorer.stamped
        return ScoredTable(
            stamped([predictions for _, predictions in pieces], rows.schema),
            stamped([piece.quarantine for piece, _ in pieces], rows.schema),
            {rule: count for rule, count in broken.items() if count},
            sum(piece.null_scores for piece, _ in pieces),
        )

    @cached_property
    def _scorer(self) -> TableScorer:
        return TableScorer(self._params, self._pinned, WHERE)

    def __repr__(self) -> str:
        doubt = f", unverified: {self.unverified}" if self.unverified else ""
        return f"{self._params.name} {self.name} ({self.task}, {self.digest[:19]}{doubt})"

    def _repr_html_(self) -> str:
        fields = pa.table(
            {
                "column": [each.name for each in self.contract.fields],
                "type": [each.kind for each in self.contract.fields],
                "roles": [
                    ", ".join(role.value for role in each.roles) for each in self.contract.fields
                ],
                "may be empty": [each.nullable for each in self.contract.fields],
            }
        )
        return f"<p>{escape(repr(self))}</p>{_html(fields)}"


class NightStore:
    """What the project's nights published, to read; made by `open_store`.

    Every method may raise `StoreError`: the store cannot be read.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def nights(self) -> list[str]:
        """The nights that have a published run, the earliest first."""
        return sorted(self._store.visible_runs())

    def predictions(self, night: str | None = None) -> Dataset:
        """The published rows of a night, or of all, as an Arrow dataset.

        No row is read before it is asked for: ``polars.scan_pyarrow_dataset(it)``, a DuckDB query
        that names it, or ``it.to_table(columns=..., filter=...)``. What reads a file that is gone,
        or has another size than its commit says, raises `StoreError`.

        Raises
        ------
        NothingScored
            No run has published the night.
        """
        return self._store.dataset(PREDICTIONS, _night(night))

    def quarantine(self, night: str | None = None) -> Dataset:
        """The rows that the published runs refused, with ``broken_rules``; as `predictions`.

        Private cells are masked in ``row``: `assay quarantine show` puts on record who sees them.
        """
        rows = self._store.dataset(QUARANTINE, _night(night))
        if PRIVATE not in rows.schema.names:
            return rows
        at = rows.schema.get_field_index(PRIVATE)
        return rows.replace_schema(rows.schema.remove(at))

    def performance(self, night: str | None = None) -> pa.Table:
        """The latest value of each metric of the published runs, estimated and realized."""
        return self._store.performance(_night(night))

    def runs(self, night: str | None = None) -> pa.Table:
        """Every attempt to score a night, or all nights, in order of start (docs/tables.md)."""
        events = [asdict(run) for run in self._store.runs(_night(night))]
        shown = [name for name in Run.__dataclass_fields__ if name != "files"]
        return pa.table({name: [each[name] for each in events] for name in shown})

    def __repr__(self) -> str:
        nights = self.nights()
        span = f", {nights[0]} to {nights[-1]}" if nights else ""
        return f"{self._store.uri}: {counted(len(nights), 'published night')}{span}"


def _night(night: str | None) -> str | None:
    return _check_text(night, "assay.open_store(): night", "a text, as '2024-03-01'")


def _check_text(given: Any, where: str, expected: str) -> str | None:
    """What a caller named, if it is a text or nothing: a date is no night."""
    if given is None or isinstance(given, str):
        return given
    raise UsageError("this is no text", where=where, expected=expected, found=repr(given))


def _html(table: pa.Table) -> str:
    head: str = table.slice(0, 10).to_pandas().to_html(index=False, border=0)
    return head
