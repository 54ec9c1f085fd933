"""Finds rows that training and holdout share: by key, by features, or by time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.contract.definition import Contract, Role
from assay.project.text import first_few, quote_value
from assay.training.leakage.report import EXAMPLES, Check, Outcome, Row, unknown_check
from assay.training.leakage.table_pair import (
    DIGITS,
    Hashes,
    TablePair,
    count_among,
    hash_column,
    hash_rows,
    mix_hash,
)

DEVIATIONS = 3
LABEL_DEVIATIONS = 2
"""Of the share of duplicates that agree in the label."""
COARSE = 0.95
"""Pairs of rows that agree in the label more often by nature cannot be told from copies."""
LEAST_PAIRED = 30
"""With fewer duplicates within training, how often they agree says too little."""


def same_key(sides: TablePair) -> Check:
    """Whether rows of the holdout have a key that training has too."""
    keys = sides.contract.keys
    train, holdout = hash_rows(sides.column(name) for name in keys)
    twins = np.flatnonzero(count_among(holdout, train))
    count, rows = len(twins), sides.holdout.rows
    detail = (
        f"{count:,} of {rows:,} holdout rows ({count / rows:.2%}) have a key that training has too"
        if count
        else "no key of the holdout is in training"
    )
    shown = sides.cells(sides.holdout, keys, twins[:EXAMPLES].astype(np.intp))
    return Check(
        check="same_key",
        outcome=_outcome(count, 0.0),
        columns=keys,
        observed=float(count),
        limit=0.0,
        detail=detail,
        numbers=({"rows": count, "share": count / rows},),
        examples=tuple(shown),
    )


def near_duplicates(sides: TablePair, limit: float) -> Check:
    """Whether rows of the holdout equal one of training in all that describes them.

    That is the features, and what the model does not see but tells rows apart all the same: two
    people who differ in nothing but a sensitive column are two people.

    Floats are compared to five significant digits, and nulls are equal. With few, coarse features,
    rows are equal by chance, which does not count against the limit. If columns are independent, a
    row has a duplicate with probability 1 - exp(-n), n being its expected number of duplicates. The
    allowance is the mean of these probabilities plus three standard deviations.

    Correlated columns make more. So duplicates count only as far as they agree in the label
    more often than duplicates within training do, as copies have the label too. Where those nearly
    always agree, they may be copies themselves, and any two rows of training are compared with.
    """
    described, rows = _described(sides.contract), sides.holdout.rows
    train, holdout = np.zeros(sides.train.rows, np.uint64), np.zeros(rows, np.uint64)
    likelihood = np.zeros(rows)
    for name in described:
        column = sides.column(name)
        mix_hash(train, column.train, DIGITS)
        mix_hash(holdout, column.holdout, DIGITS)
        alike = count_among(hash_column(column.holdout, DIGITS), hash_column(column.train, DIGITS))
        with np.errstate(divide="ignore"):  # a value that training lacks has likelihood 0
            likelihood += np.log(alike / sides.train.rows)
    twins = np.flatnonzero(count_among(holdout, train))
    share = len(twins) / rows
    chance = -np.expm1(-sides.train.rows * np.exp(likelihood))
    spread = math.sqrt(float(np.sum(chance * (1 - chance)))) / rows
    by_chance = min(float(chance.mean()) + DEVIATIONS * spread, 1.0)
    labels, usual = _alike(sides, train, holdout, twins) if len(twins) else (None, None)
    beyond = max(share - by_chance, 0.0)
    if labels is not None and usual is not None:
        usual = min(usual + LABEL_DEVIATIONS * math.sqrt(usual * (1 - usual) / len(twins)), 1.0)
        if usual <= COARSE:  # else a label that is nearly always the same tells nothing
            beyond = min(beyond, share * max(labels - usual, 0.0) / (1 - usual))
    outcome = _outcome(beyond, limit)
    detail = f"{len(twins):,} of {rows:,} holdout rows ({share:.2%}) equal a training row in all "
    detail += _words(sides.contract.features, described)
    detail += f"; {by_chance:.2%} can be chance if columns are independent" if len(twins) else ""
    if labels is not None:
        detail += f"; {labels:.1%} of such pairs agree in the label, {usual:.1%} can without copies"
    return Check(
        check="near_duplicates",
        outcome=outcome,
        columns=described,
        observed=beyond,
        limit=limit,
        detail=detail,
        numbers=(
            {
                "rows": len(twins),
                "share": share,
                "by_chance": by_chance,
                "same_label": labels,
                "same_label_by_chance": usual,
            },
        ),
        examples=_pairs(sides, train, holdout, twins) if outcome == "suspect" else (),
    )


def _described(contract: Contract) -> tuple[str, ...]:
    """All columns but those that name a row, date it, weigh it or are what is to be learnt."""
    apart = {Role.KEY, Role.TIME}
    return tuple(
        each.name
        for each in contract.fields
        if Role.FEATURE in each.roles
        or not (apart & {*each.roles} or each.name in (contract.label, contract.weight))
    )


def _words(features: Sequence[str], described: Sequence[str]) -> str:
    beside = [quote_value(name) for name in described if name not in features]
    if not beside:
        return "features"
    return f"features and in {first_few(beside)}"


def time_overlap(sides: TablePair) -> Check:
    """Whether the holdout starts before training ends."""
    time = sides.contract.time
    pair = sides.column(time)
    ends, starts = pc.max(pair.train), pc.min(pair.holdout)
    if not ends.is_valid or not starts.is_valid:
        return unknown_check("time_overlap", f"'{time}' has no value on one side", 0.0)
    # Equal times count: rows of one instant would be on both sides.
    early = int(pc.sum(pc.less_equal(pair.holdout, ends)).as_py())
    last, first = ends.as_py().isoformat(" "), starts.as_py().isoformat(" ")
    detail = (
        f"{early:,} of {sides.holdout.rows:,} holdout rows are not after training's last: it ends "
        f"{last}, the holdout starts {first}"
        if early
        else f"training ends {last}, the holdout starts {first}"
    )
    return Check(
        check="time_overlap",
        outcome=_outcome(early, 0.0),
        columns=(time,),
        observed=float(early),
        limit=0.0,
        detail=detail,
        numbers=({"rows": early, "training_ends": last, "holdout_starts": first},),
    )


def _outcome(observed: float, limit: float) -> Outcome:
    return "suspect" if observed > limit else "ok"


def _alike(
    sides: TablePair, train: Hashes, holdout: Hashes, twins: NDArray[np.intp]
) -> tuple[float, float]:
    """How often ``twins`` have the label of a duplicate in training, and would without copies."""
    label = sides.column(sides.contract.label)
    mine, theirs = holdout.copy(), train.copy()
    mix_hash(mine, label.holdout, DIGITS)
    mix_hash(theirs, label.train, DIGITS)
    alike = count_among(mine[twins], theirs) / count_among(holdout[twins], train)
    others = count_among(train, train) - 1
    paired = others > 0
    if np.count_nonzero(paired) >= LEAST_PAIRED:
        own = (count_among(theirs[paired], theirs) - 1) / others[paired]
        if own.mean() <= COARSE:
            return float(alike.mean()), float(own.mean())
    values = hash_column(label.train, DIGITS)
    return float(alike.mean()), float(count_among(values, values).mean() / len(values))


def _pairs(
    sides: TablePair, train: Hashes, holdout: Hashes, twins: NDArray[np.intp]
) -> tuple[Row, ...]:
    """Keys of a few holdout rows, each beside those of a duplicate in training."""
    mine = twins[:EXAMPLES]
    theirs = np.array([np.flatnonzero(train == holdout[row])[0] for row in mine], dtype=np.intp)
    keys: Sequence[str] = sides.contract.keys
    left, right = sides.cells(sides.holdout, keys, mine), sides.cells(sides.train, keys, theirs)
    return tuple(
        {
            **{f"{name} in holdout": value for name, value in one.items()},
            **{f"{name} in training": value for name, value in other.items()},
        }
        for one, other in zip(left, right, strict=True)
    )
