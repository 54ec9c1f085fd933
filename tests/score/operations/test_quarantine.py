"""Refused rows: shown, exported, repaired, and merged into their night by a replay."""

from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path

import pytest

from assay.cli.__main__ import main
from assay.contract.definition import MASK
from assay.errors import ContractBroken, NothingScored, RunHeld, RunUnknown, SourceError, UsageError
from assay.project import params
from assay.registry.pin import pin
from assay.registry.versions import read_champion
from assay.score.operations import quarantine, replay
from assay.score.run import ScoredRun
from assay.score.together import score_night
from assay.store import Store, open_store
from tests.shown import show

NIGHT = "2024-03-02"
WHY = "the scale was set to zero"


class Scored:
    """A project with one published night that has three refused rows."""

    def __init__(self, root: Path, spark) -> None:
        self.root, self.params = root, params.load(root)
        self.store: Store = open_store(root, self.params)
        version = read_champion(root, self.params.name, self.params.registry.stage)
        pinned = pin(root, self.params, version)
        self.run: ScoredRun = score_night(
            self.params, root, pinned, self.store, lambda: spark, NIGHT
        )

    def export(self, name: str = "refused.csv") -> Path:
        path = self.root / "exports" / name
        quarantine.export(self.root, self.params, NIGHT, out=path)
        return path

    def replay(self, rows: Path) -> replay.ReplayReport:
        return replay.run(self.root, self.params, NIGHT, rows, WHY)


@pytest.fixture
def scored(live: Path, spark) -> Scored:
    return Scored(live, spark)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)
    return path


def repair(path: Path, **values: str) -> Path:
    """Every refused row made good, but for what ``values`` says."""
    good = {"weight": "2.5", "depot": "north", **values}
    return write(path, [{**row, **good} for row in rows_of(path)])


def test_show_counts_rules_with_examples(scored: Scored, capsys: pytest.CaptureFixture[str]):
    found = quarantine.show(scored.root, scored.params, NIGHT)
    assert {each.rule: each.rows for each in found.rules} == {
        "depot: isin(north, south, west)": 1,
        "depot: not null": 1,
        "weight: greater_than(0)": 1,
    }
    argv = ["quarantine", "show", "--date", NIGHT, "--root", str(scored.root)]
    assert main(argv) == 0
    text = capsys.readouterr().out
    assert "rows quarantined  3" in text and "depot=moon" in text
    assert main([*argv, "--json"]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert tree["rows_quarantined"] == 3 and tree["run_id"] == scored.run.run_id
    with pytest.raises(NothingScored):
        quarantine.show(scored.root, scored.params, "2024-03-04")
    # What is sensitive is masked from then on, and exported as it is.
    file = scored.root / scored.params.contract.file
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('["feature", "slice"]', '["feature", "sensitive"]'), "utf-8")
    found = quarantine.show(scored.root, scored.params, NIGHT)
    shown = [row for each in found.rules for row in each.examples]
    assert {row["depot"] for row in shown} == {MASK, None}
    assert "moon" in scored.export().read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["refused.csv", "refused.jsonl"])
def test_what_is_exported_unchanged_is_still_refused(scored: Scored, name: str):
    done = scored.replay(scored.export(name))
    assert (done.merged, done.still_broken) == (0, 3)
    assert scored.store.quarantine(NIGHT).num_rows == 3
    assert scored.store.predictions(NIGHT).num_rows == 47


def test_repaired_rows_join_their_night_and_the_rest_stays(scored: Scored):
    path = scored.export()
    rows = rows_of(path)
    rows = [
        {**row, "weight": "2.5"} if row["weight"] == "-1.0" else row
        for row in rows
        if row["depot"] != "moon"
    ]
    done = scored.replay(write(path, rows))
    assert (done.merged, done.still_broken) == (1, 1)
    assert done.version == scored.run.version and done.replaces == scored.run.run_id
    night = scored.store.predictions(NIGHT)
    assert night.num_rows == 48 and len(set(night["parcel"].to_pylist())) == 48
    assert set(night["run_id"].to_pylist()) == {scored.run.run_id, done.run_id}
    left = scored.store.quarantine(NIGHT)
    assert {json.loads(row)["depot"] for row in left["row"].to_pylist()} == {None, "moon"}
    assert set(left["run_id"].to_pylist()) == {scored.run.run_id}
    record = scored.store.published_run(NIGHT)
    assert record is not None and record.run_id == done.run_id
    assert (record.rows_read, record.rows_scored, record.rows_quarantined) == (50, 48, 2)
    assert record.because == WHY and record.by == "Assay Test <test@assay.invalid>"
    assert record.input  # a schedule that comes by again has nothing to do
    profile = scored.store.profile(done.run_id, NIGHT)
    assert profile["probability"].rows == 48


def test_a_replay_can_be_replayed(scored: Scored):
    first = scored.replay(repair(scored.export()))
    assert first.merged == 3
    assert scored.store.quarantine(NIGHT).num_rows == 0
    with pytest.raises(ContractBroken, match="none that were refused"):
        scored.replay(scored.root / "exports/refused.csv")
    assert scored.store.visible_run(NIGHT) == first.run_id


