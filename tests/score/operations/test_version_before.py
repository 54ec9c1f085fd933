"""What the version before would have decided about a row, or one line that says why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.errors import BundleMissing
from assay.model.bundle import REASONS
from assay.score.operations import version_before, why
from assay.score.operations.version_before import Before, decide, pin_before
from tests.scorer import NIGHT, Scorer


def move(version: str, day: int, kind: str = "promote") -> Any:
    return SimpleNamespace(version=version, kind=kind, at=f"2024-03-{day:02}T00:00:00+00:00")


@pytest.mark.parametrize(
    ("moves", "day", "before"),
    [
        ([move("v1", 1)], 5, None),
        ([move("v1", 1), move("v2", 2)], 5, "v1"),
        ([move("v1", 1), move("v2", 2)], 1, None),
        ([move("v1", 1), move("v2", 2), move("v3", 3)], 5, "v1"),
        ([move("v2", 1), move("v1", 2), move("v1", 3), move("v2", 4)], 5, "v1"),
        ([move("v1", 1), move("v1", 2, "unassign"), move("v2", 3)], 5, "v1"),
        # A rollback to v2 came from v3.
        ([move("v1", 1), move("v2", 2), move("v3", 3), move("v2", 4, "rollback")], 5, "v3"),
        ([move("v1", 1), move("v2", 2), move("v3", 3), move("v2", 4, "rollback")], 3, "v1"),
    ],
)
def test_it_is_the_one_that_held_the_stage_before(
    monkeypatch: pytest.MonkeyPatch, moves: list[Any], day: int, before: str | None
) -> None:
    state = SimpleNamespace(histories={"prod": tuple(moves)}, find=lambda version: version)
    monkeypatch.setattr(version_before, "read_state", lambda *given: state)
    monkeypatch.setattr(version_before, "pin", lambda root, params, version: version)
    at = datetime(2024, 3, day, 12, tzinfo=UTC)
    record: Any = SimpleNamespace(
        version="v1" if len(moves) == 1 or (day == 1) else "v2", started_at=at
    )
    params: Any = SimpleNamespace(name="x", registry=SimpleNamespace(stage="prod"))
    found: Any = pin_before(None, params, record)  # type: ignore[arg-type]
    if before is None:
        assert found.unknown == f"no other version held the stage prod before {record.version}"
    else:
        assert found == before


def test_one_that_is_gone_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    moves = (move("v1", 1), move("v2", 2))
    state = SimpleNamespace(histories={"prod": moves}, find=lambda version: None)
    monkeypatch.setattr(version_before, "read_state", lambda *given: state)
    record: Any = SimpleNamespace(version="v2", started_at=None)
    params: Any = SimpleNamespace(name="x", registry=SimpleNamespace(stage="prod"))
    root: Any = None
    assert pin_before(root, params, record) == Before(
        "v1", unknown="v1 is no registered version any more"
    )

    def missing(*given: object) -> None:
        raise BundleMissing("there is no bundle here", where="models/x")

    state.find = lambda version: version
    monkeypatch.setattr(version_before, "pin", missing)
    found = pin_before(root, params, record)
    assert isinstance(found, Before) and found.unknown is not None
    assert found.unknown.startswith("v1 cannot be loaded (")
    assert "\n" not in found.unknown and "there is no bundle here" in found.unknown


@pytest.fixture
def row(scorer: Scorer) -> pa.Table:
    """A row that the contract keeps, and that has a prediction."""
    scorer.score()
    (key, *_) = scorer.store.predictions(NIGHT)["parcel"].to_pylist()
    rows = pq.read_table(scorer.file())
    return rows.filter(pa.compute.equal(rows["parcel"], key))


def test_it_says_what_it_would_have_published(
    scorer: Scorer, row: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = row["parcel"][0].as_py()
    alone = why.run(scorer.root, scorer.params, [str(key)])
    told = why.before_words(alone.before)
    assert "not known: no other version held the stage prod" in told
    # Asked as the version before, the same version says the same.
    monkeypatch.setattr(version_before, "pin_before", lambda *given: scorer.pinned)
    found = why.run(scorer.root, scorer.params, [str(key)])
    assert (found.before.prediction, found.before.score) == (found.prediction, found.score)
    assert found.before.reasons == found.reasons == alone.reasons
    strongest = found.reasons[0]
    assert f"for: {strongest.words} {strongest.contribution:+.4f}" in why.before_words(found.before)


def test_what_it_cannot_say_is_one_line(scorer: Scorer, row: pa.Table) -> None:
    pinned = scorer.pinned
    name = pinned.version.version
    assert decide(pinned, row.drop_columns(["weight"])).unknown == (
        f"the input lacks what {name} reads: weight"
    )
    at = row.schema.get_field_index("weight")
    refused = row.set_column(at, "weight", pa.array([-1.0]))
    assert str(decide(pinned, refused).unknown).startswith(f"{name} refuses the row: ")
    bundle = pinned.bundle
    files = {file: data for file, data in bundle.files.items() if file != REASONS}
    found = decide(replace(pinned, bundle=replace(bundle, files=files)), row)
    assert found.unknown is None and found.prediction is not None and found.reasons == ()
    assert "mostly for: unknown reasons (the reasons of this" in why.before_words(found)
