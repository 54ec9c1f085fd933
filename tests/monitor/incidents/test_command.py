"""``assay alert`` end to end: a real store, a real server, files that survive."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay.cli.result import to_json
from assay.cli.show import monitoring
from assay.errors import AlertUndelivered, DataError, LimitCrossed, ParamsError
from assay.monitor import monitor_nights
from assay.monitor.incidents import alert as command
from assay.project.params import Alerts, Params, parse
from assay.project.params.monitoring import Budget, Snooze

NIGHT = "2013-02-01"
SECRET = "s3cr3t-token"


@pytest.fixture
def project(project: Any) -> Any:
    """One quiet night ends an incident, and that of the features is known."""
    known = Snooze(column="x", because="a test", owner="ops", until="2013-12-31")
    changed = {"budget": Budget(nights=1, of=1), "snooze": (known,), "evidently": "never"}
    monitor = project.params.monitor.model_copy(update=changed)
    project.params = project.params.model_copy(update={"monitor": monitor})
    return project


@pytest.fixture
def params(project: Any, hook: Any, monkeypatch: pytest.MonkeyPatch) -> Params:
    monkeypatch.setenv("ASSAY_TEST_HOOK", hook.url)
    webhook = {"url_env": "ASSAY_TEST_HOOK", "timeout_s": 0.5, "retries": 0}
    given: Params = project.params
    return given.model_copy(update={"alerts": Alerts.model_validate({"webhook": webhook})})


def alerts(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "reports/alerts.json").read_text(encoding="utf-8"))
    return found


def drifted(project: Any) -> None:
    project.score(NIGHT, "run-1", shift=2.0)
    with pytest.raises(LimitCrossed):
        monitor_nights.run(project.root, project.params, NIGHT, NIGHT)


def test_without_a_webhook_there_are_files(project: Any) -> None:
    drifted(project)
    project.log("2013-02-02", "run-2", "held", detail="too many rows")
    found = command.run(project.root, project.params)
    told = alerts(project.root)
    assert json.loads(to_json(found)) == told
    first, *_ = monitoring.alert_lines(found)
    assert str(first).startswith("open: ")
    assert told["open"] == 2
    drift, run = (each for each in told["alerts"] if each["state"] == "open")
    assert (drift["id"], drift["kind"], drift["state"]) == (f"{NIGHT}-answers", "drift", "open")
    assert "probability" in drift["columns"]
    assert run["sentence"] == "2013-02-02 has nothing published: held: too many rows"
    assert told["delivery"] == {
        "webhook": False,
        "function": None,
        "sent": [],
        "waiting": 0,
        "problem": None,
    }
    markdown = (project.root / "reports/incident.md").read_text(encoding="utf-8")
    assert markdown.startswith("# late-flights: 2 open incidents\n")


def test_a_function_of_ones_own_is_no_webhook(project: Any) -> None:
    own = Alerts.model_validate({"function": "data.alerts.page"})
    found = command.run(project.root, project.params.model_copy(update={"alerts": own}))
    delivery = json.loads(to_json(found))["delivery"]
    assert (delivery["webhook"], delivery["function"]) == (False, "data.alerts.page")


def test_a_webhook_hears_once_when_it_opens_and_once_when_it_is_over(
    project: Any, params: Params, hook: Any
) -> None:
    drifted(project)
    command.run(project.root, params)
    command.run(project.root, params)
    (body,) = hook.bodies
    assert (body["event"], body["key"]) == ("opened", f"{NIGHT}-answers:open")
    assert hook.headers[0]["Idempotency-Key"] == f"{NIGHT}-answers:open"
    assert alerts(project.root)["alerts"][0]["told"] == "open"
    project.score("2013-02-02", "run-2")
    monitor_nights.run(project.root, params, "2013-02-02", "2013-02-02")
    command.run(project.root, params)
    assert [each["event"] for each in hook.bodies] == ["opened", "recovered"]


@pytest.mark.parametrize("how", ["hangs", "breaks off"])
def test_what_did_not_arrive_waits_for_the_next_call(
    how: str,
    project: Any,
    params: Params,
    hook: Any,
    behaviour: dict[str, Callable[..., None]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    drifted(project)
    hook.answers = [behaviour[how]]
    with pytest.raises(AlertUndelivered) as caught:
        command.run(project.root, params)
    assert caught.value.exit_code == 60
    assert "ASSAY_TEST_HOOK" in caught.value.line() and "1 waiting" in caught.value.line()
    assert alerts(project.root)["alerts"][0]["told"] is None
    hook.answers = [200]
    command.run(project.root, params)
    assert hook.bodies[-1]["key"] == f"{NIGHT}-answers:open"
    assert alerts(project.root)["delivery"]["sent"] == [f"{NIGHT}-answers:open"]
    # No file and nothing on the terminal holds what the address holds.
    everything = [path.read_bytes() for path in project.root.rglob("*") if path.is_file()]
    assert not any(SECRET.encode() in text for text in everything)
    assert SECRET not in "".join(capsys.readouterr()) + caught.value.line()


def test_a_message_that_is_refused_does_not_stop_the_others(
    project: Any, params: Params, hook: Any
) -> None:
    drifted(project)
    project.log("2013-02-02", "run-2", "failed", detail="disk full")
    hook.answers = [400, 200]
    with pytest.raises(AlertUndelivered, match="it answered 400"):
        command.run(project.root, params)
    assert alerts(project.root)["delivery"]["sent"] == ["run-2013-02-02:open"]
    with pytest.raises(AlertUndelivered, match="1 waiting"):
        hook.answers = [400]
        command.run(project.root, params)
    assert hook.bodies[-1]["key"] == f"{NIGHT}-answers:open"


def test_a_server_that_is_down_is_tried_for_one_message_only(
    project: Any, params: Params, hook: Any
) -> None:
    drifted(project)
    project.log("2013-02-02", "run-2", "failed", detail="disk full")
    hook.answers = [503]
    with pytest.raises(AlertUndelivered, match="2 waiting"):
        command.run(project.root, params)
    assert len(hook.bodies) == 1


def test_the_address_is_not_set(
    project: Any, params: Params, hook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    drifted(project)
    monkeypatch.setenv("ASSAY_TEST_HOOK", f"hooks/{SECRET}")
    with pytest.raises(AlertUndelivered, match="ASSAY_TEST_HOOK is of no use") as caught:
        command.run(project.root, params)
    assert SECRET not in caught.value.line()
    monkeypatch.delenv("ASSAY_TEST_HOOK")
    with pytest.raises(AlertUndelivered, match="ASSAY_TEST_HOOK is not set"):
        command.run(project.root, params)
    # Where nobody is to be told, nothing waits.
    assert command.run(project.root, project.params).delivery.waiting == 0
    monkeypatch.setenv("ASSAY_TEST_HOOK", hook.url)
    command.run(project.root, params)
    assert len(hook.bodies) == 1


def test_slack_s_shape(project: Any, params: Params, hook: Any) -> None:
    drifted(project)
    webhook = params.alerts.webhook
    assert webhook is not None
    slack = params.alerts.model_copy(
        update={"webhook": webhook.model_copy(update={"shape": "slack"})}
    )
    command.run(project.root, params.model_copy(update={"alerts": slack}))
    (body,) = hook.bodies
    assert set(body) == {"text", "blocks"}


def test_a_damaged_memory_is_an_error_before_anything_is_sent(
    project: Any, params: Params, hook: Any
) -> None:
    drifted(project)
    (project.root / "reports/alerts.json").write_text("[]")
    with pytest.raises(DataError, match=r"reports/alerts\.json"):
        command.run(project.root, params)
    assert hook.bodies == []


def test_monitor_tells_and_keeps_its_own_code(
    project: Any, params: Params, hook: Any, caplog: pytest.LogCaptureFixture
) -> None:
    project.score(NIGHT, "run-1", shift=2.0)
    hook.answers = [503]
    with pytest.raises(LimitCrossed):
        monitor_nights.run(project.root, params, NIGHT, NIGHT, notify=True)
    assert "reports/alerts.json: the webhook of $ASSAY" in caplog.text
    project.score("2013-02-02", "run-2")
    project.log("2013-02-03", "run-3", "failed", detail="disk full")
    with pytest.raises(AlertUndelivered):
        monitor_nights.run(project.root, params, "2013-02-02", "2013-02-02", notify=True)
    hook.answers = [200]
    monitor_nights.run(project.root, params, "2013-02-02", "2013-02-02", notify=True)
    # The drift began and ended while nobody could be told, the failed night lasts.
    keys = [each["key"] for each in hook.bodies]
    assert keys == [f"{NIGHT}-answers:open", "run-2013-02-03:open", "run-2013-02-03:open"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("{url_env: 'https://x'}", "alerts.webhook.url_env"),
        ("{shape: slack}", "alerts.webhook.url_env"),
        ("{url_env: A, shape: teams}", "alerts.webhook.shape"),
        ("{url_env: A, timeout_s: 0}", "alerts.webhook.timeout_s"),
        ("{url_env: A, url: x}", "alerts.webhook.url"),
    ],
)
def test_mistakes_in_params_are_named(given: str, words: str, params_text: str) -> None:
    with pytest.raises(ParamsError) as caught:
        parse(f"{params_text}alerts: {{webhook: {given}}}\n", "params.yaml")
    assert any(words in line for line in caught.value.lines())
