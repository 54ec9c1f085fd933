"""A small project under real git and real DVC, made once and copied for each test."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from assay.errors import NoChampion
from assay.gate import provenance, verdict_text
from assay.gate.inputs import GateInputs
from assay.gate.rules import kinds as rules
from assay.model import bundle_files
from assay.project import digests, layout, params
from assay.project.document import read_stage_file, write_json
from assay.project.params import Params
from assay.registry import verification, versions
from assay.reports.verdict import Finding, JudgedChampion, ModelTests, Outcome, Verdict
from tests import projects, remembered
from tests.gate import build
from tests.gate.conftest import Tiny
from tests.verdicts import verdict

NAME = "late-flights"

PARAMS_YAML = """\
name: late-flights
seed: 1
ingest: {source: "data.source.flights", partition_by: date}
contract: {file: data/contract.py}
prepare:
  train: {from: "2013-01-01", to: "2013-01-31"}
  holdout: {from: "2013-02-01", to: "2013-02-28"}
train:
  select_by: log_loss
  candidates:
    prior: {class: sklearn.dummy.DummyClassifier}
leakage: {sample_rows: 5000}
gate:
  tests: tests/model
  rules:
    - {name: ranks, metric: auc, min: 0.7, owner: us, because: it must}
score: {input: data/raw}
"""

DVC_YAML = """\
stages:
  train:
    cmd: mkdir -p models/bundle && cp source/* models/bundle/
    deps: [source]
    outs: [models/bundle]
  code:
    cmd: assay stage code
    always_changed: true
    outs:
      - reports/code.json: {cache: false}
  evaluate:
    cmd: assay stage evaluate
    deps: [models/bundle, models/bundle/card.md]
    params: [{reports/code.json: [evaluate]}]
    outs:
      - reports/evaluate/evaluation.json: {cache: false}
  compare:
    cmd: assay stage compare
    deps: [models/bundle]
    params: [{reports/code.json: [compare]}]
    outs:
      - reports/compare/comparison.json: {cache: false}
  gate:
    cmd: assay stage gate
    deps: [models/bundle, models/bundle/card.md, data/contract.py, data/limits.py, tests/model]
    params: [gate, leakage, {reports/code.json: [gate]}]
    outs:
      - reports/gate/verdict.json: {cache: false}
      - reports/gate/verdict.md: {cache: false}
artifacts:
  late-flights:
    path: models/bundle
    type: model
"""


IGNORED = "/models\n/data/prepared\n/.assay\n"
MEASURED = {
    Outcome.PASS: {"value": 0.8, "low": 0.75, "high": 0.85},
    Outcome.FAIL: {"value": 0.6, "low": 0.55, "high": 0.65},
    Outcome.INCONCLUSIVE: {"value": 0.7, "low": 0.65, "high": 0.75},
}


class Reports(Tiny):
    """Writes the reports of whatever project lies at ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def variables(home: Path) -> dict[str, str]:
    return {
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.com",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.com",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "DVC_NO_ANALYTICS": "1",
        "DVC_TEST": "1",
        "DVC_GLOBAL_CONFIG_DIR": str(home / "global"),
        "DVC_SYSTEM_CONFIG_DIR": str(home / "system"),
        "DVC_SITE_CACHE_DIR": str(home / "site"),
    }


class Project:
    """What a person does to a project, in one call each."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def params(self) -> Params:
        return params.load(self.root)

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def dvc(self, *arguments: str) -> None:
        projects.dvc(self.root, *arguments)

    def write(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def train(self, marker: str) -> None:
        """Another bundle, through ``dvc repro``."""
        files = {"model.skops": f"model {marker}", "card.md": f"card {marker}"}
        for name, text in files.items():
            self.write(f"source/{name}", text)
        sums = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
        self.write("source/manifest.json", json.dumps({"name": NAME, "files": sums}))
        self.dvc("repro", "--quiet", "train")

    def judge(self, outcome: Outcome = Outcome.PASS, **other: Any) -> None:
        """What the stages after the training would leave now; ``other`` makes it a wrong one.

        Reports and verdict by the gate's own functions, and the entry in dvc.lock that
        ``dvc repro`` would write, without the seconds that it takes.
        """
        values = self.params
        champion = other.get("champion", self.champion())
        reports = Reports(self.root)
        reports.evaluation(name=NAME, metrics={"auc": MEASURED[outcome]}, slices=[])
        held = build.alone("none")
        if champion.state == "compared":
            held = build.comparison(build.difference(0.1))
            assert held.champion is not None
            told = build.changed(held.champion, version=champion.version, bundle=champion.bundle)
            held = build.changed(held, champion=told)
        reports.comparison(build.changed(held, name=NAME))
        passed = Finding(
            rule="test_model.py::test_it",
            kind="test",
            outcome=Outcome.PASS,
            detail="passed",
            test="passed",
        )
        bound: dict[str, Any] = {
            "name": NAME,
            "bundle": bundle_files.verified_digest(self.root / layout.BUNDLE),
            "data": digests.data(self.root),
            "contract": digests.worktree_contract(self.root, values),
            "policy": digests.policy(self.root, values),
            "code": digests.code(self.root, values),
            "reports": provenance.reports_digest(partial(read_stage_file, self.root)),
            "champion": champion,
        }
        before = None
        if champion.state == "compared" and (version := self.champion()) == champion:
            held_at = versions.read_version(self.root, NAME, version.version or "").commit
            judged = verification.read_past_verdict(self.root, held_at, version.bundle)
            before = None if judged is None else len(judged.model_tests)
        self.verdict(
            build.changed(
                verdict(
                    *(
                        *rules.evaluate_rules(GateInputs.of(self.root), rules.read_policy(values)),
                        passed,
                    ),
                    candidate="prior",
                    tests=ModelTests(collected=1, ran=1, champion=before),
                    **bound,
                ),
                outcome=outcome,
                **other,
            )
        )
        self.dvc_commit()

    def judged(self, outcome: Outcome = Outcome.PASS, **other: Any) -> str:
        """Judge and commit; the commit."""
        self.judge(outcome, **other)
        return self.commit()

    def another(self, marker: str, outcome: Outcome = Outcome.PASS) -> str:
        """A commit with another bundle that was judged."""
        self.train(marker)
        return self.judged(outcome)

    def refuse(self) -> None:
        """What ``dvc repro`` leaves after a gate that refused: the gate's entry is the old one."""
        before = self.locked()["stages"]["gate"]
        self.judge(Outcome.FAIL)
        tree = self.locked()
        tree["stages"]["gate"] = before
        with (self.root / layout.DVC_LOCK).open("w", encoding="utf-8") as stream:
            YAML(typ="safe").dump(tree, stream)

    def verdict(self, verdict: Verdict) -> None:
        """Leave it and its page."""
        self.write(layout.VERDICT, verdict.text())
        self.write(verdict_text.MARKDOWN, verdict_text.render_markdown(verdict))

    def locked(self) -> Any:
        """What dvc.lock holds."""
        return YAML(typ="safe").load((self.root / layout.DVC_LOCK).read_text(encoding="utf-8"))

    def dvc_commit(self) -> None:
        """What ``dvc commit`` does: dvc.lock names the files as they are now."""
        yaml = YAML(typ="safe")
        path = self.root / layout.DVC_LOCK
        tree = yaml.load(path.read_text(encoding="utf-8"))
        stages = YAML(typ="safe").load(DVC_YAML)["stages"]
        (made,) = tree["stages"]["train"]["outs"]
        given = YAML(typ="safe").load((self.root / layout.PARAMS).read_text(encoding="utf-8"))
        digests_of_code = {"schema": 1, **digests.stage_digests()}
        write_json(self.root / layout.CODE, digests_of_code)
        tree["stages"]["code"] = {"cmd": "assay stage code", "outs": [self.entry(layout.CODE)]}
        for name in ("evaluate", "compare", "gate"):
            stage = stages[name]
            asked = {key: given[key] for key in stage["params"] if isinstance(key, str)}
            tree["stages"][name] = {
                "cmd": stage["cmd"],
                "deps": [dict(made), *(self.entry(path) for path in stage["deps"][1:])],
                "params": {
                    **({layout.PARAMS: asked} if asked else {}),
                    layout.CODE: {name: digests_of_code[name]},
                },
                "outs": [self.entry(next(iter(each))) for each in stage["outs"]],
            }
        with path.open("w", encoding="utf-8") as stream:
            yaml.dump(tree, stream)

    def entry(self, path: str) -> dict[str, Any]:
        """A file, or a folder of files, as dvc.lock names it."""
        place = self.root / path
        if place.is_file():
            data = place.read_bytes()
            return {"path": path, "hash": "md5", "md5": _md5(data), "size": len(data)}
        files = sorted(each for each in place.rglob("*") if each.is_file())
        listed = [
            {"md5": _md5(each.read_bytes()), "relpath": each.relative_to(place).as_posix()}
            for each in files
        ]
        whole = json.dumps(listed).encode()
        return {
            "path": path,
            "hash": "md5",
            "md5": f"{_md5(whole)}.dir",
            "size": sum(each.stat().st_size for each in files),
            "nfiles": len(files),
        }

    def champion(self) -> JudgedChampion:
        """What the gate would say of the version that it compared with."""
        try:
            held = versions.read_champion(self.root, NAME, "prod")
        except NoChampion:
            return JudgedChampion(state="none")
        return JudgedChampion(state="compared", version=held.version, bundle=held.bundle)

    def commit(self, message: str = "change") -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def tag_names(self) -> set[str]:
        return set(self.git("tag").split())


def fill(project: Project) -> None:
    project.write("params.yaml", PARAMS_YAML)
    project.write(".gitignore", IGNORED)
    project.write("dvc.yaml", DVC_YAML)
    project.write("data/contract.py", "class Row: ...\n")
    project.write("data/limits.py", "LEAST = 0.7\n")
    project.write(
        "tests/model/test_model.py", "from data.limits import LEAST\ndef test_it(): ...\n"
    )
    project.write(layout.HOLDOUT_TABLE, "holdout\n")
    project.train("one")
    project.judge()
    project.commit("one")


@pytest.fixture(autouse=True)
def environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    for name, value in variables(tmp_path_factory.getbasetemp() / "home").items():
        monkeypatch.setenv(name, value)
    with remembered.results():
        yield


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One commit, ready to be promoted."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables(tmp_path_factory.getbasetemp() / "home").items():
            patch.setenv(name, value)
        project = Project(tmp_path_factory.mktemp("template"))
        project.git("init", "--quiet", "--initial-branch=main")
        project.dvc("init", "--quiet")
        project.dvc("config", "core.analytics", "false")
        fill(project)
    yield project.root


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Project:
    shutil.copytree(template, tmp_path / "project", symlinks=True)
    return Project(tmp_path / "project")


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[str], Project]:
    """A folder with no project in it yet."""

    def make(name: str) -> Project:
        (tmp_path / name).mkdir(parents=True)
        return Project(tmp_path / name)

    return make
