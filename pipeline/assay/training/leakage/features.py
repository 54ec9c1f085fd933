"""Features that should not be learnt from, by what each is alone.

One that identifies its row instead of describing it, one whose name tells, and one that nights do
not have.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.contract.definition import Contract, Kind
from assay.contract.schema import is_compatible_type
from assay.errors import AssayError
from assay.errors.base import describe_error
from assay.project.params import Params
from assay.project.text import counted
from assay.score.inputs.formats import open_input
from assay.training.leakage.report import EXAMPLES, Check, Row, unknown_check
from assay.training.leakage.table_pair import Floats, TablePair, count_distinct, to_floats

MIN_ROWS = 50
"""With fewer values, most numbers are distinct anyway."""

ROWS_A_VALUE = 20
"""A key column is allowed as a feature if its values have at least this many rows each."""


def identifier(sides: TablePair, limit: float) -> Check:
    """Whether almost every training row has its own value in a feature that is no free text.

    Checks strings, integers, and floats that are whole numbers. A column of the key is suspect if
    it is the whole key, or if its values have few rows each.
    """
    contract = sides.contract
    apart = [name for name in contract.features if contract.field(name).kind == "boolean"]
    apart += contract.texts
    names = [name for name in contract.features if name not in apart]
    if names and sides.train.rows < MIN_ROWS:
        few = f"training has {counted(sides.train.rows, 'row')} only, {MIN_ROWS} are needed"
        return unknown_check("identifier", few, limit)
    unique: list[tuple[float, str, str | None]] = []
    for name in names:
        values = sides.column(name).train
        if not _whole(values, contract.field(name).kind):
            continue
        known = len(values) - pc.sum(pc.is_null(values, nan_is_null=True)).as_py()
        # The few values of a mostly null column may all be distinct without harm.
        enough = known >= MIN_ROWS
        share = count_distinct(values) / known if enough else 0.0
        unique.append((share, name, _why(name, share, limit, contract.keys)))
    unique.sort(key=lambda each: (each[2] is None, -each[0], each[1]))
    numbers: tuple[Row, ...] = tuple(
        {"column": name, "distinct_share": share, "key": name in contract.keys}
        for share, name, _ in unique
    )
    if not unique:
        return Check(
            check="identifier",
            outcome="ok",
            columns=(),
            observed=0.0,
            limit=limit,
            detail="no feature holds texts or whole numbers",
        )
    share, name, why = unique[0]
    if why is None:
        detail = f"'{name}' has the most distinct values, {share:.2%} of its rows"
        return Check(
            check="identifier",
            outcome="ok",
            columns=tuple(each[1] for each in unique),
            observed=share,
            limit=limit,
            detail=detail,
            numbers=numbers,
        )
    columns = tuple(name for _, name, why in unique if why is not None)
    detail = "; ".join(f"'{name}' {why}" for _, name, why in unique if why is not None)
    return Check(
        check="identifier",
        outcome="suspect",
        columns=columns,
        observed=share,
        limit=limit,
        detail=detail,
        numbers=numbers,
        examples=_examples(sides, name),
    )


def _why(name: str, share: float, limit: float, keys: tuple[str, ...]) -> str | None:
    """The problem with a feature with this share of distinct values; None if there is none."""
    if keys == (name,):
        return "is the key, and yet a feature"
    if share > limit:
        return f"has a value of its own in {share:.2%} of its rows"
    if name in keys and share * ROWS_A_VALUE > 1:
        return f"is part of the key, and its values have {1 / share:.1f} rows each"
    return None


def _whole(values: pa.ChunkedArray, kind: Kind) -> bool:
    """Whether the values can be identifiers: strings and whole numbers."""
    if kind != "float":
        return True
    return all(_is_whole(to_floats(pa.chunked_array([chunk]))) for chunk in values.chunks)


def _is_whole(numbers: Floats) -> bool:
    return bool(np.all(np.isnan(numbers) | (np.isfinite(numbers) & (numbers == np.rint(numbers)))))


def _examples(sides: TablePair, name: str) -> tuple[Row, ...]:
    places = np.arange(min(EXAMPLES, sides.train.rows), dtype=np.intp)
    return tuple(sides.cells(sides.train, [name], places))


# -------- features whose names say that they are known only with the label, or are a model's answer

ANSWERS = re.compile(r"predict(ions?|ed|s)?|preds?|y_?hat|probas?|fitted")
"""Words for a model's answer, whatever else a name says."""
AFTERWARDS = re.compile(
    r"outcomes?|scor(es?|ed|ing)|probabilit(y|ies)|probs?|forecast(ed|s)?|estimate[ds]?|likelihood"
    r"|target|label"
)
"""Words that may be known before by right, such as a credit score."""
TOTALS = frozenset({"total", "sum"})
PAST = re.compile(r"lag(ged)?|last|prev(ious)?|prior|past|before|history|historical|yesterday|ago")
LEAST_POWER = {True: 0.2, False: 0.6}
"""Share of variance, or AUC, of the best feature: below, none tells anything of the label."""
CLOSE = 1.25
"""What leaves so many times as much unexplained as the best feature is as good: bins blur."""

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def telling_names(
    names: Iterable[str], label: str, powers: Mapping[str, float], *, number: bool
) -> dict[str, str]:
    """Name of a feature -> why its name is suspect, in the order of ``names``.

    A word for a model's answer is always so. Others are so in the name of a feature that alone
    predicts the label about as well as any whose name says nothing, and in no name of something
    past.

    Parameters
    ----------
    powers
        How well each feature alone predicts the label. Where none tells anything, or its power is
        not known, no weak word is suspect.
    number
        Whether the label is one, so that powers are shares of its variance.
    """
    if max(powers.values(), default=0.0) < LEAST_POWER[number]:
        powers = {}
    of_label = _words(label)
    answers, weak = {}, {}
    for name in names:
        words = _words(name)
        other = [word for word in words if word not in of_label]
        spelt = ["y_hat", *other] if ("y", "hat") in pairwise(words) else other
        if answering := [word for word in spelt if ANSWERS.fullmatch(word)]:
            answers[name] = f"'{answering[0]}' is a word for a model's answer"
        elif not any(map(PAST.fullmatch, words)) and (why := _weak(words, other, of_label, label)):
            weak[name] = why
    plain = [power for name, power in powers.items() if name not in (*answers, *weak)]
    most = CLOSE * (1 - max(plain, default=0.0))
    answers |= {name: why for name, why in weak.items() if 1 - powers.get(name, -1.0) <= most}
    return {name: answers[name] for name in names if name in answers}


