"""Each row of a night with its strongest reasons: those of `assay why`, and no other's."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from assay.cli.__main__ import main
from assay.columns.moved_scores import counts_of
from assay.contract.columns import Columns
from assay.errors import ReasonsUnknown
from assay.init.project_check.command import run as check_project
from assay.model import reasons
from assay.model.bundle import REASONS as REASONS_FILE
from assay.project.params import Reasons
from assay.score import row_reasons, scoring_job
from assay.score.operations import export, why
from assay.store.delta.tables import REASONS
from tests.scorer import NIGHT, Scorer

NEXT = "2024-03-02"
AFTER = "2024-03-03"
NAMES = ("weight", "distance", "express", "depot")


@pytest.fixture
def scorer(scorer: Scorer) -> Scorer:
    """Whose nights are published whatever is refused."""
    scorer.set("quarantine", max_share=1.0)
    return scorer


def published(scorer: Scorer, night: str = NIGHT) -> dict[int, dict[str, Any]]:
    return {row["parcel"]: row for row in scorer.store.predictions(night).to_pylist()}


# ------------------------------------------------------------------------------- what is told


def test_they_are_those_of_why(scorer: Scorer) -> None:
    scorer.set(reasons=Reasons(top=3, rows="all", direction="both"))
    scorer.score()
    rows = published(scorer)
    for key in list(rows)[:5]:
        told = why.run(scorer.root, scorer.params, [str(key)]).reasons[:3]
        mine = rows[key]["reasons"]
        assert rows[key]["reasons_against"] == "population"
        assert [each["feature"] for each in mine] == [each.feature for each in told]
        assert [each["reason"] for each in mine] == [each.words for each in told]
        for each, other in zip(mine, told, strict=True):
            assert each["contribution"] == pytest.approx(other.contribution, abs=1e-12)
            assert each["share"] == pytest.approx(other.share, abs=1e-12)
            shown = other.value
            shown = str(shown).lower() if isinstance(shown, bool) else shown
            assert (each["value"] is None) == (shown is None)
            if isinstance(shown, float):
                assert float(each["value"]) == shown
            elif shown is not None:
                assert each["value"] == str(shown)


def test_rows_below_the_threshold_have_none_and_the_others_what_speaks_for_it(
    scorer: Scorer,
) -> None:
    scorer.set(reasons=Reasons())
    scorer.score()
    rows = published(scorer).values()
    assert {row["prediction"] for row in rows} == {True, False}
    for row in rows:
        assert (row["reasons"] is not None) == (row["reasons_against"] is not None)
        assert (row["reasons"] is not None) == row["prediction"]
        found = [each["contribution"] for each in row["reasons"] or ()]
        assert found == sorted(found, reverse=True) and all(each > 0 for each in found)


def test_both_carriers_publish_the_same(scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> None:
    # As in a night of a hundred thousand rows: of this one the same fifth is told, and counted.
    for asked in (Reasons(rows="sample"), Reasons(rows="all", direction="both", top=2)):
        monkeypatch.setattr(row_reasons, "COUNTED", 10)
        found = []
        for carrier, rows in (("local", 7), ("files", 100_000)):
            scorer.set(reasons=asked, carrier=carrier, batch_rows=rows)
            run = scorer.score()
            told = {key: row["reasons"] for key, row in published(scorer).items()}
            found.append((told, counts_of(scorer.store.profile(run.run_id, NIGHT))))
        (one, counts), (other, as_many) = found
        assert one == other
        assert {*counts} == {*NAMES} == {*as_many}
        for name, each in counts.items():
            assert 0 < each.rows == as_many[name].rows < run.rows_scored / 2
            assert each.total == pytest.approx(as_many[name].total)
            assert each.total_squares == pytest.approx(as_many[name].total_squares)
        told = sum(each is not None for each in one.values())
        assert told == (each.rows if asked.rows == "sample" else run.rows_scored)


def test_the_profile_holds_the_mean_of_all_rows_of_a_small_night(scorer: Scorer) -> None:
    scorer.set(reasons=Reasons())
    run = scorer.score()
    explainer = reasons.explainer_of(scorer.pinned.bundle)
    rows = pq.read_table(scorer.file())
    rows = rows.filter(pc.is_in(rows["parcel"], pa.array([*published(scorer)])))
    values = explainer.contributions(Columns(scorer.pinned.contract, rows)).values[:, 0]
    found = counts_of(scorer.store.profile(run.run_id, NIGHT))
    for place, name in enumerate(explainer.features):
        assert found[name].rows == run.rows_scored
        assert found[name].total == pytest.approx(np.abs(values[:, place]).sum())


def test_absent_they_cost_and_change_nothing(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring_job, "explainer_of", lambda _: pytest.fail("it was asked"))
    run = scorer.score()
    assert not {*REASONS} & {*scorer.store.predictions(NIGHT).schema.names}
    assert not counts_of(scorer.store.profile(run.run_id, NIGHT))


# ----------------------------------------------------------------------------- the store's table


def test_nights_before_with_and_after_them_are_read_alike(scorer: Scorer, tmp_path: Path) -> None:
    scorer.score(NIGHT)
    before = scorer.store.predictions(NIGHT)
    scorer.set(reasons=Reasons(rows="all"))
    scorer.score(NEXT)
    scorer.set(reasons=None)
    scorer.score(AFTER)
    tables = {night: scorer.store.predictions(night) for night in (NIGHT, NEXT, AFTER)}
    assert tables[NIGHT].drop_columns([*REASONS]).equals(before)
    for night, table in tables.items():
        assert table.schema.field("reasons").type == REASONS["reasons"]
        assert table["reasons"].null_count == (0 if night == NEXT else table.num_rows)
        for kind in ("csv", "parquet"):
            to = tmp_path / night / kind
            export.run(scorer.root, scorer.params, night, f"{kind}:{to}")
        (file,) = (tmp_path / night / "parquet").rglob("*.parquet")
        assert pq.read_table(file, partitioning=None).equals(table.drop_columns(["day"]))
        with (tmp_path / night / "csv").open(newline="") as text:
            rows = [json.loads(row["reasons"] or "null") for row in csv.DictReader(text)]
        assert rows == table["reasons"].to_pylist()
    # Other readers have the same of all nights at once.
    from deltalake import DeltaTable

    whole = DeltaTable(scorer.store.table_uri("predictions")).to_pyarrow_table()
    assert whole["reasons"].null_count == whole.num_rows - tables[NEXT].num_rows
    assert scorer.store.check(()) == []
    read = scorer.spark.read.parquet(f"{scorer.store.table_uri('predictions')}/day={NEXT}")
    (first,) = read.selectExpr("reasons[0].feature as feature").distinct().limit(1).collect()
    assert first["feature"] in NAMES


def test_a_held_night_is_released_with_its_reasons(scorer: Scorer) -> None:
    scorer.score(NIGHT)
    scorer.set("quarantine", max_share=0.0)
    scorer.set(reasons=Reasons(rows="all"))
    with pytest.raises(Exception, match="not published"):
        scorer.score(NEXT)
    (held,) = [run for run in scorer.store.runs(NEXT) if run.event == "held"]
    scorer.store.release(held.run_id, "ada", "it is well")
    rows = published(scorer, NEXT)
    assert rows and all(row["reasons"] is not None for row in rows.values())
    assert not any(row["reasons"] for row in published(scorer, NIGHT).values())


def test_pages_and_commands_say_what_moved_scores(
    scorer: Scorer, capsys: pytest.CaptureFixture[str]
) -> None:
    scorer.set(reasons=Reasons())
    means = [counts_of(scorer.store.profile(scorer.score(n).run_id, n)) for n in (NIGHT, NEXT)]
    main(["monitor", "--from", NIGHT, "--to", NEXT, "--root", str(scorer.root)])
    page = (scorer.root / f"reports/nights/{NEXT}.html").read_text()
    assert "What moved scores" in page and "against the reference (limit" in page
    shift = json.loads((scorer.root / f"reports/nights/{NEXT}.json").read_text())["reasons_shift"]
    assert set(shift["now"]) == set(shift["before"]) == {*NAMES} and shift["limit"] > 0
    capsys.readouterr()
    given = ["night", "explain", "--date", NEXT, "--root", str(scorer.root)]
    assert main([*given, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["reasons"]
    for name, one in found.items():
        for at, key in enumerate(("before", "after")):
            mean = means[at][name].total / means[at][name].rows
            assert one[key] == pytest.approx(mean, abs=1e-6)
    changes = [abs(one["after"] - one["before"]) for one in found.values()]
    assert changes == sorted(changes, reverse=True) and len(changes) == len(NAMES)
    assert main(given) == 0
    assert "what moved scores" in capsys.readouterr().out


# ------------------------------------------------------------------------------- what is refused


def test_a_model_that_nobody_can_explain_is_refused_before_the_night(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"unknown": "its answers are drawn at random"}
    words = r"^bundle .*drawn at random\)\. Ask for no reasons"
    monkeypatch.setattr(scoring_job, "_EXPLAINERS", {})
    bundle = scorer.pinned.bundle
    files = {name: bundle.files[name] for name in bundle.files if name != REASONS_FILE}
    bundle = replace(bundle, files=files, manifest=replace(bundle.manifest, reasons=known))
    scorer.pinned = replace(scorer.pinned, bundle=bundle)
    scorer.set(reasons=Reasons())
    with pytest.raises(ReasonsUnknown, match=words) as error:
        scorer.score()
    assert "\n" not in str(error.value)
    assert scorer.events() == []


def test_the_check_names_features_without_a_text(
    scorer: Scorer, caplog: pytest.LogCaptureFixture
) -> None:
    params, contract = scorer.root / "params.yaml", scorer.root / "data" / "contract.py"
    params.write_text(params.read_text().replace("score:\n", "score:\n  reasons: {top: 4}\n"))
    contract.write_text(
        contract.read_text().replace(
            'gt=0, le=50, metadata={"role": "feature"}',
            'gt=0, le=50, metadata={"role": "feature", "reason": "how heavy it is"}',
        )
    )
    check_project(scorer.root)
    (line,) = [each for each in caplog.messages if "score.reasons" in each]
    assert "(score.reasons): depot, distance, express: " in line
