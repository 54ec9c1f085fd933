"""Assay from Python: the same scores as a night's, and what was published."""

from __future__ import annotations

import ast
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import assay
from assay import api
from assay.errors import NoChampion, NothingScored, SchemaMismatch, UsageError, VersionUnknown
from assay.project import layout
from assay.registry.verification import NOT_WRITTEN
from assay.reports.verdict import Outcome

NIGHT, NEXT = "2024-03-01", "2024-03-02"
OF_A_RUN = ["day", "run_id", "scored_at", "quarantined_at"]


def raw(root: Path, night: str = NIGHT) -> Path:
    return root / layout.RAW / f"day={night}" / "part-00000.parquet"


def change(path: Path, **cells: object) -> None:
    """Another value for some columns of the first row."""
    table = pq.read_table(path)
    for name, value in cells.items():
        values = table.column(name).to_pylist()
        place = table.schema.get_field_index(name)
        kind = table.schema.field(name)
        table = table.set_column(place, kind, pa.array([value, *values[1:]], kind.type))
    pq.write_table(table, path)


def sorted_rows(table: pa.Table) -> pd.DataFrame:
    frame = table.to_pandas().drop(columns=OF_A_RUN, errors="ignore")
    return frame.sort_values("parcel", ignore_index=True)


@pytest.fixture(scope="module")
def published(
    promoted: Path, tmp_path_factory: pytest.TempPathFactory, call: Callable[..., str]
) -> Path:
    """A night with a row that is refused, scored twice; and another night. Do not write to it."""
    root = tmp_path_factory.mktemp("published") / "parcels"
    shutil.copytree(promoted, root, symlinks=True)
    change(raw(root), weight=-1.0)
    for _ in range(2):
        call(root, "assay", "score", "--date", NIGHT, "--force")
    call(root, "assay", "score", "--date", NEXT)
    return root


@pytest.fixture
def scored(published: Path, tmp_path: Path) -> Path:
    """A copy of it to do anything to."""
    return Path(shutil.copytree(published, tmp_path / "scored", symlinks=True))


def test_a_version_scores_as_its_night_was_scored(scored: Path) -> None:
    version, store = assay.version(root=scored), assay.open_store(scored)
    found = version.score(pq.read_table(raw(scored)))
    for mine, published in (
        (found.predictions, store.predictions(NIGHT)),
        (found.quarantine, store.quarantine(NIGHT)),
    ):
        pd.testing.assert_frame_equal(
            sorted_rows(mine), sorted_rows(published.to_table()), check_exact=True
        )
    assert found.quarantine.num_rows == 1
    assert found.broken == {"weight: greater_than(0)": 1}


def test_what_the_store_published(scored: Path) -> None:
    store = assay.open_store(scored)
    assert store.nights() == [NIGHT, NEXT]
    assert "2 published nights, 2024-03-01 to 2024-03-02" in repr(store)
    nights = store.predictions()
    # The files of the first run are still there, and nobody sees them.
    counts = polars.scan_pyarrow_dataset(nights).group_by("day").len().collect()
    rows = {night: store.predictions(night).count_rows() for night in (NIGHT, NEXT)}
    assert dict(counts.iter_rows()) == rows
    assert rows[NIGHT] == pq.read_metadata(raw(scored)).num_rows - 1
    ((best,),) = duckdb.sql("select max(probability) from nights").fetchall()
    assert best == max(nights.to_table().column("probability").to_pylist())
    runs = store.runs().to_pylist()
    assert [each["event"] for each in runs] == ["published"] * 3
    refused = {each["partition"]: each["rows_quarantined"] for each in runs}
    assert Counter(store.quarantine().to_table().column("day").to_pylist()) == refused
    assert store.quarantine(NIGHT).count_rows() == refused[NIGHT] == 1
    assert store.performance(NIGHT).num_rows == 0
    with pytest.raises(NothingScored, match="no run has published day=2031-01-01"):
        store.predictions("2031-01-01")


def test_every_kind_of_table_gives_the_same(promoted: Path) -> None:
    version = assay.version("prod", root=promoted)
    table = pq.read_table(raw(promoted))
    first = version.score(table).predictions
    frame = table.to_pandas()
    given: list[Any] = [
        frame,
        frame.set_index("parcel", drop=False),
        polars.from_arrow(table),
        polars.from_arrow(table).with_columns(polars.col("depot").cast(polars.Categorical)),
        duckdb.sql("select * from frame"),
        table.to_batches()[0],
        table.select(table.schema.names[::-1]),
    ]
    for each in given:
        assert version.score(each).predictions.equals(first), type(each)
    frame["depot"] = frame["depot"].astype("category")
    assert version.score(frame).predictions.equals(first)
    for empty in (table.slice(0, 0), pd.DataFrame(columns=table.schema.names)):
        assert version.score(empty).predictions.equals(first.slice(0, 0))


def test_pieces_give_the_same_as_the_whole(live: Path) -> None:
    table = pq.read_table(raw(live))
    whole = assay.version(root=live).score(table)
    params = (live / "params.yaml").read_text()
    changed = params.replace("  input: data/raw", "  input: data/raw\n  batch_rows: 7")
    (live / "params.yaml").write_text(changed)
    assert changed != params
    pieces = assay.version(root=live).score(table)
    assert pieces.predictions.equals(whole.predictions)
    assert pieces.quarantine.equals(whole.quarantine)


