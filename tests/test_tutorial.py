"""The tutorial's page and its recording; tests/workflows/test_tutorial.py runs its commands."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from scripts import terminal_picture, tutorial

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"


@pytest.fixture
def events() -> list[tuple[float, str]]:
    head, *lines = (IMAGES / "tutorial.cast").read_text(encoding="utf-8").splitlines()
    assert json.loads(head)["version"] == 2
    return [(at, text) for at, kind, text in map(json.loads, lines) if kind == "o"]


def test_the_recording_is_of_the_page(events: list[tuple[float, str]]) -> None:
    """When the page changes: make recording."""
    told = [line.text.rstrip() for line in terminal_picture.lines(events)]
    starts, steps = [], tutorial.steps(tutorial.PAGE.read_text(encoding="utf-8"))
    for step in steps:
        for number, line in enumerate(step.commands.splitlines()):
            at = next(
                at
                for at in range(starts[-1] + 1 if starts else 0, len(told))
                if told[at] in (f"$ {line}", f"> {line}")
            )
            if not number:
                starts.append(at)
    for step, start, end in zip(steps, starts, [*starts[1:], len(told)], strict=True):
        assert tutorial.differences(step.shown, "\n".join(told[start:end])) == ()


def test_the_picture_is_of_the_recording(events: list[tuple[float, str]]) -> None:
    text = (IMAGES / "tutorial.svg").read_text(encoding="utf-8")
    assert len(text.encode()) < 200_000
    shown = "".join(ElementTree.fromstring(text).itertext())
    for line in ("$ dvc repro", "promoted: wind v0.1.0", "ended with 51"):
        assert line in shown
    assert [*times(events)] == sorted(times(events))


def times(events: list[tuple[float, str]]) -> list[float]:
    return [at for at, _ in events]


@pytest.mark.parametrize(
    ("shown", "missing"),
    [
        (["one", "two"], []),
        (["one", "three"], ["three"]),
        (["one", "...", "three  3"], []),
        (["t… 3", "four"], []),
        (["two", "one"], ["one"]),
        (["on"], ["on"]),
        (["th…"], []),
        (["four", "five"], ["five"]),
    ],
)
def test_a_page_that_shows_something_else_is_found(shown: list[str], missing: list[str]) -> None:
    assert [*tutorial.differences(shown, "one\n two\nthree 3\nfour\n")] == missing


def test_a_line_that_was_written_over_shows_as_it_was_at_last() -> None:
    events = [(0.0, "1 of 2\r\x1b[K2 of 2\r\x1b[Kdone\r\na\tb\r\n"), (1.0, "x")]
    told = [line.text for line in terminal_picture.lines(events)]
    assert told == ["done", "a       b", "x"]
