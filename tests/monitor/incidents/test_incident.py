"""What counts as an incident, and what is said of it when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import DataError
from assay.monitor.incidents.alert import Alert, AlertsReport, Delivery, alerts, parse_alerts
from assay.monitor.incidents.collect import run_incidents
from assay.monitor.nights.night import Incident, Night
from assay.project.document import dumps

OPEN = Incident("drift-a", "drift", "open", "a", "b", ("x",), "x strayed")
OVER = replace(OPEN, state="recovered")


def nights(*states: Any) -> list[Night]:
    return [Night(str(number), each, note=f"{each}: why") for number, each in enumerate(states)]


def test_nights_that_nobody_could_publish_in_a_row_are_one_incident() -> None:
    found = run_incidents(nights("held", "failed", "published", "failed", "missing"))
    assert [(each.id, each.last, each.state) for each in found] == [
        ("run-0", "1", "open"),
        ("run-3", "3", "open"),
    ]
    assert found[0].sentence == (
        "2 nights from 0 to 1 have nothing published; 0 held: why; 1 failed: why"
    )
    assert found[1].sentence == "3 has nothing published: failed: why"


def step(now: list[Incident], before: list[Alert]) -> tuple[list[Alert], list[str]]:
    """What is remembered and what was sent, if all of it arrives."""
    found = alerts(now, before)
    news = [f"{each.incident.id} {each.incident.state}" for each in found if each.due]
    return [replace(each, told=each.incident.state) if each.due else each for each in found], news


def file(*found: Alert) -> str:
    return dumps(AlertsReport("n", found, None, Delivery(False)).document())


def test_said_once_when_it_opens_and_once_when_it_is_over() -> None:
    memory, news = step([OPEN], [])
    assert news == ["drift-a open"]
    memory, news = step([replace(OPEN, last="c")], memory)
    assert news == [] and memory[0].incident.last == "c"
    memory, news = step([OVER], memory)
    assert news == ["drift-a recovered"]
    memory, news = step([OVER], memory)
    assert news == []
    _, news = step([OPEN], memory)
    assert news == ["drift-a open"]


def test_nobody_hears_of_what_was_over_before_or_is_snoozed() -> None:
    memory, news = step([OVER, replace(OPEN, id="s", state="snoozed")], [])
    assert news == []
    assert [each.incident.id for each in memory] == ["s"]


def test_what_was_told_and_is_gone_is_over() -> None:
    memory, _ = step([OPEN, replace(OPEN, id="run-a", kind="run")], [])
    memory, news = step([], memory)
    assert news == ["drift-a recovered", "run-a recovered"]
    assert memory[1].incident.sentence == "its first night has been published or taken back"
    _, news = step([], memory)
    assert news == []


@given(
    st.lists(
        st.dictionaries(st.sampled_from("abc"), st.sampled_from(["open", "recovered", "snoozed"])),
        max_size=12,
    )
)
def test_open_and_over_take_turns(history: list[dict[str, Any]]) -> None:
    memory: list[Alert] = []
    said: dict[str, list[str]] = {}
    for night_ in history:
        now = [replace(OPEN, id=name, state=state) for name, state in night_.items()]
        memory, news = step(now, memory)
        # What is remembered survives the file.
        kept = parse_alerts(file(*memory))
        assert kept == tuple(memory)
        memory = list(kept)
        for each in news:
            name, state = each.split()
            said.setdefault(name, []).append(state)
        for name, state in night_.items():
            if state == "open":
                assert said[name][-1] == "open"
            if state == "recovered" and name in said:
                assert said[name][-1] == "recovered"
    for states in said.values():
        assert states == ["open", "recovered"] * (len(states) // 2) + ["open"] * (len(states) % 2)


def test_a_damaged_memory_says_what_deleting_it_means() -> None:
    with pytest.raises(DataError, match=r"reports/alerts\.json: .*Delete it: what is open will"):
        parse_alerts('{"schema": 2}')
    with pytest.raises(DataError, match="told is 'snoozed'"):
        parse_alerts(file(Alert(OPEN, "snoozed")))
