"""Scores tables that are no night, with one pinned version: for Python and for requests.

A row is checked and scored by the function that scores a night's rows (`assay.model.batch`), and
one whose key comes twice in the table is refused where it would be at night.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa

from assay.contract.columns import Columns
from assay.contract.schema import TYPES, check_schema
from assay.errors import UsageError
from assay.model.batch import InputBatch, ScoredBatch, score_batch
from assay.project.params import Params, Reasons
from assay.project.processes import own_cores
from assay.registry.pin import PinnedVersion
from assay.score.duplicate_keys import UNIQUE, confirm_duplicates, hash_keys
from assay.score.local import rows_per_batch
from assay.score.row_reasons import RowReasons
from assay.score.scoring_job import cached_explainer, key_schema

Scored = tuple[ScoredBatch, pa.Table]
"""A batch, and its predictions, with reasons where they are asked for."""


def to_arrow(table: Any, where: str) -> pa.Table:
    """Any table as an Arrow table, in which each column has one dictionary.

    Raises
    ------
    UsageError
        It is none.
    """
    try:
        if isinstance(table, pa.RecordBatch):
            table = pa.Table.from_batches([table])
        elif type(table).__module__.startswith("pandas.") and hasattr(table, "columns"):
            # By its own interface pandas hands over its index as a column too.
            table = pa.Table.from_pandas(table, preserve_index=False)
        elif hasattr(table, "__arrow_c_stream__"):
            table = pa.table(table)
        if isinstance(table, pa.Table):
            return _plain_categories(table).unify_dictionaries()
        found = type(table).__qualname__
    except (pa.ArrowException, ValueError, TypeError) as error:
        found = f"{type(table).__qualname__}: {'; '.join(map(str, error.args))}"
    raise UsageError(
        "what is to be scored is no table",
        where=where,
        expected="a pandas or polars data frame, an Arrow table, or anything with "
        "__arrow_c_stream__",
        found=found,
    )


def _plain_categories(table: pa.Table) -> pa.Table:
    """Categories of polars are string views, which Arrow does not cast: these become strings."""
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type) and pa.types.is_string_view(field.type.value_type):
            kind = pa.dictionary(field.type.index_type, pa.string())
            pieces = [
                pa.DictionaryArray.from_arrays(each.indices, each.dictionary.cast(pa.string()))
                for each in table.column(place).chunks
            ]
            table = table.set_column(place, field.name, pa.chunked_array(pieces, kind))
    return table


class TableScorer:
    """Scores tables with one version; threads may share it.

    Parameters
    ----------
    where
        What tables are given to, for errors.
    """

    def __init__(self, params: Params, pinned: PinnedVersion, where: str) -> None:
        self._params, self.pinned, self._where = params, pinned, where
        bundle = pinned.bundle
        _ = bundle.scorer, bundle.reference, bundle.losses  # made when first needed: not by threads
        self.threads = own_cores() if bundle.manifest.compiled["used"] else 1
        self._explained: dict[int, RowReasons] = {}

    def score_table(self, rows: pa.Table, reasons: int = 0) -> list[Scored]:
        """Check and score all rows, in at least one batch.

        Raises
        ------
        SchemaMismatch
            A column is missing, or has another type; others as for `score`.
        """
        contract = self.pinned.contract
        if not rows.num_rows:
            rows = self._typed(rows)
        check_schema(contract, rows.schema, self._where)
        size = rows_per_batch(self._params.score.batch_rows, contract.width)
        repeated = self.repeated(rows)

        def scored(start: int) -> Scored:
            unread = {UNIQUE: repeated[start : start + size]}
            return self.score(InputBatch(rows.slice(start, size), unread=unread), reasons)

        self._row_reasons(reasons)
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(scored, range(0, max(rows.num_rows, 1), size)))

    def score(self, piece: InputBatch, reasons: int = 0) -> Scored:
        """Check and score one batch with the contract's columns.

        Parameters
        ----------
        reasons
            How many features to name for each row; 0 for none.

        Raises
        ------
        UsageError
            So many reasons are never given.
        ReasonsUnknown
            The model's reasons are not computed exactly.
        ScoresInvalid
            The model raised an error for very many rows.
        """
        explained = self._row_reasons(reasons)
        batch = score_batch(
            self.pinned.bundle, self.pinned.contract, piece.rows, unread=piece.unread
        )
        return batch, explained.explain(batch)[0] if explained else batch.predictions

    def repeated(self, rows: pa.Table) -> Any:
        """Which rows are refused since their key comes again among them, shape (rows,)."""
        if self._params.quarantine.repeated_keys != "refuse" or rows.num_rows < 2:
            return np.zeros(rows.num_rows, dtype=bool)
        contract = self.pinned.contract
        columns = Columns(contract, rows.select(contract.keys))
        values, counts = np.unique(hash_keys(columns), return_counts=True)
        twice = dict(zip(values[counts > 1].tolist(), counts[counts > 1].tolist(), strict=True))
        return confirm_duplicates(contract, twice, lambda: [rows]).row_mask(columns)

    def with_key_types(self, piece: pa.Table, given: pa.Schema) -> pa.Table:
        """Predictions or refused rows with keys of the types that are published."""
        for place, field in enumerate(key_schema(self.pinned.contract, given)):
            piece = piece.set_column(place, field, piece.column(field.name).cast(field.type))
        return piece

    def stamped(self, pieces: Sequence[pa.Table], given: pa.Schema) -> pa.Table:
        """The rows of all pieces `with_key_types`, with version and digest."""
        version, bundle = self.pinned.version.version, self.pinned.bundle.digest
        table = pa.concat_tables(self.with_key_types(piece, given) for piece in pieces)
        for name, value in (("model_version", version), ("bundle", bundle)):
            table = table.append_column(name, pa.repeat(value, table.num_rows))
        return table

    def _row_reasons(self, top: int) -> RowReasons | None:
        if not top or top in self._explained:
            return self._explained.get(top)
        try:
            asked = Reasons(top=top, rows="all", direction="both")
        except ValueError:
            raise UsageError(
                "so many reasons cannot be given",
                where=f"{self._where}: reasons",
                expected="a whole number from 0 to 100",
                found=repr(top),
            ) from None
        bundle = self.pinned.bundle
        made = RowReasons(cached_explainer(bundle), bundle, self.pinned.contract, asked)
        return self._explained.setdefault(top, made)

    def _typed(self, empty: pa.Table) -> pa.Table:
        """A table without rows, of which pandas could not say what some columns would hold."""
        contract = self.pinned.contract
        for place, field in enumerate(empty.schema):
            if pa.types.is_null(field.type) and field.name in contract.columns:
                kind = TYPES[contract.field(field.name).kind]
                empty = empty.set_column(place, field.name, pa.array([], kind))
        return empty