def _weak(words: list[str], other: list[str], of_label: list[str], label: str) -> str:
    if later := [word for word in other if AFTERWARDS.fullmatch(word)]:
        return f"'{later[0]}' is often known only afterwards"
    if len(label) > 2 and of_label and set(of_label) <= set(words):
        return f"it has the label's name, '{label}', in it"
    if not TOTALS.isdisjoint(other) and ("of" in words or not {*words}.isdisjoint(of_label)):
        return "it is a total, which the label may be a part of"
    return ""


def label_name(contract: Contract, power: Check, trusted: Collection[str]) -> Check:
    """Whether a feature's name says that it is known only with the label.

    Parameters
    ----------
    power
        The result of ``label_power``, which knows how well each feature alone predicts the label.
    trusted
        Features that a person knows to be known before the label: ``leakage.trusted_columns``.
    """
    number = contract.field(contract.label).kind in ("integer", "float")
    powers = {
        str(row["column"]): float(value)
        for row in power.numbers
        if isinstance(value := row["power"], float)
    }
    asked = [name for name in contract.features if name not in trusted]
    telling = telling_names(asked, contract.label, powers, number=number)
    detail = "no feature's name says that it is known only with the label"
    if telling:
        detail = "; ".join(f"'{name}': {why}" for name, why in telling.items())
    return Check(
        check="label_name",
        outcome="suspect" if telling else "ok",
        columns=tuple(telling or asked),
        observed=float(len(telling)),
        limit=0.0,
        detail=detail,
    )


