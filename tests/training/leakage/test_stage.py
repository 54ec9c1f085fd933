"""The stage on the parcels project: what it writes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.cli.__main__ import main
from assay.errors import SchemaMismatch, StageInputMissing
from assay.project import digests, layout, params
from assay.project.params.behaviour import LEAKAGE_CHECKS
from assay.training.leakage import stage
from assay.training.leakage.report import Leakage
from tests import variants
from tests.training.leakage.tables import LABELS, found_check


def run(root: Path) -> Leakage:
    """What the stage wrote, which is what it returns."""
    found = stage.run(root, params.load(root))
    assert (root / layout.LEAKAGE).read_text(encoding="utf-8") == found.text()
    return Leakage.read(root)


def test_the_parcels_have_no_leak(parcels: Path, capsys: pytest.CaptureFixture[str]):
    found = run(parcels)
    assert {each.check: each.outcome for each in found.checks} == dict.fromkeys(
        LEAKAGE_CHECKS, "ok"
    )
    values = params.load(parcels)
    assert found.contract == digests.worktree_contract(parcels, values)
    assert found.holdout == digests.data(parcels)
    assert found.data.train == digests.digest_file(parcels / layout.TRAIN_TABLE)
    assert found.rows.holdout == pq.read_metadata(parcels / layout.HOLDOUT_TABLE).num_rows
    assert main(["stage", "leakage", "--root", str(parcels)]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in LEAKAGE_CHECKS)
    assert str(parcels) not in (parcels / layout.LEAKAGE).read_text()


def test_the_same_rows_give_the_same_bytes(parcels: Path):
    run(parcels)
    before = (parcels / layout.LEAKAGE).read_bytes()
    run(parcels)
    assert (parcels / layout.LEAKAGE).read_bytes() == before


def test_json_is_what_the_file_holds(parcels: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["stage", "leakage", "--json", "--root", str(parcels)]) == 0
    told = capsys.readouterr().out
    assert told == (parcels / layout.LEAKAGE).read_text()
    assert json.loads(told)["schema"] == 1


@pytest.mark.parametrize("task", [task for task in LABELS if task != "binary"])
def test_other_tasks_are_checked_alike(task, tmp_path: Path):
    import assay.contract.stage
    import assay.training.tables.ingest
    import assay.training.tables.prepare

    root = tmp_path / task
    variants.make(root, task)
    values = params.load(root)
    for each in (assay.training.tables.ingest, assay.contract.stage, assay.training.tables.prepare):
        each.run(root, values)
    found = run(root)
    assert {each.check: each.outcome for each in found.checks} == dict.fromkeys(
        LEAKAGE_CHECKS, "ok"
    )


def test_a_leak_is_told_and_is_no_error(parcels: Path, capsys: pytest.CaptureFixture[str]):
    train = pq.read_table(parcels / layout.TRAIN_TABLE)
    holdout = pq.read_table(parcels / layout.HOLDOUT_TABLE)
    pq.write_table(pa.concat_tables([holdout, train.slice(0, 30)]), parcels / layout.HOLDOUT_TABLE)
    found = run(parcels)
    outcomes = {each.check: each.outcome for each in found.checks if each.outcome != "ok"}
    assert outcomes == dict.fromkeys(["same_key", "near_duplicates", "time_overlap"], "suspect")
    assert found_check(found, "same_key").observed == 30
    assert main(["stage", "leakage", "--root", str(parcels)]) == 0
    told = capsys.readouterr().out
    assert "examples" in told
    assert "parcel " in told


def test_a_side_without_rows_is_told_not_passed(parcels: Path):
    holdout = pq.read_table(parcels / layout.HOLDOUT_TABLE)
    pq.write_table(holdout.slice(0, 0), parcels / layout.HOLDOUT_TABLE)
    assert {each.outcome for each in run(parcels).checks} == {"unknown"}


@pytest.mark.parametrize("name", [layout.TRAIN_TABLE, layout.HOLDOUT_TABLE])
def test_a_table_that_is_not_there_or_not_one_is_refused(name: str, parcels: Path):
    (parcels / name).write_text("no parquet")
    with pytest.raises(StageInputMissing, match=r"cannot be read.*--force prepare"):
        run(parcels)
    (parcels / name).unlink()
    with pytest.raises(StageInputMissing, match="prepare has not run"):
        run(parcels)
    assert not (parcels / layout.LEAKAGE).exists()


def test_a_table_of_another_contract_is_refused(parcels: Path):
    holdout = pq.read_table(parcels / layout.HOLDOUT_TABLE)
    pq.write_table(holdout.drop_columns(["weight"]), parcels / layout.HOLDOUT_TABLE)
    with pytest.raises(SchemaMismatch, match=r"holdout\.parquet: column 'weight' is missing"):
        run(parcels)


def test_limits_come_from_params(parcels: Path):
    path = parcels / layout.PARAMS
    text = path.read_text()
    old = "leakage:\n  sample_rows: 5000\n"
    assert old in text
    path.write_text(text.replace(old, f"{old}  max_label_power: 0.55\n"))
    check = found_check(run(parcels), "label_power")
    assert (check.outcome, check.limit, check.columns[0]) == ("suspect", 0.55, "distance")
