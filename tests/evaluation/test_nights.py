"""Real nights scored by two models through Spark: what flips, what is refused, what is unknown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from assay.errors import AssayError, ParamsError, StageInputMissing
from assay.evaluation import nights
from assay.evaluation.nights import NightModel
from assay.model import bundle
from assay.project import layout
from assay.project import params as parameters
from assay.project.params.inputs import Csv, Sql
from assay.reports.rehearsal import RehearsedNight
from tests.evaluation.rehearsals import counted, edit, prepared, rehearsed, write_champion


def both(night: RehearsedNight) -> Any:
    assert night.why is None and night.challenger and night.champion and night.change
    return night.challenger, night.champion, night.change


def test_two_models_on_the_same_nights(parcels: Path, spark: Any) -> None:
    write_champion(parcels, "prior")
    found = rehearsed(parcels, spark)
    assert (found.champion.state, found.champion.version) == ("scored", "v0.1.0")
    assert found.champion.latency_ms and found.champion.memory_mb
    quiet, bad = found.nights
    one, two, change = both(quiet)
    assert (quiet.rows, one.scored, two.scored, one.held, two.held) == (50, 50, 50, (), ())
    assert one.seconds > 0 and two.seconds > 0
    # The prior says the same of every parcel, so what flips is what the challenger calls on time
    # or late, whichever is the rarer.
    frame = pd.read_parquet(next((parcels / "data/raw/day=2024-03-01").iterdir()))
    late = challenger_says(parcels, frame)
    prior = (change.champion_mean or 0) >= 0.5
    assert change.flipped == int((late != prior).sum()) > 0
    for depot in ("north", "south", "west"):
        mine = (frame["depot"] == depot).to_numpy()
        (part,) = [each for each in change.slices if each.value == depot]
        assert (part.field, part.rows) == ("depot", int(mine.sum()))
        assert part.flipped == int((late[mine] != prior).sum())
    assert change.distance is not None and 0 < change.distance <= 1
    one, two, change = both(bad)
    assert (one.quarantined, two.quarantined, change.newly_quarantined) == (3, 3, 0)
    assert one.refused_by == two.refused_by and sum(one.refused_by.values()) >= 3


def challenger_says(root: Path, frame: pd.DataFrame) -> Any:
    from assay.model.batch import score_frame

    loaded = bundle.load(root / layout.BUNDLE, expected=None, allow_types=())
    return score_frame(loaded, frame) >= loaded.manifest.threshold


def test_a_champion_beside_itself_differs_in_nothing(parcels: Path, spark: Any) -> None:
    write_champion(parcels, "logistic")
    for night in rehearsed(parcels, spark).nights:
        one, two, change = both(night)
        assert (change.flipped, change.newly_quarantined, change.distance) == (0, 0, 0.0)
        assert one.mean == two.mean and change.challenger_mean == change.champion_mean


@pytest.mark.parametrize("carrier", ["local", "files"])
def test_what_a_stricter_contract_refuses_is_new(parcels: Path, spark: Any, carrier: str) -> None:
    write_champion(parcels, "prior")
    # Another text: each contract reads the files in its own way.
    edit(parcels, "data/contract.py", "gt=0, le=50", "gt=0, le=30")
    edit(parcels, "params.yaml", "  input: data/raw", f"  input: data/raw\n  carrier: {carrier}")
    quiet, bad = rehearsed(parcels, spark).nights
    frame = pd.read_parquet(next((parcels / "data/raw/day=2024-03-01").iterdir()))
    heavy = int((frame["weight"] > 30).sum())
    one, two, change = both(quiet)
    assert (one.quarantined, two.quarantined, change.newly_quarantined) == (heavy, 0, heavy)
    ((rule, rows),) = change.newly_refused_by.items()
    assert (rule.startswith("weight"), rows) == (True, heavy > 0 and heavy)
    assert change.rows == 50 - heavy
    assert one.held and "quarantine" in one.held[0] and two.held == ()
    one, two, change = both(bad)
    assert two.quarantined == 3
    assert one.quarantined == two.quarantined + change.newly_quarantined


@pytest.mark.parametrize("carrier", ["local", "files"])
def test_the_champion_reads_columns_of_its_own(parcels: Path, spark: Any, carrier: str) -> None:
    write_champion_that_reads_colours(parcels, 'isin=["blue", "red"], ')
    edit(parcels, "params.yaml", "  input: data/raw", f"  input: data/raw\n  carrier: {carrier}")
    (part,) = (parcels / "data/raw/day=2024-03-01").iterdir()
    colours = ["blue"] * 20 + ["red"] * 25 + ["grey"] * 5
    # Row groups whose dictionaries differ, so that Arrow ends the champion's batches early.
    pq.write_table(
        pq.read_table(part).append_column("colour", pa.array(colours)), part, row_group_size=12
    )
    (night,) = rehearsed(parcels, spark, (date(2024, 3, 1),)).nights
    one, two, change = both(night)
    assert (one.quarantined, two.quarantined, change.newly_quarantined) == (0, 5, 0)
    assert (change.rows, list(two.refused_by.values())) == (45, [5])


def test_csv_and_parquet_give_the_same_counts(parcels: Path, spark: Any) -> None:
    write_champion(parcels, "prior")
    edit(parcels, "data/contract.py", "gt=0, le=50", "gt=0, le=30")
    for day in ("2024-03-01", "2024-03-02"):
        (part,) = (parcels / f"data/raw/day={day}").iterdir()
        place = parcels / f"data/csv/day={day}"
        place.mkdir(parents=True)
        pa_csv.write_csv(pq.read_table(part), place / "rows.csv")
    text = rehearsed(parcels, spark, given=Csv(format="csv", path="data/csv"))
    assert [night.why for night in text.nights] == [None, None]
    assert counted(text) == counted(rehearsed(parcels, spark))


def test_without_a_champion_the_challenger_scores_alone(parcels: Path, spark: Any) -> None:
    write_champion(parcels, None)
    found = rehearsed(parcels, spark, 2)
    assert (found.champion.state, found.champion.why) == ("none", "nobody was promoted")
    assert [night.day for night in found.nights] == ["2024-03-04", "2024-03-05"]
    for night in found.nights:
        assert night.challenger is not None and night.challenger.scored == 50
        assert (night.champion, night.change, night.champion_why) == (None, None, None)


# ------------------------------------------------------------------------ what cannot be scored


def test_nights_that_cannot_be_read_say_why_and_the_others_go_on(parcels: Path, spark: Any) -> None:
    write_champion(parcels, "prior")
    days = (date(2024, 3, 1), date(2024, 3, 3), date(2024, 3, 4), date(2024, 3, 5))
    lacking, torn = (
        next((parcels / f"data/raw/day={day}").iterdir()) for day in ("2024-03-03", "2024-03-04")
    )
    pq.write_table(pq.read_table(lacking).drop_columns(["weight"]), lacking)
    params, asked = prepared(parcels, days)
    # This one breaks only after it was found.
    pq.write_table(pq.read_table(torn).slice(0, 10), torn)
    found = nights.rehearse(parcels, params, spark, asked, parcels / layout.HOLDOUT_TABLE)
    good, no_column, changed, last = found.nights
    assert good.challenger and last.challenger
    assert "weight" in (no_column.why or "") and no_column.challenger is None
    assert "the input changed since the stage 'nights' found it" in (changed.why or "")


def test_an_input_without_nights(parcels: Path, spark: Any) -> None:
    write_champion(parcels, None)
    for folder in (parcels / "data/raw").iterdir():
        folder.rename(parcels / folder.name)
    found = rehearsed(parcels, spark, 2)
    assert found.nights == () and "no partition day=..." in (found.why or "")


def test_a_champion_whose_contract_needs_another_column(parcels: Path, spark: Any) -> None:
    write_champion_that_reads_colours(parcels)
    (night,) = rehearsed(parcels, spark, (date(2024, 3, 1),)).nights
    assert night.challenger is not None and night.champion is None
    assert "its contract cannot be applied: " in (night.champion_why or "")
    assert "colour" in (night.champion_why or "")


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_a_query_that_lacks_a_column_of_the_champion(parcels: Path, spark: Any, form: str) -> None:
    write_champion_that_reads_colours(parcels)
    (part,) = (parcels / "data/raw/day=2024-03-01").iterdir()
    place = parcels / "data/all/day=2024-03-01"
    place.mkdir(parents=True)
    if form == "csv":
        pa_csv.write_csv(pq.read_table(part), place / "rows.csv")
    else:
        pq.write_table(pq.read_table(part), place / "rows.parquet")
    query = "select * from parcels where day = :night"
    tables = {"parcels": {"format": form, "path": "data/all"}}
    given = Sql(format="sql", tables=tables, query=query)  # type: ignore[arg-type]
    (night,) = rehearsed(parcels, spark, (date(2024, 3, 1),), given).nights
    assert night.challenger is not None and night.challenger.scored == 50
    assert night.champion is None and "colour" in (night.champion_why or "")


def write_champion_that_reads_colours(root: Path, check: str = "") -> None:
    """As if the champion had been trained under a contract with one more column."""
    import dataclasses

    from assay.model.manifest import MANIFEST, parse_manifest
    from assay.project import digests

    file = "data/contract.py"
    text, express = (root / file).read_text(), "    express: Series[bool]"
    colour = f'    colour: Series[str] = pa.Field({check}metadata={{"role": "slice"}})\n'
    edit(root, file, express, colour + express)
    path = root / layout.CANDIDATES / "prior" / MANIFEST
    told = parse_manifest(path.read_bytes(), str(path))
    now = digests.worktree_contract(root, parameters.load(root))
    path.write_bytes(dataclasses.replace(told, contract_digest=now).to_json())
    write_champion(root, "prior")
    (root / file).write_text(text)


def lose_contract(root: Path) -> None:
    (root / layout.CHAMPION_CONTRACT / "data/contract.py").unlink()


def edit_contract(root: Path) -> None:
    edit(root / layout.CHAMPION_CONTRACT, "data/contract.py", "le=50", "le=60")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lose_contract, "data/contract.py at v0.1.0: was not in git at the promoted commit"),
        (edit_contract, "is not the one the model was trained under"),
    ],
)
def test_a_champion_that_cannot_be_loaded(
    parcels: Path, spoil: Callable[[Path], None], told: str
) -> None:
    write_champion(parcels, "prior")
    spoil(parcels)
    _, asked = prepared(parcels)
    assert (asked.champion.state, asked.rival) == ("unreadable", None)
    assert told in (asked.champion.why or "") and "\n" not in (asked.champion.why or "")


def test_a_champion_that_raises_on_real_rows_is_a_reason(
    parcels: Path, spark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_champion(parcels, "prior")
    params, asked = prepared(parcels, (date(2024, 3, 1),))
    honest = nights._sent

    def broken(model: NightModel) -> Any:
        sent = honest(model)
        if model is asked.rival:
            import dataclasses

            return dataclasses.replace(sent, digest="sha256:another")
        return sent

    monkeypatch.setattr(nights, "_sent", broken)
    (night,) = nights.rehearse(parcels, params, spark, asked, parcels / layout.HOLDOUT_TABLE).nights
    assert night.challenger is not None and night.challenger.scored == 50
    assert (night.champion, night.change) == (None, None)
    assert (night.champion_why or "").startswith("it cannot score: bundle: this is another bundle")


@pytest.mark.parametrize(
    ("lacking", "error", "told"),
    [
        (layout.CHAMPION_FACTS, StageInputMissing, "champion has not run"),
        (layout.LAST_NIGHTS, StageInputMissing, "nights has not run"),
    ],
)
def test_stages_that_did_not_run_are_named(
    parcels: Path, lacking: str, error: type[AssayError], told: str
) -> None:
    write_champion(parcels, None)
    params, asked = prepared(parcels)
    (parcels / lacking).unlink()
    with pytest.raises(error, match=told):
        nights.prepare(parcels, params, asked.challenger)


def test_a_budget_for_a_rule_that_is_not_there_is_an_error_before_spark(parcels: Path) -> None:
    write_champion(parcels, None)
    edit(parcels, "params.yaml", "  max_share: 0.2\n", "  max_share: 0.2\n  rules: {weihgt: 0.1}\n")
    with pytest.raises(ParamsError, match="the contract has no rule 'weihgt'"):
        prepared(parcels)
