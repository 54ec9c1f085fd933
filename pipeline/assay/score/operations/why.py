"""``assay why``: why a published row got its score.

The row is read again from its night's input, and explained by the version that scored it. Nothing
is said of a row that has another score now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.compiled.contributions import Against
from assay.contract.definition import mask, show_key
from assay.errors import KeyUnknown, SourceError
from assay.errors.base import private_names
from assay.model import prediction, reasons
from assay.model.batch import score_batch
from assay.model.reasons import Change, Explanation
from assay.project.params import Params
from assay.project.text import counted, format_short, mark_blanks
from assay.registry.pin import PinnedVersion, pin_run
from assay.score.inputs.format import Format, InputUnreadable, RowsWith
from assay.score.inputs.formats import open_input
from assay.score.operations import version_before
from assay.score.operations.export import nothing_published
from assay.score.operations.keys import one_key, shown
from assay.score.operations.version_before import Before
from assay.store import Run, Store, open_store

STRONGEST = 4
"""Features that are named of the version before."""

NEAR = 1e-6
"""Scores further apart than this are not of the same row; another carrier may round otherwise."""


@dataclass(frozen=True)
class Why(Explanation):
    """Why a row got its score: ``base`` and all contributions add up to ``raw``.

    Attributes
    ----------
    prediction, score
        As they are published; the score is None for a regression.
    against, compared
        The game, and in words what the row is compared with.
    changes
        As for `assay.model.reasons.nearest_changes`, the nearest in score first.
    before
        What the version that held the stage before would have decided.
    """

    key: Mapping[str, Any]
    partition: str
    run_id: str
    version: str
    bundle: str
    prediction: Any
    score: float | None
    threshold: float | None
    against: Against
    compared: str
    changes: tuple[Change, ...]
    before: Before


def run(root: Path, params: Params, given: Sequence[str], partition: str | None = None) -> Why:
    """Explain one published row.

    Parameters
    ----------
    given
        The row's key: a value, or ``column=value`` for each key column.
    partition
        The night; by default the newest in which the key is published.

    Raises
    ------
    UsageError
        The key does not have the columns of the predictions, or the night is no day.
    KeyUnknown
        No published row has it, or more than one.
    SourceError
        The night's input cannot be read any more, or has another row now.
    ReasonsUnknown
        The model's contributions cannot be computed exactly.
    """
    store = open_store(root, params)
    record, published, key = _find(store, given, partition)
    pinned, earlier = pin_run(root, params, record), version_before.pin_before(root, params, record)
    columns = [*pinned.contract.columns]
    if isinstance(earlier, PinnedVersion):
        columns += earlier.contract.columns
    row = _read(open_input(root, params), record.partition, key, columns)
    return explain(pinned, record, key, row, published, earlier)


def explain(
    pinned: PinnedVersion,
    record: Run,
    key: Mapping[str, Any],
    row: pa.Table,
    published: Mapping[str, Any],
    earlier: PinnedVersion | Before,
) -> Why:
    """Why one row got its score.

    Parameters
    ----------
    row
        One row, with the columns of the contracts of both versions.
    published
        What the night says of it, by column.
    earlier
        The version that held the stage before, or why there is none to ask.
    """
    bundle, contract = pinned.bundle, pinned.contract
    manifest = bundle.manifest
    scored = score_batch(bundle, contract, row)
    _check_same(scored.predictions, scored.broken, published, record)
    decided = published[prediction.PREDICTION]
    explained = reasons.row_reasons(bundle, contract, row, decided)
    changes = reasons.nearest_changes(bundle, contract, row)
    score = published.get(prediction.PROBABILITY)
    return Why(
        **vars(explained),
        key=mask(key, private_names()),
        partition=record.partition,
        run_id=record.run_id,
        version=record.version,
        bundle=record.bundle,
        prediction=decided,
        score=score,
        threshold=manifest.threshold if manifest.task == "binary" else None,
        against=manifest.reasons["against"],
        compared=reasons.compared_with(manifest),
        changes=tuple(
            each
            for each in sorted(changes, key=lambda each: abs(each.score - (score or 0.0)))
            if each.feature not in manifest.sensitive
        ),
        before=version_before.decide(earlier, row),
    )


# --------------------------------------------------------------------------- in words


def score_words(answer: Why) -> str:
    """What was decided, in one sentence."""
    text = f"{show_key(answer.key)} of {answer.partition}: {plain(answer.prediction)}"
    if answer.score is None:
        return text
    limit = "" if answer.threshold is None else f" (true from {answer.threshold:g} on)"
    return f"{text}, probability {format_short(answer.score)}{limit}"


def sum_words(answer: Why) -> str:
    """How the score came about, in one sentence."""
    of = f" of '{answer.output}'" if answer.output is not None else ""
    text = (
        f"{answer.scale}{of}: {format_short(answer.base)} for {base_words(answer)}, "
        f"{answer.raw - answer.base:+.4f} by its features, {format_short(answer.raw)} in all"
    )
    if answer.score is None:
        linked = answer.uncalibrated
        return text if linked == answer.raw else f"{text}, which is {format_short(linked)}"
    if answer.scale != "probability":
        text += f", which is a probability of {format_short(answer.uncalibrated)}"
    if abs(answer.uncalibrated - answer.score) > NEAR:
        text += f", and calibrated {format_short(answer.score)}"
    return text


def base_words(answer: Why) -> str:
    """What has the base as its raw output."""
    if answer.against == "population":
        return "a row of which nothing is known"
    return f"the mean of {answer.compared}"


def before_words(before: Before) -> str:
    """What the version before would have decided and why, in one sentence."""
    if before.unknown is not None:
        return f"what the version before would have said is not known: {before.unknown}"
    score = "" if before.score is None else f", probability {format_short(before.score)}"
    strongest = ", ".join(
        f"{mark_blanks(each.words)} {each.contribution:+.4f}" for each in before.reasons[:STRONGEST]
    )
    return (
        f"{before.version}, which held the stage before the version that scored this row, "
        f"says {plain(before.prediction)}{score}, mostly for: {strongest or before.unexplained}"
    )


def change_words(change: Change) -> str:
    """What else would have been decided, in one line."""
    side = f" {change.side}" if change.side else ""
    return (
        f"{change.feature}{side} {_rounded(change)} (it is {plain(change.value)}): "
        f"{plain(change.decision)}, {format_short(change.score)}"
    )


def _rounded(change: Change) -> str:
    """The value to change to, with no more digits than it takes to be beyond the edge."""
    if not isinstance(change.to, float) or not change.side:
        return plain(change.to)
    for digits in range(6, 17):
        text = f"{change.to:.{digits}g}"
        if float(text) <= change.to if change.side == "at most" else float(text) >= change.to:
            return text
    return repr(change.to)


def plain(value: Any) -> str:
    """A cell as people read it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    return "none" if value is None else mark_blanks(str(value))


