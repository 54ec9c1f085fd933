"""A project with a promoted bundle and a store: real git tags, real files, no training."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from assay.columns.features import CategoryColumn, FrameFeatures
from assay.columns.night_effects import NightEffects
from assay.columns.profile import Profile
from assay.columns.profile_counter import compute_profile
from assay.columns.reference import Reference, build_reference
from assay.compiled import fitted_model
from assay.model import bundle, model, prediction
from assay.model.manifest import Manifest, versions
from assay.monitor import monitor_nights
from assay.monitor.monitor_nights import MonitoringResult
from assay.project import layout, partitions
from assay.project.params import Params, parse
from assay.project.params.inputs import Delta
from assay.project.tasks import Task
from assay.store import (
    Run,
    StagedRun,
    Store,
    open_store,
    predictions_schema,
    quarantine_schema,
    write_part,
)

PARAMS = """\
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
gate:
  tests: tests/model
  rules:
    - {name: ranks, metric: auc, min: 0.7, owner: us, because: it must}
score: {input: data/raw}
monitor: {sample_rows: 150, workspace: null}
"""
CONTRACT = """
import datetime
import pandera.pandas as pa

class Flights(pa.DataFrameModel):
    at: datetime.datetime = pa.Field(metadata={"role": ["key", "time"]})
    flight: int = pa.Field(metadata={"role": "key"})
    x: float = pa.Field(nullable=True, metadata={"role": "feature"})
    c: str = pa.Field(metadata={"role": "feature"})
    late: bool = pa.Field(metadata={"role": "label"})
"""
KEYS = pa.schema([("at", pa.timestamp("us")), ("flight", pa.int64())])
ROWS = 300
CLASSES = ("early", "late", "lost")


def rows_of(day: str, seed: int, shift: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "at": pd.Timestamp(day) + pd.to_timedelta(np.arange(ROWS) // 3, unit="min"),
            "flight": np.arange(ROWS),
            "x": rng.normal(shift, 1, ROWS),
            "c": rng.choice(["a", "b"], ROWS),
        }
    )


def scores_of(task: Task, seed: int, shift: float = 0.0) -> np.ndarray:
    """What a model of that task may say of the rows of `rows_of`."""
    rng = np.random.default_rng(seed)
    if task == "binary":
        return rng.beta(2, 5, ROWS) ** (1 / (1 + shift))
    if task == "regression":
        return rng.normal(40 + 20 * shift, 10, ROWS)
    return rng.dirichlet([3, 2 + 9 * shift, 1], ROWS)


def truths_of(task: Task, seed: int, shift: float = 0.0) -> np.ndarray:
    """What turns out, as the labels table has it: as likely as such a model says."""
    scores, rng = scores_of(task, seed, shift), np.random.default_rng([seed, 1])
    if task == "binary":
        return rng.random(ROWS) < scores
    if task == "regression":
        return scores + rng.normal(0, 5, ROWS)
    return np.array([rng.choice(CLASSES, p=each) for each in scores], dtype=object)


def classes_of(task: Task) -> tuple[str, ...]:
    return CLASSES if task == "multiclass" else ()


def counted(task: Task, scores: np.ndarray) -> dict[str, np.ndarray]:
    """Scores as columns of a frame, as training writes them."""
    found = prediction.profiled_scores(task, classes_of(task), scores)
    return {
        name: values.categories.objects[values.codes]
        if isinstance(values, CategoryColumn)
        else values
        for name, values in found.items()
    }


def write_bundle(
    root: Path,
    made: fitted_model.Model,
    table: pd.DataFrame,
    nights: pd.Series[str],
    scores: np.ndarray,
    *,
    task: Task,
    keys: tuple[str, ...],
    sample: pd.DataFrame,
    seed: int = 1,
    label: Any = None,
) -> str:
    """A bundle where fetched bundles lie; its digest. The model says its columns."""
    classes, columns = classes_of(task), (*made.numeric, *made.categorical)
    manifest = Manifest(
        name="late-flights", task=task, classes=classes, candidate="one", estimator="sklearn",
        args={}, encoding="onehot", calibration="none", threshold=0.5, seed=seed,
        features=columns, numeric=made.numeric, categorical=made.categorical, label="late",
        keys=keys, time="at", slices=made.categorical, window="2013-01-01 to 2013-01-30",
        rows=len(table), positives=len(table) // 2, data_digest="sha256:" + "1" * 64,
        contract_digest="sha256:" + "2" * 64, out_of_fold={"auc": 0.5}, types=(),
        compiled={"used": False, "reason": "made by hand"}, versions=versions(),
    )  # fmt: skip
    bundles = root / layout.WORK / "bundles"
    grids = prediction.score_grids(task, classes, scores)
    digest = bundle.write(
        bundles / "new",
        manifest,
        model=model.dumps(made),
        compiled=None,
        reasons=None,
        reference=build_reference(
            table,
            nights,
            made.numeric,
            made.categorical,
            grids,
            label=label,
            effects=dict.fromkeys(grids, NightEffects(0.0, 0.01, 0.0, 0.0, 30)),
        ),
        sample=sample,
        card="# card",
    )
    (bundles / "new").rename(bundles / digest.removeprefix("sha256:"))
    return digest


def publish(
    store: Store,
    run: Run,
    task: Task,
    keys: pa.Schema,
    good: pa.Table,
    profile: Profile,
    bad: pa.Table | None = None,
) -> None:
    """Publish a run's predictions, and its quarantine if it has one."""
    schemas = predictions_schema("date", keys, task), quarantine_schema("date", keys)
    files: dict[str, Any] = {"quarantine": ()}
    for name, schema, rows in zip(("predictions", "quarantine"), schemas, (good, bad), strict=True):
        if rows is not None:
            plain = schema.remove(schema.get_field_index("date"))
            relative = store.part_path_for(name, run.partition, run.run_id, "0")
            rows = rows.select(plain.names).cast(plain)
            files[name] = (write_part(store.table_uri(name), relative, rows),)
    store.publish_run(
        StagedRun(
            run=run,
            profile=profile,
            predictions_schema=schemas[0],
            quarantine_schema=schemas[1],
            **files,
        )
    )


