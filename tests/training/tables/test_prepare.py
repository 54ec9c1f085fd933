"""Prepare: every labelled row of the two windows lands on its side, once."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import LabelError, ParamsError, StageInputMissing
from assay.project import layout, params
from assay.project.params import Window
from assay.training.tables import prepare
from assay.training.tables import prepare as stage

JUNE = Window.model_validate({"from": "2024-06-01", "to": "2024-06-30"})


@given(st.lists(st.datetimes(datetime(2024, 5, 1), datetime(2024, 8, 1))))
def test_a_row_is_in_a_window_if_its_day_is(times: list[datetime]):
    table = pa.table({"t": pa.array(times, pa.timestamp("us"))})
    kept = prepare.filter_window(table, "t", JUNE)["t"].to_pylist()
    assert kept == [t for t in times if JUNE.start <= t.date() <= JUNE.end]


@pytest.mark.parametrize(
    "labels", [[True, None], ["a", None], [1, None], [1.5, float("nan"), None]]
)
def test_only_rows_with_a_truth_are_kept(labels: list[object]):
    labelled, lacking = prepare.split_by_label(pa.table({"late": labels}), "late")
    assert labelled["late"].to_pylist() == labels[:1]
    assert lacking.num_rows == len(labels) - 1


@pytest.mark.parametrize(
    ("task", "labels", "expected"),
    [
        ("binary", [], "no row has a label"),
        ("binary", [True, True], "one class only.*True in 2 rows"),
        ("binary", [0, 1, 2], "only labels of two classes"),
        ("binary", ["yes", "no"], "only labels of two classes"),
        ("multiclass", ["yes", "yes"], "one class only.*two or more.*yes in 2 rows"),
        ("regression", [2.5, 2.5], "same number.*2.5 in 2 rows"),
    ],
)
def test_a_label_that_cannot_be_learnt_is_refused(task, labels: list[object], expected: str):
    with pytest.raises(LabelError, match=expected):
        prepare.label_facts(pa.table({"late": labels}), "late", task, "train", JUNE)


@pytest.mark.parametrize(
    ("task", "labels", "expected"),
    [
        ("binary", [True, False, True], {"positives": 2}),
        ("multiclass", ["b", "a", "b"], {"classes": {"a": 1, "b": 2}}),
        ("regression", [1, 2, 6], {"mean": 3.0}),
    ],
)
def test_what_labels_say(task, labels: list[object], expected: dict[str, object]):
    found = prepare.label_facts(pa.table({"late": labels}), "late", task, "train", JUNE)
    assert found == {"rows": 3, **expected}


def test_both_sides_hold_the_labelled_rows_of_their_days(trained: Path):
    values = params.load(trained)
    train = pq.read_table(trained / layout.TRAIN_TABLE)
    holdout = pq.read_table(trained / layout.HOLDOUT_TABLE)
    assert train["late"].null_count == holdout["late"].null_count == 0
    assert max(train["sent"].to_pylist()).date() == values.prepare.train.end
    assert min(holdout["sent"].to_pylist()).date() == values.prepare.holdout.start
    assert not set(train["parcel"].to_pylist()) & set(holdout["parcel"].to_pylist())
    assert train["sent"].to_pylist() == sorted(train["sent"].to_pylist())


def test_nothing_to_prepare_says_what_to_run(tmp_path: Path):
    values = params.load(Path(__file__).parents[2] / "parcels")
    with pytest.raises(StageInputMissing, match="dvc repro"):
        stage.run(tmp_path, values)


def test_a_window_without_rows_leaves_what_was_there(parcels: Path):
    values = params.load(parcels)
    empty = Window.model_validate({"from": "2030-01-01", "to": "2030-01-31"})
    prepare = values.prepare.model_copy(update={"holdout": empty})
    moved = values.model_copy(update={"prepare": prepare})
    before = (parcels / layout.TRAIN_TABLE).read_bytes()
    with pytest.raises(LabelError, match="the holdout window, 2030-01-01 to 2030-01-31"):
        stage.run(parcels, moved)
    assert (parcels / layout.TRAIN_TABLE).read_bytes() == before


GROUPS = st.lists(st.sampled_from(["a", "b", "c", "d", None]), max_size=9)


@given(GROUPS, GROUPS)
def test_groups_of_the_holdout_are_not_trained_on(train: list[str | None], held: list[str | None]):
    table = pa.table({"who": pa.array(train, pa.string()), "n": range(len(train))})
    known = pa.array(held, pa.string()).drop_null()
    expected = [n for n, name in enumerate(train) if name is None or name not in held]
    assert prepare.without_groups(table, known, "who")["n"].to_pylist() == expected


def test_rows_without_a_label_are_kept_beside_and_counted_in_their_nights(parcels: Path):
    values = params.load(parcels)
    column = values.ingest.partition_by
    sides = stage.run(parcels, values)
    train, lacking = (
        pq.read_table(parcels / name) for name in (layout.TRAIN_TABLE, layout.UNLABELLED_TABLE)
    )
    assert lacking.num_rows == sides["train"].without_label > 0
    assert lacking["late"].null_count == lacking.num_rows
    every = pa.concat_tables([train, lacking])[column].cast(pa.string()).to_pylist()
    assert prepare.read_night_rows(parcels / layout.TRAIN_TABLE) == Counter(every)


def test_the_stage_keeps_groups_apart_and_says_how_many_rows_that_took(parcels: Path):
    values = params.load(parcels)
    whole = stage.run(parcels, values)
    apart = values.prepare.model_copy(update={"apart": "express"})
    with pytest.raises(LabelError, match="each value of 'express' in training"):
        stage.run(parcels, values.model_copy(update={"prepare": apart}))
    apart = values.prepare.model_copy(update={"apart": "distance"})
    sides = stage.run(parcels, values.model_copy(update={"prepare": apart}))
    train, holdout = (
        pq.read_table(parcels / name) for name in (layout.TRAIN_TABLE, layout.HOLDOUT_TABLE)
    )
    both = set(train["distance"].to_pylist()) & set(holdout["distance"].to_pylist())
    assert both <= {None} and train.num_rows + sides["train"].apart == whole["train"].labels["rows"]
    assert sides["holdout"] == whole["holdout"]
    absent = values.prepare.model_copy(update={"apart": "hat"})
    with pytest.raises(ParamsError, match="has no 'hat'"):
        stage.run(parcels, values.model_copy(update={"prepare": absent}))
    assert stage.run(parcels, values) == whole
