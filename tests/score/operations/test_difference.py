"""`assay diff`: two scorings side by side, and all that cannot be compared."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from assay.cli.__main__ import main
from assay.cli.result import to_json
from assay.errors import ExportFailed, KeyUnknown, NothingScored, RunUnknown, UsageError
from assay.project.params import Params
from assay.score.operations import difference
from assay.store import (
    Run,
    StagedRun,
    Store,
    predictions_schema,
    quarantine_schema,
    write_part,
)
from tests import predictions
from tests.scorer import Scorer

NIGHT, NEXT = "2024-03-01", "2024-03-02"

Diff = Callable[..., difference.Difference]


@pytest.fixture
def publish(store: Store) -> Callable[..., None]:
    return partial(predictions.publish, store)


@pytest.fixture
def diff(tmp_path: Path, values: Params) -> Diff:
    return partial(difference.run, tmp_path, values)


def row(parcel: int, probability: float | None, limit: float = 0.5, **more: Any) -> dict[str, Any]:
    decided = None if probability is None else probability >= limit
    key = {"parcel": parcel, "name": f"n{parcel}"}
    return {**key, "prediction": decided, "probability": probability, **more}


OLD = [row(1, 0.1), row(2, 0.4), row(3, 0.9), row(4, 0.7), row(5, None), row(6, 0.2)]
NEW = [row(1, 0.1), row(2, 0.6), row(3, 0.3), row(4, 0.75), row(5, None), row(7, 0.8)]


def test_a_turn_before_is_compared_with_what_readers_see(publish: Any, diff: Diff) -> None:
    publish(NIGHT, OLD, "r1")
    publish(NIGHT, NEW, "r2")
    found = diff(NIGHT, turn=1)
    assert (found.old["run_id"], found.old["state"]) == ("r1", "replaced")
    assert (found.new["run_id"], found.new["state"]) == ("r2", "visible")
    counts = found.changes
    assert (counts.both, counts.only_old, counts.only_new) == (5, 1, 1)
    assert (counts.decided, counts.up, counts.down, counts.moved) == (2, 1, 1, 3)
    assert counts.largest == pytest.approx(0.6)
    assert [each["key"]["parcel"] for each in found.up] == [2, 4]
    assert [each["key"]["parcel"] for each in found.down] == [3]
    assert not found.thresholds_differ
    document = json.loads(to_json(found))
    assert document["rows"] == {
        "both": 5, "only_old": 1, "only_new": 1, "decided_otherwise": 2, "up": 1, "down": 1,
        "moved": 3, "scored_once": 0,
    }  # fmt: skip
    assert document["up"][0] == {
        "key": {"parcel": 2, "name": "n2"}, "old_prediction": False, "old_probability": 0.4,
        "new_prediction": True, "new_probability": 0.6, "score_change": pytest.approx(0.2),
    }  # fmt: skip


def test_a_night_that_was_scored_again_differs_in_the_rows_that_changed(
    scorer: Scorer, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the command, with runs of a real model."""
    night = scorer.score().partition
    first = scorer.store.predictions(night)
    key = first["parcel"][7].as_py()

    def farther(rows: pa.Table) -> pa.Table:
        mine = pc.equal(rows["parcel"], key)
        place = rows.schema.get_field_index("distance")
        moved = pc.if_else(mine, 900.0, rows["distance"])
        return rows.set_column(place, "distance", moved)

    scorer.change(farther, night)
    scorer.score()
    root = ["--root", str(scorer.root), "--json"]
    assert main(["diff", night, "--turn", "1", *root]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rows"]["both"] == first.num_rows
    assert (found["old"]["state"], found["new"]["state"]) == ("replaced", "visible")
    assert [each["key"] for each in found["up"]] == [{"parcel": key}]
    assert (found["rows"]["moved"], found["down"]) == (1, [])
    send = ["export", "--changed", "--date", night, "--to", f"csv:{scorer.root}/exports/crm"]
    assert main([*send, *root]) == 0
    assert json.loads(capsys.readouterr().out)["changes"] == {"new": first.num_rows}
    assert main(["export", "--date", night, "--to", "csv:a.csv", "--by", "1", *root]) == 2


def test_of_one_night_the_run_that_started_first_is_the_old_one(
    publish: Any, diff: Diff, store: Store
) -> None:
    """Also of two that started in the same second, whose ids may be in any order."""
    for moment, (run_id, rows) in enumerate([("r2", OLD), ("r1", NEW)]):
        publish(NIGHT, rows, run_id)
        at = predictions.NOON.replace(microsecond=moment)
        run = Run(run_id=run_id, event="published", partition=NIGHT, at=at)
        store.append_run_events(replace(run, rows_scored=len(rows)))
    assert (diff(NIGHT, turn=1).old["run_id"], diff(NIGHT, turn=1).changes.only_new) == ("r2", 1)


def test_two_nights_are_compared_in_the_order_in_which_they_are_given(
    publish: Any, diff: Diff
) -> None:
    publish(NEXT, NEW, "r1")
    publish(NIGHT, OLD, "r2")
    assert diff(NIGHT, NEXT).changes.only_new == 1
    back = diff(NEXT, NIGHT)
    assert (back.old["run_id"], back.changes.up, back.up[0]["key"]["parcel"]) == ("r1", 1, 3)


@pytest.mark.parametrize("name", ["out.parquet", "out.csv"])
def test_all_rows_that_differ_are_written(
    publish: Any, diff: Diff, tmp_path: Path, name: str
) -> None:
    publish(NIGHT, OLD, "r1")
    publish(NIGHT, NEW, "r2")
    for by, moved in ((0.0, [4]), (0.1, [])):
        done = diff(NIGHT, turn=1, by=by, out=tmp_path / "new" / name)
        read: Any = pq.read_table if name.endswith("parquet") else pacsv.read_csv
        found = read(tmp_path / "new" / name)
        assert found.column_names == [
            "parcel", "name", "old_prediction", "old_probability", "new_prediction",
            "new_probability", "change", "score_change",
        ]  # fmt: skip
        wanted = {2: "up", 3: "down", 6: "gone", 7: "new", **dict.fromkeys(moved, "moved")}
        assert (
            dict(zip(*(found[each].to_pylist() for each in ("parcel", "change")), strict=True))
            == wanted
        )
        assert done.rows_written == len(wanted)
        assert [each.name for each in (tmp_path / "new").iterdir()] == [name]


def test_no_row_that_differs_is_a_file_of_none(publish: Any, diff: Diff, tmp_path: Path) -> None:
    publish(NIGHT, OLD, "r1")
    publish(NEXT, OLD, "r2")
    assert diff(NIGHT, NEXT, out=tmp_path / "a.parquet").rows_written == 0
    assert pq.read_table(tmp_path / "a.parquet").num_rows == 0


def test_nights_without_rows_are_compared(publish: Any, diff: Diff, tmp_path: Path) -> None:
    publish(NIGHT, [], "r1")
    publish(NEXT, [], "r2")
    found = diff(NIGHT, NEXT, out=tmp_path / "a.parquet")
    assert (found.changes.both, found.rows_written, found.up, found.thresholds_differ) == (
        0, 0, [], False,
    )  # fmt: skip
    publish(NEXT, OLD, "r3")
    assert diff(NIGHT, NEXT).changes.only_new == diff(NEXT, NIGHT).changes.only_old == len(OLD)


def test_a_file_keeps_what_it_had_if_the_comparison_fails(
    publish: Any, diff: Diff, tmp_path: Path
) -> None:
    publish(NIGHT, OLD, "r1")
    publish(NEXT, [*NEW, row(2, 0.5)], "r2")
    (tmp_path / "a.csv").write_text("before")
    with pytest.raises(KeyUnknown, match="parcel, name in the new scoring"):
        diff(NIGHT, NEXT, out=tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "before"
    publish(NEXT, NEW, "r3")
    with pytest.raises(ExportFailed, match="cannot be written"):
        diff(NIGHT, NEXT, out=tmp_path / "a.csv" / "b.csv")


def test_another_threshold_is_told(publish: Any, diff: Diff) -> None:
    publish(NIGHT, [row(1, 0.55), row(2, 0.9)], "r1")
    publish(NIGHT, [row(1, 0.55, 0.6), row(2, 0.9, 0.6)], "r2")
    found = diff(NIGHT, turn=1)
    assert found.thresholds_differ
    assert (found.changes.down, found.changes.moved) == (1, 0)


def test_a_regression_has_its_histogram_on_the_spread_of_the_old_scores(
    publish: Any, diff: Diff
) -> None:
    rows = [{"parcel": n, "name": "a", "prediction": 10.0 * n} for n in range(3)]
    publish(NIGHT, rows, "r1", task="regression")
    publish(
        NIGHT,
        [{**each, "prediction": each["prediction"] + 3} for each in rows],
        "r2",
        task="regression",
    )
    found = diff(NIGHT, turn=1)
    assert (found.changes.scale, found.changes.decided, found.changes.moved) == (20.0, 0, 3)
    assert found.changes.mean == pytest.approx(3.0)
    assert sum(found.changes.histogram[21:-1]) == 3


def test_classes_that_changed_are_counted(publish: Any, diff: Diff) -> None:
    one = {
        "parcel": 1,
        "name": "a",
        "prediction": "x",
        "probability": 0.7,
        "probabilities": [0.7, 0.3],
    }
    publish(NIGHT, [one], "r1", task="multiclass")
    publish(
        NIGHT, [{**one, "prediction": "y", "probabilities": [0.3, 0.7]}], "r2", task="multiclass"
    )
    found = diff(NIGHT, turn=1)
    assert (found.changes.decided, found.changes.up, found.changes.moved) == (1, 0, 0)


def test_what_cannot_be_compared_is_said(publish: Any, diff: Diff, tmp_path: Path) -> None:
    for given in ({}, {"other": NEXT, "turn": 1}, {"version": "v1", "turn": 1}):
        with pytest.raises(UsageError, match="expected one of --with VERSION, --turn N or NIGHT2"):
            diff(NIGHT, **given)
    with pytest.raises(NothingScored, match=f"no run has published day={NIGHT}"):
        diff(NIGHT, turn=1)
    publish(NIGHT, OLD, "r1")
    with pytest.raises(NothingScored, match=f"no run has published day={NEXT}"):
        diff(NIGHT, NEXT)
    with pytest.raises(RunUnknown, match=r"there is no run of v0\.9\.0"):
        diff(NIGHT, version="v0.9.0")
    for given in ({"turn": 1}, {"other": NIGHT}):
        with pytest.raises(UsageError, match=r"compared with itself.*found run r1, twice"):
            diff(NIGHT, **given)
    with pytest.raises(UsageError, match=r"ends in \.parquet or \.csv"):
        diff(NIGHT, NEXT, out=tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("task", "keys", "message"),
    [
        ("regression", predictions.KEYS, r"another kind of model.*expected binary, as run r1"),
        ("binary", pa.schema([("parcel", pa.string())]), r"another key.*found parcel \(string\)"),
    ],
)
def test_runs_of_another_task_or_with_other_keys_are_not_compared(
    publish: Any, diff: Diff, store: Store, task: Any, keys: pa.Schema, message: str
) -> None:
    publish(NIGHT, OLD, "r1")
    schema = predictions_schema(store.column, keys, task)
    file = write_part(
        store.table_uri("predictions"),
        store.part_path_for("predictions", NIGHT, "r2", "0"),
        schema.empty_table().drop_columns([store.column]),
    )
    run = Run(run_id="r2", event="held", partition=NIGHT, version="v2", at=predictions.NOON)
    staged = StagedRun(
        run=run,
        predictions=(file,),
        quarantine=(),
        profile=None,
        predictions_schema=schema,
        quarantine_schema=quarantine_schema(store.column, keys),
    )
    store.append_run_events(replace(run, files=store.hold(staged)))
    with pytest.raises(UsageError, match=message):
        diff(NIGHT, version="v2")
