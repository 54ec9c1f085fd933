"""What counts as an incident, and what is said of it when."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import DataError
from assay.monitor.incidents import alert_state
from assay.monitor.incidents.alert_state import Alert, AlertHistory
from assay.monitor.incidents.collect import drift_incidents, incidents, run_incidents
from assay.monitor.nights.incident import Incident, ListedIncidents, read_incidents
from assay.monitor.nights.night import Night, NightDrift
from assay.project import jsonfile

OPEN = Incident("drift-a", "drift", "open", "a", "b", ("x",), "x strayed")
OVER = replace(OPEN, state="recovered")


def night(name: str, standing: str) -> Night:
    if standing in ("held", "failed", "missing"):
        return Night(name, standing, note=f"{standing}: why")  # type: ignore[arg-type]
    if standing == "unseen":
        return Night(name, "published")
    far = standing == "drift"
    reasons = (f"{name}: far", "more") if far else ()
    over = frozenset({f"column {name}"} if far else ())
    return Night(name, "published", drift=NightDrift("r", far, reasons, int(far), 2, {}, over))


def nights(*standings: str) -> list[Night]:
    return [night(str(number), each) for number, each in enumerate(standings)]


def test_one_incident_from_first_crossing_to_recovery() -> None:
    found = drift_incidents(nights("ok", "drift", "unseen", "drift", "failed", "ok", "drift"))
    assert [(each.id, each.state, each.first, each.last) for each in found] == [
        ("drift-1", "recovered", "1", "3"),
        ("drift-6", "open", "6", "6"),
    ]
    assert found[0].columns == ("column 1", "column 3")
    assert found[0].sentence == "3: far; and 1 more on 3 (2 nights)"


@given(st.lists(st.sampled_from(["ok", "drift", "unseen", "missing"]), max_size=30))
def test_an_incident_lasts_as_long_as_no_night_is_within(standings: list[str]) -> None:
    found = drift_incidents(nights(*standings))
    seen = [each for each in standings if each in ("ok", "drift")]
    begun = sum(
        now == "drift" and before != "drift"
        for before, now in zip(["ok", *seen], seen, strict=False)
    )
    assert len(found) == begun
    assert all(each.state == "recovered" for each in found[:-1])
    assert (bool(found) and found[-1].state == "open") == (seen[-1:] == ["drift"])


def test_nights_that_nobody_could_publish_in_a_row_are_one_incident() -> None:
    found = run_incidents(nights("held", "failed", "ok", "failed", "missing"))
    assert [(each.id, each.last, each.state) for each in found] == [
        ("run-0", "1", "open"),
        ("run-3", "3", "open"),
    ]
    assert found[0].sentence == (
        "2 nights from 0 to 1 have nothing published; 0 held: why; 1 failed: why"
    )
    assert found[1].sentence == "3 has nothing published: failed: why"


def listed(root: Path, *found: dict[str, Any]) -> None:
    path = root / "reports/incidents.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"schema": 1, "to": "2013-07-02", "incidents": found, "more": 1}))


def test_the_incident_file_is_read_and_keys_of_others_are_let_be(tmp_path: Path) -> None:
    assert read_incidents(tmp_path) == ListedIncidents()
    listed(tmp_path, {**OPEN.to_plain(), "rank": 3}, {**OVER.to_plain(), "id": "other"})
    assert read_incidents(tmp_path) == ListedIncidents(
        (OPEN, replace(OVER, id="other")), "2013-07-02"
    )


def test_nights_that_the_file_does_not_reach_speak_for_themselves(tmp_path: Path) -> None:
    listed(tmp_path, OPEN.to_plain())
    every = [night(f"2013-07-0{day}", "drift") for day in range(1, 5)]
    file = read_incidents(tmp_path)
    assert file.until == "2013-07-02"
    assert [each.id for each in incidents(file, every)] == ["drift-a", "drift-2013-07-03"]
    later = incidents(file, every, reached="2013-07-03")
    assert [each.id for each in later] == ["drift-a", "drift-2013-07-04"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"state": "closed"}, "incidents[0].state is 'closed', not one of open"),
        ({"columns": "x"}, "incidents[0].columns is a text, not a list"),
        ({"id": "z"}, "the id z is there twice"),
    ],
)
def test_a_damaged_incident_file_is_an_error(
    change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    listed(tmp_path, {**OPEN.to_plain(), **change}, {**OPEN.to_plain(), "id": "z"})
    with pytest.raises(DataError) as caught:
        read_incidents(tmp_path)
    assert "reports/incidents.json" in caught.value.line() and words in caught.value.line()


def step(
    now: list[Incident], before: list[Alert], until: str | None = None
) -> tuple[list[Alert], list[str]]:
    found = alert_state.alerts(now, until, before)
    new = alert_state.select_due(found)
    return alert_state.mark_sent(found, new), [
        f"{each.incident.id} {each.incident.state}" for each in new
    ]


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


def test_monitoring_old_nights_again_says_nothing_of_later_ones() -> None:
    now = replace(OPEN, id="2013-09-03-answers", first="2013-09-01", last="2013-09-20")
    over = replace(now, id="2013-08-03-data", first="2013-08-01", last="2013-08-09")
    memory, news = step([now, over], [], "2013-09-20")
    assert len(news) == 2
    over = replace(over, state="recovered")
    memory, news = step([now, over], memory, "2013-09-20")
    assert news == ["2013-08-03-data recovered"]
    # In July neither is known, and on the fifth of August the second was still open.
    memory, news = step([], memory, "2013-07-31")
    assert news == []
    memory, news = step([replace(over, state="open", last="2013-08-05")], memory, "2013-08-05")
    assert news == []
    memory, news = step([replace(now, state="recovered"), over], memory, "2013-09-30")
    assert news == ["2013-09-03-answers recovered"]


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
        kept = alert_state.parse_alerts(jsonfile.dumps(alert_state.document("n", memory, None, {})))
        assert kept == AlertHistory(tuple(memory))
        memory = list(kept.alerts)
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
        alert_state.parse_alerts('{"schema": 2}')
    with pytest.raises(DataError, match="told is 'snoozed'"):
        alert_state.parse_alerts(
            jsonfile.dumps(alert_state.document("n", [Alert(OPEN, "snoozed")], None, {}))
        )
