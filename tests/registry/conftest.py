"""A small project under real git and real DVC, made once and copied for each test."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline import bundle, digests, layout, params, verdict_json
from pipeline.errors import NoChampion
from pipeline.params import Params
from pipeline.registry import versions
from pipeline.verdict import Champion, Finding, Outcome, Verdict

NAME = "late-flights"

PARAMS_YAML = """\
name: late-flights
seed: 1
ingest: {source: "data.source:flights", partition_by: date}
contract: {file: data/contract.py}
prepare:
  train: {from: "2013-01-01", to: "2013-01-31"}
  holdout: {from: "2013-02-01", to: "2013-02-28"}
train:
  select_by: log_loss
  candidates:
    prior: {class: sklearn.dummy.DummyClassifier}
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
artifacts:
  late-flights:
    path: models/bundle
    type: model
"""


def environment(home: Path) -> dict[str, str]:
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
        subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=self.root, check=True)

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
        self.dvc("repro", "--quiet")

    def judge(self, outcome: Outcome = Outcome.PASS, **other: Any) -> None:
        """The verdict that the gate would write now; ``other`` makes it a wrong one."""
        bound: dict[str, Any] = {
            "name": NAME,
            "bundle": bundle.digest_of(self.root / layout.BUNDLE),
            "data": digests.data(self.root),
            "contract": digests.contract_at(self.root, self.params),
            "policy": digests.policy(self.root, self.params),
            "code": digests.code(),
            "champion": self.champion(),
        }
        verdict = Verdict(
            outcome=outcome,
            candidate="prior",
            findings=(Finding(rule="ranks", kind="rule", outcome=outcome, detail="auc"),),
            **{**bound, **other},
        )
        self.write(layout.VERDICT, verdict_json.dumps(verdict))

    def champion(self) -> Champion:
        """What the gate would say of the version that it compared with."""
        try:
            held = versions.champion(self.root, NAME, "prod")
        except NoChampion:
            return Champion("none")
        return Champion("compared", held.version, held.bundle)

    def commit(self, message: str = "change") -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def tag_names(self) -> set[str]:
        return set(self.git("tag").split())


def fill(project: Project) -> None:
    project.write("params.yaml", PARAMS_YAML)
    project.write("dvc.yaml", DVC_YAML)
    project.write("data/contract.py", "class Row: ...\n")
    project.write("tests/model/test_model.py", "def test_it(): ...\n")
    project.write(layout.HOLDOUT_TABLE, "holdout\n")
    project.train("one")
    project.judge()
    project.commit("one")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name, value in environment(tmp_path_factory.getbasetemp() / "home").items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One commit, ready to be promoted."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(tmp_path_factory.getbasetemp() / "home").items():
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
