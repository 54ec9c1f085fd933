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

from assay.errors import AssayError, StageInputMissing
from assay.evaluation import nights
from assay.evaluation.nights import ScoringModel
from assay.model import bundle
from assay.project import layout
from assay.project import params as parameters
from assay.project.params.inputs import Csv
from tests.evaluation.rehearsals import counted, edit, prepared, rehearsed, write_champion


def test_two_models_on_the_same_nights(parcels: Path, spark: Any) -> None:
    write_champion(parcels, "prior")
    found = rehearsed(parcels, spark)
    assert (found.champion.state, found.champion.version) == ("scored", "v0.1.0")
    quiet, bad = found.nights
    assert (quiet.why, quiet.rows, bad.rows) == (None, 50, 47)
    frame = pd.read_parquet(next((parcels / "data/raw/day=2024-03-01").iterdir()))
    otherwise = says(parcels / layout.BUNDLE, frame) != says(
        parcels / layout.CHAMPION_BUNDLE, frame
    )
    assert quiet.flipped == int(otherwise.sum()) > 0
    for depot in ("north", "south", "west"):
        mine = (frame["depot"] == depot).to_numpy()
        (part,) = [each for each in quiet.slices if each.value == depot]
        assert (part.field, part.rows) == ("depot", int(mine.sum()))
        assert part.flipped == int(otherwise[mine].sum())


def says(place: Path, frame: pd.DataFrame) -> Any:
    from assay.model.batch import score_frame

    loaded = bundle.load(place, expected=None, allow_types=())
    return score_frame(loaded, frame) >= loaded.manifest.threshold


def test_a_champion_beside_itself_differs_in_nothing(parcels: Path, spark: Any) -> None:
    write_champion(parcels, "logistic")
    assert [night.flipped for night in rehearsed(parcels, spark).nights] == [0, 0]


@pytest.mark.parametrize("carrier", ["local", "files"])
def test_what_either_contract_refuses_is_not_compared(
    parcels: Path, spark: Any, carrier: str
) -> None:
    write_champion(parcels, "prior")
    # Another text: each contract reads the files in its own way.
    edit(parcels, "data/contract.py", "gt=0, le=50", "gt=0, le=30")
    edit(parcels, "params.yaml", "  input: data/raw", f"  input: data/raw\n  carrier: {carrier}")
    quiet, _ = rehearsed(parcels, spark).nights
    frame = pd.read_parquet(next((parcels / "data/raw/day=2024-03-01").iterdir()))
    heavy = int((frame["weight"] > 30).sum())
    assert heavy and quiet.rows == 50 - heavy


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
    assert night.rows == 45


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


def test_without_a_champion_no_night_is_scored(parcels: Path, spark: Any) -> None:
    write_champion(parcels, None)
    found = rehearsed(parcels, spark, 2)
    assert (found.champion.state, found.champion.why) == ("none", "nobody was promoted")
    assert (found.nights, found.why) == ((), None)


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
    found = nights.rehearse(parcels, params, spark, asked)
    good, no_column, changed, last = found.nights
    assert good.rows and last.rows
    assert "weight" in (no_column.why or "") and no_column.rows is None
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
    assert night.rows is None and "contract cannot be applied: " in (night.why or "")
    assert "colour" in (night.why or "")


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

    def broken(model: ScoringModel) -> Any:
        sent = honest(model)
        if model is asked.rival:
            import dataclasses

            return dataclasses.replace(sent, digest="sha256:another")
        return sent

    monkeypatch.setattr(nights, "_sent", broken)
    (night,) = nights.rehearse(parcels, params, spark, asked).nights
    assert night.rows is None
    assert (night.why or "").startswith("the champion: it cannot score: bundle: this is another")


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
