"""Nights that are due: with input, nothing published, and nobody to wait for."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from assay.cli.__main__ import main
from assay.errors import SourceError
from assay.project import layout, params, partitions
from assay.project.params.inputs import Postgres
from assay.score.due import (
    DueNights,
    find_due_nights,
    is_day,
    last_expected,
    nights_between,
    nights_without_input,
)
from assay.score.inputs.formats import open_input
from assay.store import Run, open_store
from assay.store.runs import fold

DAYS = tuple(f"2024-03-0{number}" for number in range(1, 6))


def ran(*states: tuple[str, str]) -> list[Run]:
    """Runs in order of start: a night and the run's last event."""
    start = datetime(2024, 3, 9, tzinfo=UTC)
    events = [
        Run(
            run_id=f"r{number}",
            event=event,  # type: ignore[arg-type]
            at=start + timedelta(minutes=number),
            partition=night,
            name="parcels",
            version="v0.1.0",
            bundle="b",
            contract="c",
        )
        for number, (night, event) in enumerate(states)
    ]
    return fold(events)


def due(
    visible: tuple[str, ...] = (),
    *runs: tuple[str, str],
    start: str | None = None,
    end: str | None = None,
) -> DueNights:
    return find_due_nights(DAYS, visible, ran(*runs), start, end)


def test_nights_after_the_last_published_one_are_due_and_older_ones_are_not() -> None:
    assert due(DAYS[2:3]).nights == DAYS[3:]
    assert due(DAYS) == DueNights((), DAYS[0], DAYS[-1])


def test_a_hole_between_published_nights_is_due() -> None:
    assert due((DAYS[0], DAYS[3])).nights == (DAYS[1], DAYS[2], DAYS[4])


@pytest.mark.parametrize("state", ["held", "retracted"])
def test_a_night_that_waits_for_a_person_is_left_alone(state: str) -> None:
    found = due(DAYS[:1], (DAYS[1], state))
    assert (found.nights, found.left) == (DAYS[2:], {DAYS[1]: state})


@pytest.mark.parametrize("state", ["failed", "started"])
def test_a_run_that_failed_or_was_killed_is_no_answer(state: str) -> None:
    assert due(DAYS[:1], (DAYS[1], state)).nights == DAYS[1:]
    # Somebody scored a held night again, which was cut short: it still waits for a person.
    found = due(DAYS[:1], (DAYS[1], "held"), (DAYS[1], state))
    assert (found.nights, found.left) == (DAYS[2:], {DAYS[1]: "held"})


@pytest.mark.parametrize("state", ["failed", "started"])
def test_a_retracted_night_waits_until_it_is_scored_again(state: str) -> None:
    # It may have begun before the retraction.
    later = ((DAYS[1], "retracted"), (DAYS[1], state))
    assert due(DAYS[:1], *later).left == {DAYS[1]: "retracted"}
    assert due(DAYS[:1], *later, (DAYS[1], "held")).left == {DAYS[1]: "held"}
    assert due(DAYS[:2], *later, (DAYS[1], "published")).left == {}


def test_a_held_first_night_is_a_beginning_and_a_failed_one_is_none() -> None:
    assert due((), (DAYS[1], "held")).nights == DAYS[2:]
    assert due((), (DAYS[1], "failed")).nights == DAYS
    assert due((), (DAYS[1], "retracted")).nights == (DAYS[0], *DAYS[2:])


def test_bounds_leave_out_nights_on_both_sides() -> None:
    assert due(start=DAYS[1], end=DAYS[3]).nights == DAYS[1:4]
    assert due(DAYS[2:3], start=DAYS[0]).nights == (*DAYS[:2], *DAYS[3:])
    assert due(start="2025-01-01") == DueNights(())


def test_what_is_no_day_is_told_and_not_scored() -> None:
    values = [*DAYS, "20240309", "tmp", "__HIVE_DEFAULT_PARTITION__"]
    found = find_due_nights(values, DAYS, [])
    assert (found.nights, found.ignored) == ((), ("20240309", "__HIVE_DEFAULT_PARTITION__", "tmp"))
    assert [is_day(value) for value in ("2024-02-30", "2024-W09-1", "2024-02-29")] == [0, 0, 1]


