"""`assay forget` takes a key or a file of keys, and says where rows may still be."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.cli.__main__ import main
from assay.errors import KeyUnknown, NothingScored, UsageError
from assay.ops import forget
from assay.ops.forget import ForgetReport
from assay.score.operations import export
from assay.store import forget as rows_of_keys
from assay.store.exports import Exported
from tests.scorer import NIGHT, Scorer
from tests.shown import show


@pytest.fixture
def scorer(live: Path) -> Scorer:
    return Scorer(live, None)


@pytest.fixture
def night(scorer: Scorer) -> Scorer:
    scorer.score()
    return scorer


def keys(scorer: Scorer) -> list[int]:
    found: list[int] = scorer.store.predictions(NIGHT)["parcel"].to_pylist()
    return found


@pytest.fixture
def forgotten(night: Scorer) -> Callable[..., ForgetReport]:
    def run(*given: str, file: Path | None = None, dry_run: bool = False) -> ForgetReport:
        return forget.run(night.root, night.params, given, file, "asked us to", dry_run)

    return run


def test_a_key_is_forgotten_and_what_is_left_is_said(
    night: Scorer, forgotten: Callable[..., ForgetReport]
) -> None:
    first, *others = keys(night)
    (night.root / "exports").mkdir()
    run = night.store.visible_run(NIGHT)
    assert run and night.store.append_export("csv:/elsewhere", Exported(NIGHT, run, 1))
    done = forgotten(f"parcel={first}")
    assert keys(night) == others
    assert (done.keys, done.unknown, done.rows) == (1, 0, {"predictions": 1})
    assert done.nights == (NIGHT,) and len(done.rewritten) == 1
    left = {each.where.split(":")[0].split(",")[0]: each.how for each in done.left}
    assert {"score.input in params.yaml", "git's history", "exports"} <= left.keys()
    assert {"backups and snapshots of the store", "csv"} <= left.keys()
    assert left["counts of 1 night"].startswith("assay score --force")


def test_what_is_half_written_is_named_until_it_is_a_day_old(
    night: Scorer, forgotten: Callable[..., ForgetReport], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(night.store.table_uri("predictions"), f"{night.store.column}={NIGHT}")
    half = folder / ".2x-0.0.parquet.943"
    half.write_bytes(b"PAR1 half")
    done = forgotten(f"parcel={keys(night)[0]}")
    assert done.left[0].where.startswith(f"predictions/{folder.name}/{half.name}, half-written")
    assert "once it is 24 hours old" in done.left[0].how
    show("forget", done)
    assert "waiting" not in capsys.readouterr().out
    forget.vacuum(night.root, night.params)
    assert half.exists()
    os.utime(half, (0, 0))
    forget.vacuum(night.root, night.params)
    assert not half.exists()


def test_the_night_can_be_exported_without_the_row(
    night: Scorer, forgotten: Callable[..., ForgetReport], tmp_path: Path
) -> None:
    first, *others = keys(night)
    forgotten(f"parcel={first}")
    done = export.run(night.root, night.params, NIGHT, f"csv:{tmp_path / 'night.csv'}")
    assert done.rows == len(others)


def test_a_file_of_keys_may_have_some_that_nobody_has(
    night: Scorer, forgotten: Callable[..., ForgetReport], tmp_path: Path
) -> None:
    first, second, *others = keys(night)
    file = tmp_path / "whose.csv"
    file.write_text(f"parcel\n{first}\n{second}\n{first}\n999999999\n")
    done = forgotten(file=file)
    assert (done.keys, done.unknown) == (3, 1) and keys(night) == others


def test_a_night_that_is_forgotten_again_says_when_it_was(
    night: Scorer, forgotten: Callable[..., ForgetReport]
) -> None:
    key = str(keys(night)[0])
    assert forgotten(key, dry_run=True).forgotten_before is None
    assert forgotten(key).forgotten_before is None
    again = forgotten(key)
    assert again.forgotten_before and again.rows == {} and again.deleted == ()


def test_targets_of_exports_are_named_again_and_for_former_versions(
    night: Scorer, forgotten: Callable[..., ForgetReport]
) -> None:
    first, second, *_ = keys(night)
    run = night.store.visible_run(NIGHT)
    assert run and night.store.append_export("csv:/elsewhere", Exported(NIGHT, run, 1))
    forgotten(f"parcel={first}")
    again = forgotten(f"parcel={first}")
    assert "csv:/elsewhere, which assay export may have given such a night" in [
        each.where for each in again.left
    ]
    night.store.retract(run, "Ada", "another day's")
    done = forgotten(f"parcel={second}")
    assert done.nights == () and done.deleted
    assert "csv:/elsewhere, which assay export gave such a night" in [
        each.where for each in done.left
    ]


def test_one_that_was_killed_at_its_very_end_is_completed(
    night: Scorer, forgotten: Callable[..., ForgetReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = str(keys(night)[0])
    with monkeypatch.context() as patch:
        patch.setattr(rows_of_keys, "end_acts", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            forgotten(key)
    assert [each.table for each in night.store.check()] == ["forgotten"]
    with pytest.raises(KeyUnknown):
        forgotten("999999999")
    done = forgotten(key)
    assert done.resumed and done.rows == {} and night.store.check() == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["999999999"], "no row of the store has this key"),
        (["colour=red"], "expected at least one of --key parcel=VALUE, found colour)"),
        (["day=2024-03-01"], "expected at least one of --key parcel=VALUE, found day)"),
        (["colour=red", "parcel=1"], "at least one of --key parcel=VALUE, found colour, parcel"),
        (["parcel=x"], "expected an integer type, found x"),
        (["parcel="], "found nothing"),
        (["parcel=1", "parcel=2"], "found parcel=1 parcel=2). Put several keys into a file"),
        ([], "--key or --keys FILE, one of them"),
    ],
)
def test_what_cannot_be_forgotten_is_one_line(
    night: Scorer, forgotten: Callable[..., ForgetReport], given: list[str], said: str
) -> None:
    before = keys(night)
    with pytest.raises((KeyUnknown, UsageError)) as error:
        forgotten(*given)
    assert said in error.value.line()
    assert keys(night) == before and night.store.forget_acts() == []


def test_a_file_of_no_keys_is_refused(
    night: Scorer, forgotten: Callable[..., ForgetReport], tmp_path: Path
) -> None:
    (tmp_path / "keys.csv").write_text("parcel\n")
    with pytest.raises(UsageError, match=r"keys.csv: it has no rows \(expected a row for each key"):
        forgotten(file=tmp_path / "keys.csv")
    with pytest.raises(UsageError, match=f"--keys {tmp_path}: .*found a folder"):
        forgotten(file=tmp_path)


def test_an_empty_store_has_nothing_to_forget(scorer: Scorer) -> None:
    with pytest.raises(NothingScored):
        forget.run(scorer.root, scorer.params, ["1"], None, "asked us to")


def test_the_command_says_it(night: Scorer, capsys: pytest.CaptureFixture[str]) -> None:
    key = keys(night)[0]
    asked = ["forget", "--root", str(night.root), "--key", str(key), "--because", "asked us to"]
    assert main([*asked, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == {"predictions": 1}
    assert key in keys(night)
    assert main(asked) == 0
    shown = capsys.readouterr().out
    assert "git filter-repo" in shown and key not in keys(night)
