"""Files on their way into a table: named, whole or absent, in types that Delta has."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import StoreError
from assay.project.params import load
from assay.store import (
    PartWriter,
    StagedFile,
    Store,
    open_store,
    predictions_schema,
    quarantine_schema,
    write_part,
)
from assay.store.delta import writer
from assay.store.delta.location import final_path, parse_run_id, temporary_path
from assay.store.delta.tables import (
    APPENDED,
    INSTANT,
    TABLES,
    labels_schema,
    small_schema,
    to_delta_schema,
)

ROOT = Path(__file__).resolve().parents[2]
KEYS = pa.schema([("id", pa.int64())])
NOON = datetime(2013, 7, 1, 12, tzinfo=UTC)
ODD = "2013/07 é%2F=1"


def test_a_part_is_written_whole_under_its_name(store: Store, make: Any) -> None:
    relative = store.part_path_for("predictions", ODD, "r-1", "00.1")
    assert relative == "date=2013%2F07%20%C3%A9%252F%3D1/r-1-00.1.parquet"
    staged = write_part(store.table_uri("predictions"), relative, make.rows("r-1", [1, 2, 3]))
    path = Path(store.table_uri("predictions"), relative)
    assert staged == StagedFile(relative, path.stat().st_size, 3, ODD)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert "date" not in pq.read_schema(path).names
    assert parse_run_id(relative) == "r-1"


def test_a_part_may_grow_batch_by_batch(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    relative = store.part_path_for("predictions", "p", "r1", "0")
    with PartWriter(store.table_uri("predictions"), relative) as part:
        part.write(make.rows("r1", [1]))
        part.write(make.rows("r1", []))
        part.write(make.rows("r1", [2, 3]).to_batches()[0])
    assert part.staged.rows == 3
    path = Path(store.table_uri("predictions"), relative)
    assert pq.read_metadata(path).num_row_groups == 1
    monkeypatch.setattr(writer, "ROW_GROUP_BYTES", 1)
    with PartWriter(store.table_uri("predictions"), relative) as part:
        for number in (1, 2, 3):
            part.write(make.rows("r1", [number]))
    assert pq.read_metadata(path).num_row_groups == 3
    assert pq.read_table(path)["id"].to_pylist() == [1, 2, 3]


def test_an_error_while_writing_leaves_no_file(store: Store, make: Any) -> None:
    relative = store.part_path_for("predictions", "p", "r1", "0")
    with pytest.raises(RuntimeError), PartWriter(store.table_uri("predictions"), relative) as part:
        part.write(make.rows("r1", [1]))
        raise RuntimeError
    assert not [path for path in Path(store.uri).rglob("*") if path.is_file()]
    with pytest.raises(ValueError, match="not written yet"):
        _ = part.staged


def test_what_cannot_be_told_apart_again_is_refused(store: Store) -> None:
    for partition, run_id, part in [
        ("", "r", "0"), ("p", "", "0"), ("p", "a/b", "0"), ("p", "r", "1-2"), ("p", ".r", "0"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=r"partition|run id|part"):
            store.part_path_for("predictions", partition, run_id, part)


def test_a_temporary_file_tells_what_it_was_meant_to_be() -> None:
    path = "date=p/r-1-0.0.parquet"
    assert temporary_path(path) != temporary_path(path)
    assert final_path(temporary_path(path)) == path == final_path(path)
    assert (
        parse_run_id(temporary_path(path)) is None
        and parse_run_id(final_path(temporary_path(path))) == "r-1"
    )


def test_the_partition_column_does_not_belong_in_the_file(store: Store, make: Any) -> None:
    table = make.rows("r1", [1]).append_column("date", pa.array(["p"]))
    with pytest.raises(StoreError, match="partition column date is in the rows"):
        write_part(store.uri, store.part_path_for("predictions", "p", "r1", "0"), table)


# ------------------------------------------------------------------------------- types


def test_types_that_delta_lacks_are_widened_or_named() -> None:
    given = {
        "a": pa.timestamp("ns"), "b": pa.timestamp("s", "Europe/Paris"), "c": pa.uint32(),
        "d": pa.dictionary(pa.int8(), pa.large_string()), "e": pa.large_list(pa.uint8()),
    }  # fmt: skip
    assert to_delta_schema(pa.schema(given)).types == [
        pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.int64(), pa.string(),
        pa.list_(pa.int16()),
    ]  # fmt: skip
    with pytest.raises(StoreError, match=r"cannot hold x \(time64\[us\]\), y \(null\)"):
        to_delta_schema(pa.schema([("x", pa.time64("us")), ("y", pa.null()), ("z", pa.int8())]))


def test_a_key_cannot_have_the_name_of_a_column_of_the_table() -> None:
    with pytest.raises(StoreError, match="probability"):
        predictions_schema("date", pa.schema([("probability", pa.int64())]), "binary")
    assert predictions_schema("id", KEYS, "binary").names[:2] == ["id", "prediction"]


def test_what_a_model_says_depends_on_its_task() -> None:
    kinds = {
        task: [
            (field.name, str(field.type))
            for field in predictions_schema("date", KEYS, task)
            if field.name.startswith("p")
        ]
        for task in ("binary", "multiclass", "regression")
    }
    assert kinds == {
        "binary": [("prediction", "bool"), ("probability", "double")],
        "multiclass": [
            ("prediction", "string"),
            ("probability", "double"),
            ("probabilities", "list<item: double>"),
        ],
        "regression": [("prediction", "double")],
    }
    key = pa.schema([("probability", pa.float64())])
    assert "probability" in predictions_schema("date", key, "regression").names


def constant(value: Any, kind: pa.DataType, rows: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int8()), pa.array([value], kind))


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["v1", "v2", "é"]), st.lists(st.none() | st.text(), min_size=1)),
        min_size=1,
        max_size=4,
    )
)
def test_a_dictionary_encoded_column_reads_as_plain_values(
    tmp_path_factory: pytest.TempPathFactory, batches: list[tuple[str, list[str | None]]]
) -> None:
    base = str(tmp_path_factory.mktemp("dictionaries"))
    with PartWriter(base, "date=p/r-0.parquet") as part:
        for version, texts in batches:
            made = {
                "key": pa.array(texts, pa.string()).dictionary_encode(),
                "model_version": constant(version, pa.large_string(), len(texts)),
                "scored_at": constant(NOON, INSTANT, len(texts)),
                "all": pa.array([[0.5, 0.5]] * len(texts)),
            }
            part.write(pa.RecordBatch.from_pydict(made))
    read = pq.read_table(f"{base}/date=p/r-0.parquet", partitioning=None)
    assert read.schema.types == [pa.string(), pa.string(), INSTANT, pa.list_(pa.float64())]
    assert read["key"].to_pylist() == [text for _, texts in batches for text in texts]
    versions = [version for version, texts in batches for _ in texts]
    assert read["model_version"].to_pylist() == versions


def test_small_dictionaries_of_batches_become_one(tmp_path: Path) -> None:
    with PartWriter(str(tmp_path), "date=p/r-0.parquet") as part:
        for words in (["a" * 50, "b"], ["b", None, "c"]):
            part.write(pa.table({"key": pa.array(words * 200, pa.string()).dictionary_encode()}))
    path = tmp_path / "date=p" / "r-0.parquet"
    # As places in one dictionary, and not as 200 times 50 letters.
    assert pq.read_metadata(path).row_group(0).column(0).total_uncompressed_size < 1000
    read = pq.read_table(path, partitioning=None)["key"].to_pylist()
    assert read == ["a" * 50, "b"] * 200 + ["b", None, "c"] * 200


def test_engines_read_a_dictionary_encoded_column_as_text(
    store: Store, make: Any, spark: Any
) -> None:
    def encoded(rows: pa.Table) -> pa.Table:
        at = rows.schema.get_field_index("bundle")
        return rows.set_column(at, "bundle", rows["bundle"].dictionary_encode())

    files = make.write("predictions", "r1", "p", encoded(make.rows("r1", [1, 2, 3])))
    store.publish_run(make.stage("r1", predictions=files))
    read = DeltaTable(store.table_uri("predictions")).to_pyarrow_table()
    assert read.schema.field("bundle").type == pa.string()
    assert set(read["bundle"].to_pylist()) == {"sha256:ab"}
    frame = spark.read.parquet(store.table_uri("predictions"))
    assert dict(frame.dtypes)["bundle"] == "string"
    assert [tuple(row) for row in frame.select("bundle").distinct().collect()] == [("sha256:ab",)]


def test_where_the_store_is(tmp_path: Path) -> None:
    params = load(ROOT)
    opened = open_store(tmp_path, params)
    assert opened.uri == str(tmp_path.resolve() / "store")
    assert opened.keep_days == params.publish.keep_days
    far = params.model_copy(update={"store": "s3://bucket/x/"})
    assert open_store(tmp_path, far).table_uri("runs") == "s3://bucket/x/runs"
    ingest = params.ingest.model_copy(update={"partition_by": "column"})
    with pytest.raises(StoreError, match="column"):
        open_store(tmp_path, params.model_copy(update={"ingest": ingest}))
    assert not list(tmp_path.iterdir())


def test_the_documentation_names_the_columns_of_every_table() -> None:
    text = (ROOT / "docs/tables.md").read_text(encoding="utf-8")
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `")]
    told = {
        cells[0].strip(" `"): re.sub(r" \(.*?\)", "", cells[2]).strip().split(", ")
        for cells in rows
        if len(cells) == 3
    }
    keys = pa.schema([("key columns", pa.int64())])
    schemas = {
        "quarantine": quarantine_schema("partition", keys),
        **{name: small_schema(name, "partition") for name in APPENDED if name != "labels"},
        "labels": labels_schema("partition", keys, "binary"),
    }
    assert list(told)[: len(TABLES)] == list(TABLES)
    for table, schema in schemas.items():
        assert told[table] == schema.names
    predictions = predictions_schema("partition", keys, "binary").names
    assert told["predictions"] == [*predictions[:2], "what the model says", *predictions[4:]]


@pytest.mark.parametrize("error", [None, OSError(22, "no such advice")])
def test_a_file_begins_to_be_written_to_the_disk_when_it_is_whole(
    store: Store, monkeypatch: pytest.MonkeyPatch, error: OSError | None
) -> None:
    sizes: list[int] = []

    def advised(opened: int, start: int, length: int, advice: int) -> None:
        assert (start, length, advice) == (0, 0, os.POSIX_FADV_DONTNEED)
        sizes.append(os.fstat(opened).st_size)
        if error is not None:
            raise error

    monkeypatch.setattr(os, "posix_fadvise", advised)
    with PartWriter(store.table_uri("predictions"), "date=p/r-0.parquet") as part:
        part.write(pa.table({"x": [1, 2]}))
        assert sizes == []
    assert sizes == [part.staged.size]
