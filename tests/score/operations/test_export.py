"""A published night as files: whole or not at all, and exactly what was published."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from assay.errors import ExportFailed, NothingScored, UsageError
from assay.project.params import Params
from assay.score.operations import export
from assay.score.operations.export_targets import lists_as_text, write_csv
from assay.store import Run, Store
from tests import predictions

NIGHT = "2024-03-01"

Publish = Callable[..., None]


@pytest.fixture
def publish(store: Store) -> Publish:
    return partial(predictions.publish, store, NIGHT)


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    return [
        {"parcel": 1, "name": 'say "a, b"\nand é', "prediction": True, "probability": 0.1},
        {"parcel": 2, "name": "", "prediction": None, "probability": None},
        {"parcel": 3, "name": None, "prediction": False, "probability": 1 / 3},
    ]


def content(folder: Path) -> dict[str, bytes]:
    """Everything in a folder, hidden or not; of an inner folder its name."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
    }


def test_a_night_as_parquet(
    publish: Publish, store: Store, values: Params, rows, tmp_path: Path
) -> None:
    publish(rows)
    for day in (1, 2):
        publish(rows[:day], f"r{day + 1}")
        done = export.run(tmp_path, values, NIGHT, f"parquet:{tmp_path}/out")
        assert (done.rows, done.run_id) == (day, f"r{day + 1}")
        assert done.rows == day
        assert set(content(tmp_path / "out")) == {
            f"day={NIGHT}",
            f"day={NIGHT}/part-00000.parquet",
        }
        found = ds.dataset(tmp_path / "out", partitioning="hive").to_table()
        assert found.drop_columns(["day"]).equals(
            store.predictions(NIGHT).drop_columns(["day"]).cast(found.drop_columns(["day"]).schema)
        )