@dataclass
class Project:
    """The parts that monitoring meets, made by the modules that make them in earnest."""

    root: Path
    params: Params
    digest: str = ""
    task: Task = "binary"
    version: str = "v0.1.0"

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.root, check=True, capture_output=True)

    def set(self, section: str, **changed: Any) -> None:
        """Change keys of a section of params.yaml."""
        whole = getattr(self.params, section).model_copy(update=changed)
        self.params = self.params.model_copy(update={section: whole})

    @property
    def store(self) -> Store:
        return open_store(self.root, self.params)

    def run(self, command: Callable[..., Any], *given: Any, **more: Any) -> Any:
        """What a command answers on this project."""
        return command(self.root, self.params, *given, **more)

    def monitor(self, first: str, last: str | None = None, **more: Any) -> MonitoringResult:
        return monitor_nights.run(self.root, self.params, first, last or first, **more)

    def read(self, path: str) -> str:
        return (self.root / path).read_text(encoding="utf-8")

    def read_json(self, path: str) -> Any:
        return json.loads(self.read(path))

    def promote(self, number: int = 1) -> None:
        """A bundle where fetched bundles lie, and the tags that name it."""
        from sklearn.dummy import DummyClassifier

        days = [f"2013-01-{day:02}" for day in range(1, 31)]
        rows = [rows_of(day, i) for i, day in enumerate(days)]
        scores = np.concatenate([scores_of(self.task, i) for i in range(len(days))])
        table = pd.concat(rows, ignore_index=True).assign(**counted(self.task, scores))
        classes = classes_of(self.task)
        truths = prediction.truths(
            self.task, np.concatenate([truths_of(self.task, i) for i in range(len(days))])
        )
        made = fitted_model.Model(
            DummyClassifier().fit(table[["x"]], [False, True] * (len(table) // 2)),
            None,
            ("x",),
            ("c",),
        )
        self.digest = write_bundle(
            self.root,
            made,
            table,
            table["at"].dt.strftime("%Y-%m-%d"),
            scores,
            task=self.task,
            keys=("at", "flight"),
            seed=number,
            label=(prediction.truth_grid(self.task, classes, truths), truths),
            sample=table.drop(columns=["at", "flight"]).assign(late=False).head(500),
        )
        self.git("init", "--quiet")
        self.git("commit", "--quiet", "--allow-empty", "--message", "one")
        trailers = f"Because: it ranks\nBundle: {self.digest}\nVerdict: sha256:{'3' * 64}"
        self.version = f"v0.{number}.0"
        for tag in (f"late-flights@{self.version}", f"late-flights#prod#{number}"):
            self.git("tag", "--annotate", tag, "--message", f"{tag}\n\n{trailers}")

    def reference(self) -> Reference:
        folder = self.root / layout.WORK / "bundles" / self.digest.removeprefix("sha256:")
        return bundle.load(folder, expected=self.digest, allow_types=()).reference

    def export(self, day: str) -> None:
        """A scored night as text too, and the contract, which says what its cells are."""
        raw = partitions.read(self.root / "data/raw", "date", start=day, end=day).to_pandas()
        raw["at"] = raw["at"].dt.strftime("%Y-%m-%d %H:%M")
        (self.root / "exports").mkdir()
        raw.to_csv(self.root / f"exports/{day}.csv", index=False)
        raw.to_json(self.root / f"exports/{day}.json", orient="records", lines=True)
        (self.root / "data/contract.py").write_text(CONTRACT, encoding="utf-8")

    def score(self, day: str, run_id: str, shift: float = 0.0) -> None:
        """A published run of a night; its first two rows were refused."""
        table = rows_of(day, 100, shift)
        given = self.params.score.input
        whole = pa.Table.from_pandas(table.assign(date=day), preserve_index=False)
        if isinstance(given, Delta):
            write_deltalake(self.root / given.path, whole, mode="append", partition_by=["date"])
        else:
            partitions.write(whole, self.root / given.path, "date", "part")
        now = datetime(2013, 2, 2, 1, 30, tzinfo=UTC)
        stamp = {"model_version": self.version, "bundle": self.digest, "run_id": run_id}
        grid = self.reference().grid
        keys, scores = table[["at", "flight"]], scores_of(self.task, 100, shift)[2:]
        classes = classes_of(self.task)
        said = prediction.prediction_columns(self.task, classes, 0.5, scores)
        good = pa.Table.from_pandas(keys.iloc[2:].assign(**stamp), preserve_index=False)
        for name, values in {**said, "scored_at": pa.array([now] * (ROWS - 2))}.items():
            good = good.append_column(name, values)
        bad = keys.iloc[:2].assign(
            broken_rules=[["x: finite"], ["x: finite", "c: isin"]],
            row="{}",
            quarantined_at=now,
            **stamp,
        )
        seen = FrameFeatures(table.iloc[2:])
        profile = compute_profile(
            seen, grid, prediction.profiled_scores(self.task, classes, scores)
        )
        run = self.event(day, run_id, "started", base=self.store.turn(day))
        publish(self.store, run, self.task, KEYS, good, profile, pa.Table.from_pandas(bad))
        self.log(day, run_id, "published", rows=(ROWS, ROWS - 2, 2))

    def log(
        self,
        day: str,
        run_id: str,
        event: str,
        rows: tuple[int | None, int | None, int | None] = (None, None, None),
        detail: str = "",
        at: datetime = datetime(2013, 2, 2, 1, 30, tzinfo=UTC),
    ) -> None:
        counts = dict(zip(("rows_read", "rows_scored", "rows_quarantined"), rows, strict=True))
        self.store.append_run_events(self.event(day, run_id, event, at=at, detail=detail, **counts))

    def event(self, day: str, run_id: str, kind: Any, **more: Any) -> Run:
        """An event of a run by the promoted version."""
        about = {"name": "late-flights", "version": self.version, "bundle": self.digest}
        contract = "sha256:" + "2" * 64
        return Run(run_id=run_id, event=kind, partition=day, contract=contract, **{**about, **more})


@pytest.fixture
def params_text() -> str:
    return PARAMS


def _as_ada(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Git as a person whom its files do not name, in no repository around ``folder``."""
    for role in ("AUTHOR", "COMMITTER"):
        patch.setenv(f"GIT_{role}_NAME", "Ada")
        patch.setenv(f"GIT_{role}_EMAIL", "ada@example.com")
    for scope in ("GLOBAL", "SYSTEM"):
        patch.setenv(f"GIT_CONFIG_{scope}", os.devnull)
    patch.setenv("GIT_CEILING_DIRECTORIES", str(folder))


@pytest.fixture(scope="session")
def promote_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Project], Project]:
    """Gives an empty project what promoting a model of its task leaves, which is made once."""
    made: dict[Task, Project] = {}

    def promote(empty: Project) -> Project:
        if empty.task not in made:
            root = tmp_path_factory.mktemp("promoted")
            with pytest.MonkeyPatch.context() as patch:
                _as_ada(patch, root.parent)
                made[empty.task] = Project(root, empty.params, task=empty.task)
                made[empty.task].promote()
        known = made[empty.task]
        shutil.copytree(known.root, empty.root, dirs_exist_ok=True)
        empty.digest, empty.version = known.digest, known.version
        return empty

    return promote


@pytest.fixture
def empty_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    _as_ada(monkeypatch, tmp_path)
    root = tmp_path / "project"
    root.mkdir()
    return Project(root, parse(PARAMS, "params.yaml"))


@pytest.fixture(params=["multiclass", "regression"])
def other_task(
    request: pytest.FixtureRequest,
    empty_project: Project,
    promote_once: Callable[[Project], Project],
) -> Project:
    empty_project.task = request.param
    return promote_once(empty_project)


@pytest.fixture
def project(empty_project: Project, promote_once: Callable[[Project], Project]) -> Project:
    return promote_once(empty_project)
