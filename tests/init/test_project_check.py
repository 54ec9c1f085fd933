"""All faults of a project at once, each named with its place and the fix."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from assay.cli.__main__ import build_parser
from assay.cli.command import Call
from assay.errors import ProjectUnready
from assay.init.project_check import command as project_check
from tests import projects

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = Call(build_parser().parse_args(["check"])).names


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = shutil.copytree(projects.PARCELS, tmp_path_factory.mktemp("made") / "parcels")
    projects.call(root, "git", "init", "--quiet")
    projects.call(root, "dvc", "init", "--quiet")
    return root


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "parcels", symlinks=True)


@pytest.fixture
def whole_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Model tests are not collected, which is a process of its own."""
    monkeypatch.setattr(project_check, "test_faults", lambda *_: [])


def faults(root: Path) -> list[str]:
    with pytest.raises(ProjectUnready) as error:
        project_check.run(root, COMMANDS)
    return error.value.lines()


def replace(root: Path, name: str, old: str, new: str) -> None:
    text = (root / name).read_text(encoding="utf-8")
    assert old in text
    (root / name).write_text(text.replace(old, new), encoding="utf-8")


def test_a_project_that_is_ready_says_what_it_will_do(project: Path) -> None:
    found = project_check.run(project, COMMANDS)
    assert (found.name, found.task, found.features) == ("parcels", "binary", 4)
    assert (found.candidates, found.rules) == (2, 2)


def test_this_repository_is_ready() -> None:
    assert project_check.run(ROOT, COMMANDS).task == "binary"


@pytest.mark.usefixtures("whole_tests")
def test_own_code_that_no_stage_lists_is_named_before_it_is_trained(project: Path) -> None:
    (project / "data/models.py").write_text(
        "from sklearn.linear_model import LogisticRegression\n"
        "def build():\n    return LogisticRegression()\n"
    )
    replace(
        project,
        "params.yaml",
        "  candidates:\n",
        "  candidates:\n    own: {function: data.models.build}\n",
    )
    (line,) = faults(project)
    told = "train@own: data/models.py is not among its deps, and candidate own needs it. Add it"
    assert line.startswith(f"dvc.yaml: {told}")
    train = "        - data/prepared/train.parquet\n      params:\n        [name, seed"
    replace(project, "dvc.yaml", train, f"        - data/models.py\n{train}")
    assert project_check.run(project, COMMANDS).candidates == 3


