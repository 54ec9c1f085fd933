"""Documents are parsed once, and again as soon as they look different."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.monitor.nights import documents
from assay.monitor.nights.documents import read_documents
from assay.monitor.nights.night import NightDrift
from assay.monitor.nights.night_status import WORDS, MonitoringStatus
from assay.project import layout

NIGHT = "2024-03-01"


def document(partition: str = NIGHT, **changes: Any) -> dict[str, Any]:
    finding = {"column": "weight", "distance": 0.2, "limit": 0.1, "crossed": True}
    return {
        "partition": partition,
        "run_id": "r1",
        "crossed": True,
        "reasons": ["weight drifted"],
        "drifted": ["weight"],
        "features": 3,
        "findings": [finding],
        "standing": "drift",
        "incidents": [],
        "in_alarm": None,
        **changes,
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / layout.NIGHTS).mkdir(parents=True)
    return tmp_path


def put(root: Path, tree: dict[str, Any]) -> Path:
    path = root / layout.NIGHTS / f"{tree['partition']}.json"
    path.write_text(json.dumps(tree), encoding="utf-8")
    return path


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The nights whose documents were parsed."""
    found: list[str] = []
    real = documents.parse_drift

    def counted(tree: Any, partition: str) -> NightDrift:
        found.append(partition)
        return real(tree, partition)

    monkeypatch.setattr(documents, "parse_drift", counted)
    return found


def test_what_looks_the_same_is_parsed_once_and_says_the_same(
    root: Path, parsed: list[str]
) -> None:
    nights = [f"2024-03-{day:02}" for day in range(1, 6)]
    for night in nights:
        put(root, document(night))
    first = read_documents(root)
    again = read_documents(root)
    assert parsed == nights and list(again) == nights
    assert {night: each.drift for night, each in again.items()} == {
        night: each.drift for night, each in first.items()
    }
    assert {night: each.text for night, each in again.items()} == {
        night: each.text for night, each in first.items()
    }


def test_a_document_that_changed_came_or_went_is_seen(root: Path, parsed: list[str]) -> None:
    path = put(root, document())
    gone = put(root, document("2024-03-02"))
    read_documents(root)
    parsed.clear()
    os.utime(put(root, document(run_id="r2")), ns=(1, 1))
    gone.unlink()
    put(root, document("2024-03-03"))
    found = read_documents(root)
    assert list(found) == parsed == [NIGHT, "2024-03-03"]
    assert found[NIGHT].drift is not None and found[NIGHT].drift.run_id == "r2"
    # Of the same size, in place, within one tick of a clock: another time of change is enough.
    path.write_text(path.read_text().replace("r2", "r3"), encoding="utf-8")
    again = read_documents(root)[NIGHT].drift
    assert again is not None and again.run_id == "r3"


def test_a_damaged_document_is_never_kept(root: Path) -> None:
    path = put(root, document())
    path.write_text("{", encoding="utf-8")
    for _ in range(2):
        found = read_documents(root)[NIGHT]
        assert found.drift is None and "monitor the night again" in found.words
    put(root, document())
    assert read_documents(root)[NIGHT].drift is not None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"r1", true', '"r1", false'),  # what somebody would like it to say
        ('["weight drifted"]', "[1]"),
        ('"drift"', '"fine"'),
        (r"[^\n]*\n", "0\n"),
        (r"\{.*", "{"),
        (r"\{.*", "[]"),
        (r"(?s).*", ""),
        (r"(?s).*", "null"),
    ],
)
def test_what_was_kept_and_then_changed_counts_for_nothing(
    root: Path, before: str, after: str
) -> None:
    put(root, document())
    expected, file = read_documents(root)[NIGHT].drift, root / documents.KEPT
    kept = file.read_text(encoding="utf-8")
    plain = before if before.startswith(("[^", "(", "\\")) else re.escape(before)
    changed, times = re.subn(plain, lambda _: after, kept, count=1)
    assert times == 1 and changed != kept
    file.write_text(changed, encoding="utf-8")
    assert documents.read_kept(root) == {}
    assert read_documents(root)[NIGHT].drift == expected
    assert f"{NIGHT}.json" in documents.read_kept(root)


def test_what_another_form_of_assay_kept_counts_for_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(root, document())
    read_documents(root)
    monkeypatch.setattr(documents, "FORM", documents.FORM + 1)
    assert documents.read_kept(root) == {}


def test_what_makes_no_sense_in_the_right_form_counts_for_nothing(root: Path) -> None:
    put(root, document())
    file = root / documents.KEPT
    file.parent.mkdir()
    for body in ("[]", '{"a": [[1, 2, 3]]}', '{"a": 1}', "{"):
        file.write_text(f"{documents._digest(body)}\n{body}", encoding="utf-8")
        assert documents.read_kept(root) == {}


def test_a_folder_that_cannot_be_written_to_costs_time_only(root: Path) -> None:
    put(root, document())
    (root / layout.WORK).write_text("a file where the folder should be")
    assert read_documents(root)[NIGHT].drift is not None


words = st.text(max_size=5)
drifts = st.builds(
    NightDrift,
    run_id=words,
    crossed=st.booleans(),
    reasons=st.lists(words, max_size=3).map(tuple),
    drifted=st.integers(0, 9),
    features=st.integers(0, 9),
    times=st.dictionaries(words, st.none() | st.floats(allow_nan=False), max_size=3),
    over=st.frozensets(words, max_size=3),
    stand=st.none()
    | st.builds(
        MonitoringStatus, st.sampled_from([*WORDS]), st.lists(words, max_size=2).map(tuple)
    ),
    in_alarm=st.none() | st.lists(words, max_size=3).map(tuple),
)


@given(st.dictionaries(words, st.tuples(st.tuples(*[st.integers()] * 3), drifts), max_size=4))
def test_what_is_kept_comes_back(
    tmp_path_factory: pytest.TempPathFactory, entries: dict[str, documents.Entry]
) -> None:
    root = tmp_path_factory.mktemp("kept")
    documents.keep(root, entries)
    assert documents.read_kept(root) == entries
