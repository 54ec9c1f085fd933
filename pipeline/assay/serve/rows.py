"""Requests and their answers: rows as JSON or Arrow in, what the model says of each out.

Nothing here knows HTTP but the status codes. The rows of all requests that wait are scored
together, which costs little more than one: a row's score does not depend on the rows around it.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from assay.contract.definition import Contract
from assay.contract.schema import canonical_schema, check_schema
from assay.contract.text_parser import parse_records
from assay.errors import AssayError, ReasonsUnknown, SchemaMismatch, UsageError
from assay.errors.base import mask_secrets, private_names
from assay.model.batch import InputBatch, ScoredBatch
from assay.model.prediction import score_column
from assay.project.document import read_constant, reject_duplicate_keys
from assay.score.duplicate_keys import UNIQUE
from assay.score.table import Scored, TableScorer, to_arrow
from assay.serve.arrow_stream import check_rows, read_stream

JSON, ARROW = "application/json", "application/vnd.apache.arrow.stream"
WHERE = "the request"
BROKEN = "broken_rules"

Records = Sequence[Mapping[str, Any]]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScoreRequest:
    """Rows to score; ``reasons`` is how many features are named for each."""

    body: bytes
    kind: str = JSON
    reasons: int = 0


@dataclass(frozen=True)
class Answer:
    """What a request is answered with."""

    status: int
    body: bytes
    kind: str = JSON


def answer_all(
    scorer: TableScorer, requests: Sequence[ScoreRequest]
) -> tuple[list[Answer], list[ScoredBatch]]:
    """Each request's answer, all by one version, and the batches that were scored for them.

    A request is answered 200 if at least one of its rows has a score or it has none, and 422 if no
    row has one. Whatever is wrong with one is said in its own answer alone.
    """
    by_place: dict[int, Answer] = {}
    batches: list[ScoredBatch] = []
    alike: dict[int, dict[int, Records]] = defaultdict(dict)
    for place, request in enumerate(requests):
        try:
            if request.kind == ARROW:
                rows = to_arrow(read_stream(request.body), WHERE)
                pieces = scorer.score_table(rows, request.reasons)
                answers = [_in_order(scorer, piece, rows.schema) for piece in pieces]
                by_place[place] = _answer(scorer, pa.concat_tables(answers), ARROW)
                batches += [batch for batch, _ in pieces]
            else:
                records = read_records(scorer.pinned.contract, request.body)
                alike[request.reasons][place] = records
        except Exception as error:
            by_place[place] = refusal(error)
    for reasons, parts in alike.items():
        try:
            batches.append(_answer_together(scorer, reasons, parts, by_place))
        except Exception:  # of one of them, which is answered alone
            for place, records in parts.items():
                try:
                    batches.append(_answer_together(scorer, reasons, {place: records}, by_place))
                except Exception as error:
                    by_place[place] = refusal(error)
    return [by_place[place] for place in range(len(requests))], batches


def refusal(error: Exception) -> Answer:
    """The answer to a request that an error kept from being scored."""
    if isinstance(error, UsageError | ReasonsUnknown):
        return failure(400, error.line())
    if isinstance(error, SchemaMismatch):
        return failure(422, error.what)
    known = isinstance(error, AssayError)
    trace = None if known or private_names() else error
    _LOG.error("serve: %s", mask_secrets(str(error)), exc_info=trace)
    return failure(500, "the rows cannot be scored; the server's log says why")


def failure(status: int, why: str) -> Answer:
    """An answer without rows."""
    return Answer(status, json.dumps({"error": why}).encode())


def read_records(contract: Contract, body: bytes) -> Records:
    """The rows of a JSON body: one object, or a list of them.

    Raises
    ------
    UsageError
        It is neither, or they are very many.
    SchemaMismatch
        A row lacks a column of the contract: what has no value is null, and not left out.
    """
    try:
        tree = json.loads(
            body, object_pairs_hook=reject_duplicate_keys, parse_constant=read_constant
        )
        rows: Records = tree if isinstance(tree, list) else [tree]
        if not all(isinstance(row, dict) for row in rows):
            raise ValueError("a row that is no object")
    except (ValueError, RecursionError) as error:
        raise UsageError(
            "the body is no JSON of rows",
            where=WHERE,
            expected='an object such as {"column": value}, or a list of them',
            found=" ".join(str(error).split())[:160],
        ) from None
    check_rows(len(rows))
    known = canonical_schema(contract)
    if any(name not in row for row in rows for name in known.names):
        there = set[str].intersection(*map(set, rows))
        fields = [known.field(name) for name in known.names if name in there]
        others = [pa.field(name, pa.null()) for name in sorted(there.difference(known.names))]
        check_schema(contract, pa.schema([*fields, *others]), f"{WHERE} (without a value: null)")
    return rows


def _answer_together(
    scorer: TableScorer, reasons: int, parts: Mapping[int, Records], by_place: dict[int, Answer]
) -> ScoredBatch:
    rows, unread = parse_records(
        scorer.pinned.contract, [row for records in parts.values() for row in records]
    )
    ends = pairwise(np.cumsum([0, *map(len, parts.values())]).tolist())
    cuts = [(start, end - start) for start, end in ends]
    unread[UNIQUE] = np.concatenate([scorer.repeated(rows.slice(*cut)) for cut in cuts])
    scored = scorer.score(InputBatch(rows, unread=unread), reasons)
    answers = _in_order(scorer, scored, rows.schema)
    for place, cut in zip(parts, cuts, strict=True):
        by_place[place] = _answer(scorer, answers.slice(*cut), JSON)
    return scored[0]


def _in_order(scorer: TableScorer, scored: Scored, given: pa.Schema) -> pa.Table:
    """The rows of a batch in their order: predictions, or the rules that a row broke."""
    batch, predictions = scored
    good = scorer.with_key_types(predictions, given)
    bad = scorer.with_key_types(
        batch.quarantine.select([*scorer.pinned.contract.keys, BROKEN]), given
    )
    places = np.empty(batch.rows, np.int64)
    places[~batch.bad] = np.arange(good.num_rows)
    places[batch.bad] = np.arange(good.num_rows, batch.rows)
    return pa.concat_tables([good, bad], promote_options="default").take(pa.array(places))


def _answer(scorer: TableScorer, rows: pa.Table, kind: str) -> Answer:
    pinned = scorer.pinned
    lineage = {"version": pinned.version.version, "bundle": pinned.bundle.digest}
    score = rows.column(score_column(pinned.bundle.manifest.task))
    status = 422 if rows.num_rows and score.null_count == rows.num_rows else 200
    if kind == ARROW:
        rows = rows.replace_schema_metadata(lineage).unify_dictionaries()
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema) as stream:
            stream.write_table(rows)
        return Answer(status, sink.getvalue().to_pybytes(), ARROW)
    keys = (*pinned.contract.keys, BROKEN)
    answers = [
        {name: row[name] for name in row if (name in keys if row[BROKEN] else name != BROKEN)}
        for row in rows.to_pylist()
    ]
    return Answer(status, json.dumps({**lineage, "rows": answers}, default=str).encode())