FAULTS: dict[str, tuple[str, str, str, str]] = {
    "a slice": ("params.yaml", "      metric: auc\n", "      metric: auc\n      slice: depo\n",
                "gate.rules 'ranks late parcels first': slice: there is no 'depo'"),
    "a fairness rule": ("params.yaml", "  behaviour:\n",
                        "    - {name: fair, kind: fairness, of: auc, across: express,"
                        " max_difference: 0.1, owner: us, because: so}\n  behaviour:\n",
                        "gate.rules 'fair': across: a fairness rule across a column that is not"),
    "a unit": ("params.yaml", "unit: row", "unit: customer",
               "evaluate.unit: there is no 'customer'"),
    "a table rule": ("params.yaml", "    - {rule: unique_key}\n  night",
                     "    - {rule: null_share, column: weigth, max: 0.1}\n  night",
                     "contract.training: null_share: there is no 'weigth'"),
    "a behaviour": ("params.yaml", "perturb: missing", "perturb: missing\n      columns: [wieght]",
                    "gate.behaviour 'a parcel without a distance is scored': there is no 'wieght'"),
    "a metric": ("params.yaml", "select_by: log_loss", "select_by: rmse", "rmse is no metric"),
    "a class": ("params.yaml", "LogisticRegression", "LogisticRegresion", "no 'LogisticRegresion'"),
    "an argument": ("params.yaml", "strategy: prior", "strategi: prior", "refuses its arguments"),
    "a source": ("params.yaml", "data.source.parcels", "data.source.parcel", "no 'parcel'"),
    "a role": ("data/contract.py", '"role": "time"', '"role": "tim"',
               "data/contract.py:10: field 'sent' has an unknown role"),
    "a private night": ("data/contract.py", "    sent: Series",
                        '    day: Series[str] = pa.Field(metadata={"role": "pii"})\n'
                        "    sent: Series",
                        "params.yaml: ingest.partition_by: 'day' is private in data/contract.py"),
    "a missing file": ("dvc.yaml", "      - data/source.py\n", "      - data/sauce.py\n",
                       "stage ingest: deps: no stage makes data/sauce.py"),
    "an artifact": ("dvc.yaml", "artifacts:\n  parcels:", "artifacts:\n  parcel:",
                    "no artifact has the model's name"),
    "a command": ("dvc.yaml", "cmd: assay stage leakage", "cmd: assay leakge",
                  "stage leakage: cmd: assay has no such command"),
    "a store": ("params.yaml", "seed: 7", "seed: 7\nstore: data/raw/store",
                "store: the store lies in what a stage makes"),
    "a receiver": ("params.yaml", "seed: 7", "seed: 7\nalerts: {function: data.alerts.page}",
                   "alerts.function: cannot import 'data.alerts'"),
    "a receiver of nothing": ("params.yaml", "seed: 7",
                              "seed: 7\nalerts: {function: data.source.parcels}",
                              "params.yaml: alerts.function: the function cannot be called"),
    "a source that asks": ("data/source.py", "def parcels(", "def parcels(day, ",
                           "ingest.source: the function cannot be called as it will be: "
                           "missing a required argument: 'day'"),
    "a limit": ("params.yaml", "monitor:\n", "monitor:\n  limits: {wieght: 0.2, probability: 1}\n",
                "monitor.limits: there is no 'wieght' (expected a feature or the score: depot, "
                "weight, distance, express, probability, found 'wieght'). Did you mean 'weight'?"),
    "a snooze": ("params.yaml", "monitor:\n",
                 "monitor:\n  snooze: [{column: dopot, because: so, owner: us, "
                 "until: '2024-05-01'}]\n", "monitor.snooze: there is no 'dopot'"),
    "a waiver": ("params.yaml", "gate:\n",
                 "gate:\n  waivers: [{rule: 'tests/model/test_x.py::test_x', because: so, "
                 "owner: us, until: '2999-01-01'}]\n",
                 "params.yaml: gate.waivers[0].until: a waiver of 'tests/model/test_x.py::test_x' "
                 "for too long, expected a day up to"),
    "a quarantine rule": ("params.yaml", "quarantine:\n",
                          "quarantine:\n  rules: {'wieght: not null': 0.1}\n",
                          "no rule 'wieght: not null'; did you mean 'weight: not null'?"),
    "folds": ("params.yaml", "folds: 4", "folds: 41",
              "train.folds: too few days to cut into folds (expected at most 40, the days of "
              "prepare.train, found 41)"),
    "tests": ("params.yaml", "tests: tests/model", "tests: tests/modle", "there is no model test"),
    "a fixture": ("tests/model/test_direction.py", "(score, holdout)", "(score, hodlout)",
                  "test_direction.py::test_farther_is_later: cannot run: fixture 'hodlout' not"),
    "a test's syntax": ("tests/model/test_direction.py", "holdout):", "holdout)",
                        "tests/model/test_direction.py:4: not valid Python (found expected ':')"),
    "a test's import": ("tests/model/test_direction.py", "def test", "import nmupy\n\n\ndef test",
                        "tests/model/test_direction.py: could not be collected: "
                        "ModuleNotFoundError: No module named 'nmupy'"),
    "a test's name": ("tests/model/test_direction.py", "test_farther", "tset_farther",
                      "tests/model: there is no model test"),
}  # fmt: skip