def test_each_row_comes_with_its_strongest_features(promoted: Path) -> None:
    version, table = assay.version(root=promoted), pq.read_table(raw(promoted))
    bare, found = version.score(table).predictions, version.score(table, reasons=2).predictions
    assert found.drop_columns(["reasons", "reasons_against"]).equals(bare)
    for each in found.column("reasons").to_pylist():
        one, two = each
        assert abs(one["contribution"]) >= abs(two["contribution"]) > 0
    with pytest.raises(UsageError, match=r"score: reasons: .*from 0 to 100, found -1"):
        version.score(table, reasons=-1)


def test_rows_whose_key_comes_twice_are_refused(promoted: Path) -> None:
    version = assay.version(root=promoted)
    table = pq.read_table(raw(promoted))
    found = version.score(pa.concat_tables([table, table.slice(3, 1)]))
    assert found.broken == {"unique_key": 2}
    key = table.column("parcel")[3].as_py()
    assert found.quarantine.column("parcel").to_pylist() == [key, key]
    assert key not in found.predictions.column("parcel").to_pylist()
    assert "2 quarantined (unique_key 2)" in repr(found)


def test_what_a_version_is(promoted: Path) -> None:
    version = assay.version(root=promoted)
    assert (version.name, version.task, version.classes) == ("v0.1.0", "binary", ())
    assert version.threshold == pytest.approx(0.5)
    assert version.unverified is None
    assert version.verdict is not None
    assert version.verdict.outcome is Outcome.PASS
    assert version.verdict.bundle == version.digest
    assert version.card.startswith("# ")
    assert version.contract.keys == ("parcel",)
    assert assay.version("0.1.0", root=promoted).digest == version.digest
    shown = version._repr_html_()
    assert "v0.1.0" in shown
    assert "<td>parcel</td>" in shown


def test_an_unverified_version_is_said_to_be(live: Path, call: Callable[..., str]) -> None:
    digest = assay.version(root=live).digest
    call(live, "git", "commit", "--allow-empty", "--message", "Nothing")
    call(live, "git", "tag", "-a", "-m", f"By hand\n\nBundle: {digest}", "parcels@v0.9.0")
    with pytest.warns(UserWarning, match=rf"v0\.9\.0 is unverified: {NOT_WRITTEN}"):
        version = assay.version("v0.9.0", root=live)
    assert version.unverified == NOT_WRITTEN
    assert "unverified" in repr(version)


def test_what_cannot_be_scored(promoted: Path) -> None:
    version = assay.version(root=promoted)
    with pytest.raises(UsageError, match=r"expected a pandas or polars .*found list"):
        version.score([1, 2])
    for column in (pd.Series([1, 2]), polars.Series([1, 2])):
        with pytest.raises(UsageError, match=r"is no table .*found Series"):
            version.score(column)
    with pytest.raises(UsageError, match=r"found DataFrame: .*'north'.*column depot"):
        version.score(pd.DataFrame({"depot": [1, "north"]}))
    table = pq.read_table(raw(promoted))
    with pytest.raises(SchemaMismatch, match=r"column 'weight' is missing"):
        version.score(table.drop_columns(["weight"]))
    with pytest.raises(NoChampion, match="holds the stage shadow"):
        assay.version("shadow", root=promoted)
    with pytest.raises(VersionUnknown, match=r"no version 7\.0"):
        assay.version("7.0", root=promoted)


def test_what_names_neither_a_version_nor_a_night(scored: Path) -> None:
    with pytest.raises(UsageError, match=r"version: this is no text .* found 3\)"):
        assay.version(3, root=scored)  # type: ignore[arg-type]
    store, day = assay.open_store(scored), date.fromisoformat(NIGHT)
    for read in (store.predictions, store.quarantine, store.performance, store.runs):
        with pytest.raises(UsageError, match=r"night: .*as '2024-03-01', found datetime\.date\("):
            read(day)  # type: ignore[arg-type]


def test_the_face_is_what_is_named() -> None:
    assert set(assay.__all__) == set(api.__all__)
    for name in assay.__all__:
        assert getattr(assay, name) is getattr(api, name)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = assay.nothing


def test_the_page_does_what_it_shows(scored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(scored)
    shown = (Path(__file__).parents[1] / "docs/python.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", shown, re.DOTALL):
        exec(code, names)
    assert names["scored"].predictions.num_rows == names["night"].count_rows()
    assert set(names["risky"]["probability"] > 0.9) <= {True}


def test_the_notebook_runs_from_its_first_cell_to_its_last(
    scored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path(__file__).parents[1] / "docs" / "python.ipynb"
    cells = [each for each in json.loads(file.read_text())["cells"] if each["cell_type"] == "code"]
    assert len(cells) == 10
    assert not any(each["outputs"] or each["execution_count"] for each in cells)
    monkeypatch.chdir(scored)
    names: dict[str, Any] = {}
    for each in cells:
        tree = ast.parse("".join(each["source"]))
        last = tree.body.pop()
        assert isinstance(last, ast.Expr), "a cell shows what it ends with"
        exec(compile(tree, str(file), "exec"), names)
        value = eval(compile(ast.Expression(last.value), str(file), "eval"), names)
        shown = value._repr_html_() if hasattr(value, "_repr_html_") else repr(value)
        assert len(shown) > 10, "".join(each["source"])
    assert names["night"] == NEXT
