"""``assay monitor`` end to end on a real store: what it writes, says and refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.errors import LimitCrossed, NothingScored, VersionUnknown
from pipeline.monitor import stage
from pipeline.monitor.sample import night_sample

NIGHT = "2013-02-01"


def document(project: Any) -> dict[str, Any]:
    text = (project.root / f"reports/nights/{NIGHT}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def test_an_ordinary_night(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    project.score(NIGHT, "run-1")
    summary = stage.run(project.root, project.params, NIGHT, as_json=True)
    written = document(project)
    assert json.loads(capsys.readouterr().out) == written
    assert written["crossed"] is False
    assert (written["run_id"], written["version"]) == ("run-1", "v0.1.0")
    assert written["bundle"] == project.digest
    assert [written[f"rows_{what}"] for what in ("read", "scored", "quarantined")] == [300, 298, 2]
    assert written["sample_rows"] == 150
    assert written["limits"]["nights"] == 30
    page = (project.root / summary.page).read_text(encoding="utf-8")
    assert "Within limits on 2013-02-01" in page
    assert "Evidently on a sample of 150 rows" in page
    names = sorted(path.name for path in (project.root / "reports/nights").iterdir())
    assert names == [f"{NIGHT}.html", f"{NIGHT}.json"]


def test_a_shifted_night_is_written_and_then_refused(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    project.score(NIGHT, "run-1", shift=2.0)
    with pytest.raises(LimitCrossed, match=r"night 2013-02-01: probability: distance") as caught:
        stage.run(project.root, project.params, NIGHT)
    assert caught.value.exit_code == 4
    assert document(project)["crossed"] is True
    assert "Limits crossed" in (project.root / f"reports/nights/{NIGHT}.html").read_text()
    told = capsys.readouterr().out
    assert "Limits crossed on 2013-02-01" in told and "run-1" in told


def test_the_decision_needs_no_input_rows(project: Any) -> None:
    project.score(NIGHT, "run-1")
    for part in (project.root / "data/raw").rglob("*.parquet"):
        part.unlink()
    summary = stage.run(project.root, project.params, NIGHT)
    assert (summary.sample_rows, summary.decision.rows) == (0, 298)
    assert "Evidently shows nothing" in (project.root / summary.page).read_text()


def test_the_run_that_is_judged_is_the_last_published(project: Any) -> None:
    project.score(NIGHT, "run-1", shift=2.0)
    project.score(NIGHT, "run-2")
    project.log(NIGHT, "run-3", "failed")
    assert stage.run(project.root, project.params, NIGHT).run_id == "run-2"


def test_a_night_that_nobody_scored(project: Any) -> None:
    with pytest.raises(NothingScored, match=rf"assay score --date {NIGHT}"):
        stage.run(project.root, project.params, NIGHT)


def test_a_version_that_is_gone(project: Any) -> None:
    project.score(NIGHT, "run-1")
    project.git("tag", "--delete", "late-flights@v0.1.0")
    with pytest.raises(VersionUnknown, match="git fetch --tags"):
        stage.run(project.root, project.params, NIGHT)


def test_the_sample_joins_each_score_to_its_own_row(project: Any) -> None:
    from pipeline import bundle, layout
    from pipeline.store import open_store

    project.score(NIGHT, "run-1")
    folder = project.root / layout.WORK / "bundles" / project.digest.removeprefix("sha256:")
    manifest = bundle.load(folder, expected=None, allow_types=()).manifest
    predictions = open_store(project.root, project.params).predictions(NIGHT)

    def draw() -> Any:
        return night_sample(project.root, project.params, NIGHT, manifest, predictions)

    sample = draw()
    assert len(sample) == 150 and list(sample) == ["x", "c", "probability"]
    assert sample.equals(draw())
    from pipeline import partitions

    raw = partitions.read(project.root / "data/raw", "date", start=NIGHT, end=NIGHT).to_pandas()
    by_x = raw.set_index("x")["flight"]
    score = predictions.to_pandas().set_index("flight")["probability"]
    assert (score[by_x[sample["x"]]].to_numpy() == sample["probability"].to_numpy()).all()
