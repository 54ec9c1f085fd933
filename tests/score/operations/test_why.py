"""Why a published row got its score, or one line that says why nobody can know."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from assay.cli.__main__ import main
from assay.columns.features import FrameFeatures
from assay.compiled.contributions import explain_model
from assay.contract.definition import MASK, show_key
from assay.errors import (
    BundleMissing,
    KeyUnknown,
    NothingScored,
    ReasonsUnknown,
    SourceError,
    StoreError,
    UsageError,
)
from assay.errors.base import set_private
from assay.model import reasons
from assay.model.batch import score_batch
from assay.model.bundle import REASONS, Bundle
from assay.model.reasons import nearest_changes
from assay.ops import forget
from assay.score.operations import why
from assay.score.operations.keys import one_key
from assay.store import Store
from tests.scorer import NIGHT, Scorer


@pytest.fixture
def night(scorer: Scorer) -> Scorer:
    """A project with one published night."""
    scorer.score()
    return scorer


def raw_row(scorer: Scorer, key: int) -> pa.Table:
    rows = pq.read_table(scorer.file())
    return rows.filter(pc.equal(rows["parcel"], key))


def keys(scorer: Scorer) -> list[int]:
    return scorer.store.predictions(NIGHT)["parcel"].to_pylist()


def asked(scorer: Scorer, key: object, **more: Any) -> why.Why:
    return why.run(scorer.root, scorer.params, [str(key)], **more)


def test_base_and_contributions_are_the_score(night: Scorer) -> None:
    key = keys(night)[3]
    found = asked(night, key)
    (row,) = [each for each in night.store.predictions(NIGHT).to_pylist() if each["parcel"] == key]
    assert (found.key, found.partition) == ({"parcel": key}, NIGHT)
    assert (found.prediction, found.score) == (row["prediction"], row["probability"])
    added = sum(each.contribution for each in found.reasons)
    assert found.raw == pytest.approx(found.base + added, abs=1e-9)
    assert {each.feature for each in found.reasons} == {*night.pinned.contract.features}
    sizes = [abs(each.contribution) for each in found.reasons]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(each.share for each in found.reasons) == pytest.approx(1)
    cells = raw_row(night, key).to_pylist()[0]
    assert all(each.value == cells[each.feature] for each in found.reasons)
    # What the model says of the sum is what scikit-learn's pipeline says of the row.
    model = night.pinned.bundle.model
    frame = pd.DataFrame([cells])[[*model.numeric, *model.categorical]]
    assert found.uncalibrated == pytest.approx(model.estimator.predict_proba(frame)[0, 1])


def test_what_a_row_is_compared_with_is_said(
    night: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = asked(night, keys(night)[3])
    assert (found.against, found.compared) == ("population", "all training rows")
    assert "for a row of which nothing is known" in why.sum_words(found)
    bundle, sample = night.pinned.bundle, night.pinned.bundle.sample()[:7]
    scorer: Any = bundle.scorer
    made = explain_model(bundle.model, scorer, FrameFeatures(sample), "reference")
    manifest = replace(
        bundle.manifest, reasons={"against": "reference", "rows": "all", "sample": 7}
    )
    changed = replace(bundle, manifest=manifest, files={**bundle.files, REASONS: made.to_bytes()})
    monkeypatch.setattr(why, "pin_run", lambda *given: replace(night.pinned, bundle=changed))
    other = asked(night, keys(night)[3])
    assert (other.against, other.compared) == ("reference", "7 training rows")
    assert "for the mean of 7 training rows" in why.sum_words(other)
    assert other.raw == pytest.approx(found.raw) and other.base != pytest.approx(found.base)


def test_a_change_is_the_nearest_one_and_keeps_the_contract(night: Scorer) -> None:
    bundle, contract = night.pinned.bundle, night.pinned.contract
    rows = pq.read_table(night.file()).select([*contract.columns])
    seen = 0
    for place in range(0, 60, 5):
        row = rows.slice(place, 1)
        scored = score_batch(bundle, contract, row)
        if scored.predictions.num_rows == 0:
            continue
        before = scored.predictions["prediction"][0].as_py()
        for each in nearest_changes(bundle, contract, row):
            seen += 1
            kind = row.schema.field(each.feature).type
            assert each.decision != before
            if not pa.types.is_floating(kind):
                continue

            def decision(value: float, name: str = each.feature, row: pa.Table = row) -> Any:
                at = row.schema.get_field_index(name)
                other = row.set_column(at, name, pa.array([value], row.schema.field(name).type))
                told = score_batch(bundle, contract, other).predictions
                return told["prediction"][0].as_py() if told.num_rows else None

            # From the row to the edge nothing changes; just beyond it, it does.
            beyond = each.to + (1e-6 if each.side == "over" else 0.0)
            assert decision(beyond) == each.decision
            if each.value is not None:
                between = [each.value + (each.to - each.value) * part / 50 for part in range(50)]
                assert {decision(value) for value in between} <= {before, None}
    assert seen > 5


def test_what_changes_the_score_least_is_named_first(night: Scorer) -> None:
    rows, seen = night.store.predictions(NIGHT).to_pylist(), 0
    for row in sorted(rows, key=lambda row: row["probability"])[-8:]:
        found = asked(night, row["parcel"])
        apart = [abs(each.score - row["probability"]) for each in found.changes]
        assert apart == sorted(apart)
        seen = max(seen, len({each.score for each in found.changes}))
    assert seen > 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            ["no number"],
            "key has another type .*expected an integer type.*, found no number",
        ),
        (["parcel=1", "depot=2"], "expected --key parcel=VALUE, found parcel=1 depot=2"),
        (["depot=2", "sent=3"], "expected --key parcel=VALUE"),
        (["depot=2"], "expected --key parcel=VALUE, found depot=2"),
        (["YWI="], "found YWI="),
        (["Parcel No=5"], "expected --key parcel=VALUE, found Parcel No=5"),
    ],
)
def test_a_key_that_is_none_is_a_usage_error(night: Scorer, given: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        why.run(night.root, night.params, given)


def test_each_key_is_read_as_its_column() -> None:
    schema = pa.schema(
        [
            ("at", pa.timestamp("us", "UTC")),
            ("name", pa.string()),
            ("day", pa.string()),
            ("prediction", pa.bool_()),
            ("probability", pa.float64()),
        ]
    )
    found = one_key(["name=a=b", "at=2024-03-01 10:00"], schema, "day")
    assert found["name"] == "a=b"
    rows = pa.table(
        {"at": pa.array([found["at"]] * 2, schema.field("at").type), "name": ["a=b", ""]}
    )
    assert why._has(rows, found).to_pylist() == [True, False]
    assert show_key(found) == "at=2024-03-01 10:00:00, name=a=b"


def test_a_row_without_a_score_is_named(night: Scorer) -> None:
    with pytest.raises(KeyUnknown, match=r"no published row has this key .*parcel=-5") as error:
        asked(night, -5)
    assert night.store.uri in str(error.value)
    refused = [
        row["parcel"]
        for batch in night.store.quarantine_batches(NIGHT)
        for row in batch.to_pylist()
        if row["parcel"] is not None and row["parcel"] not in keys(night)
    ]
    if not refused:  # every night of this project has some
        night.change(lambda rows: rows.set_column(
            rows.schema.get_field_index("weight"), "weight",
            pa.array([-1.0, *rows["weight"].to_pylist()[1:]]),
        ))  # fmt: skip
        refused = [pq.read_table(night.file())["parcel"][0].as_py()]
        night.score()
    with pytest.raises(KeyUnknown, match=r"the row was refused, so it has no score .*found"):
        asked(night, refused[0], partition=NIGHT)


def test_a_night_that_was_taken_back_or_held_has_no_such_row(night: Scorer) -> None:
    key = keys(night)[0]
    (run,) = night.seen()
    night.store.retract(run, "ann", "wrong file")
    with pytest.raises(KeyUnknown, match=r"no published row .* held or was taken back"):
        asked(night, key)
    with pytest.raises(NothingScored, match=f"{NIGHT}.*assay score --date {NIGHT}"):
        asked(night, key, partition=NIGHT)
    with pytest.raises(UsageError, match="2024-02-30: not a day"):
        asked(night, key, partition="2024-02-30")


def test_a_version_whose_bundle_is_gone_is_named(
    night: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*given: object) -> Any:
        raise BundleMissing("the bundle cannot be fetched", where="models/bundle")

    monkeypatch.setattr("assay.registry.fetch.fetch_bundle", missing)
    with pytest.raises(BundleMissing, match="cannot be fetched"):
        asked(night, keys(night)[0])


def gone(night: Scorer) -> None:
    shutil.rmtree(night.file().parent)


def without_it(night: Scorer) -> None:
    night.change(lambda rows: rows.slice(1))


def another(night: Scorer) -> None:
    night.change(
        lambda rows: rows.set_column(
            rows.schema.get_field_index("distance"),
            "distance",
            pa.array([1.5 + each for each in range(rows.num_rows)], pa.float64()),
        )
    )


def test_a_file_of_the_run_that_is_gone_is_named(night: Scorer) -> None:
    key = keys(night)[0]
    (file,) = Path(night.store.table_uri("predictions")).rglob("*.parquet")
    file.unlink()
    with pytest.raises(StoreError, match="the file is gone") as told:
        asked(night, key)
    assert file.name in told.value.line() and "assay fsck" in told.value.line()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (gone, "own cells are needed, and "),
        (without_it, "has no such row any more"),
        (another, "(?s)another now.*as published: prediction .*, probability 0.*prediction "),
    ],
)
def test_a_row_that_is_another_now_is_not_explained(night: Scorer, change: Any, words: str) -> None:
    key = pq.read_table(night.file())["parcel"][0].as_py()
    key = key if key in keys(night) else keys(night)[0]
    change(night)
    with pytest.raises(SourceError, match=words):
        asked(night, key)


def test_a_bundle_without_reasons_says_why(night: Scorer, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"unknown": "its answers are drawn at random"}
    bundle = night.pinned.bundle
    files = {name: data for name, data in bundle.files.items() if name != REASONS}
    manifest = replace(bundle.manifest, reasons=told)
    pinned = replace(night.pinned, bundle=replace(bundle, files=files, manifest=manifest))
    monkeypatch.setattr(why, "pin_run", lambda *given: pinned)
    with pytest.raises(ReasonsUnknown, match=r"docs/reasons.md.*drawn at random"):
        asked(night, keys(night)[0])


def test_neither_the_model_nor_the_sample_is_read(
    night: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bundle, "_loads", None)
    monkeypatch.setattr(Bundle, "sample", None)
    bundle = replace(night.pinned.bundle)
    assert reasons.explainer_of(bundle).against == "population"


def test_the_command_shows_writes_and_is_one_document(
    night: Scorer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    key, page = keys(night)[0], tmp_path / "why.html"
    given = ["why", "--key", str(key), "--root", str(night.root)]
    assert main([*given, "--top", "2", "--page", str(page)]) == 0
    told = capsys.readouterr().out
    assert f"parcel={key} of {NIGHT}" in told and "other features added" in told
    assert "<svg" in page.read_text() and "other features" in page.read_text()
    assert main([*given, "--json"]) == 0
    tree = json.loads(capsys.readouterr().out)
    added = sum(each["contribution"] for each in tree["reasons"])
    assert tree["raw"] == pytest.approx(tree["base"] + added, abs=1e-9)
    # Rows of data are for no repository.
    assert main([*given, "--page", str(night.root / "why.html")]) == UsageError.exit_code
    assert not (night.root / "why.html").exists()


def test_sensitive_cells_are_not_shown(night: Scorer, monkeypatch: pytest.MonkeyPatch) -> None:
    key = keys(night)[0]
    open_ = asked(night, key)
    name = open_.reasons[0].feature
    pinned = replace(
        night.pinned,
        bundle=replace(
            night.pinned.bundle,
            manifest=replace(night.pinned.bundle.manifest, sensitive=(name,)),
        ),
    )
    monkeypatch.setattr(why, "pin_run", lambda *given: pinned)
    found = asked(night, key)
    (hidden,) = [each for each in found.reasons if each.feature == name]
    assert hidden.value == MASK and hidden.contribution == open_.reasons[0].contribution
    assert name not in {each.feature for each in found.changes}


def test_a_key_that_is_there_twice_is_refused(
    night: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = keys(night)[0]
    published = Store.batches_with

    def twice(store: Store, *given: Any) -> Iterator[pa.RecordBatch]:
        yield from published(store, *given)
        yield from published(store, *given)

    monkeypatch.setattr(Store, "batches_with", twice)
    with pytest.raises(KeyUnknown, match="that of 2 published rows"):
        asked(night, key)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("", "no file can be written there"),
        ("reports/gate/index.html", "expected a path in exports/, or outside of the project"),
        ("store/why.html", "expected a path in exports/"),
    ],
)
def test_a_page_replaces_nothing_of_the_project(
    live: Path, tmp_path: Path, page: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["why", "--key", "1", "--root", str(live)]
    assert main([*given, "--page", str(live / page) if page else str(tmp_path)]) == 2
    assert words in capsys.readouterr().err
    assert main([*given, "--page", "/dev/null"]) == UsageError.exit_code
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("given", [["ann@example.com"], ["who=ann", "x=ann"], ["ann", "ann"]])
def test_what_was_typed_is_not_repeated_where_columns_are_private(
    night: Scorer, given: list[str]
) -> None:
    set_private(frozenset({"parcel"}))
    try:
        with pytest.raises(UsageError) as one:
            why.run(night.root, night.params, given)
        with pytest.raises(UsageError) as other:
            forget.run(night.root, night.params, given, None, "asked us to", True)
    finally:
        set_private(frozenset())
    assert MASK in one.value.line() and MASK in other.value.line()
    assert "ann" not in one.value.line() + other.value.line()
