"""What benchmarks compute from what they measured; nothing here takes a time."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import pickle
import statistics
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.store import predictions_schema
from benchmarks import flames, floor, footprint, nights, peers, results
from benchmarks.measure import compare, in_turns
from benchmarks.results import Result

ONE = Result(
    name="HGB: ours against theirs",
    ratio=2.6,
    target=2.5,
    better="higher",
    rows=1_000,
    unit="rows/s",
    ours_median=2.6e6,
    peer_median=1e6,
    spread=(2.4, 2.9),
    repeats=3,
    versions={"python": "3.11.7"},
    machine={"cores": 2, "memory_gb": 24.0, "cpu": "some", "system": "Linux"},
)


def like(**changes: object) -> Result:
    return dataclasses.replace(ONE, **changes)


@pytest.mark.parametrize(
    ("ratio", "target", "better", "met", "verdict"),
    [
        (2.5, 2.5, "higher", True, "met"),
        (2.0, 2.5, "higher", False, "missed by 20.0%"),
        (0.7, 0.7, "lower", True, "met"),
        (0.77, 0.7, "lower", False, "missed by 10.0%"),
        (5.0, None, "lower", None, "reported"),
        (math.nan, 2.5, "higher", False, "missed by nan%"),
        (math.nan, 0.7, "lower", False, "missed by nan%"),
    ],
)
def test_a_target_is_met_or_missed_by_so_much(ratio, target, better, met, verdict):
    result = like(ratio=ratio, target=target, better=better)
    assert result.met is met
    assert result.verdict == verdict


def test_results_come_back_as_they_were_written():
    found = [ONE, like(name="another", target=None, details={"read": 0.5})]
    assert results.parse(results.dumps(found)) == found


def test_an_entry_with_other_keys_is_refused():
    (entry,) = json.loads(results.dumps([ONE]))
    del entry["spread"]
    with pytest.raises(ValueError, match=r"HGB: ours against theirs.*spread"):
        results.parse(json.dumps([entry]))


def test_a_result_replaces_the_one_of_its_name_and_rows_only():
    quick, other = like(rows=10), like(name="another")
    again = like(ratio=3.0)
    assert results.merged([ONE, quick, other], [again]) == [again, quick, other]
    assert results.merged([ONE], [other]) == [ONE, other]


def test_recording_keeps_what_was_measured_before_and_writes_the_page(tmp_path):
    folder = tmp_path / "new"
    results.record(folder, [ONE])
    assert results.record(folder, [like(name="another")]) == [ONE, like(name="another")]
    assert len(json.loads((folder / results.RESULTS).read_text())) == 2
    page = (folder / results.PAGE).read_text()
    assert page == results.page([ONE, like(name="another")])


def test_the_table_says_what_was_reached_and_what_was_not():
    met, missed = results.table([ONE, like(name="slow", ratio=2.0)]).splitlines()[2:]
    assert "2.60 | 2.40 to 2.90 | at least 2.5 | met | 2.60 M rows/s | 1.00 M rows/s | 3" in met
    assert "missed by 20.0%" in missed


def test_the_page_names_versions_and_machine_once_and_the_details():
    page = results.page([ONE, like(name="another", details={"read": 0.25})])
    assert page.count("Lines 1, 2: 2 cores, 24.0 GB, some, python 3.11.7") == 1
    assert "read       0.250" in page


positive = st.floats(0.01, 100.0)


@given(st.lists(st.tuples(positive, positive), min_size=1, max_size=9))
def test_the_ratio_is_that_of_the_medians_and_the_spread_that_of_single_turns(turns):
    ours, peer = zip(*turns, strict=True)
    found = compare(ours, peer)
    assert found.ratio == statistics.median(ours) / statistics.median(peer)
    each = sorted(one / other for one, other in turns)
    assert found.spread == (each[0], each[-1])
    same = compare(ours[:1] * len(ours), peer[:1] * len(peer))
    assert same.spread == (same.ratio, same.ratio)


def test_runs_that_were_not_repeated_equally_often_are_not_compared():
    for ours, peer in (([1.0], []), ([], []), ([1.0, 2.0], [1.0])):
        with pytest.raises(ValueError, match="repetitions"):
            compare(ours, peer)


def test_runs_take_turns_each_turn_in_the_other_order():
    order: list[str] = []

    def run(name: str) -> float:
        order.append(name)
        return float(len(order))

    found = in_turns({"a": lambda: run("a"), "b": lambda: run("b")}, 3, "test")
    assert "".join(order) == "abbaab"
    assert found == {"a": [1.0, 4.0, 5.0], "b": [2.0, 3.0, 6.0]}


def flights(days: int) -> pa.Table:
    at = pd.date_range("2013-01-01 06:15", periods=days, freq="D").astype("datetime64[us]")
    return pa.table({"flight": range(days), nights.TIME: at, "weekday": at.weekday})


@given(st.integers(1, 12), st.integers(1, 60), st.integers(1, 20))
def test_copies_have_new_keys_and_the_same_clock_and_weekday(days, rows, size):
    pieces = list(nights.files_of(nights.rows_of(flights(days), rows), size))
    assert all(piece.num_rows == size for piece in pieces[:-1])
    made = pa.concat_tables(pieces).to_pandas()
    assert len(made) == rows
    assert not made.duplicated([nights.TIME]).any()
    assert (made[nights.TIME].dt.weekday == made["weekday"]).all()
    assert (made[nights.TIME].dt.strftime("%H:%M") == "06:15").all()


@pytest.mark.parametrize("rows", [1, 4, 365, 366, 1000])
def test_a_night_is_named_after_its_newest_row_and_written_once(tmp_path, rows):
    value = nights.make(tmp_path / "nights", "day", flights(365), rows)
    (night,) = (tmp_path / "nights").iterdir()
    assert night.name == f"day={value}"
    found = pa.concat_tables(pq.read_table(path) for path in sorted(night.iterdir()))
    assert found.num_rows == rows
    assert str(found.column(nights.TIME).to_pandas().max().date()) == value
    before = {path: path.stat().st_mtime_ns for path in night.iterdir()}
    assert nights.make(tmp_path / "nights", "day", flights(365), rows) == value
    assert {path: path.stat().st_mtime_ns for path in night.iterdir()} == before


def test_the_floor_writes_a_row_for_each_that_it_reads_in_the_columns_of_a_run(tmp_path):
    night = flights(1234).append_column("carrier", pa.array(["AA"] * 1234))
    source, target = tmp_path / "in.parquet", tmp_path / "out.parquet"
    pq.write_table(night, source)
    wanted = ("flight", nights.TIME, "carrier", "weekday")
    assert floor.copy((wanted, ("flight", "carrier"), str(source), str(target))) == 1234
    found = pq.read_table(target)
    keys = pa.schema([("flight", pa.int64()), ("carrier", pa.string())])
    published = predictions_schema("day", keys, "binary")
    assert ["day", *found.schema.names] == published.names
    assert found["flight"].to_pylist() == list(range(1234))
    assert found["probability"].null_count == 0


def test_memory_is_that_of_a_command_and_of_all_that_it_starts(tmp_path):
    script = tmp_path / "holds.py"
    inner = "import time; held = bytearray(b'x') * (80 << 20); time.sleep(1)"
    script.write_text(
        "import subprocess, sys, time\n"
        "held = bytearray(b'x') * (40 << 20)\n"
        f"subprocess.run([sys.executable, '-c', {inner!r}])\n"
        "print('done')\n"
    )
    found = footprint.run([sys.executable, str(script)], tmp_path, dict(os.environ), watched=True)
    assert found.output == "done\n"
    assert 120 < found.memory < 200
    assert found.memory <= found.resident
    assert 40 < found.parts["the command itself"] < 80 < found.parts["others"]
    assert sum(found.parts.values()) == pytest.approx(found.memory)


def test_a_command_that_fails_is_no_measurement(tmp_path):
    command = [sys.executable, "-c", "import sys; sys.exit('too bad')"]
    with pytest.raises(footprint.CommandFailed, match=r"ended 1: too bad"):
        footprint.run(command, tmp_path, dict(os.environ))
    assert footprint.run(command, tmp_path, dict(os.environ), ends=(1,)).memory == 0.0


def test_a_peer_is_shown_by_its_medians_and_by_how_far_its_scores_are():
    rates, used = (
        {"other": [1e6, 1e6, 2e6]},
        {peers.OURS: [1.0, 2.0, 3.0], "other": [4.0, 6.0, 8.0]},
    )
    shown = peers.line("other", rates, used, 1e-7)
    assert shown == "| other | 1,000,000 | 6.0 | 3.0 (2.7 to 4.0) | up to 1e-07 apart |"
    assert peers.SAME in peers.line("other", rates, used, 0.0)


def test_a_peer_that_is_not_there_is_named_with_how_to_get_it(tmp_path, monkeypatch):
    def absent(*_: object) -> object:
        raise ModuleNotFoundError("no", name="thing")

    (tmp_path / "model.pickle").write_bytes(pickle.dumps(None))
    np.save(tmp_path / "rows.npy", np.zeros(1))
    monkeypatch.setitem(peers.PEERS, "other", (absent, "a-thing"))
    assert "pip install a-thing" in peers.prepare("other", str(tmp_path))["refused"]


def test_a_flame_graph_names_no_folder_and_draws_each_frame_as_wide_as_its_share():
    assay = "/any/pipeline/assay/cli/__main__.py"
    began = f'process 7:"/any/bin/python /any/bin/assay score";<module> (assay:1);main ({assay}:3)'
    tree = flames.grown(
        [
            f"{began};loads (<frozen importlib._bootstrap>:1);<module> (numba/__init__.py) 3",
            f"{began} 1",
        ]
    )
    shown = [
        (name, left, depth, width)
        for name, left, depth, width, _ in flames.boxes(tree.children, 0.0, 0, 25.0)
    ]
    assert shown == [
        ("process: assay score", 0.0, 0, 100.0),
        ("main (assay/cli/__main__.py)", 0.0, 1, 100.0),
        ("<module> (numba/__init__.py)", 0.0, 2, 75.0),
    ]