# ------------------------------------------------------------------------- the published row


def _find(
    store: Store, given: Sequence[str], partition: str | None
) -> tuple[Run, Mapping[str, Any], Mapping[str, Any]]:
    """The run that published a row with this key, the row, and the key with typed values."""
    nights = sorted(store.visible_runs(), reverse=True) if partition is None else [partition]
    key: Mapping[str, Any] = {}
    for night in nights:
        record = store.published_run(night)
        if record is None:
            if partition is None:
                continue
            raise nothing_published(store, night)
        rows: list[dict[str, Any]] = []
        key = key or one_key(given, store.prediction_schema(), store.column)
        for batch in store.batches_with(night, key):
            rows += batch.filter(_has(batch, key)).to_pylist()
        if len(rows) > 1:
            raise KeyUnknown(
                f"the key is that of {counted(len(rows), 'published row')}, so of none alone",
                where=f"night {night}",
                found=show_key(key),
                fix="A key has to name one row: see the contract's roles.",
            )
        if rows:
            return record, rows[0], key
    raise _unknown(store, nights, key or {"key": shown(", ".join(given))})


def _has(batch: pa.RecordBatch | pa.Table, key: Mapping[str, Any]) -> pa.Array:
    mask = pa.array(np.ones(batch.num_rows, bool))
    for name, value in key.items():
        column = batch.column(name)
        same = pc.equal(column, pa.scalar(value, column.type))
        mask = pc.and_(mask, pc.fill_null(same, False))
    return mask


def _unknown(store: Store, nights: Sequence[str], key: Mapping[str, Any]) -> KeyUnknown:
    """The error that no published row has a key: it may have been refused."""
    for night in nights:
        if store.published_run(night) is None:
            continue
        for batch in store.quarantine_batches(night):
            if not set(key) <= set(batch.schema.names):
                break
            for row in batch.filter(_has(batch, key)).to_pylist():
                return KeyUnknown(
                    "the row was refused, so it has no score",
                    where=f"night {night}",
                    expected="a row that keeps the contract",
                    found=", ".join(row["broken_rules"]),
                    fix=f"Look at it: assay quarantine show --date {night}",
                )
    return KeyUnknown(
        "no published row has this key",
        where=store.uri,
        expected="a key of a published night" if len(nights) != 1 else f"a key of {nights[0]}",
        found=show_key(key),
        fix="A night that is held or was taken back has no published row: "
        "assay night history --date DAY",
    )


# ------------------------------------------------------------------------ the row as it was read


def _read(
    source: Format[Any], partition: str, key: Mapping[str, Any], columns: Sequence[str]
) -> pa.Table:
    """The row as it lies in the night's input."""
    names = list(key)
    try:
        for batch in source.rows(partition, columns, RowsWith(key)):
            if set(names) <= set(batch.schema.names):
                row = batch.filter(_has(batch, key))
                if row.num_rows:
                    return pa.Table.from_batches([row]).slice(0, 1)
    except InputUnreadable as error:
        raise SourceError(
            f"the row's own cells are needed, and {error}",
            where=f"night {partition}",
            fix="Put the input back where it was, or ask for a night whose input is still there.",
        ) from None
    raise SourceError(
        "the night's input has no such row any more",
        where=f"night {partition}",
        found=show_key(key),
        fix="It was exported anew since: score the night again, or put the former input back.",
    )


def _check_same(
    scored: pa.Table, broken: Mapping[str, int], published: Mapping[str, Any], record: Run
) -> None:
    """Check that a row is still the one that was scored, by its score."""
    now: Mapping[str, Any] = next(iter(scored.to_pylist()), {})
    if not now or not all(_alike(now[name], value) for name, value in _answer(published).items()):
        raise SourceError(
            "the row is another now than the one that was scored",
            where=f"night {record.partition}, run {record.run_id}",
            expected=f"as published: {_decided(published)}",
            found=", ".join(f"breaks '{rule}'" for rule in broken) or _decided(now),
            fix="Its input changed since. Put what was scored into "
            "the night's input, or score the night again (assay score --force).",
        )


def _answer(row: Mapping[str, Any]) -> Mapping[str, Any]:
    both = (prediction.PREDICTION, prediction.PROBABILITY)
    return {name: row[name] for name in both if name in row}


def _decided(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {plain(value)}" for name, value in _answer(row).items())


def _alike(now: Any, then: Any) -> bool:
    if isinstance(now, float) and isinstance(then, float):
        return abs(now - then) <= NEAR * max(1.0, abs(then))
    return bool(now == then)
