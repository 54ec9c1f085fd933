"""The reasons of a night's rows: the strongest features of each, and what moved scores in all.

A row's reasons are published with it (`score.reasons` in params.yaml). The mean absolute
contribution of each feature goes into the run's profile, over a sample of at most about `COUNTED`
rows of the night: to explain a row takes longer than to score it. Which rows is decided by a hash
of their keys, so it does not depend on batches or carriers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assay.columns import moved_scores
from assay.columns.features import Floats
from assay.columns.profile import ColumnProfile, merge_profiles
from assay.compiled.contributions import Explainer
from assay.contract.columns import Columns
from assay.contract.definition import MASK, Contract
from assay.errors import ParamsError
from assay.model import prediction
from assay.model.batch import ScoredBatch
from assay.model.bundle import Bundle
from assay.model.reasons import top_words, words
from assay.project import layout
from assay.project.params import Reasons
from assay.project.tasks import Task
from assay.score.duplicate_keys import hash_keys
from assay.store.delta.tables import REASONS

Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]

COUNTED = 20_000
AT_ONCE = 2_000_000
"""Contributions that are held at once: 16 MB."""


def check_reasons(asked: Reasons | None, task: Task) -> None:
    """Check that the rows whose reasons are asked for can be told.

    Raises
    ------
    ParamsError
        The rows above a threshold are asked of a model that has none.
    """
    if asked is not None and asked.rows == "above" and task == "regression":
        raise ParamsError(
            [
                f"{layout.PARAMS}: score.reasons.rows: a regression decides nothing, so no row is "
                "above: expected all or sample, found above"
            ]
        )


def nameless(contract: Contract) -> str:
    """A line that names the features without a reason that people can read; empty if all have one.

    Their description is published in its place, or their name.
    """
    bare = ", ".join(name for name in contract.features if not contract.field(name).reason)
    how = 'metadata={"role": "feature", "reason": "how heavy the parcel is"}'
    return bare and f"{contract.file}: no reason for people to read (score.reasons): {bare}: {how}"


def one_row_of(rows: int) -> int:
    """One row of how many counts in the profile of a night of so many rows.

    >>> one_row_of(900), one_row_of(20_001), one_row_of(1_000_000)
    (1, 2, 50)
    """
    return max(1, -(-rows // COUNTED))


class RowReasons:
    """Explains the rows of scored batches; one row of ``every`` counts in the profile."""

    def __init__(
        self,
        explainer: Explainer,
        bundle: Bundle,
        contract: Contract,
        asked: Reasons,
        every: int = 1,
    ) -> None:
        self._explainer, self._manifest = explainer, bundle.manifest
        self._asked, self._every = asked, every
        # The contract may have become stricter since the model was trained, or laxer.
        self._hidden = {*bundle.manifest.sensitive, *contract.hidden}
        names = explainer.features
        said, fields = words(contract), [contract.field(name) for name in names]
        self._names = pa.array(names, pa.string())
        self._words = pa.array([said[name] for name in names], pa.string())
        self._codes = pa.array([each.reason_code or None for each in fields], pa.string())

    def explain(self, scored: ScoredBatch) -> tuple[pa.Table, dict[str, ColumnProfile]]:
        """The predictions of a batch with `REASONS`, and its counts of contributions."""
        predictions, good = scored.predictions, scored.good
        predicted = predictions[prediction.PREDICTION]
        known = predicted.is_valid().to_numpy()
        counted = known & self._is_counted(good)
        shown = self._is_shown(predicted, known, counted)
        places = np.flatnonzero(shown | counted)
        features = self._explainer.features
        counts = moved_scores.profile_of(features, np.empty((0, len(features))))
        pieces = [pa.array([], REASONS["reasons"])]
        step = max(1, AT_ONCE // (len(features) * max(1, len(self._manifest.classes))))
        for start in range(0, len(places), step):
            some = places[start : start + step]
            rows = good.take(some)
            values, output = self._contributions(rows, predicted, some)
            whole = np.isfinite(values).all(axis=1)
            mine = np.abs(values[whole & counted[some]])
            counts = merge_profiles(counts, moved_scores.profile_of(features, mine))
            visible = whole & shown[some]
            shown[some[~whole]] = False
            pieces.append(
                self._lists(values[visible], rows.take(np.flatnonzero(visible)), output[visible])
            )
        # A place for each row that has reasons, null for the others.
        at = pa.array(np.cumsum(shown) - 1, mask=~shown)
        game = pa.DictionaryArray.from_arrays(
            pa.array(np.zeros(len(shown), np.int32), mask=~shown), [self._explainer.against]
        )
        predictions = predictions.append_column("reasons", pa.concat_arrays(pieces).take(at))
        return predictions.append_column("reasons_against", game), counts

    def _is_counted(self, good: Columns) -> Bools:
        found: Bools = hash_keys(good) % np.uint64(self._every) == 0
        return found

    def _is_shown(self, said: pa.ChunkedArray, known: Bools, counted: Bools) -> Bools:
        asked = self._asked.rows
        if asked == "sample":
            return counted.copy()
        if asked == "above" and self._manifest.task == "binary":
            above: Bools = pc.fill_null(said, False).to_numpy().astype(np.bool_)
            return above
        return known.copy()

    def _contributions(
        self, rows: Columns, said: pa.ChunkedArray, places: Ints
    ) -> tuple[Floats, Ints]:
        """Of the predicted class, if there are several: shape (rows, features), and its place."""
        values = self._explainer.contributions(rows).values
        if values.shape[1] == 1:
            return values[:, 0], np.zeros(len(values), np.intp)
        classes = pa.array(self._manifest.classes, pa.string())
        best = pc.index_in(said.take(pa.array(places)), classes).to_numpy()
        found: Floats = values[np.arange(len(values)), best]
        return found, best

    def _lists(self, values: Floats, rows: Columns, output: Ints) -> pa.Array:
        """The strongest reasons of each row, the strongest first."""
        sizes = np.abs(values)
        strength = values if self._asked.direction == "adverse" else sizes
        order = np.argsort(-strength, axis=1, kind="stable")[:, : self._asked.top]
        row = np.arange(len(values))[:, None]
        upward = strength[row, order] > 0
        of_row, feature = np.broadcast_to(row, upward.shape)[upward], order[upward]
        with np.errstate(invalid="ignore"):
            shares = sizes / sizes.sum(axis=1, keepdims=True)
        at = pa.array(feature)
        parts = {
            "feature": self._names.take(at),
            "reason": self._words.take(at),
            "code": self._codes.take(at),
            "value": self._texts(rows, of_row, feature, output),
            "contribution": pa.array(values[of_row, feature]),
            "share": pa.array(shares[of_row, feature]),
        }
        ends = np.concatenate([[0], np.cumsum(upward.sum(axis=1))]).astype(np.int32)
        structs = pa.StructArray.from_arrays(list(parts.values()), list(parts))
        return pa.ListArray.from_arrays(pa.array(ends), structs).cast(REASONS["reasons"])

    def _texts(self, rows: Columns, of_row: Ints, feature: Ints, output: Ints) -> pa.Array:
        """The cell of each reason as text, or a text's words; a sensitive one is masked."""
        order = np.argsort(feature, kind="stable")
        ends = np.searchsorted(feature[order], np.arange(len(self._names) + 1))
        texts = [pa.array([], pa.string())]
        for place, name in enumerate(self._names.to_pylist()):
            mine = of_row[order[ends[place] : ends[place + 1]]]
            if len(mine):
                cells = rows.select([name]).column(0).take(pa.array(mine)).combine_chunks()
                if name in self._hidden:
                    cells = pc.if_else(cells.is_valid(), MASK, pa.scalar(None, pa.string()))
                elif name in self._explainer.texts:
                    of_output = zip(cells.to_pylist(), output[mine].tolist(), strict=True)
                    cells = pa.array(
                        [top_words(self._explainer, name, *each) for each in of_output], pa.string()
                    )
                texts.append(cells.cast(pa.string()))
        back = np.empty(len(order), np.intp)
        back[order] = np.arange(len(order))
        return pa.concat_arrays(texts).take(pa.array(back))
