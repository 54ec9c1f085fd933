"""`assay deploy`: the files of this repository, bad input, and nothing that slips through."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from assay.cli import __main__ as cli
from assay.errors import AssayError, ParamsError, PluginError, UsageError
from assay.errors.codes import ANSWERS
from assay.ops.deploy.schedulers import GitHub
from assay.ops.deploy.target import LONGEST_NAME, RETRIED, final_codes
from assay.ops.deploy.targets import TARGETS, run
from assay.project import params
from assay.project.params import Params
from assay.project.params.access import Access
from scripts import schedules
from tests.ops.deploy.given import ROOT, project, texts, with_spark
from tests.projects import PARCELS


def ready(target: str) -> Params:
    """A project that has what the target needs."""
    return schedules.of_target(project(), target)


each_target = pytest.mark.parametrize("target", TARGETS)


@each_target
def test_this_project_s_files_are_what_the_command_writes(target: str) -> None:
    given = schedules.of_target(params.load(ROOT), target)
    made = texts(given, target)
    folder = ROOT / (TARGETS[target].place or f"deploy/{target}")
    # What Assay's own repository does beside it is no target's.
    beside = {"ci.yml", "deep.yml", "release.yml"} if target == "github" else set()
    assert {path.name for path in folder.iterdir()} == made.keys() | beside
    for name, text in made.items():
        assert (folder / name).read_text(encoding="utf-8") == text, "python -m scripts.schedules"


@each_target
def test_every_target_runs_the_same_command(target: str) -> None:
    if target == "github":
        return  # whose nightly.yml has a step for each, that people see one by one
    whole = "\n".join(texts(ready(target), target).values())
    assert re.search(r"nightly", whole)
    assert not re.search(r"assay (score|monitor|labels)\b", whole)


@each_target
def test_two_calls_write_the_same_bytes(target: str) -> None:
    assert texts(ready(target), target) == texts(ready(target), target)


def test_what_is_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "parcels"
    root.mkdir()
    (root / "params.yaml").write_text((PARCELS / "params.yaml").read_text())
    assert cli.main(["deploy", "--target", "cron", "--root", str(root), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    files = [(each["path"], each["state"]) for each in told["files"]]
    assert files == [("deploy/cron/nightly.sh", "new"), ("deploy/cron/parcels", "new")]
    assert (root / "deploy/cron/nightly.sh").stat().st_mode & 0o111
    assert cli.main(["deploy", "--target", "systemd", "--root", str(root)]) == 0
    assert "systemctl enable --now assay-parcels.timer" in capsys.readouterr().out


def test_what_somebody_edited_is_never_lost_unasked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given, edited = project(), tmp_path / ".github/workflows/gate.yml"
    assert {each.state for each in run(tmp_path, given, "github").files} == {"new"}
    whole = edited.read_text()
    edited.write_text(whole.replace("timeout-minutes: 45", "timeout-minutes: 90"))
    edited.with_name("promote.yml").unlink()
    with pytest.raises(UsageError, match=r"gate\.yml.*differ.*--dry-run.*--overwrite"):
        run(tmp_path, given, "github")
    assert "90" in edited.read_text() and not edited.with_name("promote.yml").exists()
    dry = run(tmp_path, given, "github", dry_run=True)
    states = {Path(each.path).name: each.state for each in dry.files}
    assert states == {
        "gate.yml": "differs",
        "promote.yml": "new",
        "nightly.yml": "equal",
        "retrain.yml": "equal",
    }
    difference = dry.files[0].difference
    assert "-    timeout-minutes: 90\n+    timeout-minutes: 45" in difference
    assert "90" in edited.read_text() and not edited.with_name("promote.yml").exists()
    run(tmp_path, given, "github", overwrite=True)
    assert edited.read_text() == whole and edited.with_name("promote.yml").exists()


def test_a_dry_run_shows_the_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "params.yaml").write_text((PARCELS / "params.yaml").read_text())
    assert cli.main(["deploy", "--target", "cron", "--root", str(tmp_path)]) == 0
    script = tmp_path / "deploy/cron/nightly.sh"
    script.write_text(script.read_text() + "echo [bold]mine[/bold]\n")
    capsys.readouterr()
    assert cli.main(["deploy", "--target", "cron", "--root", str(tmp_path), "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "differs  deploy/cron/nightly.sh\nequal    deploy/cron/parcels\n" in told
    assert "\n-echo [bold]mine[/bold]\n" in told and "nothing was written" in told
    assert cli.main(["deploy", "--target", "cron", "--root", str(tmp_path)]) == 2
    assert "mine" in script.read_text()


def test_cron_s_script_lies_in_the_clone(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    root.mkdir()
    with pytest.raises(UsageError, match="a folder in the project"):
        run(root, project(), "cron", elsewhere)
    assert run(root, project(), "systemd", elsewhere).files
    inside = run(root, project(), "cron", root / "ops").files
    assert [each.path for each in inside] == ["ops/nightly.sh", "ops/late-flights"]


@pytest.mark.parametrize(
    ("target", "missing"),
    [
        ("kubernetes", ["repository", "image"]),
        ("databricks", ["repository", "image"]),
        ("gitlab", ["image"]),
        ("cloud-run-job", ["repository", "image", "identity"]),
        ("dataproc-serverless", ["repository", "image", "identity", "runtime"]),
        ("emr-serverless", ["repository", "image", "runtime"]),
        ("azure-ml", ["repository", "image", "vault"]),
    ],
)
def test_what_is_missing_is_named_with_its_key(target: str, missing: list[str]) -> None:
    given = params.load(PARCELS)
    with pytest.raises(ParamsError) as caught:
        texts(given, target)
    assert [re.search(r"schedule\.(\w+): missing", line)[1] for line in caught.value.lines()] == (
        missing
    )


@pytest.mark.parametrize("target", [name for name, kind in TARGETS.items() if kind.keeps_nothing])
def test_a_machine_that_is_thrown_away_takes_no_folder_for_a_store(target: str) -> None:
    given = schedules.of_target(project(), target).model_copy(update={"store": "store"})
    with pytest.raises(ParamsError, match=r"store: store: expected an address"):
        texts(given, target)


@pytest.mark.parametrize("key", ["store", "master", "conf"])
@each_target
def test_line_breaks_are_refused(target: str, key: str) -> None:
    text = "s3://x\nExecStartPre=/bin/evil"
    given = ready(target)
    if key == "store":
        given = given.model_copy(update={"store": text})
    elif key == "master":
        spark = given.spark.model_copy(update={"master": text})
        given = given.model_copy(update={"spark": spark})
    else:
        given = with_spark(given, spark__x=text)
    with pytest.raises(ParamsError, match="one line without control characters"):
        texts(given, target)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("folder", "/srv/a\nb", "one line"),
        ("folder", "srv", "absolute path"),
        ("folder", "/srv/../etc", "absolute path"),
        ("folder", "/", "absolute path"),
        ("user", "root; id", "matches"),
        ("image", "x:1 --privileged", "matches"),
        ("branch", "--upload-pack=x", "matches"),
        ("repository", "--upload-pack=x", "address of a git repository"),
        ("repository", "https://ada:s3cret@git.example.com/x", "without a password"),
        ("repository", "a\u2028b", "one line"),
        ("identity", "-x@y", "matches"),
        ("identity", "nights", "matches"),
        ("runtime", "3 0", "matches"),
        ("at", "24:00", "matches"),
        ("at", "5:17", "matches"),
        ("retries", "99", "at most 10"),
        ("time_limit_minutes", "0", "at least 1"),
    ],
)
def test_a_schedule_s_own_mistakes_are_named(key: str, value: str, expected: str) -> None:
    shown = value if value.isdigit() else json.dumps(value)
    text = (PARCELS / "params.yaml").read_text() + f"\nschedule: {{{key}: {shown}}}\n"
    with pytest.raises(ParamsError, match=expected) as caught:
        params.parse(text, "params.yaml")
    assert f"schedule.{key}" in caught.value.lines()[0]
    assert "s3cret" not in caught.value.lines()[0]


def test_a_name_that_schedulers_would_cut_is_refused() -> None:
    given = project().model_copy(update={"name": "a" * (LONGEST_NAME + 1)})
    with pytest.raises(ParamsError, match="at most 45 characters"):
        texts(given, "kubernetes")


def test_a_secret_is_not_written_down() -> None:
    given = with_spark(project(), spark__hadoop__fs__s3a__secret__key="abc")
    with pytest.raises(ParamsError, match="belongs into no file") as caught:
        texts(given, "databricks")
    assert "abc" not in str(caught.value)


def test_what_the_target_would_replace_is_refused() -> None:
    with pytest.raises(ParamsError, match="start of a variable"):
        texts(with_spark(project(), spark__x="${workspace.host}"), "databricks")


def test_github_is_told_who_may_let_a_model_out() -> None:
    people = ("12+Ana@users.noreply.github.com", "ben@example.com")
    said = Access(groups={"science": people}, promote=("science",))
    told = GitHub(project().model_copy(update={"access": said}), ".github/workflows").install()
    _, owners, reviewers, _ = told
    assert "/params.yaml @ana ben@example.com; /allowed_signers @ana ben@example.com;" in owners
    assert reviewers.endswith("Required reviewers: @ana, ben@example.com")
    assert len(GitHub(project(), ".github/workflows").install()) == 2


def test_a_held_night_is_never_tried_again() -> None:
    """Answers, failures that may pass and those that will not are three sets, and all there is."""
    assert set(ANSWERS) == {4, 6, 51}
    groups = [set(ANSWERS), set(RETRIED), set(final_codes())]
    assert sum(map(len, groups)) == len(set().union(*groups))
    assert {10, 12, 41, 55, 70, 130} <= groups[2]
    assert {25, 52, 54, 57, 60, 137, 143} <= groups[1]


OWN = """\
from assay.testing import Target


