"""The rows on which a file is compared with the compiled model, and what it must give for them.

They are ordinary rows, rows without any value, and `assay.compiled.edge_cases` of every threshold,
every limit of the contract, and every category that the model knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from assay.columns.features import Floats
from assay.compiled.array_types import Array, Bools, Ints
from assay.compiled.edge_cases import (
    MOST_CATEGORIES,
    MOST_EDGES,
    FeaturesInMemory,
    concatenate,
    edge_cases,
)
from assay.compiled.scorer import CompiledModel
from assay.contract.checks.row_checks import check_rows
from assay.contract.definition import Contract
from assay.contract.schema import TYPES
from assay.edge.rules import DeviceRules, features_only
from assay.model.prediction import invalid_scores

_ORDINARY = 2000
_BATCH = 20_000


@dataclass(frozen=True, eq=False)
class Expected:
    """What the compiled model and the contract say of some rows.

    Attributes
    ----------
    raw
        Of shape (rows, outputs).
    scores
        Of shape (rows, scores); NaN for a row that has none.
    unscored
        Which rows have none.
    broken
        The number of the first check that a row breaks, counted from 1; 0 for none.
    """

    raw: Floats
    scores: Floats
    unscored: Bools
    broken: Ints


def hard_rows(
    model: CompiledModel, rules: DeviceRules, sample: FeaturesInMemory
) -> Iterator[FeaturesInMemory]:
    """Batches of rows.

    Parameters
    ----------
    sample
        Ordinary rows, at least one.
    """
    inputs = model.inputs
    held: list[FeaturesInMemory] = []
    for part in _parts(model, rules, sample):
        held.append(part)
        if sum(each.rows for each in held) * (1 + len(inputs.numeric)) > _BATCH * 16:
            yield concatenate(held)
            held = []
    if held:
        yield concatenate(held)


def _parts(
    model: CompiledModel, rules: DeviceRules, sample: FeaturesInMemory
) -> Iterator[FeaturesInMemory]:
    inputs = model.inputs
    some = np.unique(np.linspace(0, sample.rows - 1, min(sample.rows, _ORDINARY)).astype(np.int64))
    ordinary = sample.take(some)
    yield ordinary
    yield _without_values(ordinary.take(np.zeros(1, np.int64)))
    edges: dict[str, Floats] = {
        name: np.unique(np.concatenate([model.body.edges(place), rules.edges(place)]))
        for place, name in enumerate(inputs.numeric)
    }
    known: dict[str, list[str]] = {
        name: sorted({*inputs.categories[place], *rules.texts(place)})
        for place, name in enumerate(inputs.categorical)
    }
    part = 0
    while True:
        here = {name: each[part * MOST_EDGES :][:MOST_EDGES] for name, each in edges.items()}
        named = {
            name: each[part * MOST_CATEGORIES :][:MOST_CATEGORIES] for name, each in known.items()
        }
        if part:  # the first one has the unusual values of every feature
            here = {name: each for name, each in here.items() if len(each)}
            named = {name: each for name, each in named.items() if each}
            if not here and not named:
                return
        for case in edge_cases(ordinary, here, named):
            yield case.rows
        part += 1


def _without_values(row: FeaturesInMemory) -> FeaturesInMemory:
    return FeaturesInMemory(
        1,
        {name: np.array([np.nan]) for name in row.of_numbers},
        {
            name: column._replace(codes=np.array([-1], np.int32))
            for name, column in row.of_categories.items()
        },
    )


def expected(
    model: CompiledModel, contract: Contract, rules: DeviceRules, rows: FeaturesInMemory
) -> Expected:
    """What a file must give for some rows.

    Parameters
    ----------
    contract
        At scoring time.
    """
    raw = np.empty((rows.rows, model.body.outputs))
    scores = np.empty((rows.rows, max(model.finish.classes, 1)))
    unscored = np.zeros(rows.rows, np.bool_)
    with np.errstate(all="ignore"):
        for block, block_raw in model.body.raw(model.inputs.rows(rows)):
            here = slice(block.start, block.stop)
            raw[here] = block_raw.T
            scored = model.finish.scores(np.ascontiguousarray(block_raw))
            scores[here] = scored.reshape(block.rows, -1)
            unscored[here] = invalid_scores(model.finish.task, scored)
            refused = block.refused()
            if refused is not None:
                unscored[here] |= refused
    scores[unscored] = np.nan
    return Expected(raw, scores, unscored, _broken(contract, rules, rows, model))


def _broken(
    contract: Contract, rules: DeviceRules, rows: FeaturesInMemory, model: CompiledModel
) -> Ints:
    """By the contract's own checks; numbers that are not of their field's type it cannot even see.

    Those are made null for it, after they were found here.
    """
    numeric = model.inputs.numeric
    masks: dict[str, Bools] = {}
    columns = {}
    for field in contract.fields:
        if field.name in rows.of_categories:
            codes, categories = rows.of_categories[field.name]
            values = pa.array(np.append(categories.objects, [None])[codes], TYPES[field.kind])
        elif field.name in rows.of_numbers:
            values = pa.array(rows.of_numbers[field.name], pa.float64(), from_pandas=True)
        else:
            values = pa.nulls(rows.rows, TYPES[field.kind])
        columns[field.name] = values
    for rule in rules.held:
        if rule.kind in ("whole", "boolean"):
            name = numeric[rule.place]
            numbers = rows.of_numbers[name]
            with np.errstate(invalid="ignore"):
                fits = (
                    (np.abs(numbers) <= rule.high) & (np.floor(numbers) == numbers)
                    if rule.kind == "whole"
                    else (numbers == 0) | (numbers == 1)
                )
            masks[rule.name] = ~fits & ~np.isnan(numbers)
            plain = np.where(fits, numbers, 0)
            kind = np.int64 if rule.kind == "whole" else np.bool_
            columns[name] = pa.array(plain.astype(kind), mask=np.isnan(numbers))
    untyped = np.logical_or.reduce([np.zeros(rows.rows, np.bool_), *masks.values()])
    by_rule = check_rows(features_only(contract, rules), pa.table(columns)).broken
    broken = np.zeros(rows.rows, np.int64)
    for number, rule in reversed(list(enumerate(rules.held, start=1))):
        mask = masks.get(rule.name, by_rule.get(rule.name))
        if mask is not None:
            broken[mask] = number
    assert not (untyped & (broken == 0)).any()
    return broken


def differences(wanted: Expected, got: Expected, tolerance: float) -> str:
    """The first difference, as text; "" if there is none.

    Raw outputs of rows that have a score must be equal to the bit, scores within ``tolerance``
    (relative to the score above 1), and the rows without a score and the broken checks the same.
    """
    equal = (wanted.raw == got.raw) | wanted.unscored[:, None]
    with np.errstate(invalid="ignore"):
        apart = np.abs(wanted.scores - got.scores) / np.maximum(1, np.abs(wanted.scores))
        close: Bools = np.logical_or(apart <= tolerance, wanted.unscored[:, None])
    tests: Mapping[str, tuple[Array, Array, Array]] = {
        "a check of the contract": (wanted.broken == got.broken, wanted.broken, got.broken),
        "whether there is a score": (
            np.equal(wanted.unscored, got.unscored),
            wanted.unscored,
            got.unscored,
        ),
        "the raw output": (equal.all(axis=1), wanted.raw, got.raw),
        "the score": (np.all(close, axis=1), wanted.scores, got.scores),
    }
    for about, (same, one, other) in tests.items():
        if not same.all():
            row = int(np.flatnonzero(~same)[0])
            count = int((~same).sum())
            return (
                f"{about} differs in {count} of {len(same)} rows, such as {other[row]} "
                f"where Assay has {one[row]}"
            )
    return ""