def test_a_row_with_the_key_of_another_is_not_merged(scored: Scored):
    taken = str(scored.store.predictions(NIGHT)["parcel"][0].as_py())
    for key in (taken, "999999"):  # of a row that is scored; three times the same
        with pytest.raises(ContractBroken, match=rf"twice.*parcel={key}"):
            scored.replay(repair(scored.export(), parcel=key))
    assert scored.store.visible_run(NIGHT) == scored.run.run_id


def test_what_cannot_be_replayed_is_told_and_changes_nothing(scored: Scored):
    path = scored.export()
    rows = rows_of(path)
    with pytest.raises(ContractBroken, match=r"1 of 1 rows are none.*_row 0123"):
        scored.replay(write(path, [{**rows[0], quarantine.MARK: "0123456789abcdef"}]))
    with pytest.raises(ContractBroken, match="two rows stand for the same"):
        scored.replay(write(path, [rows[0], rows[0]]))
    with pytest.raises(SourceError, match=r"row 1 lacks weight"):
        scored.replay(write(path, [{k: v for k, v in rows[0].items() if k != "weight"}]))
    with pytest.raises(SourceError, match="holds no row"):
        scored.replay(write_text(path, ",".join(rows[0])))
    with pytest.raises(SourceError, match=r"cannot be read"):
        scored.replay(scored.root / "nowhere.csv")
    with pytest.raises(UsageError, match=r"\.csv or \.jsonl"):
        scored.replay(scored.root / "refused.xlsx")
    assert scored.store.visible_run(NIGHT) == scored.run.run_id
    with pytest.raises(RunUnknown, match="nothing is published"):
        replay.run(scored.root, scored.params, "2024-03-04", path, WHY)


def write_text(path: Path, text: str) -> Path:
    path.write_text(text + "\n")
    return path


def held_run(scored: Scored, spark) -> str:
    """The same night again, which is held: not one row may be refused now."""
    strict = scored.params.quarantine.model_copy(update={"max_share": 0.0})
    values = scored.params.model_copy(update={"quarantine": strict})
    version = read_champion(scored.root, values.name, values.registry.stage)
    pinned = pin(scored.root, values, version)
    with pytest.raises(RunHeld, match=r"assay quarantine show --run 2") as said:
        score_night(values, scored.root, pinned, scored.store, lambda: spark, NIGHT)
    return said.value.line().partition("run ")[2].partition(":")[0]


def test_a_held_night_can_be_looked_at(
    scored: Scored, spark, capsys: pytest.CaptureFixture[str]
) -> None:
    held = held_run(scored, spark)
    capsys.readouterr()
    for given in ({"partition": NIGHT}, {"partition": None, "run_id": held}):
        found = quarantine.show(scored.root, scored.params, **given)
        assert sum(each.rows for each in found.rules) == 3
        show("quarantine show", found)
        told = capsys.readouterr().out
        assert "held" in told and "quarantine: expected at most" in told
        assert f"assay release {held} --because WHY" in told
    found = quarantine.show(scored.root, scored.params, None, scored.run.run_id)
    assert found.document()["state"] == "published"
    # What is exported by date is what a replay takes back: of the run that readers see.
    argv = ["quarantine", "export", "--root", str(scored.root)]
    assert main([*argv, "--date", NIGHT, "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["run_id"], done["rows"]) == (scored.run.run_id, 3)
    assert done["file"].endswith(f"exports/refused-{NIGHT}.csv")
    assert main([*argv, "--run", held]) == 0
    assert "rows are repaired once it is released" in capsys.readouterr().out
    with pytest.raises(
        RunUnknown, match=rf"no run r9.*{held} \(held, {NIGHT}\), {scored.run.run_id}"
    ):
        quarantine.show(scored.root, scored.params, None, "r9")
    with pytest.raises(RunUnknown, match=rf"expected one that is held: {held} \(held"):
        scored.store.release("r9", "Ada", "b")


def test_rows_never_land_where_git_would_take_them(scored: Scored) -> None:
    for name in ("refused.csv", "data/refused.csv"):
        with pytest.raises(UsageError, match=r"git would add these rows.*expected a path in exp"):
            quarantine.export(scored.root, scored.params, NIGHT, out=scored.root / name)
        assert not (scored.root / name).exists()
    scored.export()
    quarantine.export(scored.root, scored.params, NIGHT, out=scored.root.parent / "refused.csv")
    listed = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all"],
        cwd=scored.root, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "refused" not in listed.stdout and "exports" not in listed.stdout


def test_blanks_at_the_ends_of_a_value_are_seen(
    scored: Scored, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"broken_rules": ["depot: isin(north)"], "row": json.dumps({"depot": "north "})}
    monkeypatch.setattr(quarantine, "_rows", lambda store, chosen: iter([row]))
    show("quarantine show", quarantine.show(scored.root, scored.params, NIGHT))
    assert "depot='north␣'" in capsys.readouterr().out