def test_before_anything_is_published_nights_begin_after_the_holdout() -> None:
    found = find_due_nights(DAYS, (), [], after=DAYS[1])
    assert (found.nights, found.after) == (DAYS[2:], DAYS[1])
    assert find_due_nights(DAYS, (), [], after="2030-01-01").nights == ()
    assert find_due_nights(["tmp"], (), []).nights == ()
    assert find_due_nights(DAYS, DAYS[:1], [], after=DAYS[1]).nights == DAYS[1:]
    assert due(start=DAYS[0]).after is None


def test_a_range_takes_every_day_or_the_weeks_that_are_there() -> None:
    first, last = date(2024, 3, 1), date(2024, 3, 12)
    every = [f"2024-03-{number:02}" for number in range(1, 13)]
    weeks = ["2024-02-23", "2024-03-01", "2024-03-08", "2024-03-15", "tmp"]
    assert nights_between(first, last, weeks) == ["2024-03-01", "2024-03-08"]
    # A week is missing: the rest still says that these are no days.
    assert nights_between(first, last, [weeks[0], *weeks[2:]]) == ["2024-03-08"]
    assert nights_between(date(2024, 3, 2), date(2024, 3, 5), weeks) == ["2024-03-02"]
    for known in ((), ["2024-03-04"], ["2024-03-01", "2024-03-08"], DAYS):
        assert nights_between(first, last, known) == every


# --------------------------------------------------------------------------- the command


def ask(root: Path, *more: str, code: int = 0, capsys: Any = None) -> list[tuple[str, str]]:
    """Score what is due; nights and what became of them."""
    if capsys is not None:
        capsys.readouterr()
    assert main(["score", "--due", "--json", *more, "--root", str(root)]) == code
    if capsys is None:
        return []
    return [(each["partition"], each["outcome"]) for each in json.loads(capsys.readouterr().out)]


def published(root: Path) -> list[str]:
    return open_store(root, params.load(root)).partitions()


def folder(root: Path, night: str) -> Path:
    return partitions.folder(root / layout.RAW, "day", night)


