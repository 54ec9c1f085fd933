"""What a plan says is what an ordinary run would change, and no reader sees any of it."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.errors import BundleMissing, DataError, NothingScored, RunHeld, StoreError, UsageError
from assay.plan import page, stage
from assay.plan.document import Plan
from assay.score.operations.changes import Changes
from assay.store.vacuum import find_unused_files
from tests import predictions, projects
from tests.plan.conftest import NIGHTS, Planner


def decided(planner: Planner, night: str) -> dict[int, bool]:
    rows = planner.store.predictions(night)
    return dict(zip(*(rows[name].to_pylist() for name in ("parcel", "prediction")), strict=True))


def test_flips_are_those_of_an_ordinary_run(planner: Planner) -> None:
    before = {night: decided(planner, night) for night in NIGHTS}
    found = planner.plan()
    assert [night.day for night in found.planned] == list(NIGHTS)
    assert {night: decided(planner, night) for night in NIGHTS} == before
    planner.promote()
    from assay.score.stage import run as score

    score(planner.root, planner.params, NIGHTS[0], NIGHTS[-1])
    for night in found.planned:
        after = decided(planner, night.day)
        up = sum(after[key] and not was for key, was in before[night.day].items())
        down = sum(was and not after[key] for key, was in before[night.day].items())
        assert night.changes is not None
        assert (night.changes.up, night.changes.down) == (up, down)
        assert night.changes.old_true == sum(before[night.day].values())
    assert found.changes is not None and found.changes.decided > 0
    assert (found.old_threshold, found.threshold) == (0.5, 0.55)


def test_slices_add_up_to_all_rows_and_flips(planner: Planner) -> None:
    found = planner.plan()
    assert found.changes is not None
    for field in {each.field for each in found.slices}:
        mine = [each for each in found.slices if each.field == field]
        assert sum(each.rows for each in mine) == found.changes.both
        assert sum(each.up for each in mine) == found.changes.up
        assert sum(each.down for each in mine) == found.changes.down


def test_nothing_of_it_is_a_run_and_the_cleanup_keeps_it(planner: Planner) -> None:
    runs, seen = planner.store.runs(), planner.store.visible_runs()
    found = planner.plan()
    assert (planner.store.runs(), planner.store.visible_runs()) == (runs, seen)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    unused = find_unused_files(planner.store, "predictions", tomorrow)
    names = {night.run_id for night in found.planned}
    assert not [each for each in unused if any(name in each.path for name in names if name)]


def test_git_has_counts_only_and_is_left_clean(planner: Planner) -> None:
    from assay.registry import git

    planner.plan()
    assert git.uncommitted_files(planner.root) == ()
    text = (planner.root / "reports/plan/plan.json").read_text()
    keys = planner.store.predictions(NIGHTS[0])["parcel"].to_pylist()
    assert not [key for key in keys if re.search(rf"\b{key}\b", text)]
    shown = (planner.root / "reports/plan/index.html").read_text()
    assert "parcel=" in shown and "Mostly for, planned" in shown
    assert Plan.read(planner.root).tree() == json.loads(text)


def test_of_the_same_bundle_nothing_changes(planner: Planner) -> None:
    planner.promote()
    from assay.score.stage import run as score

    score(planner.root, planner.params, NIGHTS[0], NIGHTS[-1])
    found = planner.plan()
    assert found.changes is not None
    assert (found.version, found.champion) == ("v0.2.0", "v0.2.0")
    assert found.changes.largest == 0 and found.changes.decided == 0


def test_rows_that_come_and_go_are_counted(planner: Planner) -> None:
    file = planner.root / f"data/raw/day={NIGHTS[0]}/part-00000.parquet"
    rows = pq.read_table(file)
    more = rows.slice(0, 2)
    place = more.schema.get_field_index("parcel")
    more = more.set_column(place, "parcel", pa.array([990_001, 990_002], more["parcel"].type))
    pq.write_table(pa.concat_tables([rows.slice(1), more]), file)
    (night,) = planner.plan(first=NIGHTS[0], last=NIGHTS[0]).planned
    assert night.changes is not None
    assert (night.changes.only_new, night.changes.only_old) == (2, 1)


def test_a_night_that_cannot_be_read_says_so_and_the_others_are_planned(planner: Planner) -> None:
    (planner.root / f"data/raw/day={NIGHTS[1]}/part-00000.parquet").write_bytes(b"no parquet")
    found = planner.plan()
    (bad,) = [night for night in found.nights if night.why is not None]
    assert (bad.day, bad.by_version, len(found.planned)) == (NIGHTS[1], "v0.1.0", 2)
    assert bad.day in page.html(found, ())


def test_a_night_that_would_be_held_says_why(planner: Planner) -> None:
    planner.change_params(lambda text: text.replace("max_share: 0.2", "max_share: 0.0"))
    found = planner.plan()
    assert [night.day for night in found.planned if night.held] == [NIGHTS[1]]
    assert "would be held back" in " ".join(page.sentences(found))


def test_a_failure_leaves_no_file_and_no_plan(
    planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(planner.root.glob("store/predictions/*/*"))

    def fail(*_: object, **__: object) -> Changes:
        raise StoreError("the disk is full")

    monkeypatch.setattr(stage, "find_segments", fail)
    with pytest.raises(StoreError):
        planner.plan()
    assert sorted(planner.root.glob("store/predictions/*/*")) == before
    assert planner.store.planned_runs() == []


def test_without_nights_or_a_bundle_it_says_what_to_do(planner: Planner) -> None:
    planner.change_params(lambda text: text + "\nstore: elsewhere\n")
    with pytest.raises(NothingScored):
        planner.plan()
    for path in Path(planner.root / ".dvc/cache").rglob("*"):
        if path.is_file():
            path.unlink()
    with pytest.raises(BundleMissing):
        planner.plan(first=NIGHTS[0], last=NIGHTS[0])


def test_before_the_first_night_a_dry_run_says_so_and_ends_well(planner: Planner) -> None:
    planner.change_params(lambda text: text + "\nstore: elsewhere\n")
    done = projects.call(planner.root, "assay", "plan", "--dry-run")
    assert "no night is published or due, so there is nothing to plan" in done
    assert "page" not in done and not (planner.root / "elsewhere").exists()
    empty = Plan.read(planner.root)
    assert (empty.nights, empty.plan, [*page.sentences(empty)]) == ((), None, [])


def test_nights_that_are_due_have_nothing_to_be_compared_with(planner: Planner) -> None:
    found = planner.plan(due=True)
    assert [night.day for night in found.planned] == ["2024-03-04", "2024-03-05"]
    assert found.changes is None and found.plan is not None
    assert "readers have not seen" in page.headline(found)


def test_a_planned_run_can_be_compared_with_what_readers_see(planner: Planner) -> None:
    from assay.score.operations import difference

    (night,) = planner.plan(first=NIGHTS[0], last=NIGHTS[0]).planned
    found = difference.run(planner.root, planner.params, NIGHTS[0], version="v0.2.0", by=0.1)
    assert (found.new["run_id"], found.new["state"]) == (night.run_id, "planned")
    assert night.changes is not None
    assert (found.changes.decided, found.changes.moved) == (
        night.changes.decided,
        night.changes.moved,
    )


def test_the_comment_has_the_counts_of_its_own_bundle_only(planner: Planner) -> None:
    from assay.gate.verdict_command import GateAnswer
    from assay.hosting.comment import CommentFacts, compose
    from tests.verdicts import verdict

    found = planner.plan()
    judged = verdict(bundle=found.bundle)
    text = compose(CommentFacts("parcels", GateAnswer(verdict=judged), plan=found), "github")
    assert page.headline(found) in text and "Across the threshold" in text
    other = found.model_copy(update={"bundle": "sha256:other"})
    assert "### Plan" not in compose(
        CommentFacts("parcels", GateAnswer(verdict=judged), plan=other), "github"
    )


def test_a_dry_run_says_the_same_and_keeps_nothing(planner: Planner) -> None:
    store = planner.root / "store"
    before = sorted(store.rglob("*"))
    dry = planner.plan(dry_run=True)
    assert sorted(store.rglob("*")) == before and dry.plan is None
    assert not list((planner.root / ".assay").rglob("plan-*"))
    kept = planner.plan()
    assert dry.changes == kept.changes and dry.slices == kept.slices


def test_keys_that_repeat_stay_out_of_the_document(planner: Planner) -> None:
    file = planner.root / f"data/raw/day={NIGHTS[0]}/part-00000.parquet"
    rows = pq.read_table(file)
    pq.write_table(pa.concat_tables([rows, rows.slice(0, 2)]), file)
    (night,) = planner.plan(first=NIGHTS[0], last=NIGHTS[0], dry_run=True).planned
    assert night.held and not any("parcel" in reason for reason in night.held)


def test_nights_that_cannot_be_planned_at_all_are_an_error(planner: Planner) -> None:
    with pytest.raises(DataError):
        planner.plan(first="2030-01-01", last="2030-01-02")
    with pytest.raises(UsageError):
        planner.plan(first=NIGHTS[1], last=NIGHTS[0])
    assert not (planner.root / "reports/plan/plan.json").exists()


def test_without_a_champion_it_compares_with_nothing_and_can_be_applied(planner: Planner) -> None:
    shutil.rmtree(planner.root / "store")
    projects.call(planner.root, "git", "tag", "--delete", "parcels@v0.1.0", "parcels#prod#1")
    with pytest.raises(NothingScored):
        planner.plan()
    found = planner.plan(first=NIGHTS[0], last=NIGHTS[1])
    assert (found.champion, found.version, found.changes) == (None, "v0.1.0", None)
    assert planner.promote() == "v0.1.0"
    planner.apply(exact=True)
    assert [*planner.store.visible_runs()] == [*NIGHTS[:2]]


@pytest.mark.parametrize(
    ("task", "keys", "words"),
    [
        ("regression", ["parcel"], "another kind of model"),
        ("binary", ["parcel", "name"], "another key"),
    ],
)
def test_what_a_champion_of_another_kind_published_is_not_compared(
    planner: Planner, monkeypatch: pytest.MonkeyPatch, task: str, keys: list[str], words: str
) -> None:
    shutil.rmtree(planner.root / "store")
    every = {field.name: field for field in predictions.KEYS}
    monkeypatch.setattr(predictions, "KEYS", pa.schema([every[name] for name in keys]))
    predictions.publish(planner.store, NIGHTS[0], [{"parcel": 1}], task=task)
    before = sorted(planner.root.glob("store/*/*/*.parquet"))
    with pytest.raises(UsageError, match=words):
        planner.plan(first=NIGHTS[0], last=NIGHTS[0])
    assert sorted(planner.root.glob("store/*/*/*.parquet")) == before
    assert planner.store.planned_runs() == []


@pytest.mark.parametrize("what", ["held", "retracted", "empty", "missing"])
def test_a_night_that_is_not_like_others_says_so(planner: Planner, what: str) -> None:
    from assay.score.operations.store_commands import retract
    from assay.score.stage import run as score

    night, seen = NIGHTS[1], planner.store.visible_runs()[NIGHTS[1]]
    folder = planner.root / f"data/raw/day={night}"
    if what == "held":
        planner.change_params(lambda text: text.replace("max_share: 0.2", "max_share: 0.0"))
        with pytest.raises(RunHeld):
            score(planner.root, planner.params, night, night, force=True)
        planner.change_params(lambda text: text.replace("max_share: 0.0", "max_share: 0.2"))
    elif what == "retracted":
        retract(planner.root, planner.params, seen, "wrong day")
    elif what == "empty":
        (file,) = folder.iterdir()
        pq.write_table(pq.read_table(file, partitioning=None).slice(0, 0), file)
    else:
        shutil.rmtree(folder)
    found = planner.plan(first=NIGHTS[0], last=night)
    (mine,) = [each for each in found.nights if each.day == night]
    if what in ("held", "retracted"):
        assert mine.why is None and mine.readers_see == (seen if what == "held" else None)
        assert (mine.changes is None) is (what == "retracted")
    else:
        assert mine.why is not None and night in mine.why and mine.readers_see == seen
    planner.promote()
    assert {each.done for each in planner.apply(exact=True).nights} == {"applied"}
    assert (planner.store.visible_runs()[night] == mine.run_id) is (mine.why is None)
