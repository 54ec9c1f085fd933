"""A store belongs to one model: another one's project is refused before anything is written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import assay
from assay.errors import StoreOfAnother
from assay.project import params
from assay.store import Store, open_store
from assay.store.delta import commits, rows
from assay.store.delta.tables import EXPORTS
from assay.store.history import require_owner
from tests.scorer import NIGHT

COMMANDS = (
    ["score", "--date", NIGHT],
    ["release", "RUN", "--because", "so"],
    ["retract", "RUN", "--because", "so"],
    ["export", "--date", NIGHT, "--to", "csv:exports/out.csv"],
    ["monitor", "--date", NIGHT],
    ["labels", "--date", NIGHT],
    ["vacuum"],
    ["forget", "--keys", "keys.csv", "--because", "so"],
    ["fsck", "--fix"],
    ["status"],
    ["why", "--date", NIGHT, "--key", "1"],
    ["night", "history", "--date", NIGHT],
)


@pytest.fixture
def loan(live: Path, tmp_path: Path, call: Callable[..., str]) -> Path:
    """A project of another model, promoted, whose params.yaml names the store of ``live``."""
    other = tmp_path / "loan"
    shutil.copytree(live, other, symlinks=True)
    file = other / "params.yaml"
    text = file.read_text("utf-8").replace("name: parcels", "name: loan", 1)
    file.write_text(f"{text}\nstore: {live / 'store'}\n", "utf-8")
    call(other, "git", "commit", "--quiet", "--all", "--message", "Another model")
    for tag in call(other, "git", "tag").split():
        text = call(other, "git", "tag", "--list", "--format=%(contents)", tag)
        new = tag.replace("parcels", "loan")
        call(other, "git", "tag", "--annotate", "--message", text, new, f"{tag}^{{}}")
        call(other, "git", "tag", "--delete", tag)
    (other / "keys.csv").write_text("parcel\n1\n")
    return other


def everything(store: Path) -> dict[str, bytes]:
    files = (path for path in store.rglob("*") if path.is_file())
    return {str(path.relative_to(store)): path.read_bytes() for path in files}


def refused(lines: str) -> bool:
    return "the store belongs to the model parcels (expected a store of loan, or a new one" in lines


def test_another_model_reads_and_writes_nothing_of_a_store(
    live: Path, loan: Path, call: Callable[..., str]
) -> None:
    call(live, "assay", "score", "--date", NIGHT)
    run = open_store(live, params.load(live)).published_run(NIGHT)
    assert run is not None
    said = call(live, "assay", "night", "history", "--date", NIGHT)
    assert "parcels" in said, "a history says whose it is"
    before = everything(live / "store")
    for command in COMMANDS:
        given = [run.run_id if word == "RUN" else word for word in command]
        said = call(loan, "assay", *given, code=StoreOfAnother.exit_code)
        assert refused(said) and "Traceback" not in said, given
    with pytest.raises(StoreOfAnother):
        assay.open_store(loan)
    assert everything(live / "store") == before


def test_a_store_from_before_tables_had_a_name_is_of_its_first_run(
    make: Any, store: Store, event: Any
) -> None:
    # By a store that names no model, as an earlier version left it.
    make.run("r1")
    make.event("r2", "started", 2, name="loan", partition="q")
    make.store.publish_run(make.stage("r2", "q"))
    mine = Store(store.uri, store.column, model="n")
    require_owner(mine)
    mine.append_run_events(event("r3", "started", 3))
    (damage,) = [each for each in mine.check() if "model" in each.what]
    assert damage.what == "date=q: run r2 is of the model loan"
    with pytest.raises(StoreOfAnother, match="the store belongs to the model n "):
        require_owner(Store(store.uri, store.column, model="loan"))


def test_of_two_models_that_write_first_at_once_one_owns_the_store(
    tmp_path: Path, event: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both see no table; the other model's first commit comes between."""
    car = Store(str(tmp_path / "store"), "date", model="car")
    loan = Store(str(tmp_path / "store"), "date", model="loan")
    real = commits._commit

    def overtaken(*given: Any) -> None:
        monkeypatch.setattr(commits, "_commit", real)
        car.append_run_events(event("r1", "started"))
        real(*given)

    monkeypatch.setattr(commits, "_commit", overtaken)
    with pytest.raises(StoreOfAnother):
        loan.append_run_events(event("r2", "started"))
    assert [run.run_id for run in car.runs()] == ["r1"]


def test_who_brings_labels_first_owns_the_store_too(tmp_path: Path, event: Any) -> None:
    car = Store(str(tmp_path / "store"), "date", model="car")
    loan = Store(str(tmp_path / "store"), "date", model="loan")
    number = {"date": "p", "run_id": "r1", "target": "x", "number": 1, "staged": "", "rows": 0}
    row = {**number, "at": datetime.now(UTC)}
    rows.append(car, EXPORTS, [row])
    with pytest.raises(StoreOfAnother):
        loan.append_run_events(event("r2", "started"))
    with pytest.raises(StoreOfAnother):
        rows.append(loan, EXPORTS, [row])
