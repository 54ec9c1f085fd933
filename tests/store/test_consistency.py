"""What the history of runs and the log of predictions lost is told by the other."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from assay.errors import StoreError
from assay.store import Store, release
from assay.store.delta import log, log_files
from assay.store.delta.location import summarize_error
from assay.store.delta.tables import PREDICTIONS, PROFILES, QUARANTINE, RUNS


def drop_newest(store: Store, table: str = PREDICTIONS) -> None:
    commit = log_files.newest_commit(Path(store.table_uri(table)))
    assert commit is not None
    commit.unlink()


def whats(store: Store) -> list[str]:
    found = [each.what for each in store.check()]
    assert [each.what for each in store.check_consistency()] == found
    return found


def test_without_its_predictions_each_published_night_is_told(store: Store, make: Any) -> None:
    make.run("r1", "p")
    make.run("r2", "q")
    make.hold("r3", "held")
    make.begin("r4", "begun")
    make.run("r5", "back")
    store.retract("r5", "me", "why")
    assert whats(store) == []
    shutil.rmtree(store.table_uri(PREDICTIONS))
    assert whats(store) == [
        "date=p: run r1 was published, but the table shows no run",
        "date=q: run r2 was published, but the table shows no run",
    ]
    assert "assay score --date p scores it again" in store.check()[0].fix
    assert (
        store.has_lost_data("p")
        and not store.has_lost_data("held")
        and not store.has_lost_data("back")
    )
    make.run("r6", "p")
    assert [each.split(":")[0] for each in whats(store)] == ["date=q"]


def test_a_lost_newest_commit_is_told_and_its_night_can_be_scored_again(
    store: Store, make: Any
) -> None:
    make.run("r1", "p", good=[1])
    make.run("r2", "p", good=[2])
    drop_newest(store)
    assert make.seen() == ([1], [])
    assert whats(store) == ["date=p: run r2 was published, but the table shows run r1"]
    assert store.has_lost_data("p")
    make.run("r3", "p", good=[3])
    assert whats(store) == [] and not store.has_lost_data("p")


def test_a_night_scored_again_after_many_turns_is_whole(store: Store, make: Any) -> None:
    for number in range(4):
        make.run(f"r{number}", "p")
    shutil.rmtree(store.table_uri(PREDICTIONS))
    make.run("r5", "p")
    assert whats(store) == []


def test_a_lost_retraction_is_told(store: Store, make: Any) -> None:
    make.run("r1", "p")
    store.retract("r1", "me", "why")
    drop_newest(store)
    assert whats(store) == ["date=p: run r1 was taken back, but the table shows it"]
    store.retract("r1", "me", "why")
    assert whats(store) == [] and store.partitions() == []


def test_so_is_no_retraction_that_died_before_it_could_say_so(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.run("r1", "p")

    def killed(*_: object) -> None:
        raise StoreError("killed")

    monkeypatch.setattr(release, "append_events", killed)
    with pytest.raises(StoreError, match="killed"):
        store.retract("r1", "me", "why")
    assert store.partitions() == [] and whats(store) == []


def test_runs_that_died_before_they_could_say_so_are_no_damage(store: Store, make: Any) -> None:
    make.run("r1", "p")
    make.begin("r2", "p")
    store.publish_run(make.stage("r2", "p"))
    make.hold("r3", "q")
    assert whats(store) == []
    store.release("r3", "me", "why")
    make.run("r4", "q")
    store.retract("r4", "me", "why")
    assert store.visible_run("q") == "r3" and whats(store) == []


def test_without_its_runs_each_visible_night_is_told_and_fixed_from_its_commit(
    store: Store, make: Any, profile: Any
) -> None:
    make.run("r1", "p")
    make.run("r2", "p", good=[1, 2], bad=[3], profile=profile)
    shutil.rmtree(store.table_uri(RUNS))
    assert whats(store) == ["date=p: run r2 is published, but the table has no event of it"]
    (fixed,) = store.check(fix=True)
    assert fixed.fixed and whats(store) == []
    (record,) = store.runs()
    assert (record.run_id, record.version, record.base) == ("r2", "v1.0.0", 1)
    assert (record.rows_read, record.rows_scored, record.rows_quarantined) == (3, 2, 1)
    assert record.at is not None


def test_refused_rows_that_the_table_lost_are_told_and_their_night_is_scored_again(
    store: Store, make: Any
) -> None:
    make.run("r1", "p", bad=[7])
    make.run("r2", "q", bad=[8, 9])
    drop_newest(store, QUARANTINE)
    (found,) = store.check()
    assert found.table == QUARANTINE
    assert found.what == "date=q: the table holds 0 of 2 rows that run r2 refused"
    assert found.fix == "a backup, or assay score --date q scores it again"
    assert store.check_consistency() == [found]
    assert store.has_lost_data("q") and not store.has_lost_data("p")
    make.run("r3", "q", bad=[8, 9])
    assert whats(store) == [] and not store.has_lost_data("q")


def test_so_they_are_without_all_of_their_table(store: Store, make: Any) -> None:
    make.run("r1", "p", bad=[7])
    make.run("r2", "q")
    shutil.rmtree(store.table_uri(QUARANTINE))
    assert whats(store) == ["date=p: the table holds 0 of 1 rows that run r1 refused"]


def test_refused_rows_of_a_run_that_readers_do_not_see_are_no_loss(store: Store, make: Any) -> None:
    make.run("r1", "p", bad=[7, 8])
    make.run("r2", "p", bad=[8])
    make.hold("r3", "p", bad=[9])
    assert whats(store) == []
    store.retract("r2", "me", "why")
    assert make.seen() == ([1], [7, 8]) and whats(store) == []
    make.run("r4", "p", bad=[7])
    make.hold("r5", "p", bad=[9])
    store.release("r5", "me", "why")
    assert make.seen() == ([1], [9]) and whats(store) == []


def test_a_night_of_which_more_is_lost_is_told_once(store: Store, make: Any) -> None:
    make.run("r1", "p", bad=[7])
    make.run("r2", "p", bad=[8])
    drop_newest(store)
    assert whats(store) == ["date=p: run r2 was published, but the table shows run r1"]


def test_a_profile_that_the_table_lost_is_told(store: Store, make: Any, profile: Any) -> None:
    make.run("r1", "p", profile=profile)
    make.run("r2", "q", profile=profile)
    assert whats(store) == []
    drop_newest(store, PROFILES)
    (found,) = store.check()
    assert found.table == PROFILES
    assert found.what == "date=q: run r2 is published, but the table has no counts of its rows"
    assert found.fix == "assay score --date q --force scores it again"
    assert store.check_consistency() == [found]
    shutil.rmtree(store.table_uri(PROFILES))
    assert len(whats(store)) == 2


def test_of_a_night_that_was_scored_before_fsck_alone_reads_whose_profile_is_there(
    store: Store, make: Any, profile: Any
) -> None:
    make.run("r1", "p", profile=profile)
    make.run("r2", "p", profile=profile)
    drop_newest(store, PROFILES)
    assert store.check_consistency() == []
    (found,) = store.check()
    assert found.what == "date=p: run r2 is published, but the table has no counts of its rows"


def test_profiles_that_cannot_be_read_keep_no_other_loss_from_being_told(
    store: Store, make: Any, profile: Any
) -> None:
    make.run("r1", "p", profile=profile)
    make.run("r2", "q", profile=profile)
    next(Path(store.table_uri(PROFILES)).rglob("*.parquet")).unlink()
    drop_newest(store)
    found = {each.table: each.what for each in store.check()}
    assert "is gone" in found[PROFILES]
    assert found[PREDICTIONS] == "date=q: run r2 was published, but the table shows no run"


def test_a_run_that_scored_no_row_needs_no_profile(store: Store, make: Any, event: Any) -> None:
    staged = make.stage("r1", "p", good=[], bad=[1])
    store.publish_run(staged)
    make.event("r1", "published", base=0, rows_scored=0, rows_quarantined=1)
    assert whats(store) == []


def test_a_gap_in_a_log_is_told_in_one_plain_line(store: Store, make: Any) -> None:
    for number in range(4):
        make.run(f"r{number}", f"p{number}")
    gone = Path(store.table_uri(PREDICTIONS), "_delta_log", f"{1:020}.json")
    gone.unlink()
    with pytest.raises(StoreError) as caught:
        store.predictions("p0")
    assert f"its commit {gone.name} is missing" in caught.value.line()
    (found,) = store.check(fix=True)
    assert found.what == f"its commit {gone.name} is missing, and later ones rest on it"
    assert found.fix == f"restore _delta_log/{gone.name} from a backup" and not found.fixed


def test_commits_before_a_checkpoint_may_go(store: Store, make: Any) -> None:
    make.run("r1", "p")
    make.run("r2", "q")
    opened = log.open_table(store.table_uri(PREDICTIONS))
    assert opened is not None
    opened.create_checkpoint()
    Path(store.table_uri(PREDICTIONS), "_delta_log", f"{0:020}.json").unlink()
    assert store.partitions() == ["p", "q"] and whats(store) == []


def test_a_gap_as_delta_rs_tells_it_names_the_commits() -> None:
    """Of a bucket, whose log is not listed first."""
    paths = [f'ParsedLogPath {{ size: 6, filename: "{at:020}.json" }}' for at in (1, 3)]
    said = f"Kernel error: Expected contiguous commit files, but found gap: {' -> '.join(paths)}"
    wanted = f"the commits between {1:020}.json and {3:020}.json are missing"
    assert summarize_error(ValueError(said)).startswith(wanted)
