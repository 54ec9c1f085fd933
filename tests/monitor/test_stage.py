"""``assay monitor`` end to end on a real store: what it writes, says and refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.errors import LimitCrossed, NothingScored, VersionUnknown
from pipeline.monitor import stage
from pipeline.monitor.sample import night_sample
from pipeline.params import Params
from pipeline.params_inputs import Csv, Delta, Parquet

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
        sample, why = night_sample(
            project.root, project.params, NIGHT, manifest, predictions, ["probability"]
        )
        assert why == ""
        return sample

    sample = draw()
    assert len(sample) == 150 and list(sample) == ["x", "c", "probability"]
    assert sample.equals(draw())
    from pipeline import partitions

    raw = partitions.read(project.root / "data/raw", "date", start=NIGHT, end=NIGHT).to_pandas()
    by_x = raw.set_index("x")["flight"]
    score = predictions.to_pandas().set_index("flight")["probability"]
    assert (score[by_x[sample["x"]]].to_numpy() == sample["probability"].to_numpy()).all()


def test_other_tasks_are_judged_by_what_their_models_say(other_task: Any) -> None:
    other_task.score(NIGHT, "run-1")
    summary = stage.run(other_task.root, other_task.params, NIGHT)
    assert not summary.decision.crossed
    assert summary.decision.features == 2
    assert summary.sample_rows == 150
    scores = ["probability", "prediction"] if other_task.task == "multiclass" else ["prediction"]
    judged = [finding.column for finding in summary.decision.findings]
    assert sorted(judged) == sorted(["x", "c", *scores])
    page = (other_task.root / summary.page).read_text(encoding="utf-8")
    pictures = [page.index(f"<figcaption>{name}</figcaption>") for name in (*scores, "x")]
    assert max(pictures) == pictures[-1]


def test_a_shift_in_what_other_models_say_crosses(other_task: Any) -> None:
    other_task.score(NIGHT, "run-1", shift=2.0)
    with pytest.raises(LimitCrossed, match=r"pr\w+: distance"):
        stage.run(other_task.root, other_task.params, NIGHT)


@pytest.mark.parametrize(
    ("given", "partitioned", "rows", "why"),
    [
        ({"format": "delta", "path": "lake"}, True, 150, ""),
        ({"format": "csv", "path": "data/raw"}, False, 0, "an input in csv is not read again"),
        ({"format": "delta", "path": "nowhere"}, False, 0, "there is no Delta table"),
        ({"format": "parquet", "path": "nowhere"}, False, 0, "cannot be read any more"),
    ],
)
def test_where_rows_to_look_at_come_from(
    project: Any, given: dict[str, str], partitioned: bool, rows: int, why: str
) -> None:
    project.score(NIGHT, "run-1")
    if partitioned:
        project.params = with_input(project.params, Delta(**given))
        project.score("2013-02-02", "run-2")
        project.score(NIGHT, "run-3")
    else:
        kinds = {"delta": Delta, "csv": Csv, "parquet": Parquet}
        project.params = with_input(project.params, kinds[given["format"]](**given))
    summary = stage.run(project.root, project.params, NIGHT)
    assert summary.sample_rows == rows
    page = (project.root / summary.page).read_text(encoding="utf-8")
    assert why in page


def with_input(values: Params, given: Any) -> Params:
    score = values.score.model_copy(update={"input": given})
    return values.model_copy(update={"score": score})
