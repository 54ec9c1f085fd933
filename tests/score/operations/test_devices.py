"""What devices counted comes home: each once, nothing half, and its night is monitored."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from assay.columns.features import FrameFeatures
from assay.compiled.edge_cases import FeaturesInMemory, load_features
from assay.contract.columns import to_frame
from assay.edge import c_check, command
from assay.errors import (
    CountsRefused,
    LimitCrossed,
    NothingScored,
    PublishConflict,
    UsageError,
)
from assay.monitor import monitor_nights
from assay.score.operations import devices
from assay.score.operations.devices import Collected
from assay.store import Store
from tests.edge.exported import COMPILER
from tests.scorer import NIGHT, Scorer


@pytest.fixture(scope="module")
def program(promoted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The promoted model with its counts, compiled."""
    from assay.project import params

    export, _ = command._export(promoted, params.load(promoted), None)
    return c_check.build(export, tmp_path_factory.mktemp("device"), COMPILER)


class Fleet(Scorer):
    """Devices that score rows of the project's night."""

    program: Path
    inbox: Path

    def rows(self, first: int, count: int) -> FeaturesInMemory:
        part = pq.read_table(self.file()).slice(first, count)
        frame = to_frame(self.pinned.contract, part)
        inputs = self.pinned.bundle.scorer.inputs  # type: ignore[union-attr]
        return load_features(FrameFeatures(frame), inputs.numeric, inputs.categorical)

    def text(self, rows: FeaturesInMemory) -> str:
        """What a device writes that scored these rows."""
        inputs = self.pinned.bundle.scorer.inputs  # type: ignore[union-attr]
        given = c_check._input(inputs.numeric, inputs.categorical, rows)
        said = c_check.runner(self.program)(given)
        return said[said.index(b"assay-counts") :].decode()

    def send(self, device: str, text: str, day: str = NIGHT, sequence: int = 0) -> Path:
        """The text with its checksum, as a file of a device."""
        lines = text.splitlines()[:-1]
        lines[1] = f"{device} {day} {sequence:x}"
        whole = "".join(f"{line}\n" for line in lines).encode()
        path = self.inbox / f"{device}-{day}-{sequence}"
        path.write_bytes(whole + b"crc %08x\n" % zlib.crc32(whole))
        return path

    def collect(self) -> Collected:
        return devices.collect(self.root, self.params, self.inbox)

    def refused(self) -> str:
        with pytest.raises(CountsRefused) as caught:
            self.collect()
        (line,) = caught.value.lines()
        return line


@pytest.fixture
def fleet(live: Path, program: Path, tmp_path: Path) -> Fleet:
    made = Fleet(live, None)
    made.program, made.inbox = program, tmp_path / "inbox"
    made.inbox.mkdir()
    return made


def test_a_fleet_is_counted_once_and_judged_as_the_rows_that_it_scored(fleet: Fleet) -> None:
    for at, device in enumerate(("a", "b")):
        fleet.send(device, fleet.text(fleet.rows(25 * at, 25)))
    found = fleet.collect()
    assert (found.files, found.added, found.known) == (2, 2, 0)
    again = fleet.collect()
    assert (again.added, again.known) == (0, 2)
    (night,) = again.nights
    assert (night.sources, night.rows_read, night.rows_scored) == (2, 50, 50)
    counted = fleet.store.profile(night.run_id, NIGHT)
    own = monitored(fleet)
    # The same rows, scored where the store is.
    fleet.store.retract(night.run_id, "test", "to score its rows")
    scored = fleet.score()
    whole = fleet.store.profile(scored.run_id, NIGHT)
    for name, column in counted.items():
        assert (column.rows, column.nulls) == (whole[name].rows, whole[name].nulls)
        assert column.counts == whole[name].counts
    theirs = monitored(fleet)
    assert own == theirs


def monitored(fleet: Fleet) -> list[tuple[object, ...]]:
    try:
        found = monitor_nights.run(fleet.root, fleet.params, NIGHT, NIGHT)
    except LimitCrossed as error:
        found = error.report  # type: ignore[attr-defined]
    (summary,) = found.summaries
    return [
        (each.column, each.distance, each.limit, each.drifted, each.crossed)
        for each in summary.decision.findings
    ]


