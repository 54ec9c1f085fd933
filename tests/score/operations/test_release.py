"""``assay release``, ``assay retract`` and ``assay vacuum``: who, why, and what is said."""

from __future__ import annotations

import getpass
import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from assay.cli.result import to_json
from assay.cli.show import nights as shown
from assay.errors import NightNotFound, NotAllowed, NothingScored, RunUnknown, UsageError
from assay.project import params
from assay.score.operations import store_commands
from assay.score.operations.store_commands import release, retract
from assay.score.run import record_never_begun
from assay.store import (
    Run,
    StagedRun,
    Store,
    open_store,
    predictions_schema,
    quarantine_schema,
    write_part,
)

PARCELS = Path(__file__).parents[2] / "parcels"
VALUES = params.load(PARCELS)
DAY = "2024-03-01"
MINE = "test@assay.invalid"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path, VALUES)


def scored(store: Store, run_id: str, held: bool = False) -> None:
    """A run of three rows that was published or held."""
    keys = pa.schema([("parcel", pa.int64())])
    schema = predictions_schema("day", keys, "regression")
    rows = pa.Table.from_pylist([{"parcel": n, "prediction": 1.0} for n in range(3)], schema)
    path = store.part_path_for("predictions", DAY, run_id, "0")
    run = Run(
        run_id=run_id, event="held" if held else "published", at=datetime.now(UTC),
        partition=DAY, name="x", version="v1", bundle="x", contract="x", input="x",
        base=store.turn(DAY), rows_read=3, rows_scored=3, rows_quarantined=0,
    )  # fmt: skip
    staged = StagedRun(
        run=run,
        predictions=(write_part(store.table_uri("predictions"), path, rows.drop_columns(["day"])),),
        quarantine=(),
        profile=None,
        predictions_schema=schema,
        quarantine_schema=quarantine_schema("day", keys),
    )
    files = store.hold(staged) if held else ""
    if not held:
        store.publish_run(staged)
    store.append_run_events(replace(run, files=files))


def test_a_release_is_signed_with_the_name_that_git_knows(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    scored(store, "r1", held=True)
    done = release(tmp_path, VALUES, "r1", " looked at it ")
    assert list(shown.release_lines(done)) == [f"released: readers of {DAY} see run r1, 3 rows"]
    assert capsys.readouterr() == ("", "")
    assert store.visible_run(DAY) == "r1"
    record = store.published_run(DAY)
    assert record is not None
    assert (record.by, record.because) == ("Assay Test <test@assay.invalid>", "looked at it")


def test_outside_git_the_login_signs(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        for fact in ("NAME", "EMAIL"):
            monkeypatch.delenv(f"GIT_{role}_{fact}")
    monkeypatch.setattr(getpass, "getuser", lambda: "ada")
    scored(store, "r1", held=True)
    assert release(tmp_path, VALUES, "r1", "why").by == "ada"


def test_who_may_is_asked_without_git_too(store: Store, tmp_path: Path) -> None:
    scored(store, "r1", held=True)
    text = (PARCELS / "params.yaml").read_text("utf-8")
    given = "\naccess: {release: [ada@example.com]}\n"
    (tmp_path / "params.yaml").write_text(text + given, "utf-8")
    with pytest.raises(NotAllowed, match=r"^params\.yaml: access\.release: .* may not release"):
        release(tmp_path, VALUES, "r1", "why")
    assert store.visible_run(DAY) is None
    (tmp_path / "params.yaml").write_text(text + given.replace("ada@example.com", MINE), "utf-8")
    release(tmp_path, VALUES, "r1", "why")
    assert store.visible_run(DAY) == "r1"


def test_a_retraction_says_what_readers_see_now(store: Store, tmp_path: Path) -> None:
    scored(store, "r1")
    scored(store, "r2")
    done = retract(tmp_path, VALUES, "r2", "wrong file")
    assert list(shown.retract_lines(done)) == [f"retracted: readers of {DAY} see run r1 again"]
    done = retract(tmp_path, VALUES, "r1", "wrong file")
    assert list(shown.retract_lines(done)) == [f"retracted: readers of {DAY} see nothing"]
    told = done.document()
    assert list(told) == ["partition", "back_to", "by", "because", "retracted"]
    assert (told["retracted"], told["back_to"], told["because"]) == ("r1", None, "wrong file")
    assert store.partitions() == []


@pytest.mark.parametrize("act", [release, retract])
def test_no_reason_no_deed(store: Store, tmp_path: Path, act: object) -> None:
    assert callable(act)
    with pytest.raises(UsageError, match="a reason is needed"):
        act(tmp_path, VALUES, "r1", "  ")
    with pytest.raises(RunUnknown, match="no run r1"):
        act(tmp_path, VALUES, "r1", "why")


def test_a_vacuum_says_what_it_did(store: Store, tmp_path: Path) -> None:
    done = store_commands.vacuum(tmp_path, VALUES)
    assert not any(each.replaced + each.left + each.merged for each in done.tables)
    scored(store, "r1")
    scored(store, "r2")
    done = store_commands.vacuum(tmp_path, VALUES, dry_run=True)
    assert {each.table: each.merged for each in done.tables if each.merged} == {"runs": 2}
    done = store_commands.vacuum(tmp_path, VALUES, keep_days=3)
    assert (done.dry_run, done.keep_days) == (False, 3)
    assert {each.table: each.merged for each in done.tables}["runs"] == 2
    with pytest.raises(UsageError, match="--keep-days: readers at work"):
        store_commands.vacuum(tmp_path, VALUES, keep_days=0)


def test_a_night_s_history_says_who_did_what_and_why(store: Store, tmp_path: Path) -> None:
    with pytest.raises(NothingScored, match=f"no run of day={DAY} has begun"):
        store_commands.history(tmp_path, VALUES, DAY)
    with pytest.raises(UsageError, match="2026-13-99: not a day"):
        store_commands.history(tmp_path, VALUES, "2026-13-99")
    scored(store, "r1", held=True)
    store.release("r1", "ann", "a fair was in town")
    scored(store, "r2")
    store.retract("r2", "bob", "the export of another day")
    found = store_commands.history(tmp_path, VALUES, DAY)
    *_, last = shown.history_lines(found)
    assert last == f"readers of {DAY} see run r1"
    document = json.loads(to_json(found))
    assert [(each["run_id"], each["event"], each["by"]) for each in document["events"]] == [
        ("r1", "held", ""),
        ("r1", "released", "ann"),
        ("r2", "published", ""),
        ("r2", "retracted", "bob"),
    ]
    assert (document["visible"], len(document["events"])) == ("r1", 4)
    assert document["events"][1]["because"] == "a fair was in town"


def test_a_night_without_input_has_no_version_in_its_history(store: Store, tmp_path: Path) -> None:
    record_never_begun(store, "parcels", [DAY], NightNotFound("due, and without input"))
    found = store_commands.history(tmp_path, VALUES, DAY)
    started, failed = found.events
    assert (started.event, started.version) == ("started", "")
    assert (failed.event, failed.detail[:23]) == ("failed", "due, and without input")


def test_a_run_that_died_after_its_commit_is_in_its_night_s_history(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "append_run_events", lambda *_: None)
    scored(store, "r1")
    found = store_commands.history(tmp_path, VALUES, DAY)
    (line,) = shown.history_lines(found)
    assert line.startswith(f"readers of {DAY} see run r1; no event tells when")
