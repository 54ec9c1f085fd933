"""The rows that labels can be asked for: those of nights after the holdout, with scores.

They are scored by the bundle in the work tree (and by the champion, if a rule compares), because a
verdict is about that bundle and not about the version that scored the nights. Labels that are known
already are used as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.contract.definition import Contract
from assay.contract.loader import load_contract
from assay.errors import SourceError, UsageError
from assay.metrics.evaluator import Bools, Floats, Ints
from assay.metrics.sampling_units import NIGHT, ROW, SamplingUnits, units_of
from assay.model.batch import score_batch
from assay.model.bundle import Bundle
from assay.model.prediction import score_column
from assay.project.params import Params
from assay.project.partitions import parse_day
from assay.score.inputs.format import InputUnreadable
from assay.score.inputs.formats import open_input
from assay.store import open_store

_ROW, _SCORE = "__row", "__score"


@dataclass(frozen=True)
class Pool:
    """Rows that every model scores, sorted by night and key.

    Attributes
    ----------
    keys
        The night and the key columns.
    scores, thresholds
        The challenger's, and the champion's if a rule compares; scores are each of shape (n,).
    known
        The labels ``(n,)`` as 0 and 1; NaN where there is none yet.
    """

    keys: pa.Table
    scores: tuple[Floats, ...]
    thresholds: tuple[float, ...]
    known: Floats
    units: SamplingUnits

    @property
    def unknown(self) -> Bools:
        """Rows without a label."""
        return np.isnan(self.known)

    @property
    def expected(self) -> Floats:
        """The label of each row, or how likely a positive is by what the models say."""
        likely: Floats = np.mean(self.scores, axis=0)
        return np.where(self.unknown, likely, self.known)

    @property
    def order(self) -> Ints:
        """Rows by night and, within each, by what is expected of them."""
        nights = np.unique(self.keys.column(0).to_numpy(), return_inverse=True)[1]
        return np.lexsort((self.expected, nights))

    @property
    def digest(self) -> str:
        """Of all that a sample depends on: keys, scores and the labels that are known."""
        whole = sha256(repr(self.keys.to_pydict()).encode())
        for values in (*self.scores, self.known):
            whole.update(np.round(values, 12).tobytes())
        return f"sha256:{whole.hexdigest()}"


def read_pool(
    root: Path,
    params: Params,
    bundles: Sequence[Bundle],
    first: str | None,
    last: str | None,
    until: datetime,
) -> Pool:
    """The rows of nights of ``score.input`` that keep the contract.

    Parameters
    ----------
    bundles
        Of binary models.
    first, last
        Only nights from, and up to these; all are after the holdout.
    until
        Labels that arrived before it are known.

    Raises
    ------
    UsageError
        There is no such night, or there are too few for an interval.
    SourceError
        A night cannot be read, or a key occurs twice in it.
    """
    source, end = open_input(root, params), params.prepare.holdout.end
    nights = [
        night
        for night in source.nights()
        if (day := parse_day(night)) is not None
        and day > end
        and (first or night) <= night <= (last or night)
    ]
    if not nights:
        raise UsageError(
            "no night has rows to ask for",
            where="assay ask",
            expected=f"nights of score.input after {end}, the last day of the holdout",
        )
    file = params.contract.file
    contract = load_contract(root / file, file, root=root).without_label()
    parts = []
    for night in nights:
        try:
            for batch in source.rows(night, contract.columns):
                parts.append(_scored(params, bundles, contract, batch, night))
        except InputUnreadable as reason:
            raise SourceError(str(reason), where=f"night {night}") from None
    rows = pa.concat_tables(parts, promote_options="permissive")
    for name in rows.column_names:
        rows = rows.filter(pc.is_valid(rows.column(name)))
    column = params.ingest.partition_by
    names = [column, *(name for name in contract.keys if name != column)]
    rows = rows.sort_by([(name, "ascending") for name in names])
    if rows.group_by(names).aggregate([]).num_rows != rows.num_rows:
        raise SourceError("a key occurs twice in its night", where="score.input",
                          fix="Leave the night out with --from and --to.")  # fmt: skip
    units = units_of(rows.to_pandas(), params.evaluate.unit, column)
    if units.few is not None:
        raise UsageError(f"too few for an interval, whatever is labelled: {units.few}",
                         where="assay ask", fix="Take more nights.")  # fmt: skip
    scores = [rows.column(f"{_SCORE}{number}").to_numpy() for number in range(len(bundles))]
    keys, thresholds = rows.select(names), [each.manifest.threshold for each in bundles]
    known = _known(root, params, keys, nights, until)
    return Pool(keys, tuple(scores), tuple(thresholds), known, units)


def _scored(
    params: Params,
    bundles: Sequence[Bundle],
    contract: Contract,
    batch: pa.RecordBatch,
    night: str,
) -> pa.Table:
    """The rows that keep the contract: night, keys, the unit's column, and each model's score."""
    done = [score_batch(bundle, contract, batch) for bundle in bundles]
    good, column, unit = done[0].good, params.ingest.partition_by, params.evaluate.unit
    wanted = [name for name in contract.keys if name != column]
    if unit not in (NIGHT, ROW, column, *wanted) and good.has(unit):
        wanted.append(unit)
    scored = good.select(wanted).append_column(column, pa.repeat(pa.scalar(night), good.rows))
    for number, each in enumerate(done):
        scores = each.predictions.column(score_column("binary"))
        valid = pc.if_else(pc.is_nan(scores), None, scores)
        scored = scored.append_column(f"{_SCORE}{number}", valid)
    return scored


def _known(
    root: Path, params: Params, keys: pa.Table, nights: Sequence[str], until: datetime
) -> Floats:
    """The label of each row as of ``until``, ``(n,)``; NaN where there is none."""
    store, truths = open_store(root, params), np.full(keys.num_rows, np.nan)
    column, *held = keys.column_names
    numbered = keys.append_column(_ROW, pa.array(np.arange(keys.num_rows)))
    for night in {*nights} & {*store.labelled_partitions()}:
        mine = numbered.filter(pc.equal(keys.column(column), night)).drop_columns([column])
        types = pa.schema([(name, keys.schema.field(name).type) for name in held])
        known = store.labels(night, until).select([*held, "truth"])
        known = known.cast(types.append(known.schema.field("truth")))
        both = mine.join(known, held, join_type="inner")
        truths[both.column(_ROW).to_numpy()] = both.column("truth").to_numpy()
    return truths
