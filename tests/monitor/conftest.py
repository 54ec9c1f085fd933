"""A project with a promoted bundle and a store: real git tags, real files, no training."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipeline import bundle, layout, model, partitions
from pipeline.params import Params, parse
from pipeline.profile import SCORE, profile_of
from pipeline.reference import reference_of
from pipeline.store import RunEvent, open_store, predictions_schema, quarantine_schema, write_part

PARAMS = """\
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
monitor: {sample_rows: 150}
"""
KEYS = pa.schema([("at", pa.timestamp("us")), ("flight", pa.int64())])
ROWS = 300


def rows_of(day: str, seed: int, shift: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "at": pd.Timestamp(day) + pd.to_timedelta(np.arange(ROWS) // 3, unit="min"),
            "flight": np.arange(ROWS),
            "x": rng.normal(shift, 1, ROWS),
            "c": rng.choice(["a", "b"], ROWS),
            SCORE: rng.beta(2, 5, ROWS) ** (1 / (1 + shift)),
        }
    )


@dataclass
class Project:
    """The parts that monitoring meets, made by the modules that make them in earnest."""

    root: Path
    params: Params
    digest: str = ""

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.root, check=True, capture_output=True)

    def promote(self) -> None:
        """A bundle where fetched bundles lie, and the tags that name it."""
        from sklearn.dummy import DummyClassifier

        days = [f"2013-01-{day:02}" for day in range(1, 31)]
        table = pd.concat([rows_of(day, i) for i, day in enumerate(days)], ignore_index=True)
        made = model.Model(
            DummyClassifier().fit(table[["x"]], [False, True] * (len(table) // 2)),
            None,
            ("x",),
            ("c",),
        )
        manifest = bundle.Manifest(
            name="late-flights",
            candidate="prior",
            estimator="sklearn.dummy.DummyClassifier",
            args={},
            encoding="onehot",
            calibration="none",
            threshold=0.5,
            seed=1,
            features=("x", "c"),
            numeric=("x",),
            categorical=("c",),
            label="late",
            keys=("at", "flight"),
            time="at",
            slices=("c",),
            window="2013-01-01 to 2013-01-30",
            rows=len(table),
            positives=len(table) // 2,
            data_digest="sha256:" + "1" * 64,
            contract_digest="sha256:" + "2" * 64,
            out_of_fold={"auc": 0.5},
            types=(),
            versions=bundle.versions(),
        )
        bundles = self.root / layout.WORK / "bundles"
        self.digest = bundle.write(
            bundles / "new",
            manifest,
            model=model.dumps(made),
            reference=reference_of(table, table["at"].dt.strftime("%Y-%m-%d"), ["x"], ["c"]),
            sample=table[["x", "c", SCORE]].assign(late=False).head(500),
            card="# card",
        )
        (bundles / "new").rename(bundles / self.digest.removeprefix("sha256:"))
        self.git("init", "--quiet")
        self.git("commit", "--quiet", "--allow-empty", "--message", "one")
        trailers = f"Because: it ranks\nBundle: {self.digest}\nVerdict: sha256:{'3' * 64}"
        for tag in ("late-flights@v0.1.0", "late-flights#prod#1"):
            self.git("tag", "--annotate", tag, "--message", f"{tag}\n\n{trailers}")

    def score(self, day: str, run_id: str, shift: float = 0.0) -> None:
        """A published run of a night; its first two rows were refused."""
        table = rows_of(day, 100, shift)
        whole = pa.Table.from_pandas(table.drop(columns=SCORE).assign(date=day))
        partitions.write(whole, self.root / self.params.score.input, "date", "part")
        store = open_store(self.root, self.params)
        now = datetime(2013, 2, 2, 1, 30, tzinfo=UTC)
        stamp = {"model_version": "v0.1.0", "bundle": self.digest, "run_id": run_id}
        facts = {"run_id": run_id, "name": "late-flights", "version": "v0.1.0"}
        scored, refused = table.iloc[2:], table.iloc[:2]
        loaded = bundle.load(
            self.root / layout.WORK / "bundles" / self.digest.removeprefix("sha256:"),
            expected=self.digest,
            allow_types=(),
        )
        frames = {
            "quarantine": refused[["at", "flight"]].assign(
                broken_rules=[["x: finite"], ["x: finite", "c: isin"]],
                row="{}",
                quarantined_at=now,
                **stamp,
            ),
            "predictions": scored[["at", "flight", SCORE]].assign(
                prediction=False, scored_at=now, **stamp
            ),
        }
        schemas = {
            "quarantine": quarantine_schema("date", KEYS),
            "predictions": predictions_schema("date", KEYS),
        }
        store.write_profile(
            run_id, day, "v0.1.0", self.digest, profile_of(scored, loaded.reference.grid)
        )
        for name in ("quarantine", "predictions"):
            plain = schemas[name].remove(schemas[name].get_field_index("date"))
            part = pa.Table.from_pandas(frames[name], schema=plain, preserve_index=False)
            relative = store.new_file(name, day, run_id, "0")
            staged = write_part(store.table_uri(name), relative, part)
            store.publish(name, schemas[name], day, [staged], facts)
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
        open_store(self.root, self.params).append_run_event(
            RunEvent(
                run_id=run_id,
                event=event,
                at=at,
                partition=day,
                name="late-flights",
                version="v0.1.0",
                bundle=self.digest,
                contract="sha256:" + "2" * 64,
                rows_read=rows[0],
                rows_scored=rows[1],
                rows_quarantined=rows[2],
                detail=detail,
            )
        )


@pytest.fixture
def empty_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.com")
    for scope in ("GLOBAL", "SYSTEM"):
        monkeypatch.setenv(f"GIT_CONFIG_{scope}", os.devnull)
    # Not inside some repository that the test folder happens to lie in.
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    root = tmp_path / "project"
    root.mkdir()
    return Project(root, parse(PARAMS, "params.yaml"))


@pytest.fixture
def project(empty_project: Project) -> Project:
    empty_project.promote()
    return empty_project