class Mine(Target):
    needs = ("image",)

    def texts(self):
        return {"mine.txt": TEXT}

    def install(self):
        return ("copy it",)


class Half(Target):
    def texts(self):
        return {}
"""


@pytest.mark.parametrize(
    ("target", "text", "error", "words"),
    [
        ("crom", "''", UsageError, "no such scheduler.*Did you mean 'cron'"),
        ("data.own.Half", "''", PluginError, "no scheduler"),
        ("data.own.Nine", "''", PluginError, "data.own has no 'Nine'"),
        ("data.own.Mine", "''", ParamsError, "schedule.image: missing; .*--target data.own.Mine"),
        *(
            ("data.own.Mine", each, PluginError, "data.own.Mine.*: the scheduler failed with ")
            for each in (
                "'x', 'b': 5",
                "'x', '../b': 'x'",
                "'x', '': 'x'",
                "b'x'",
                "exit(0)",
                "'\\ud800'",
            )
        ),
        ("data.own.Mine", "1 / 0", PluginError, "data/own.py:8: .*ZeroDivisionError"),
    ],
)
def test_a_scheduler_that_is_none_is_one_line(
    tmp_path: Path, target: str, text: str, error: type[AssayError], words: str
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/own.py").write_text(OWN.replace("TEXT", text))
    given = params.load(PARCELS)
    if target.endswith("Mine") and text != "''":
        image = given.schedule.model_copy(update={"image": "a:1"})
        given = given.model_copy(update={"schedule": image})
    with pytest.raises(error, match=words):
        run(tmp_path, given, target)
    assert not (tmp_path / "deploy").exists()
