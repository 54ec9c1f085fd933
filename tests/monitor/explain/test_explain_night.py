"""``assay night explain`` on a real store, with models that really score the rows."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from assay.cli.result import to_json
from assay.columns.features import FrameFeatures
from assay.columns.profile_counter import compute_profile
from assay.compiled import fitted_model
from assay.errors import NothingScored, SchemaMismatch, SourceError, UsageError
from assay.model import bundle, prediction
from assay.monitor.explain import command as explain_night
from assay.project import layout, partitions
from assay.store import Run
from tests.monitored import CLASSES, counted, publish, write_bundle
from tests.shown import shown

NOW = datetime(2013, 2, 2, 1, 30, tzinfo=UTC)
KEYS = pa.schema([("flight", pa.int64())])
FIRST, SECOND = "2013-02-01", "2013-02-02"


def rows(seed: int, count: int = 400, x: float = 0.0, a: float = 0.5) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "flight": np.arange(count),
            "x": np.where(random.random(count) < 0.05, np.nan, random.normal(x, 1, count)),
            "z": random.normal(0, 1, count),
            "c": np.where(random.random(count) < a, "a", "b"),
        }
    )


def fitted(task: Any, slope: float) -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    table = rows(7, 3000)
    signal = slope * table["x"].fillna(0) + table["z"] + (table["c"] == "a")
    noise = signal + np.random.default_rng(8).normal(0, 1, len(table))
    label: Any = noise.to_numpy()
    if task == "binary":
        label = label > 0.5
    elif task == "multiclass":
        label = np.array(CLASSES, dtype=object)[np.digitize(label, [0, 1.5])]
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["c"]), (SimpleImputer(), ["x", "z"])
    )
    last = LinearRegression() if task == "regression" else LogisticRegression()
    made = make_pipeline(columns, last).fit(table[["x", "z", "c"]], label)
    return fitted_model.Model(made, None, ("x", "z"), ("c",), task)


def promote(project: Any, version: str, task: Any = "binary", slope: float = 1.0) -> str:
    """A bundle where fetched bundles lie, and the tag that names it; its digest."""
    made, table = fitted(task, slope), rows(7, 3000)
    scores = made.scores(FrameFeatures(table))
    table = table.assign(**counted(task, scores))
    nights = pd.Series([f"n{i % 10}" for i in range(len(table))])
    sample = table.assign(late=False).head(100)
    digest = write_bundle(
        project.root, made, table, nights, scores, task=task, keys=("flight",), sample=sample
    )
    if version == "v0.1.0":
        project.git("init", "--quiet")
    project.git("commit", "--quiet", "--allow-empty", "--message", version)
    tag = f"late-flights@{version}"
    said = f"{tag}\n\nBundle: {digest}\nVerdict: sha256:{'3' * 64}"
    project.git("tag", "--annotate", tag, "--message", said)
    return digest


def score(project: Any, day: str, frame: pd.DataFrame, version: str, digest: str) -> None:
    """Publish what the version says of the rows."""
    partitions.write(
        pa.Table.from_pandas(frame.assign(date=day), preserve_index=False),
        project.root / "data/raw",
        "date",
        "part",
    )
    folder = project.root / layout.WORK / "bundles" / digest.removeprefix("sha256:")
    loaded = bundle.load(folder, expected=digest, allow_types=())
    task, classes = loaded.manifest.task, loaded.manifest.classes
    scores = loaded.scorer.scores(FrameFeatures(frame))
    said = prediction.prediction_columns(task, classes, loaded.manifest.threshold, scores)
    stamp = {"model_version": version, "bundle": digest, "run_id": day, "scored_at": NOW}
    table = pa.Table.from_pandas(frame[["flight"]].assign(**stamp), preserve_index=False)
    for name, values in said.items():
        table = table.append_column(name, values)
    seen = prediction.profiled_scores(task, classes, scores)
    profile = compute_profile(FrameFeatures(frame), loaded.reference.grid, seen)
    run = Run(
        run_id=day, event="published", partition=day, at=NOW, name="late-flights",
        version=version, bundle=digest, contract="c", base=project.store.turn(day),
        rows_read=len(frame), rows_scored=len(frame), rows_quarantined=0,
    )  # fmt: skip
    publish(project.store, run, task, KEYS, table, profile)
    project.store.append_run_events(run)


def explained(project: Any) -> Any:
    return json.loads(to_json(project.run(explain_night.run, SECOND)))


def whole(project: Any) -> Any:
    """The project, with nights looked at whole."""
    project.set("monitor", sample_rows=5000)
    return project


def change(one: dict[str, Any]) -> float:
    return float(one["after"] - one["before"])


def total(one: dict[str, Any]) -> float:
    return float(one["model"] + one["mix"] + sum(one["columns"].values()) + one["unseen"])


def test_a_column_that_shifted(empty_project: Any) -> None:
    digest = promote(whole(empty_project), "v0.1.0")
    score(empty_project, FIRST, rows(1), "v0.1.0", digest)
    score(empty_project, SECOND, rows(2, x=1.5), "v0.1.0", digest)
    found = explained(empty_project)
    assert found["against"]["partition"] == FIRST
    assert (found["night"]["looked_at"], found["night"]["left_out"]) == (400, 0)
    assert list(found["outcomes"]) == ["mean probability", "share of yes"]
    for one in found["outcomes"].values():
        assert total(one) == pytest.approx(change(one), abs=1e-7)
        assert (one["model"], one["unseen"]) == (0, 0)
        assert one["columns"]["x"] == pytest.approx(change(one), abs=0.05)
        # What is sliced by is mix, not a column.
        assert set(one["columns"]) == {"x", "z"}
    assert [each["slice"] for each in found["slices"]] in (["c=a", "c=b"], ["c=b", "c=a"])


def test_another_version_and_another_mix(
    empty_project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    one = promote(whole(empty_project), "v0.1.0")
    two = promote(empty_project, "v0.2.0", slope=-1.0)
    score(empty_project, FIRST, rows(1, a=0.1), "v0.1.0", one)
    score(empty_project, SECOND, rows(1, a=0.9), "v0.2.0", two)
    found = explained(empty_project)
    assert [found[night]["version"] for night in ("against", "night")] == ["v0.1.0", "v0.2.0"]
    mean = found["outcomes"]["mean probability"]
    assert total(mean) == pytest.approx(change(mean), abs=1e-7)
    assert mean["mix"] > 0.1 and mean["model"] != 0
    shown("night explain", empty_project.run, explain_night.run, SECOND)
    told = capsys.readouterr().out
    assert "mean probability: 0." in told and "mostly the mix of rows +0." in told
    assert "too few nights before them" in told
    assert "mix of rows (c)" in told and "2013-02-02 (v0.2.0)" in told


def test_what_nights_do_is_said_first_and_noise_is_not_explained(
    empty_project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = promote(whole(empty_project), "v0.1.0")
    for day in range(1, 10):
        night = rows(day) if day < 9 else rows(day, x=1.5).head(200)
        score(empty_project, f"2013-02-0{day}", night, "v0.1.0", digest)
    given = (empty_project.root, empty_project.params)
    shown("night explain", explain_night.run, *given, "2013-02-08")
    told = " ".join(capsys.readouterr().out.split())
    assert re.search(
        r"within what nights do \(-0\.\d+ to \+0\.\d+ by 6 changes before, 95%\)", told
    )
    assert "mostly" not in told
    shown("night explain", explain_night.run, *given, "2013-02-09")
    told = " ".join(capsys.readouterr().out.split())
    assert ", with 50% fewer rows), beyond what nights do (" in told and "mostly x +0." in told
    usual = json.loads(to_json(explain_night.run(*given, "2013-02-09")))["usual"]
    assert usual["low"] == -usual["high"] and usual["changes"] == 7
    assert explain_night.run(*given, "2013-02-09", "2013-02-06").usual.changes == 5
    assert explain_night.run(*given, "2013-02-05").usual is None


def test_parts_that_cancel_are_called_that(
    empty_project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = promote(whole(empty_project), "v0.1.0")
    score(empty_project, FIRST, rows(1, a=0.1), "v0.1.0", digest)
    score(empty_project, SECOND, rows(1, a=0.9, x=-0.8), "v0.1.0", digest)
    shown("night explain", empty_project.run, explain_night.run, SECOND)
    told = " ".join(capsys.readouterr().out.split())
    assert re.search(r"from parts that nearly cancel: .*(mix of rows \+0|x -0)", told), told


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_other_tasks(task: Any, empty_project: Any) -> None:
    digest = promote(whole(empty_project), "v0.1.0", task)
    score(empty_project, FIRST, rows(1), "v0.1.0", digest)
    score(empty_project, SECOND, rows(2, x=1.5), "v0.1.0", digest)
    found = explained(empty_project)
    for one in found["outcomes"].values():
        assert total(one) == pytest.approx(change(one), abs=1e-7)
    names = ["mean prediction"]
    if task == "multiclass":
        names = ["mean probability of the answer", *(f"share of {name}" for name in CLASSES)]
        shares = [change(found["outcomes"][name]) for name in names[1:]]
        assert sum(shares) == pytest.approx(0, abs=1e-7)
    assert list(found["outcomes"]) == names
    assert found["outcomes"][names[-1]]["columns"]["x"] > 0.1


def test_of_a_large_night_a_sample_is_looked_at_and_the_rest_told(empty_project: Any) -> None:
    digest = promote(empty_project, "v0.1.0")  # monitor.sample_rows is 150
    score(empty_project, FIRST, rows(1), "v0.1.0", digest)
    score(empty_project, SECOND, rows(2, x=1.5), "v0.1.0", digest)
    found = explained(empty_project)
    assert [found[night]["looked_at"] for night in ("against", "night")] == [150, 150]
    mean = found["outcomes"]["mean probability"]
    assert total(mean) == pytest.approx(change(mean), abs=1e-7)
    assert 0 < abs(mean["unseen"]) < 0.1
    assert explained(empty_project) == found


def test_rows_that_are_no_longer_what_was_scored_are_left_out(
    empty_project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = promote(whole(empty_project), "v0.1.0")
    score(empty_project, FIRST, rows(1), "v0.1.0", digest)
    frame = rows(2)
    score(empty_project, SECOND, frame, "v0.1.0", digest)

    def rewritten(frame: pd.DataFrame) -> None:
        table = pa.Table.from_pandas(frame.assign(date=SECOND), preserve_index=False)
        partitions.write(table, empty_project.root / "data/raw", "date", "part")

    rewritten(frame.assign(z=frame["z"].where(frame["flight"] >= 30, 9.0)))
    found = explained(empty_project)
    assert (found["night"]["looked_at"], found["night"]["left_out"]) == (370, 30)
    mean = found["outcomes"]["mean probability"]
    assert total(mean) == pytest.approx(change(mean), abs=1e-7)
    rewritten(frame.assign(z=9.0))
    with pytest.raises(SourceError, match=r"night 2013-02-02: its input is no longer"):
        empty_project.run(explain_night.run, SECOND)
    rewritten(frame.drop(columns="z"))
    with pytest.raises(SchemaMismatch, match=r"night 2013-02-02: the input lacks z"):
        empty_project.run(explain_night.run, SECOND)
    rewritten(frame.assign(z="text"))
    with pytest.raises(SchemaMismatch, match="cannot be scored again"):
        empty_project.run(explain_night.run, SECOND)
    for part in (empty_project.root / "data/raw").rglob("*.parquet"):
        part.unlink()
    with pytest.raises(SourceError, match="there are no rows to look at"):
        empty_project.run(explain_night.run, SECOND)


def test_what_cannot_be_compared(empty_project: Any) -> None:
    one = promote(empty_project, "v0.1.0")
    score(empty_project, FIRST, rows(1), "v0.1.0", one)

    def ask(day: str, against: str | None = None) -> None:
        empty_project.run(explain_night.run, day, against)

    with pytest.raises(NothingScored, match=f"no run has published .*={SECOND}"):
        ask(SECOND)
    with pytest.raises(NothingScored, match="--against DAY"):
        ask(FIRST)
    with pytest.raises(NothingScored, match="has published date=2013-01-31"):
        ask(FIRST, "2013-01-31")
    with pytest.raises(UsageError, match="itself"):
        ask(FIRST, FIRST)