def test_damaged_and_lying_files_are_refused_by_name_and_the_others_are_counted(
    fleet: Fleet,
) -> None:
    text = fleet.text(fleet.rows(0, 30))
    (fleet.inbox / "other").write_text("")
    assert "other: its checksum is not that of its lines" in fleet.refused()
    (fleet.inbox / "other").unlink()
    fleet.send("good", text)
    whole = fleet.send("bad", text).read_bytes()
    bad = fleet.inbox / f"bad-{NIGHT}-0"
    version, bundle = text.split()[2:4]

    def edited(old: str, new: str, count: int = 1) -> str:
        assert old in text
        fleet.send("bad", text.replace(old, new, count))
        return fleet.refused()

    for data in (
        b"",
        b"\n",
        whole[:-20],
        whole[:200],
        whole.replace(b"t ", b"t 1", 1),
        b"\xff" * 99,
    ):
        bad.write_bytes(data)
        assert f"{bad}: its checksum is not that of its lines" in fleet.refused()
    bad.write_bytes(b" " * 5_000_000)
    assert "5,000,000 bytes: no counts are so large" in fleet.refused()
    assert "counted with v9.0.0, which is none of parcels" in edited(version, "v9.0.0")
    assert "counted with bundle sha256:00, but v0.1.0 is" in edited(bundle, "sha256:00")
    assert "no counts of a device: 'assay-counts 2" in edited("counts 1", "counts 2")
    # 30 rows are 1e of them.
    assert "31 rows, but nulls and counts add up to 30" in edited("\n1e ", "\n1f ")
    assert "1 row without a score, 0 scores missing" in edited("\n1e 0", "\n1e 1")
    assert "rows, but nulls and counts add up to" in edited("\nt 0 ", "\nt 29 ")
    assert "checks and" in edited("\n1e 0", "\n1e 0 0 0")
    assert "checks and" in edited("\nt 0", "\nt 0\nt 0")
    assert "depot: no counts of such a column" in edited("\nt 0", "\nt -1")
    assert "depot: 5 cells, expected 4" in edited("\nt 0", "\nt 0 0")
    bad.unlink()
    fleet.send("bad", text, "1970-01-01")
    assert "its day is 1970-01-01, expected one from 2" in fleet.refused()
    later = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"
    fleet.send("bad", text, later)
    with pytest.raises(CountsRefused) as caught:
        fleet.collect()
    assert "does bad have the time?" in caught.value.lines()[1]
    assert {each.source for each in fleet.store.counts(NIGHT)} == {"good"}
    assert fleet.store.partitions() == [NIGHT]


def test_a_night_that_cannot_be_published_keeps_no_other_back(fleet: Fleet) -> None:
    fleet.score()
    text = fleet.text(fleet.rows(0, 10))
    for day in (NIGHT, "2024-03-02"):
        fleet.send("a", text, day)
    with pytest.raises(PublishConflict, match="has rows of its own"):
        fleet.collect()
    record = fleet.store.published_run("2024-03-02")
    assert record is not None and record.rows_read == 10


def test_a_correction_is_refused_and_a_second_part_is_added(fleet: Fleet) -> None:
    fleet.send("a", fleet.text(fleet.rows(0, 30)))
    fleet.collect()
    more = fleet.text(fleet.rows(0, 40))
    fleet.send("a", more)
    assert "a sent other counts of 2024-03-01 under sequence 0 before" in fleet.refused()
    fleet.send("a", fleet.text(fleet.rows(0, 30)))
    fleet.send("a", more, sequence=1)
    (night,) = fleet.collect().nights
    assert (night.sources, night.rows_read) == (1, 70)


@pytest.mark.parametrize("at", ["append_counts", "append_run_events", "publish_run"])
@pytest.mark.parametrize("after", [False, True])
def test_killed_midway_the_same_command_completes_it(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, at: str, after: bool
) -> None:
    fleet.send("a", fleet.text(fleet.rows(0, 20)))
    fleet.send("b", fleet.text(fleet.rows(20, 20)))
    real = getattr(Store, at)

    def killed(*given: Any) -> None:
        if after:
            real(*given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Store, at, killed)
        fleet.collect()
    for source in fleet.store.visible_runs().values():
        assert fleet.store.profile(source, NIGHT)["weight"].rows == 40
    found = fleet.collect()
    assert (found.added, found.known) == ((2, 0) if at == "append_counts" and not after else (0, 2))
    assert found.nights[0].rows_read == 40
    record = fleet.store.published_run(NIGHT)
    assert record is not None and record.rows_scored == 40
    assert fleet.store.check() == []


def test_the_fleet_says_who_is_behind(fleet: Fleet, call: Callable[..., str]) -> None:
    with pytest.raises(NothingScored, match="no device has sent counts"):
        devices.fleet(fleet.root, fleet.params)
    with pytest.raises(UsageError, match="no file to collect"):
        fleet.collect()
    text = fleet.text(fleet.rows(0, 10))
    for number in range(2):
        fleet.send("a", text, sequence=number)
    fleet.send("b", text)
    printed = json.loads(
        call(fleet.root, "assay", "devices", "collect", str(fleet.inbox), "--json")
    )
    assert (printed["added"], len(printed["nights"])) == (3, 1)
    old = replace(fleet.store.counts(NIGHT)[0], source="c", version="v0.0.9")
    fleet.store.append_counts([old])
    found = json.loads(call(fleet.root, "assay", "devices", "--json"))
    assert (found["stage"], found["version"]) == ("prod", "v0.1.0")
    assert [(each["device"], each["rows"], each["behind"]) for each in found["devices"]] == [
        ("a", 20, False),
        ("b", 10, False),
        ("c", 10, True),
    ]
    said = call(fleet.root, "assay", "devices")
    assert re.search(r"c +v0\.0\.9", said)
