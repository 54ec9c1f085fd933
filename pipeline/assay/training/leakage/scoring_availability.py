"""Checks that the columns the model reads are available at scoring time."""

from __future__ import annotations

from typing import Final

import pyarrow.compute as pc

from assay.contract.schema import is_compatible_type
from assay.project.text import counted
from assay.training.leakage.report import Check, Row, unknown_check
from assay.training.leakage.source_sample import SourceSample, UnsampledSource
from assay.training.leakage.table_pair import TablePair

NAME: Final = "not_at_scoring"

MORE_NULLS = 0.5
"""A feature is unavailable if its share of nulls at scoring exceeds training's by more."""

TOLD = 3
"""Most columns that the sentence names."""


def not_at_scoring(sides: TablePair, seen: SourceSample | UnsampledSource) -> Check:
    """Whether the scoring source lacks a column, or has it without values.

    Checks all columns that the contract needs at scoring; nulls are compared for features only.
    """
    if isinstance(seen, UnsampledSource):
        return unknown_check(NAME, seen.why, 0.0)
    contract = sides.contract.without_label()
    numbers: list[Row] = []
    wrong: dict[str, str] = {}
    for field in contract.fields:
        if field.name not in seen.types:
            wrong[field.name] = "is not there"
            continue
        kind = seen.types[field.name]
        night = seen.nulls[field.name] / seen.rows
        if field.name in contract.features:
            training = _null_share(sides, field.name)
            numbers.append(
                {"column": field.name, "null_at_scoring": night, "null_in_training": training}
            )
            if night - training > MORE_NULLS:
                wrong[field.name] = f"is null in {night:.0%} of rows, {training:.0%} in training"
        if kind is not None and not is_compatible_type(field, kind):
            wrong[field.name] = f"is {kind}, not {field.kind}"
    told = [f"'{name}' {why}" for name, why in list(wrong.items())[:TOLD]]
    if len(wrong) > TOLD:
        told.append(f"and {counted(len(wrong) - TOLD, 'more column')}")
    detail = (
        f"{seen.where}: {'; '.join(told)}"
        if wrong
        else f"{seen.where}: every column that the model needs is there"
    )
    return Check(
        check=NAME,
        outcome="suspect" if wrong else "ok",
        columns=tuple(wrong or contract.features),
        observed=float(len(wrong)),
        limit=0.0,
        detail=detail,
        numbers=tuple(numbers),
    )


def _null_share(sides: TablePair, name: str) -> float:
    column = sides.column(name).train
    nulls: int = pc.sum(pc.is_null(column, nan_is_null=True)).as_py()
    return nulls / len(column)
