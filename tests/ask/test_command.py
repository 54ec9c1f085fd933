"""``assay ask`` on a trained project: the list, what comes back, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.ask import command, pool
from assay.errors import AssayError, BundleChanged, LabelError, SourceError, UsageError
from assay.evaluation import compare, evaluate
from assay.gate.inputs import GateInputs
from assay.gate.rules import kinds
from assay.model import bundle_files
from assay.performance import labels as labels_command
from assay.project import layout, params, partitions
from assay.project.document import write_json
from assay.reports.verdict import Outcome

NOW = datetime(2024, 4, 1, tzinfo=UTC)
RULES = """
    - {name: precise, metric: precision, min: 0.69, owner: d, because: x}
    - {name: safe, metric: accuracy, min: 0.2, owner: d, because: x}
    - {name: better, kind: change, metric: accuracy, gain: 0.17, owner: d, because: x}
  behaviour:
"""
LIST = Path("exports/labels-to-find.csv")


class Project:
    """The parcels project with a champion, evaluated, and rules that could not tell."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def params(self) -> params.Params:
        return params.load(self.root)

    def ask(self, rule: str | None = "precise", budget: int | None = 90, **more: Any) -> Any:
        return command.run(self.root, self.params, rule, budget=budget, now=NOW, **more)

    def list(self) -> pd.DataFrame:
        return pd.read_csv(self.root / LIST)

    def fill(self, change: Callable[[pd.DataFrame], pd.DataFrame] = lambda rows: rows) -> Path:
        """The list with the labels that the source has, and then changed."""
        raw = (
            partitions.read(self.root / "data/raw", "day", start="2024-03-01", end="2024-03-05")
            .to_pandas()
            .set_index("parcel")
        )
        rows = self.list()
        rows["late"] = raw["late"].reindex(rows["parcel"]).eq(True).to_numpy()
        file = self.root / "exports" / "filled.csv"
        change(rows).to_csv(file, index=False)
        return file

    def answer(self, file: Path) -> Any:
        return command.read_answer(self.root, self.params, file, now=NOW)

    def refused(self, kind: type[AssayError], change: Callable[[pd.DataFrame], Any]) -> str:
        with pytest.raises(kind) as caught:
            self.answer(self.fill(change))
        return str(caught.value)


