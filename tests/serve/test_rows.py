"""What a request is answered with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.contract.text_parser import LINE, parse_rows
from assay.errors import ScoresInvalid
from assay.model.batch import InputBatch
from assay.score.table import Scored, TableScorer
from assay.serve import arrow_stream
from assay.serve.rows import ARROW, Answer, ScoreRequest, answer_all


def ask(rows: object, reasons: int = 0) -> ScoreRequest:
    return ScoreRequest(json.dumps(rows).encode(), reasons=reasons)


def stream(table: pa.Table, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as out:
        out.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def rows_of(answer: Answer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(answer.body)["rows"]
    return found


def as_a_table(scorer: TableScorer, night: pa.Table) -> dict[int, Any]:
    """By parcel: the probability of the same rows as the Python face has it, or rules."""
    pieces = scorer.score_table(night)
    good = [row for _, table in pieces for row in table.to_pylist()]
    bad = [row for batch, _ in pieces for row in batch.quarantine.to_pylist()]
    found = {row["parcel"]: row["probability"] for row in good}
    return found | {row["parcel"]: row["broken_rules"] for row in bad}


@given(data=st.data())
def test_requests_are_answered_as_the_table_of_their_rows(
    data: st.DataObject, scorer: TableScorer, night: pa.Table, records: Sequence[Any]
) -> None:
    expected = as_a_table(scorer, night)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(records) - 1), max_size=6)))
    parts = [records[a:b] for a, b in zip([0, *cuts], [*cuts, len(records)], strict=True)]
    reasons = [data.draw(st.sampled_from([0, 0, 2])) for _ in parts]
    requests = [ask(part, top) for part, top in zip(parts, reasons, strict=True)]
    single = ask(records[0])
    answers, batches = answer_all(scorer, [*requests, single])
    for part, top, answer in zip([*parts, records[:1]], [*reasons, 0], answers, strict=True):
        told = rows_of(answer)
        assert [row["parcel"] for row in told] == [row["parcel"] for row in part]
        for row in told:
            assert row.get("probability", row.get("broken_rules")) == expected[row["parcel"]]
            assert len(row.get("reasons", ())) == (top if "probability" in row else 0)
        scored = any("probability" in row for row in told)
        assert answer.status == (200 if scored or not part else 422)
    assert sum(batch.rows for batch in batches) == len(records) + 1


def test_arrow_comes_back_row_for_row(scorer: TableScorer, night: pa.Table) -> None:
    given = night.set_column(2, "depot", night["depot"].dictionary_encode())
    (answer,), (batch,) = answer_all(scorer, [ScoreRequest(stream(given), ARROW, 2)])
    found = pa.ipc.open_stream(answer.body).read_all()
    pinned = scorer.pinned
    assert found.schema.metadata[b"version"].decode() == pinned.version.version
    assert found.schema.metadata[b"bundle"].decode() == pinned.bundle.digest
    assert found["parcel"].to_pylist() == night["parcel"].to_pylist()
    expected = as_a_table(scorer, night)
    for row in found.to_pylist():
        told = row["probability"] if row["broken_rules"] is None else row["broken_rules"]
        assert told == expected[row["parcel"]]
    assert (answer.status, batch.rows) == (200, night.num_rows)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_what_is_no_number_is_answered_as_the_night_scores_it(
    scorer: TableScorer, records: Any, value: float | None
) -> None:
    record = {**records[0], "weight": value}
    (answer,), (batch,) = answer_all(scorer, [ask(record)])
    typed, broken = parse_rows(scorer.pinned.contract, pa.table({LINE: [json.dumps(record)]}))
    ((night, _),) = scorer.score_table(typed)
    (row,) = rows_of(answer)
    assert (broken, batch.rows) == ({}, 1)
    assert row["broken_rules"] == night.quarantine["broken_rules"][0].as_py()
    is_null = value is None or value != value
    assert ("weight: not null" in row["broken_rules"]) == is_null


def test_a_row_that_is_refused_has_its_rules_and_422(scorer: TableScorer, records: Any) -> None:
    bad = {**records[0], "weight": "heavy", "distance": -1}
    twice = [records[1], records[1]]
    (refused, repeated, empty), _ = answer_all(scorer, [ask(bad), ask(twice), ask([])])
    assert refused.status == repeated.status == 422
    (row,) = rows_of(refused)
    assert row == {"parcel": records[0]["parcel"], "broken_rules": ["weight: readable as float"]}
    assert [each["broken_rules"] for each in rows_of(repeated)] == [["unique_key"]] * 2
    assert (empty.status, rows_of(empty)) == (200, [])


@pytest.mark.parametrize(
    ("body", "kind", "status", "why"),
    [
        (b"{", "application/json", 400, "no JSON of rows"),
        (b'{"parcel": 1, "parcel": 2}', "application/json", 400, "twice"),
        (b"[" * 100_000, "application/json", 400, "no JSON of rows"),
        (b"\xff", "application/json", 400, "no JSON of rows"),
        (b"[1]", "application/json", 400, "a row that is no object"),
        (b"1" * 5000, "application/json", 400, "no JSON of rows"),
        (b'{"Parcel": 1}', "application/json", 422, "found 'Parcel': renamed?"),
        (b"nothing", ARROW, 400, "no Arrow stream"),
        (stream(pa.table({"parcel": [1]})), ARROW, 422, "column 'sent' is missing"),
    ],
)
def test_what_is_no_request_is_told_so_and_alone(
    scorer: TableScorer, records: Any, body: bytes, kind: str, status: int, why: str
) -> None:
    (answer, other), batches = answer_all(scorer, [ScoreRequest(body, kind), ask(records[0])])
    assert (answer.status, other.status) == (status, 200)
    assert why in json.loads(answer.body)["error"]
    assert [batch.rows for batch in batches] == [1]


def test_so_many_reasons_are_never_given(scorer: TableScorer, records: Any) -> None:
    (answer, other), _ = answer_all(scorer, [ask(records[0], 101), ask(records[0])])
    assert (answer.status, other.status) == (400, 200)


def test_a_request_that_the_model_fails_for_fails_alone(
    scorer: TableScorer, records: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    score, parcel = TableScorer.score, records[1]["parcel"]

    def failing(self: TableScorer, piece: InputBatch, reasons: int = 0) -> Scored:
        if parcel in piece.rows["parcel"].to_pylist():
            raise ScoresInvalid("the model raised an error for very many rows")
        return score(self, piece, reasons)

    monkeypatch.setattr(TableScorer, "score", failing)
    answers, batches = answer_all(scorer, [ask(row) for row in records[:3]])
    assert [answer.status for answer in answers] == [200, 500, 200]
    assert [batch.rows for batch in batches] == [1, 1]
    assert "very many" not in answers[1].body.decode()  # the log's, not a stranger's


def test_a_row_without_a_score_is_none(
    scorer: TableScorer, records: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = TableScorer.score

    def silent(self: TableScorer, piece: InputBatch, reasons: int = 0) -> Scored:
        batch, rows = score(self, piece, reasons)
        nulls = pa.nulls(rows.num_rows, pa.float64())
        place = rows.schema.get_field_index("probability")
        return replace(batch, null_scores=1), rows.set_column(place, "probability", nulls)

    monkeypatch.setattr(TableScorer, "score", silent)
    (answer,), _ = answer_all(scorer, [ask(records[0])])
    assert (answer.status, rows_of(answer)[0]["probability"]) == (422, None)


# ------------------------------------------------------------------------ streams of strangers


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_a_small_stream_that_unpacks_to_a_large_one_is_refused(
    scorer: TableScorer, night: pa.Table, compression: str
) -> None:
    zeros = pa.table({"parcel": pa.array([0] * 100_000)})
    coded = night.select(["depot"]).set_column(0, "depot", night["depot"].dictionary_encode())
    for table in (night, zeros, coded):
        body = stream(table, compression=compression)
        (answer,), _ = answer_all(scorer, [ScoreRequest(body, ARROW)])
        assert answer.status == 400 and b"without compression" in answer.body


def test_rows_without_bytes_are_counted(scorer: TableScorer) -> None:
    many = pa.table({"x": pa.nulls(arrow_stream.MOST_ROWS + 1)})
    (answer,), _ = answer_all(scorer, [ScoreRequest(stream(many), ARROW)])
    assert answer.status == 400 and b"too many rows at once" in answer.body


@given(data=st.data())
def test_a_damaged_stream_is_read_or_refused(data: st.DataObject, night: pa.Table) -> None:
    body = bytearray(stream(night.slice(0, 5)))
    for at in data.draw(st.lists(st.integers(0, len(body) - 1), min_size=1, max_size=4)):
        body[at] = data.draw(st.sampled_from([0, 1, 127, 255]))
    cut = bytes(body[: data.draw(st.integers(0, len(body)))])
    for damaged in (bytes(body), cut):
        try:
            assert arrow_stream.read_stream(damaged).num_columns <= night.num_columns + 255
        except arrow_stream.UsageError as error:
            assert "no Arrow stream" in error.line() or "too many rows" in error.line()
