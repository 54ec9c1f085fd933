"""The rows of a key leave every table and the disk; all else stays as it is."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.columns.profile import Profile
from assay.errors import PublishConflict, RunUnknown, StoreError
from assay.store import Store, forget, publish, rewrite, write_part
from assay.store.key_rows import KeyRows
from assay.store.run_files import find_quarantine
from assay.store.vacuum import GRACE

WHY = {"by": "Ada", "because": "asked on 2 May"}


def keys(*ids: int) -> KeyRows:
    return KeyRows([{"id": str(each)} for each in ids], pa.table({"id": pa.array(ids, pa.int64())}))


def labels(*ids: int) -> pa.Table:
    at = pa.array([datetime(2013, 7, 2, tzinfo=UTC)] * len(ids), pa.timestamp("us", "UTC"))
    return pa.table({"id": ids, "truth": [True] * len(ids), "arrived_at": at})


def labelled(store: Store, night: str = "p") -> list[int]:
    return sorted(store.label_history(night).column("id").to_pylist())


def ids_on_disk(store: Store) -> dict[str, set[int]]:
    """Table -> the keys in any of its files, whether readers see it or not."""
    found: dict[str, set[int]] = {}
    for path in Path(store.uri).rglob("*.parquet*"):
        if "_delta_log" not in path.parts:
            table = pq.read_table(path, partitioning=None)
            if "id" in table.column_names:
                held = found.setdefault(path.relative_to(store.uri).parts[0], set())
                held |= set(table["id"].to_pylist())
    return found


def test_rows_leave_every_table_and_what_has_none_is_not_touched(
    store: Store, make: Any, profile: Profile
) -> None:
    make.run("r1", good=[1, 2, 3], bad=[7, 8], profile=profile)
    make.run("r2", "q", good=[4, 5], bad=[6], profile=profile)
    store.append_labels({"p": labels(1, 2)}, "file", "Ada")
    store.append_labels({"q": labels(4)}, "file", "Ada")
    others = {path: path.stat().st_mtime_ns for path in Path(store.uri).rglob("date=q/*")}
    before = {run.run_id: run for run in store.runs()}
    done = store.forget(keys(1, 7), **WHY)
    assert make.seen() == ([2, 3], [8]) and labelled(store) == [2]
    assert done.rows == {"predictions": 1, "quarantine": 1, "labels": 1}
    assert done.nights == {"p"} and done.known == {0, 1}
    assert not {1, 7} & set.union(*ids_on_disk(store).values())
    assert {path: path.stat().st_mtime_ns for path in Path(store.uri).rglob("date=q/*")} == others
    assert make.seen("q") == ([4, 5], [6]) and labelled(store, "q") == [4]
    assert {run.run_id: run for run in store.runs()} == before, "counts stay"
    assert store.profile("r1", "p") == profile
    assert store.check() == [] and not store.has_lost_data("p")


def test_no_log_tells_of_a_key(store: Store, make: Any) -> None:
    scored, refused = 715_224_918_330_007, 816_224_918_330_008
    make.run("r1", good=[scored, 2], bad=[refused])
    store.append_labels({"p": labels(scored, 2)}, "file", "Ada")
    for _ in range(12):  # until checkpoints are written
        store.append_labels({"p": labels(scored, 3)}, "file", "Ada")
    logs = [path for path in Path(store.uri).rglob("_delta_log/*") if path.is_file()]
    assert any(path.suffix == ".parquet" for path in logs)
    for path in logs:
        whole = path.suffix == ".parquet"
        text = str(pq.read_table(path).to_pylist()) if whole else path.read_text()
        assert str(scored) not in text and str(refused) not in text, path
    store.forget(keys(scored, refused), **WHY)
    assert labelled(store) == [2, *[3] * 12]
    held = ids_on_disk(store)
    assert not {scored, refused} & set.union(*held.values())


def test_the_night_stays_its_runs_and_can_be_taken_back(
    store: Store, make: Any, profile: Profile
) -> None:
    make.run("r1", good=[2], bad=[8], profile=profile)
    make.run("r2", good=[1, 2], bad=[7], profile=profile)
    store.forget(keys(1, 7), **WHY)
    assert make.seen() == ([2], []) and store.visible_run("p") == "r2"
    assert store.turn("p") == 2
    assert store.run_at_turn("p", 2).run.run_id == "r2"
    assert store.retract("r2", **WHY).back_to == "r1"
    assert make.seen() == ([2], [8])


def test_a_former_version_with_the_key_is_gone(store: Store, make: Any) -> None:
    make.run("r1", good=[1, 2])
    make.run("r2", good=[2])
    done = store.forget(keys(1), **WHY)
    assert make.seen() == ([2], []) and done.rows == {} and len(done.deleted) == 1
    assert store.retract("r2", **WHY).back_to is None


def test_a_night_of_nothing_else_stays_published(store: Store, make: Any) -> None:
    make.run("r1", good=[1], bad=[7])
    store.forget(keys(1, 7), **WHY)
    assert make.seen() == ([], []) and store.partitions() == ["p"]
    assert store.check() == []


def test_runs_that_nobody_sees_yet_cannot_be_seen_later(store: Store, make: Any) -> None:
    make.hold("r1", good=[1, 2])
    make.hold("r2", "q", good=[2])
    done = store.forget(keys(1), **WHY)
    assert done.unusable == {"p, run r1"} and done.rows == {}
    with pytest.raises(StoreError, match="not there as they were written"):
        store.release("r1", **WHY)
    assert store.release("r2", **WHY).event == "published"


def test_refused_rows_of_a_held_run_are_said_to_be_gone(store: Store, make: Any) -> None:
    make.hold("r1", good=[2], bad=[1])
    store.forget(keys(1), **WHY)
    with pytest.raises(RunUnknown, match=r"run r1: files of the run are not there.*forget"):
        find_quarantine(store, "p")


def test_a_refused_row_whose_key_cannot_be_read_is_found_in_its_text(
    store: Store, make: Any
) -> None:
    make.run("r1", good=[3], bad=[8])
    (active,) = Path(store.table_uri("quarantine")).rglob("*.parquet")
    rows = pq.read_table(active, partitioning=None)
    raw = [json.dumps({"id": " 7 ", "name": "x"}), json.dumps({"id": "70", "name": "y"})]
    rows = pa.concat_tables([rows, rows]).set_column(0, "id", pa.array([None, None], pa.int64()))
    rows = rows.set_column(rows.schema.get_field_index("row"), "row", pa.array(raw))
    path = store.part_path_for("quarantine", "p", "r2", "raw")
    staged = replace(
        make.stage("r2", good=[3]),
        quarantine=(write_part(store.table_uri("quarantine"), path, rows),),
    )
    store.publish_run(staged)
    assert store.forget(keys(7), **WHY).rows == {"quarantine": 1}
    assert store.quarantine("p")["row"].to_pylist() == raw[1:]


def test_a_line_that_was_never_cut_is_found_by_the_values_in_it() -> None:
    wanted = pa.table({"who": ["a.7", "b"], "id": [7, 8]})
    finds = KeyRows([{"who": "a.7", "id": "7"}, {"who": "b", "id": "8"}], wanted)
    lines = ["x;8;b;y;z", "x;80;b", "bb;8", '{"who": "a.7", "id": 7', "axa.7", None]
    cells = [json.dumps({} if line is None else {"_input_line": line}) for line in lines]
    nothing = {"who": pa.nulls(6, pa.string()), "id": pa.nulls(6, pa.int64())}
    found = finds.find(pa.record_batch({**nothing, "row": cells}))
    assert found.tolist() == [1, -1, -1, 0, -1, -1]
    none = KeyRows([{"who": "None"}], pa.table({"who": ["None"]}))
    assert none.find(pa.record_batch({**nothing, "row": cells})).tolist() == [-1] * 6


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_a_time_in_a_key_is_found_with_a_zone_and_without(zone: str | None) -> None:
    at = datetime(2013, 7, 2, 5, 0, 0, 5)
    finds = KeyRows([{"at": str(at)}], pa.table({"at": pa.array([at], pa.timestamp("us"))}))
    batch = pa.record_batch({"at": pa.array([at, None], pa.timestamp("us", zone))})
    assert finds.find(batch).tolist() == [0, -1]


def test_doing_it_dry_changes_nothing_and_tells_the_same(store: Store, make: Any) -> None:
    make.run("r1", good=[1, 2], bad=[7])
    before = sorted(path for path in Path(store.uri).rglob("*"))
    dry = store.forget(keys(1), **WHY, dry=True)
    assert sorted(path for path in Path(store.uri).rglob("*")) == before
    done = store.forget(keys(1), **WHY)
    assert (dry.rows, dry.rewritten, dry.deleted) == (done.rows, done.rewritten, done.deleted)


@pytest.mark.parametrize("step", ["_holds", "_forget_in"])
def test_a_file_that_another_act_took_meanwhile_is_asked_for_again(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    make.run("r1", good=[1, 2])
    whole = getattr(forget, step)
    with monkeypatch.context() as patch:

        def late(*asked: Any) -> Any:
            patch.undo()
            store.forget(keys(1), **WHY)
            return whole(*asked)

        patch.setattr(forget, step, late)
        with pytest.raises(StoreError, match="is gone since it was listed"):
            store.forget(keys(1), **WHY)
    store.forget(keys(1), **WHY)
    assert make.seen() == ([2], []) and store.check() == []


def test_an_unknown_key_is_no_act(store: Store, make: Any) -> None:
    make.run("r1", good=[1])
    assert store.forget(keys(9), **WHY).counts() == {"files_deleted": 0, "files_rewritten": 0}
    assert store.forget_acts() == []


def test_the_record_has_no_key_and_who_knows_it_finds_it(store: Store, make: Any) -> None:
    make.run("r1", good=[100001, 2])
    store.forget(keys(100001), **WHY)
    (act,) = store.forget_acts()
    assert (act.by, act.because) == ("Ada", "asked on 2 May")
    assert act.done == {"files_deleted": 1, "files_rewritten": 1, "predictions_rows": 1}
    assert act.covers(keys(100001)) and not act.covers(keys(2))
    assert "100001" not in str(act)


def test_an_act_that_was_killed_is_told_and_the_next_completes_it(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.run("r1", good=[1, 2], bad=[7])
    with monkeypatch.context() as patch:
        patch.setattr(rewrite, "delete_files", _killed)
        with pytest.raises(KeyboardInterrupt):
            store.forget(keys(1, 7), **WHY)
    assert [each.table for each in store.check()] == ["forgotten"]
    assert store.forget(keys(2), **WHY).rows == {"predictions": 1}
    assert len(forget.unfinished_acts(store)) == 1, "other keys do not complete it"
    store.forget(keys(1, 7), **WHY)
    assert store.check() == [] and make.seen() == ([], [])
    assert ids_on_disk(store) == {"predictions": set()}


def _killed(*_: Any) -> Any:
    raise KeyboardInterrupt


def test_a_night_that_is_published_meanwhile_is_looked_at_too(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.run("r1", good=[1, 2])
    write, once = rewrite._write_again, []

    def and_another(*given: Any) -> Any:
        if not once:
            once.append(make.run("r2", good=[1, 3]))
        return write(*given)

    monkeypatch.setattr(rewrite, "_write_again", and_another)
    store.forget(keys(1), **WHY)
    assert make.seen() == ([3], []) and 1 not in ids_on_disk(store)["predictions"]


@pytest.mark.parametrize("step", ["check_files", "check_turn", "_add", "append_profiles"])
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("older", [[], [5]])
def test_a_run_whose_rows_are_forgotten_while_it_is_published_is_refused(
    store: Store,
    make: Any,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    whole: bool,
    older: list[int],
) -> None:
    make.run("r0", "q", good=[4])
    if older:
        make.run("r1", good=older)
    make.begin("r2")
    staged = make.stage("r2", good=[1, 2], bad=[7, 8])
    done = getattr(publish, step)
    with monkeypatch.context() as patch:

        def then_forget(*asked: Any) -> Any:
            patch.undo()
            answer = done(*asked)
            store.forget(keys(1, 7), **WHY)
            return answer

        patch.setattr(publish, step, then_forget)
        with pytest.raises(PublishConflict, match="forgotten"):
            late = publish.publish_together(store, [staged], whole=whole)
            raise late["r2"]
    assert (store.visible_run("p") is None) == (not older) and store.check() == []
    assert not older or make.seen() == (older, [])
    assert not {1, 7} & set.union(*ids_on_disk(store).values())
    make.run("r3", good=[2], bad=[8])
    assert make.seen() == ([2], [8]) and store.check() == []


def test_labels_that_are_being_added_wait_for_their_commit(store: Store, make: Any) -> None:
    make.run("r1", good=[1, 2])
    store.append_labels({"p": labels(1, 2)}, "file", "Ada")
    (added,) = Path(store.table_uri("labels")).rglob("date=p/*.parquet")
    half = added.with_name("other.parquet")
    half.write_bytes(added.read_bytes())
    assert store.forget(keys(1), **WHY).waiting == ["labels/date=p/other.parquet"]
    assert half.exists() and labelled(store) == [2]
    make.age(GRACE.days + 1)
    assert store.forget(keys(1), **WHY).waiting == [] and not half.exists()


def test_what_is_half_written_is_deleted_once_it_is_a_day_old(store: Store, make: Any) -> None:
    make.run("r1", good=[1, 2])
    folder = Path(store.table_uri("predictions"), "date=p")
    half = folder / ".r9-0.0.parquet.abc"
    half.write_bytes(b"PAR1 half")
    assert store.forget(keys(1), **WHY).waiting == ["predictions/date=p/.r9-0.0.parquet.abc"]
    assert half.exists()
    make.age(GRACE.days + 1)
    assert store.forget(keys(2), **WHY).waiting == [] and not half.exists()


def test_a_table_whose_rows_another_engine_hides_is_refused_by_name(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.run("r1", good=[1])
    table = deltalake.DeltaTable(store.table_uri("predictions"))
    table.alter.add_feature(
        deltalake.TableFeatures.DeletionVectors, allow_protocol_versions_increase=True
    )
    before = make.files("predictions")
    with pytest.raises(StoreError, match=r"predictions.*deletionVectors"):
        store.forget(keys(1), **WHY)
    assert make.files("predictions") == before and store.forget_acts() == []


@settings(max_examples=25)
@given(
    nights=st.lists(
        st.tuples(st.sets(st.integers(0, 9)), st.sets(st.integers(10, 15))),
        min_size=1,
        max_size=3,
    ),
    gone=st.sets(st.integers(0, 15), min_size=1),
)
def test_what_is_left_is_what_there_was_without_the_keys(
    tmp_path_factory: pytest.TempPathFactory,
    maker: Any,
    nights: list[tuple[set[int], set[int]]],
    gone: set[int],
) -> None:
    store = Store(str(tmp_path_factory.mktemp("store")), "date")
    make = maker(store)
    for at, (good, bad) in enumerate(nights):
        make.run(f"r{at}", f"p{at % 2}", good=sorted(good), bad=sorted(bad))
    seen = {night: make.seen(night) for night in store.partitions()}
    store.forget(keys(*sorted(gone)), **WHY)
    for night, (good_seen, bad_seen) in seen.items():
        left = [each for each in good_seen if each not in gone]
        assert make.seen(night) == (left, [each for each in bad_seen if each not in gone])
    assert not gone & set.union(set(), *ids_on_disk(store).values())
    assert store.check() == [] and not any(map(store.has_lost_data, store.partitions()))