@pytest.fixture(scope="module")
def made(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("asked") / "parcels"
    shutil.copytree(trained, root)
    text = (root / "params.yaml").read_text(encoding="utf-8")
    text = text.replace("\n  behaviour:\n", RULES)
    (root / "params.yaml").write_text(text, encoding="utf-8")
    shutil.copytree(root / layout.CANDIDATES / "prior", root / layout.CHAMPION_BUNDLE)
    facts = {"schema": 1, "state": "found", "stage": "prod", "version": "v0.1.0", "why": None}
    digest = bundle_files.verified_digest(root / layout.CHAMPION_BUNDLE)
    write_json(root / layout.CHAMPION_FACTS, {**facts, "commit": "c" * 40, "bundle": digest})
    for stage in (evaluate, compare):
        stage.run(root, params.load(root))
    return root


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Project:
    shutil.copytree(made, tmp_path / "parcels")
    return Project(tmp_path / "parcels")


def test_a_list_and_its_answer(project: Project) -> None:
    found = project.ask()
    rows = project.list()
    assert [*rows] == ["day", "parcel", "assay_score", "assay_stratum", "assay_probability", "late"]
    assert len(rows) == found.labels and found.labels <= 90 < found.labels_by_random
    assert rows["late"].isna().all() and rows["parcel"].is_unique
    assert (rows["assay_score"] >= 0.5).all(), "others do not move the precision"
    assert set(rows["day"]) == {f"2024-03-0{day}" for day in range(1, 6)}
    assert (found.first, found.last, found.known) == ("2024-03-01", "2024-03-05", 0)
    written = (project.root / LIST).read_bytes()
    assert project.ask() == found and (project.root / LIST).read_bytes() == written
    told = project.answer(project.fill()).answer
    assert told.low < told.value < told.high and told.limit == 0.69
    assert told.outcome is Outcome.INCONCLUSIVE
    assert told.why == "the limit lies within the interval"
    kept = json.loads((project.root / layout.ASK).read_text(encoding="utf-8"))
    assert kept["answer"]["value"] == told.value and kept["schema"] == 1
    assert not (project.root / layout.VERDICT).exists(), "it is no evidence"


def test_a_change_lists_both_scores(project: Project) -> None:
    found = project.ask("better", 60)
    rows = project.list()
    assert {"assay_score", "assay_champion_score"} < {*rows} and len(found.bundles) == 2
    told = project.answer(project.fill()).answer
    assert told.limit == 0.17 and told.low < told.value < told.high


def test_rows_in_another_order_and_edited_probabilities_change_nothing(project: Project) -> None:
    project.ask()
    told = project.answer(project.fill()).answer
    edited = project.fill(
        lambda rows: rows.assign(assay_probability=1.0).sample(frac=1, random_state=1)
    )
    assert project.answer(edited).answer == told


def test_without_a_budget_as_many_as_would_tell(project: Project) -> None:
    text = (project.root / "params.yaml").read_text(encoding="utf-8")
    (project.root / "params.yaml").write_text(text.replace("min: 0.69", "min: 0.74"))
    with pytest.raises(UsageError, match="would probably not tell either") as caught:
        project.ask(budget=None)
    assert "with all labels of 247 rows" in str(caught.value)
    assert not project.ask(budget=90).would_tell
    assert not (project.root / "exports" / "filled.csv").exists()


def test_a_verdict_names_the_command_where_it_helps(project: Project) -> None:
    policy, inputs = kinds.read_policy(project.params, project.root), GateInputs.of(project.root)
    fixes = {
        rule.name: kinds.evaluate_rule(rule, inputs, policy)[0].fix or "" for rule in policy.rules
    }
    assert "assay ask" not in fixes["safe"]
    assert fixes["precise"].endswith(
        " assay ask --rule precise names the rows whose labels would tell."
    )
    assert "assay ask --rule better" in fixes["better"]


def test_the_first_that_could_not_tell_is_asked(project: Project) -> None:
    assert project.ask(None).rule == "precise"


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("precisely", "no such rule; 'precise'?"),
        ("safe", "'safe' is PASS"),
        ("ranks late parcels first", "'ranks late parcels first' is PASS"),
    ],
)
def test_other_rules_are_refused(project: Project, rule: str, why: str) -> None:
    with pytest.raises(UsageError, match="a rule that could not tell") as caught:
        project.ask(rule)
    assert caught.value.found == why
    assert not (project.root / LIST).exists() and not (project.root / layout.ASK).exists()


def test_nights_are_after_the_holdout_and_enough(project: Project) -> None:
    assert project.ask(first="2024-03-04").rows == 100
    with pytest.raises(UsageError, match="no night has rows"):
        project.ask(last="2024-02-29")
    text = (project.root / "params.yaml").read_text(encoding="utf-8")
    (project.root / "params.yaml").write_text(text.replace("unit: row", "unit: parcel"))
    assert project.ask(first="2024-03-04").rows == 100, "a key is a unit as well"
    (project.root / "params.yaml").write_text(text.replace("unit: row", "unit: night"))
    with pytest.raises(UsageError, match="5 nights, fewer than 10"):
        project.ask()
    (project.root / "params.yaml").write_text(text.replace("unit: row", "unit: depot"))
    with pytest.raises(UsageError, match="3 values of depot, fewer than 10"):
        project.ask()


def test_a_night_that_cannot_be_read_is_named_and_not_left_out(project: Project) -> None:
    (file,) = (project.root / "data/raw/day=2024-03-05").glob("*.parquet")
    rows = pq.read_table(file)
    pq.write_table(pa.concat_tables([rows, rows.slice(3, 1)]), file)
    with pytest.raises(SourceError, match="a key occurs twice in its night"):
        project.ask()
    file.write_text("no table")
    with pytest.raises(SourceError, match="night 2024-03-05"):
        project.ask()