@pytest.mark.usefixtures("whole_tests")
def test_an_input_that_is_not_there_is_a_warning(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    replace(project, "params.yaml", "input: data/raw", "input: incoming/parcels-{night}.parquet")
    project_check.run(project, COMMANDS)
    assert caplog.messages == [
        "params.yaml: score.input: nothing lies at 'incoming' yet. Check the spelling, if it is "
        "not to come later"
    ]
    caplog.clear()
    (project / "incoming").mkdir()
    replace(project, "params.yaml", "seed: 7", "seed: 7\nlabels: {input: s3://truth/labels}")
    project_check.run(project, COMMANDS)
    assert not caplog.messages


@pytest.mark.usefixtures("whole_tests")
def test_a_project_of_a_newer_assay_is_a_warning(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    here = version("assay")
    for wrote, warned in ((f"{here}.1", True), (here, False), ("ours", False)):
        caplog.clear()
        text = re.sub("^assay: .*\n", "", (project / "params.yaml").read_text(), flags=re.M)
        (project / "params.yaml").write_text(f'assay: "{wrote}"\n{text}')
        project_check.run(project, COMMANDS)
        assert caplog.messages == [
            "params.yaml: assay: a newer Assay wrote this project than the one that is installed "
            f"(expected at most {here}, found {wrote}). Install what "
            "requirements/ names: make setup"
        ] * int(warned)


STAGES: dict[str, tuple[str, str, str]] = {
    "gate": ("assay stage gate", "assay stage gate || true",
             "stage gate: reports/gate/verdict.json is made by `assay stage gate || true`, where "
             "only `assay stage gate` alone is evidence"),
    "select": ("assay stage select", "echo hi",
               "stage select: models/bundle is made by `echo hi`"),
    "train": ("assay stage train ${key}", "assay stage train ${key} | tee log",
              "stage train: models/candidates is made by"),
    "ingest": ("    outs: [data/raw]\n", "",
               "stage ingest: outs: data/raw is not among its outputs"),
}  # fmt: skip


@pytest.mark.usefixtures("whole_tests")
@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_of_assays_runs_its_own_command(project: Path, stage: str) -> None:
    old, new, words = STAGES[stage]
    replace(project, "dvc.yaml", old, new)
    (line,) = faults(project)
    assert words in line


@pytest.mark.usefixtures("whole_tests")
@pytest.mark.parametrize(
    "stage", ["code", "contract", "leakage", "select", "champion", "nights", "gate"]
)
def test_a_missing_stage_is_named(project: Path, stage: str) -> None:
    text = (project / "dvc.yaml").read_text(encoding="utf-8")
    cut = re.sub(rf"(?m)^  {stage}:\n(    .*\n)+", "", text)
    assert cut != text
    (project / "dvc.yaml").write_text(cut, encoding="utf-8")
    (line,) = faults(project)
    assert line.startswith("dvc.yaml: stages: no stage makes ")
    assert f"(expected one with cmd: assay stage {stage}, found " in line


@pytest.mark.usefixtures("whole_tests")
def test_rows_may_come_from_elsewhere(project: Path) -> None:
    text = (project / "dvc.yaml").read_text(encoding="utf-8")
    cut = re.sub(r"(?m)^  ingest:\n(    .*\n)+", "", text)
    (project / "dvc.yaml").write_text(cut, encoding="utf-8")
    (project / "data/raw.dvc").touch()
    assert project_check.run(project, COMMANDS).name == "parcels"


@pytest.mark.usefixtures("whole_tests")
def test_marks_of_a_merge_in_dvc_lock_are_named(project: Path) -> None:
    text = "<<<<<<< HEAD\nschema: '2.0'\n=======\nstages: {}\n>>>>>>> other\n"
    (project / "dvc.lock").write_text(text, encoding="utf-8")
    (line,) = faults(project)
    assert line.startswith("dvc.lock:2: not valid YAML")


def test_tests_are_found_and_not_called(project: Path) -> None:
    text = "def test_it(score):\n    open('called', 'w')\n"
    (project / "tests/model/test_it.py").write_text(text, encoding="utf-8")
    before = sorted(project.rglob("*"))
    project_check.run(project, COMMANDS)
    assert sorted(project.rglob("*")) == before


@pytest.mark.usefixtures("whole_tests")
def test_that_nobody_knows_who_may_waive_hides_no_other_fault(project: Path) -> None:
    name, old, new, words = FAULTS["a waiver"]
    replace(project, name, old, new)
    for remote in ("one", "two"):
        projects.call(project, "git", "remote", "add", remote, "https://example.com/repository")
    too_long, unknown = faults(project)
    assert words in too_long and "nobody knows which of git's remotes says who may" in unknown


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named(project: Path, fault: str, request: pytest.FixtureRequest) -> None:
    name, old, new, words = FAULTS[fault]
    if "tests" not in name + old:
        request.getfixturevalue("whole_tests")
    replace(project, name, old, new)
    (line,) = [each for each in faults(project) if words in each]
    assert name.partition("/")[0] in line or "tests/modle" in line
    assert str(project) not in line


def test_all_faults_are_named_at_once(project: Path) -> None:
    together = ("a unit", "a metric", "an argument", "a missing file", "an artifact")
    for fault in together:
        replace(project, *FAULTS[fault][:3])
    shutil.rmtree(project / ".git")
    shutil.rmtree(project / ".dvc")
    found = faults(project)
    for fault in together:
        assert any(FAULTS[fault][3] in line for line in found), fault
    assert any("not a git work tree" in line for line in found)
    assert any("dvc init" in line for line in found)


def test_what_cannot_be_read_does_not_hide_the_rest(project: Path) -> None:
    replace(project, "params.yaml", "seed: 7", "sead: 7")
    replace(project, "dvc.yaml", "      - data/source.py\n", "      - data/sauce.py\n")
    found = faults(project)
    assert any("sead" in line for line in found)
    assert any("data/sauce.py" in line for line in found)


@pytest.mark.parametrize("key", ["name: parcels\n", "seed: 7\n"])
def test_a_key_without_a_default_is_missing_in_one_place(project: Path, key: str) -> None:
    replace(project, "params.yaml", key, "")
    (line,) = faults(project)
    assert line.startswith(f"params.yaml: {key.partition(':')[0]}: missing")


def test_broken_yaml_is_said_of_its_own_file_alone(project: Path) -> None:
    break_params(project)
    replace(project, "dvc.yaml", "      - data/source.py\n", "      - data/sauce.py\n")
    found = faults(project)
    assert not any("dvc.yaml: cannot be read" in line for line in found)
    assert any("params.yaml" in line and "YAML" in line for line in found)
    assert any("data/sauce.py" in line for line in found)


@pytest.mark.usefixtures("whole_tests")
def test_a_type_that_no_reader_knows_is_named(project: Path) -> None:
    path = project / "data/source.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + "\nCOLUMNS = {'a': 'text', 'b': 'flaot'}\n", encoding="utf-8")
    (line,) = faults(project)
    assert line.startswith("data/source.py: columns['b']: is no type of a column")


def break_params(root: Path) -> None:
    (root / "params.yaml").write_text("name: [", encoding="utf-8")


def break_dvc(root: Path) -> None:
    (root / "dvc.yaml").write_text("stages: 3\n", encoding="utf-8")


def remove_dvc(root: Path) -> None:
    (root / "dvc.yaml").unlink()


@pytest.mark.usefixtures("whole_tests")
@pytest.mark.parametrize("harm", [break_params, break_dvc, remove_dvc])
def test_damaged_files_are_named(project: Path, harm: Callable[[Path], None]) -> None:
    harm(project)
    assert any("params.yaml" in line or "dvc.yaml" in line for line in faults(project))


def test_the_command_names_them_and_ends_with_15(project: Path) -> None:
    assert "ready for dvc repro" in projects.call(project, "assay", "check")
    replace(project, *FAULTS["a unit"][:3])
    assert "evaluate.unit" in projects.call(project, "assay", "check", code=15)