def test_due_nights_are_scored_once_and_late_input_is_found(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late = project / "late"
    folder(project, DAYS[1]).rename(late)
    given = ask(project, "--from", DAYS[0], "--to", DAYS[3], capsys=capsys)
    assert given == [*((day, "published") for day in (DAYS[0], *DAYS[2:4])), (DAYS[1], "absent")]
    late.rename(folder(project, DAYS[1]))
    assert ask(project, capsys=capsys) == [(DAYS[1], "published"), (DAYS[4], "published")]
    assert ask(project, capsys=capsys) == []
    assert published(project) == list(DAYS)
    capsys.readouterr()
    assert main(["score", "--due", "--root", str(project)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "nothing is due: every night with input from 2024-03-01 to 2024-03-05 is published"
    ]


def test_the_first_call_begins_after_the_holdout_and_says_so(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", "--due", "--root", str(project)]) == 0
    assert published(project) == list(DAYS)
    told = " ".join(capsys.readouterr().out.split())
    assert "no night was published before, so those after 2024-02-29 are due" in told
    assert main(["score", "--due", "--root", str(project)]) == 0
    assert "published before" not in capsys.readouterr().out


def test_a_held_night_is_not_scored_again_and_the_nights_after_it_are(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder(project, DAYS[1]) / "part-00000.parquet"
    table = pq.read_table(path)
    pq.write_table(pa.concat_tables([table, table.slice(0, 2)]), path)
    found = ask(project, "--from", DAYS[0], "--to", DAYS[2], code=51, capsys=capsys)
    assert found == [(DAYS[0], "published"), (DAYS[1], "held"), (DAYS[2], "published")]
    assert ask(project, "--to", DAYS[3], capsys=capsys) == [(DAYS[3], "published")]
    capsys.readouterr()
    assert main(["score", "--due", "--to", DAYS[3], "--root", str(project)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"held, so a person decides (assay release RUN): {DAYS[1]}",
        f"nothing is due: every night with input from {DAYS[0]} to {DAYS[3]} is published, held or "
        "retracted",
    ]
    assert published(project) == [DAYS[0], *DAYS[2:4]]


def test_a_night_that_cannot_be_read_fails_and_is_tried_again(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder(project, DAYS[1]) / "part-00000.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    found = ask(project, "--from", DAYS[0], "--to", DAYS[2], code=25, capsys=capsys)
    assert found == [(DAYS[0], "published"), (DAYS[1], "failed"), (DAYS[2], "published")]
    path.write_bytes(whole)
    assert ask(project, "--to", DAYS[2], capsys=capsys) == [(DAYS[1], "published")]


KILLED = """
import os, signal, sys
from assay.cli.__main__ import main
from assay.store import Store
real = Store.publish_runs
def publish(self, runs):
    if sys.argv[1] in [staged.partition for staged in runs]:
        os.killpg(0, signal.SIGKILL)
    return real(self, runs)
Store.publish_runs = publish
main(["score", "--due", "--from", "2024-03-01", "--to", "2024-03-03", "--root", sys.argv[2]])
"""


def test_a_run_that_is_killed_in_the_middle_is_taken_up_where_it_stopped(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-c", KILLED, DAYS[1], str(project)]
    done = subprocess.run(command, start_new_session=True, capture_output=True, env={**os.environ})
    assert done.returncode == -signal.SIGKILL
    assert published(project) == [DAYS[0]]
    first = open_store(project, params.load(project)).visible_run(DAYS[0])
    found = ask(project, "--to", DAYS[2], capsys=capsys)
    assert found == [(DAYS[1], "published"), (DAYS[2], "published")]
    store = open_store(project, params.load(project))
    assert store.visible_run(DAYS[0]) == first
    assert [each.event for each in store.runs(DAYS[1])] == ["started", "published"]


def test_nights_of_a_delta_table(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = project / layout.RAW
    for night in DAYS[:3]:
        rows = partitions.read(raw, "day", start=night, end=night)
        write_deltalake(str(project / "lake"), rows, mode="append", partition_by=["day"])
    text = (project / layout.PARAMS).read_text(encoding="utf-8")
    assert text.count("input: data/raw") == 1
    text = text.replace("input: data/raw", "input: {format: delta, path: lake}")
    (project / layout.PARAMS).write_text(text, encoding="utf-8")
    found = ask(project, "--from", DAYS[1], capsys=capsys)
    assert found == [(DAYS[1], "published"), (DAYS[2], "published")]
    assert ask(project, capsys=capsys) == []


def test_nights_whose_input_changed_since_are_named(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(project, "--from", DAYS[0])
    before = open_store(project, params.load(project)).visible_runs()
    for night in DAYS[2:4]:
        path = folder(project, night) / "part-00000.parquet"
        pq.write_table(pq.read_table(path).slice(0, 40), path)
    capsys.readouterr()
    assert main(["score", "--due", "--root", str(project)]) == 0
    assert capsys.readouterr().out.splitlines()[0] == (
        "published, and the input has changed since (assay score --date DAY scores it again): "
        f"{DAYS[2]}, {DAYS[3]}"
    )
    assert open_store(project, params.load(project)).visible_runs() == before
    assert main(["score", "--date", DAYS[2], "--root", str(project)]) == 0
    assert main(["score", "--due", "--to", DAYS[2], "--root", str(project)]) == 0
    assert "changed since" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "range_",
    [
        ["--date", "2931-01-01"],
        ["--date", "1931-01-01"],
        ["--from", DAYS[0], "--to", "2931-01-01"],
    ],
)
def test_a_mistyped_year_leaves_no_run_that_failed(project: Path, range_: list[str]) -> None:
    """It would be the first or last night for ever, which labels and monitoring look for."""
    assert main(["score", *range_, "--root", str(project)]) == 23
    assert open_store(project, params.load(project)).runs() == []


def test_a_past_day_that_nobody_expects_leaves_no_run_that_failed(project: Path) -> None:
    ask(project, "--from", DAYS[0])
    shutil.rmtree(folder(project, DAYS[2]))
    earlier = open_store(project, params.load(project)).runs()
    shutil.move(folder(project, DAYS[0]), folder(project, "2023-03-01"))
    score = ["score", "--root", str(project), "--date"]
    assert main([*score, "2023-06-01"]) == 23
    assert open_store(project, params.load(project)).runs() == earlier
    # One of these days is expected, and one was scored before.
    assert main([*score, DAYS[2]]) == main([*score, DAYS[0]]) == 23
    told = open_store(project, params.load(project)).runs()
    assert [run.partition for run in told if run.event == "failed"] == [DAYS[2], DAYS[0]]


def test_nothing_due_needs_no_version(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask(project, "--from", DAYS[3])
    shutil.rmtree(project / ".git")
    assert ask(project, capsys=capsys) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--date", DAYS[0]], f"found --date {DAYS[0]}"),
        (["--force"], "found --force"),
        (["--from", "yesterday"], "expected a date such as 2013-07-01, found 'yesterday'"),
    ],
)
def test_what_makes_no_sense_with_due_is_refused(
    live: Path, given: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(live, *given, code=2)
    assert words in capsys.readouterr().err


def test_an_input_without_any_night_is_an_error(
    live: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(live / layout.RAW)
    ask(live, code=23)
    assert "the input has no partitions" in capsys.readouterr().err


def test_nights_of_a_query_cannot_be_listed(parcels: Path) -> None:
    given = params.load(parcels)
    spec = Postgres(
        format="postgres", url="postgresql://db/x", query="select * from x where day = :night"
    )
    score = given.score.model_copy(update={"input": spec})
    with pytest.raises(SourceError, match=r"found postgres.*--from DAY --to DAY"):
        open_input(parcels, given.model_copy(update={"score": score})).nights()


def tried(*nights: tuple[str, str]) -> list[Run]:
    """Runs by night and the day on which it was first tried."""
    events = [
        Run(
            run_id=f"r{number}",
            event="failed",
            at=datetime.fromisoformat(f"{day}T02:00:00+00:00"),
            partition=night,
            name="parcels",
            version="",
            bundle="",
            contract="",
        )
        for number, (night, day) in enumerate(nights)
    ]
    return fold(events)


def test_a_day_without_input_is_one_between_others_or_after_the_last_that_was_due() -> None:
    assert nights_without_input([DAYS[0], *DAYS[2:]]) == [DAYS[1]]
    assert nights_without_input(DAYS, date(2024, 3, 7)) == ["2024-03-06", "2024-03-07"]
    assert nights_without_input((), date(2024, 3, 7)) == []
    months = [f"2024-{month:02}-01" for month in (1, 2, 4, 5)]
    assert nights_without_input(months) == ["2024-03-01"]
    assert nights_without_input(months, date(2024, 5, 31)) == ["2024-03-01"]
    assert nights_without_input(months, date(2024, 6, 1)) == ["2024-03-01", "2024-06-01"]


def test_a_weekday_without_nights_is_none_that_is_missing_once_two_weeks_are_known() -> None:
    days = [date(2024, 3, 4) + timedelta(days=number) for number in range(19)]
    working = [str(day) for day in days if day.weekday() < 5]
    assert nights_without_input(working) == []
    assert nights_without_input(working[:6]) == ["2024-03-09", "2024-03-10"]
    assert nights_without_input([day for day in working if day != "2024-03-20"]) == ["2024-03-20"]
    # What is long over was known then.
    assert nights_without_input([day for day in working if day != "2024-03-06"]) == []


def test_the_last_night_that_is_expected_is_learnt_from_when_nights_came() -> None:
    today = date(2024, 3, 9)
    daily = [("2024-03-04", "2024-03-05"), ("2024-03-05", "2024-03-06")]
    assert last_expected(tried(*daily), today) is None
    daily.append(("2024-03-06", "2024-03-08"))
    assert last_expected(tried(*daily), today) == date(2024, 3, 7)
    # Nights of the past that are scored together say nothing.
    assert last_expected(tried(*((day, "2026-01-01") for day in DAYS)), today) is None


def test_a_first_night_of_few_rows_is_held(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params_file = project / layout.PARAMS
    text = params_file.read_text(encoding="utf-8")
    assert text.count("max_row_change: 20") == 1
    params_file.write_text(
        text.replace("max_row_change: 20", "max_row_change: 0.5"), encoding="utf-8"
    )
    path = folder(project, DAYS[0]) / "part-00000.parquet"
    pq.write_table(pq.read_table(path).slice(0, 12), path)
    assert main(["score", "--date", DAYS[0], "--root", str(project)]) == 51
    told = capsys.readouterr().err
    assert "row count: expected" in told and "as the nights of training had" in told
    assert published(project) == []