def test_a_night_as_csv_comes_back_as_it_was(
    publish: Publish, store: Store, values: Params, rows, tmp_path: Path
) -> None:
    publish(rows)
    done = export.run(tmp_path, values, NIGHT, f"csv:{tmp_path}/new/night.csv")
    assert (done.rows, done.run_id, done.target) == (3, "r1", f"{tmp_path}/new/night.csv")
    published = store.predictions(NIGHT)
    found = pacsv.read_csv(
        tmp_path / "new" / "night.csv",
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(
            column_types=published.schema,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    assert found.equals(published)


@pytest.mark.parametrize("target", ["parquet:{}/out", "csv:{}/out/night.csv"])
def test_who_reads_the_old_file_goes_on_reading_it(
    publish: Publish, values: Params, rows, tmp_path: Path, target: str
) -> None:
    publish(rows)
    export.run(tmp_path, values, NIGHT, target.format(tmp_path))
    path = next(path for path in (tmp_path / "out").rglob("*.*") if path.is_file())
    before = path.read_bytes()
    with path.open("rb") as reader:
        publish(rows[:2], "r2")
        export.run(tmp_path, values, NIGHT, target.format(tmp_path))
        assert reader.read() == before != path.read_bytes()


def test_a_list_is_json_in_csv(publish: Publish, values: Params, tmp_path: Path) -> None:
    many = {"parcel": 1, "name": "a", "prediction": "a", "probability": 0.7}
    publish(
        [{**many, "probabilities": [0.7, 0.3]}, {**many, "probabilities": None}],
        task="multiclass",
    )
    export.run(tmp_path, values, NIGHT, f"csv:{tmp_path}/a.csv")
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["probabilities"] for row in found] == ["[0.7,0.3]", ""]


def test_lists_of_a_slice_are_its_own() -> None:
    lists = pa.array([[1.0], None, [], [2.5, None]], pa.list_(pa.float64()))
    batch = pa.RecordBatch.from_arrays([lists], ["a"]).slice(1)
    assert lists_as_text(batch, "{", "}").column(0).to_pylist() == [None, "{}", "{2.5,null}"]
    assert write_csv(lists_as_text(batch, "[", "]"), header=False) == b'\n"[]"\n"[2.5,null]"\n'


def test_a_night_without_scores_is_exported_as_one(
    publish: Publish, values: Params, tmp_path: Path
) -> None:
    publish([])
    export.run(tmp_path, values, NIGHT, f"parquet:{tmp_path}/out")
    export.run(tmp_path, values, NIGHT, f"csv:{tmp_path}/a.csv")
    written = pq.read_table(tmp_path / "out" / f"day={NIGHT}" / "part-00000.parquet")
    assert (written.num_rows, written.schema.names[:2]) == (0, ["parcel", "name"])
    assert (tmp_path / "a.csv").read_text().startswith('"day","parcel","name"')


@pytest.mark.parametrize("target", ["parquet:{}/out", "csv:{}/out/night.csv"])
def test_a_night_that_changes_meanwhile_is_not_exported(
    publish: Publish, values: Params, rows, tmp_path: Path, target: str, monkeypatch: Any
) -> None:
    publish(rows)
    to = target.format(tmp_path)
    export.run(tmp_path, values, NIGHT, to)
    before = content(tmp_path / "out")
    publish(rows[:2], "r2")
    real = Store.prediction_batches

    def overtaken(self: Store, partition: str, columns: Any = None) -> Any:
        yield from real(self, partition, columns)
        publish(rows[:2], "r3")

    monkeypatch.setattr(Store, "prediction_batches", overtaken)
    with pytest.raises(ExportFailed, match=r"changed while it was copied.*2 rows of run r2.*r3"):
        export.run(tmp_path, values, NIGHT, to)
    assert content(tmp_path / "out") == before


def test_a_night_that_is_held_names_its_run(store: Store, values: Params, tmp_path: Path) -> None:
    about = {"partition": NIGHT, "name": "parcels", "version": "v0.1.0", "bundle": "b"}
    at = datetime(2024, 3, 2, tzinfo=UTC)
    held = Run(run_id="run-7", event="held", at=at, contract="c", files="[]", rows_read=9,
                    rows_scored=7, rows_quarantined=2, **about)  # fmt: skip
    store.append_run_events(held)
    with pytest.raises(NothingScored, match=r"run-7 is held.*show --run run-7.*release run-7"):
        export.run(tmp_path, values, NIGHT, "csv:a.csv")


@pytest.mark.parametrize(
    ("to", "missing"),
    [
        ("csv:{}/new/night.csv", None),
        ("csv:{}/no/new/night.csv", "no"),
        ("csv:{}/no/such/new/night.csv", "no/such"),
        ("parquet:{}/new", None),
        ("parquet:{}/no/new", "no"),
    ],
)
def test_at_most_the_last_folder_is_made(
    publish: Publish, values: Params, rows, tmp_path: Path, to: str, missing: str | None
) -> None:
    publish(rows)
    target = to.format(tmp_path)
    if missing is None:
        assert export.run(tmp_path, values, NIGHT, target).rows == 3
    else:
        with pytest.raises(UsageError) as caught:
            export.run(tmp_path, values, NIGHT, target)
        words = f"--to {target.partition(':')[2]}: there is no folder {tmp_path / missing} ("
        assert caught.value.line().startswith(words)
        assert not (tmp_path / "no").exists()


def test_what_cannot_be_exported_is_said(
    publish: Publish, values: Params, rows, tmp_path: Path
) -> None:
    with pytest.raises(NothingScored, match="no run has published day=2024-03-01"):
        export.run(tmp_path, values, NIGHT, "csv:a.csv")
    publish(rows)
    with pytest.raises(UsageError, match=r"^--to csv:.*: it is a folder"):
        export.run(tmp_path, values, NIGHT, f"csv:{tmp_path}")
    with pytest.raises(UsageError, match=r"2026-13-99: not a day .*such as 2013-07-01"):
        export.run(tmp_path, values, "2026-13-99", "csv:a.csv")
    (tmp_path / "taken").write_text("")
    with pytest.raises(ExportFailed, match=r"taken"):
        export.run(tmp_path, values, NIGHT, f"parquet:{tmp_path}/taken")
    with pytest.raises(ExportFailed, match=r"taken.*cannot be written"):
        export.run(tmp_path, values, NIGHT, f"csv:{tmp_path}/taken/a.csv")
    other = tmp_path / "out" / f"day={NIGHT}"
    other.mkdir(parents=True)
    (other / "theirs.parquet").write_text("")
    with pytest.raises(ExportFailed, match=r"holds files of others.*found theirs\.parquet"):
        export.run(tmp_path, values, NIGHT, f"parquet:{tmp_path}/out")


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("night.csv", "expected parquet:FOLDER, csv:FILE, postgresql://"),
        ("csv:", "no such target"),
        ("secret", "no such target"),
        ("postgresql//a:secret@b/c", "no such target"),
        ("postgresql://a:sec/secret@b/c", "no address"),
        ("postgresql://a:12/secret@b/c", "no address"),
        ("postgresql://a:sec#secret@b/c", "no address"),
        ("postgresql://a:1?secret@b/c", "no address"),
        ("postgresql://a@b/c?sslpassword=secret", "PGPASSWORD"),
        ("mysql://a:secret@b/c", "no such target"),
        ("postgresql://a:secret@b/c", "PGPASSWORD"),
        ("postgresql://a@b/c?password=secret", "PGPASSWORD"),
        ("postgresql://a@b:port/c", "no address"),
        ("postgresql://a@b/c?table=x.y.z", r"\?table=SCHEMA\.NAME"),
    ],
)
def test_a_target_that_makes_no_sense_is_refused_and_no_secret_is_shown(
    to: str, expected: str
) -> None:
    with pytest.raises(UsageError, match=expected) as caught:
        export.parse(to, Path())
    assert "sec" not in str(caught.value)