def test_a_contract_may_import_what_the_project_has(project: Project) -> None:
    contract = project.root / "data/contract.py"
    text = contract.read_text(encoding="utf-8")
    (project.root / "data/limits.py").write_text("MOST = 50\n", encoding="utf-8")
    contract.write_text(
        "from data.limits import MOST\n" + text.replace("le=50", "le=MOST"), encoding="utf-8"
    )
    assert project.ask().rows > 0


def test_known_labels_are_not_asked_for(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    untold = project.ask()
    asked = project.list()["parcel"].tolist()

    class Store:
        def labelled_partitions(self) -> list[str]:
            return ["2024-03-01", "2023-01-01"]

        def labels(self, night: str, until: datetime) -> pa.Table:
            assert (night, until) == ("2024-03-01", NOW)
            first = [each for each in asked if each < 3050]
            return pa.table({"parcel": [*first, 1], "truth": [True] * (len(first) + 1)})

    monkeypatch.setattr(pool, "open_store", lambda root, given: Store())
    found = project.ask()
    known = sum(each < 3050 for each in asked)
    assert found.known == known > 0 and found.pool != untold.pool
    assert not {*project.list()["parcel"]} & {each for each in asked if each < 3050}


def test_a_list_is_never_in_git(project: Project) -> None:
    import subprocess

    subprocess.run(["git", "init", "--quiet"], cwd=project.root, check=True)
    with pytest.raises(UsageError, match="git would add these rows"):
        project.ask(out=project.root / "labels.csv")
    project.ask()


def test_labels_of_other_rows_and_missing_ones_are_refused(project: Project) -> None:
    project.ask()
    rows = len(project.list())
    assert "3 rows without a label" in project.refused(LabelError, lambda each: each.iloc[3:])
    other = project.refused(
        LabelError, lambda each: pd.concat([each, each.tail(1).assign(parcel=1)])
    )
    assert "1 label of rows that were not asked for" in other
    assert f"each of the {rows} rows" in other
    twice = project.refused(
        LabelError, lambda each: pd.concat([each, each.head(1).assign(late=~each["late"].iloc[0])])
    )
    assert "has two truths" in twice
    assert "not a truth" in project.refused(LabelError, lambda each: each.assign(late="maybe"))
    assert json.loads((project.root / layout.ASK).read_text())["answer"] is None


def test_other_rows_models_and_reports_are_refused(project: Project) -> None:
    project.ask()
    file = project.fill()
    (project.root / "data/raw/day=2024-03-05").rename(project.root / "gone")
    with pytest.raises(LabelError, match="not those that were asked about"):
        project.answer(file)
    (project.root / "gone").rename(project.root / "data/raw/day=2024-03-05")
    kept = (project.root / layout.ASK).read_text(encoding="utf-8")
    asked = json.loads(kept)
    for changes, kind in (
        ({"bundles": ["sha256:1"]}, BundleChanged),
        ({"metric": "recall"}, BundleChanged),
        ({"pool": "sha256:1"}, LabelError),
        ({"seed": asked["seed"] + 1}, LabelError),
        ({"seed": None}, SourceError),
    ):
        (project.root / layout.ASK).write_text(json.dumps({**asked, **changes}), encoding="utf-8")
        with pytest.raises(kind):
            project.answer(file)
    (project.root / layout.ASK).unlink()
    with pytest.raises(AssayError, match="has not run"):
        project.answer(file)


def test_labels_that_were_asked_for_are_not_taken_as_a_night_s(project: Project) -> None:
    project.ask()
    with pytest.raises(UsageError, match="chosen by assay ask") as caught:
        labels_command._whole(project.fill(), project.params, True)
    assert "assay ask --labels" in str(caught.value)
