"""Prefect's flow and Dagster's job, run with stand-ins that take what theirs take, and no more.

scripts/platform_api.py reads those names from their wheels.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from assay.errors.codes import ANSWERS
from assay.ops.deploy.target import RETRIED, final_codes
from tests.ops.deploy.given import NASTY, project, texts

API = json.loads(Path(__file__).with_name("platform_api.json").read_text(encoding="utf-8"))
FILE = "late_flights_nightly.py"


def check(name: str, given: dict[str, Any]) -> dict[str, Any]:
    unknown = given.keys() - {*API[name]["takes"]}
    if unknown:
        raise TypeError(f"{name} takes no {unknown}")
    return given


class Retried(Exception):
    """Dagster's `RetryRequested`."""

    def __init__(self, **given: Any) -> None:
        super().__init__()
        self.given = check("RetryRequested", given)


class Failed(Exception):
    """Dagster's `Failure`."""

    def __init__(self, what: str, **given: Any) -> None:
        super().__init__(what)
        assert check("Failure", given) == {"allow_retries": False}


def prefect(text: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the file gives to Prefect, by the name of what it calls, and its functions."""
    noted: dict[str, Any] = {}

    def decorator(name: str) -> Callable[..., Any]:
        def take(**given: Any) -> Callable[[Any], Any]:
            noted[name] = check(name, given)
            return mark

        return take

    def mark(function: Any) -> Any:
        function.serve = lambda **given: noted.update(serve=check("Flow.serve", given))
        return function

    module = ModuleType("prefect")
    vars(module).update(flow=decorator("FlowDecorator.__call__"), task=decorator("task"))
    monkeypatch.setitem(sys.modules, "prefect", module)
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, "flow.py", "exec"), names)
    return {**noted, "night": names["nightly"], "MayPass": names["MayPass"]}


def dagster(text: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """As `prefect`."""
    noted: dict[str, Any] = {}

    def note(name: str) -> Callable[..., Any]:
        return lambda **given: noted.setdefault(name, check(name, given))

    module = ModuleType("dagster")
    vars(module).update(
        op=lambda function: function,
        job=lambda **given: (note("job")(**given), lambda function: function)[1],
        ScheduleDefinition=note("ScheduleDefinition"),
        Definitions=note("Definitions.__new__"),
        DefaultScheduleStatus=SimpleNamespace(RUNNING="running"),
        RetryRequested=Retried,
        Failure=Failed,
    )
    monkeypatch.setitem(sys.modules, "dagster", module)
    names: dict[str, Any] = {"__name__": "defs"}
    exec(compile(text, "defs.py", "exec"), names)
    return {**noted, "night": names["night"]}


READERS = {"prefect": prefect, "dagster": dagster}


def fake(tmp_path: Path, code: int) -> str:
    """A clone, whose `assay` ends with a code; its folder."""
    place = tmp_path / NASTY.removeprefix("/srv/").replace("/", "_")
    tools = place / ".venv" / "bin"
    tools.mkdir(parents=True, exist_ok=True)
    (tools / "assay").write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >calls\nexit {code}\n')
    (tools / "assay").chmod(0o755)
    return str(place)


def test_prefect_takes_what_the_file_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    found = prefect(texts(project(retries=1), "prefect")[FILE], monkeypatch)
    assert (found["task"]["retries"], found["task"]["retry_delay_seconds"]) == (1, 300)
    assert found["serve"] == {"name": "late-flights", "cron": "17 5 * * *", "limit": 1}


def test_dagster_takes_what_the_file_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    found = dagster(texts(project(), "dagster")[FILE], monkeypatch)
    assert found["job"]["name"] == "late_flights_nightly"  # Dagster's names have no hyphens
    given = found["ScheduleDefinition"]
    assert (given["cron_schedule"], given["execution_timezone"]) == ("17 5 * * *", "UTC")
    assert given["default_status"] == "running"


@pytest.mark.parametrize(
    ("target", "right", "wrong"),
    [
        ("prefect", "retry_condition_fn", "retry_condition"),
        ("prefect", "limit=1", "limits=1"),
        ("dagster", "cron_schedule", "cron"),
        ("dagster", "schedules=[", "schedule=["),
    ],
)
def test_what_they_do_not_know_would_be_told(
    monkeypatch: pytest.MonkeyPatch, target: str, right: str, wrong: str
) -> None:
    text = texts(project(), target)[FILE]
    assert right in text
    with pytest.raises(TypeError, match=wrong.partition("=")[0]):
        READERS[target](text.replace(right, wrong), monkeypatch)


@pytest.mark.parametrize("target", READERS)
def test_answers_are_fine_and_only_what_may_pass_is_tried_again(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = READERS[target](texts(project(folder=fake(tmp_path, 0)), target)[FILE], monkeypatch)
    night = found["night"]
    for code in (0, *ANSWERS, *RETRIED, *final_codes()):
        place = fake(tmp_path, code)
        if code in (0, *ANSWERS):
            assert night() == code
            assert Path(place, "calls").read_text().split() == ["nightly", "--pull"]
            continue
        with pytest.raises(Exception, match=rf"{code}|^$") as caught:
            night()
        if target == "prefect":
            state = SimpleNamespace(result=lambda raise_on_failure: caught.value)
            again = found["task"]["retry_condition_fn"](None, None, state)
        else:
            again = isinstance(caught.value, Retried)
        assert again is (code in RETRIED)


@pytest.mark.parametrize("target", READERS)
def test_a_night_that_never_ends_is_ended(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = fake(tmp_path, 0)
    Path(place, ".venv/bin/assay").write_text("#!/bin/sh\nexec sleep 60\n")
    text = texts(project(folder=place), target)[FILE].replace('"14400"', '"0.2"')
    with pytest.raises(Exception, match="124"):
        READERS[target](text, monkeypatch)["night"]()
