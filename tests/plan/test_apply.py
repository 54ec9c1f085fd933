"""Applying publishes the very files that were planned, or says what is not as it was."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from assay.errors import PlanRefused, PublishConflict, StoreError
from assay.model import batch
from assay.ops import nightly
from assay.plan import apply as applying
from assay.plan import pins
from assay.score.operations.store_commands import retract
from assay.score.stage import run as score
from assay.store.delta.tables import PREDICTIONS
from assay.store.plans import signed
from tests.plan.conftest import NIGHTS, Planner


def digests(planner: Planner, runs: set[str]) -> set[str]:
    files = planner.root.glob("store/predictions/*/*.parquet")
    mine = [file for file in files if any(run in file.name for run in runs)]
    return {hashlib.sha256(file.read_bytes()).hexdigest() for file in mine}


def done(found: applying.Applied) -> dict[str, str]:
    return {each.partition: each.done for each in found.nights}


@pytest.fixture(scope="session")
def planned_once(newer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("planned") / "parcels"
    shutil.copytree(newer, root, symlinks=True)
    planner = Planner(root)
    planner.plan()
    planner.promote()
    return root


@pytest.fixture
def planned(planned_once: Path, tmp_path: Path) -> Planner:
    """A plan of three nights whose version was promoted."""
    shutil.copytree(planned_once, tmp_path / "planned", symlinks=True)
    return Planner(tmp_path / "planned")


def test_the_bytes_are_those_that_were_planned_and_no_row_is_scored(
    planned: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = {each.run.run_id for each in planned.store.planned_runs()}
    before = digests(planned, runs)

    def scored(*_: object, **__: object) -> None:
        raise AssertionError("a row was scored")

    monkeypatch.setattr(batch, "score_batch", scored)
    monkeypatch.setattr("assay.score.scoring_job.score_batch", scored)
    version = planned.store.table_uri(PREDICTIONS)
    commits = len(list(Path(version).glob("_delta_log/*.json")))
    assert set(done(planned.apply(exact=True)).values()) == {"applied"}
    assert set(planned.store.visible_runs().values()) == runs
    assert digests(planned, runs) == before and len(before) == len(NIGHTS)
    assert len(list(Path(version).glob("_delta_log/*.json"))) == commits + 1
    told = {run.version for run in planned.store.published_runs(NIGHTS)}
    assert told == {"v0.2.0"}


def test_again_it_changes_nothing(planned: Planner) -> None:
    planned.apply()
    events = planned.store.run_events(NIGHTS[0])
    assert set(done(planned.apply()).values()) == {"applied before"}
    assert planned.store.run_events(NIGHTS[0]) == events


@pytest.mark.parametrize(
    "what", ["input", "params", "code", "contract", "bundle", "version", "night", "retraction"]
)
def test_a_change_is_named_and_exact_refuses(
    planned: Planner, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    since = "another run of it was published or retracted since"
    words = {
        "params": "params.yaml", "code": "code of Assay", "night": since, "retraction": since,
    }  # fmt: skip
    if what == "input":
        file = planned.root / f"data/raw/day={NIGHTS[0]}/part-00000.parquet"
        pq.write_table(pq.read_table(file).slice(1), file)
    elif what == "params":
        planned.change_params(lambda text: text.replace("max_share: 0.2", "max_share: 0.3"))
    elif what == "code":
        monkeypatch.setattr(pins, "code", lambda: "sha256:other")
    elif what == "night":
        score(planned.root, planned.params, NIGHTS[0], NIGHTS[0])
    elif what == "retraction":
        retract(planned.root, planned.params, planned.store.visible_runs()[NIGHTS[0]], "wrong")
    else:
        runs = planned.store.planned_runs()
        changed = [replace(each, run=replace(each.run, **{what: "other"})) for each in runs]
        if what == "bundle":
            newest = "newest_plan"
            monkeypatch.setattr(f"assay.store.store.Store.{newest}", lambda *_: signed(changed))
        else:
            shutil.rmtree(planned.root / "store/plans")
            planned.store.append_plan(signed(changed))
    with pytest.raises(PlanRefused) as caught:
        planned.apply(exact=True)
    assert words.get(what, what) in (caught.value.found or "")
    assert not set(planned.store.visible_runs().values()) & {
        each.run.run_id for each in planned.store.planned_runs()
    }


def test_a_changed_night_is_scored_and_the_others_are_applied(planned: Planner) -> None:
    file = planned.root / f"data/raw/day={NIGHTS[0]}/part-00000.parquet"
    pq.write_table(pq.read_table(file).slice(1), file)
    found = planned.apply()
    assert done(found) == {NIGHTS[0]: "changed", NIGHTS[1]: "applied", NIGHTS[2]: "applied"}
    assert found.scored is not None
    assert [each.outcome for each in found.scored.outcomes] == ["published"]
    assert {run.version for run in planned.store.published_runs(NIGHTS)} == {"v0.2.0"}


def test_a_night_that_was_decided_since_is_left(planned: Planner) -> None:
    score(planned.root, planned.params, NIGHTS[0], NIGHTS[0])
    retract(planned.root, planned.params, planned.store.visible_runs()[NIGHTS[1]], "wrong day")
    seen = planned.store.visible_runs()
    found = planned.apply()
    assert done(found) == {NIGHTS[0]: "left", NIGHTS[1]: "left", NIGHTS[2]: "applied"}
    now = planned.store.visible_runs()
    assert {night: now.get(night) for night in NIGHTS[:2]} == {
        night: seen.get(night) for night in NIGHTS[:2]
    }


def test_a_night_that_changes_at_the_last_moment_stops_all_and_the_rest_goes_on(
    planned: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tried = applying.publish_together, []

    def publish(place: object, staged: list[object], **more: object) -> object:
        tried.append(len(staged))
        if len(tried) == 1:
            score(planned.root, planned.params, NIGHTS[2], NIGHTS[2])
        return real(place, staged, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(applying, "publish_together", publish)
    found = planned.apply()
    assert tried == [3, 2]
    assert done(found)[NIGHTS[2]] == "left"


def test_what_is_published_as_a_whole_is_none_if_one_was_overtaken(planned: Planner) -> None:
    staged = [each.staged(planned.store) for each in planned.store.planned_runs()]
    score(planned.root, planned.params, NIGHTS[1], NIGHTS[1])
    seen = planned.store.visible_runs()
    with pytest.raises(PublishConflict):
        applying.publish_together(planned.store, staged, whole=True)
    assert planned.store.visible_runs() == seen


def test_a_held_night_is_not_applied(planner: Planner) -> None:
    planner.change_params(lambda text: text.replace("max_share: 0.2", "max_share: 0.0"))
    planner.plan()
    planner.promote()
    with pytest.raises(PlanRefused) as caught:
        planner.apply(exact=True)
    assert "would be held" in (caught.value.found or "")


def test_an_old_plan_is_not_applied_and_its_files_may_go(
    planned: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = planned.store.planned_runs()
    old = [replace(each, at=each.at - timedelta(days=31)) for each in runs]
    shutil.rmtree(planned.root / "store/plans")
    planned.store.append_plan(signed(old))
    undecided = {each.run.run_id: "" for each in old}  # its nights were scored later in this test
    monkeypatch.setattr(applying, "_decided", lambda *_: undecided)
    with pytest.raises(PlanRefused) as caught:
        planned.apply(exact=True)
    assert "older than 30 days" in (caught.value.found or "")
    from assay.store.vacuum import find_unused_files

    later = runs[0].at + timedelta(days=1)
    unused = find_unused_files(planned.store, "predictions", later)
    mine = [each for each in unused if any(one.run.run_id in each.path for one in runs)]
    assert len(mine) == len(NIGHTS) and {each.kind for each in mine} == {"dead"}


def test_without_a_plan_or_after_another_version_it_is_refused(planner: Planner) -> None:
    with pytest.raises(PlanRefused):
        planner.apply()
    planner.plan()
    planner.promote()
    runs = [replace(each, champion="v0.0.9") for each in planner.store.planned_runs()]
    shutil.rmtree(planner.root / "store/plans")
    planner.store.append_plan(signed(runs))
    with pytest.raises(PlanRefused) as caught:
        planner.apply()
    assert "v0.0.9" in str(caught.value)


def test_nightly_applies_what_is_planned_before_it_scores(planned: Planner) -> None:
    called: list[tuple[str, ...]] = []
    nightly.run(planned.root, planned.params, lambda command: called.append(tuple(command)))
    assert called[:2] == [("apply",), ("score", "--due")]
    planned.apply()
    called.clear()
    nightly.run(planned.root, planned.params, lambda command: called.append(tuple(command)))
    assert called[0] == ("score", "--due")


def test_a_lost_file_is_named_and_nothing_is_published(planned: Planner) -> None:
    run = planned.store.planned_runs()[0].run
    (file,) = planned.root.glob(f"store/predictions/*/*{run.run_id}*.parquet")
    file.unlink()
    seen = planned.store.visible_runs()
    with pytest.raises(StoreError):
        planned.apply()
    assert planned.store.visible_runs() == seen


def test_a_row_of_the_table_that_was_changed_is_refused(planned: Planner) -> None:
    (each, *_) = planned.store.planned_runs()
    from assay.store import plans as table

    row = dict(table._row(planned.store, each))
    row["planned"] = json.dumps({**json.loads(row["planned"]), "plan": "sha256:other"})
    from assay.store.delta import rows

    rows.append(planned.store, "plans", [row])
    with pytest.raises(StoreError):
        planned.store.planned_runs()


@pytest.mark.parametrize("how", ["one is gone", "rows are doubled", "a count is edited"])
def test_rows_of_a_plan_that_were_edited_are_refused(planned: Planner, how: str) -> None:
    runs = planned.store.planned_runs()
    edited = {
        "one is gone": runs[1:],
        "rows are doubled": [*runs, *runs],
        "a count is edited": [replace(runs[0], run=replace(runs[0].run, rows_scored=7)), *runs[1:]],
    }[how]
    shutil.rmtree(planned.root / "store/plans")
    planned.store.append_plan(edited)
    with pytest.raises(PlanRefused) as caught:
        planned.apply()
    assert "were edited" in caught.value.what


def test_a_planned_file_with_other_bytes_is_not_published(planned: Planner) -> None:
    run = planned.store.planned_runs()[0].run
    (file,) = planned.root.glob(f"store/predictions/*/*{run.run_id}*.parquet")
    content = bytearray(file.read_bytes())
    content[200] ^= 1
    file.write_bytes(content)
    with pytest.raises(PlanRefused) as caught:
        planned.apply(exact=True)
    assert "not what was written" in (caught.value.found or "")
    assert done(planned.apply())[NIGHTS[0]] == "changed"
    assert {each.version for each in planned.store.published_runs(NIGHTS)} == {"v0.2.0"}


def test_the_same_bytes_at_another_time_are_the_same_input(planned: Planner) -> None:
    file = planned.root / f"data/raw/day={NIGHTS[0]}/part-00000.parquet"
    os.utime(file, (1, 1))
    assert set(done(planned.apply(exact=True)).values()) == {"applied"}


def test_after_a_rollback_nothing_waits(planned: Planner) -> None:
    from assay.promotion.promote import rollback

    rollback(planned.root, planned.params, because="no")
    assert planned.apply(if_planned=True).nights == []
    assert not applying.is_pending(planned.root, planned.params)


def test_nightly_tells_of_a_damaged_table(planned: Planner) -> None:
    log = planned.root / "store/plans/_delta_log/00000000000000000000.json"
    log.write_text("{")
    called: list[tuple[str, ...]] = []
    nightly.run(planned.root, planned.params, lambda command: called.append(tuple(command)))
    assert called[0] == ("apply",)


def test_where_the_input_is_not_at_hand_a_night_waits(planned: Planner) -> None:
    shutil.rmtree(planned.root / f"data/raw/day={NIGHTS[0]}")
    found = planned.apply()
    assert done(found)[NIGHTS[0]] == "left" and found.scored is None
    assert applying.is_pending(planned.root, planned.params)