def _words(name: str) -> list[str]:
    """The words of a name in snake or camel case, in small letters."""
    return [word.lower() for word in _WORD.findall(name)]


# ---------------------------- checks that the columns the model reads are available at scoring time

AT_SCORING: Final = "not_at_scoring"

MORE_NULLS = 0.5
"""A feature is unavailable if its share of nulls at scoring exceeds training's by more."""

TOLD = 3
"""Most columns that the sentence names."""


def not_at_scoring(sides: TablePair, seen: SourceSample | UnsampledSource) -> Check:
    """Whether the scoring source lacks a column, or has it without values.

    Checks all columns that the contract needs at scoring; nulls are compared for features only.
    """
    if isinstance(seen, UnsampledSource):
        return unknown_check(AT_SCORING, seen.why, 0.0)
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
    texts = [f"'{name}' {why}" for name, why in list(wrong.items())[:TOLD]]
    if len(wrong) > TOLD:
        texts.append(f"and {counted(len(wrong) - TOLD, 'more column')}")
    detail = (
        f"{seen.where}: {'; '.join(texts)}"
        if wrong
        else f"{seen.where}: every column that the model needs is there"
    )
    return Check(
        check=AT_SCORING,
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


# -------------------------- samples the scoring source: columns and first rows of its newest nights
# This neither runs Spark nor queries a database. What only a query can tell stays unknown, with a
# reason.

NIGHTS = 7
"""Newest nights that are sampled, since a column can be late in one night only."""


@dataclass(frozen=True)
class SourceSample:
    """The first rows of each of the newest nights.

    Parameters
    ----------
    where
        Which nights.
    types
        Arrow types by column of the newest night; None where the source does not state them.
    nulls
        Rows without a value by column, out of ``rows`` rows of all these nights.
    """

    where: str
    rows: int
    types: Mapping[str, pa.DataType | None]
    nulls: Mapping[str, int]


@dataclass(frozen=True)
class UnsampledSource:
    """The source could not be sampled, for the reason ``why``."""

    why: str


def sample_source(root: Path, params: Params, rows: int) -> SourceSample | UnsampledSource:
    """The columns of the newest nights of ``score.input``, and how often each is null.

    Parameters
    ----------
    rows
        Number of rows to read of a night.
    """
    source, column = open_input(root, params), params.ingest.partition_by
    shown = ", ".join(params.score.input.paths().values()) or params.score.input.format
    try:
        if not source.lists_nights:
            why = "its nights cannot be listed, and its columns are known when it runs"
            return UnsampledSource(f"score.input ({params.score.input.format}): {why}")
        nights = source.nights()[-NIGHTS:]
        firsts = [(night, source.first_rows(night, rows)) for night in nights]
    except AssayError as error:
        return UnsampledSource(f"{shown}: {error.what}")
    except (OSError, ValueError, pa.ArrowException) as error:
        gist = describe_error(error, root).partition(": ")[2][:160]
        return UnsampledSource(f"{shown}: cannot be read ({gist})")
    if not nights:
        return UnsampledSource(f"{shown}: holds no nights {column}=...")
    known = [(night, table) for night, table in firsts if table.num_rows]
    if not known:
        return UnsampledSource(f"{shown}: the newest nights hold no rows")
    (first, _), (last, newest) = known[0], known[-1]
    # A column that a night lacks is null in all of its rows.
    nulls = {
        name: sum(
            _nulls(table.column(name)) if name in table.column_names else table.num_rows
            for _, table in known
        )
        for name in newest.column_names
    }
    span = f"{column}={last}" if first == last else f"{column}={first} to {column}={last}"
    return SourceSample(
        f"{shown}, {span}",
        sum(table.num_rows for _, table in known),
        {field.name: field.type if source.typed else None for field in newest.schema},
        nulls,
    )


def _nulls(column: pa.ChunkedArray) -> int:
    nulls: int = pc.sum(pc.is_null(column, nan_is_null=True)).as_py() or 0
    return nulls
