"""Refused rows: shown and exported."""

from __future__ import annotations

import csv
import json
import math
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.cli.__main__ import main
from assay.contract.definition import MASK
from assay.errors import NothingScored, RunHeld, RunUnknown, UsageError
from assay.project import params
from assay.registry.pin import pin
from assay.registry.versions import read_champion
from assay.score.operations import quarantine
from assay.score.run import ScoredRun
from assay.score.together import score_night
from assay.store import Store, open_store
from tests.scorer import NIGHT as NIGHT_OF_SCORER
from tests.scorer import Scorer
from tests.shown import show

NIGHT = "2024-03-02"


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


@pytest.fixture
def scored(live: Path, spark) -> Scored:
    return Scored(live, spark)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


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


def test_rows_are_exported_as_they_are(scored: Scored) -> None:
    rows = rows_of(scored.export())
    assert len(rows) == 3 and {"", "moon"} < {row["depot"] for row in rows}
    lines = scored.export("refused.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)[quarantine.BROKEN] for line in lines] == [
        row[quarantine.BROKEN] for row in rows
    ]
    with pytest.raises(UsageError, match=r"\.csv or \.jsonl"):
        scored.export("refused.xlsx")


def test_an_infinite_value_is_shown_as_one(
    scorer: Scorer, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = pa.array([math.inf, *[1.0] * (pq.read_metadata(scorer.file()).num_rows - 1)])
    scorer.change(
        lambda rows: rows.set_column(rows.column_names.index("weight"), "weight", weights)
    )
    scorer.score()
    argv = ["quarantine", "show", "--date", NIGHT_OF_SCORER, "--root", str(scorer.root)]
    assert main([*argv, "--json"]) == 0
    rules = json.loads(capsys.readouterr().out)["rules"]
    assert "Infinity" in [row["weight"] for rule in rules for row in rule["examples"]]
    assert main(argv) == 0
    assert "weight=Infinity" in capsys.readouterr().out
    path = scorer.root / "exports" / "refused.jsonl"
    quarantine.export(scorer.root, scorer.params, NIGHT_OF_SCORER, out=path)
    assert '"weight": "Infinity"' in path.read_text(encoding="utf-8")


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
    # What is exported by date is of the run that readers see.
    argv = ["quarantine", "export", "--root", str(scored.root)]
    assert main([*argv, "--date", NIGHT, "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["run_id"], done["rows"]) == (scored.run.run_id, 3)
    assert done["file"].endswith(f"exports/refused-{NIGHT}.csv")
    assert main([*argv, "--run", held]) == 0
    assert "3 rows" in capsys.readouterr().out
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
    with pytest.raises(UsageError, match=f"there is no folder {scored.root / 'exports/a'} "):
        scored.export("a/b/refused.csv")
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
