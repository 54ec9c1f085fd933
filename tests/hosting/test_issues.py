"""One issue, open while an incident is, and fixed after any failure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from markdown_it import MarkdownIt

from assay.cli.__main__ import main
from assay.cli.result import to_json
from assay.errors import CodeHostFailed, LimitCrossed
from assay.hosting.hosts import GitHub, Host
from assay.hosting.issues import LABEL, SHOWN, keep_issue, mirror, render_issue
from assay.monitor import monitor_nights
from assay.monitor.incidents import alert as command
from assay.monitor.incidents.collect import AllNights
from assay.monitor.nights.night import Incident, Night
from assay.project.params.monitoring import Budget
from tests.code_host import TOKEN, CodeHost

NAME = "late-flights"
DRIFT = Incident(
    "2013-09-02-answers", "drift", "open", "2013-09-02", "2013-09-04", ("probability",),
    "probability: distance 0.21, limit 0.10",
)  # fmt: skip
HELD = Incident(
    "run-2013-09-05", "run", "open", "2013-09-05", "2013-09-05", (),
    "2013-09-05 has nothing published: held: too many rows",
)  # fmt: skip
NIGHTS = (Night("2013-09-05", "held", run_id="r1", note="held: too many rows", held="r1"),)


def known(*incidents: Incident) -> AllNights:
    return AllNights(NIGHTS, incidents, "2013-09-05")


def told(host: Host, *incidents: Incident) -> str:
    return mirror(host, NAME, known(*incidents))


def state(server: CodeHost) -> list[tuple[str, str]]:
    return [(each["title"], each["state"]) for each in server.issues.values()]


def writes(server: CodeHost) -> int:
    return sum(not each.startswith("GET") for each in server.lines())


def test_one_issue_says_all_that_is_open_and_nothing_more_while_nothing_changes(
    host: Host, server: CodeHost
) -> None:
    assert told(host) == "unchanged" and not server.issues
    assert told(host, DRIFT, HELD, replace(DRIFT, id="s", state="snoozed")) == "opened"
    assert state(server) == [(f"{NAME}: 2 open incidents since 2013-09-02", "open")]
    (issue,) = server.issues.values()
    assert issue["labels"] == [{"name": LABEL}]
    assert "- columns: probability" in issue["body"]
    assert "`assay release r1 --because WHY`" in issue["body"]
    before = writes(server)
    issue["body"] += "\nAda looks into it."
    assert told(host, DRIFT, HELD) == "unchanged" and writes(server) == before
    assert told(host, replace(DRIFT, sentence="distance 0.30"), HELD) == "updated"
    assert "distance 0.30" in issue["body"] and "Ada" not in issue["body"]


def test_it_is_closed_when_all_is_over_and_opened_again_with_the_next(
    host: Host, server: CodeHost
) -> None:
    told(host, DRIFT)
    over = replace(DRIFT, state="recovered")
    assert [told(host, over), told(host, over), told(host)] == ["closed", "unchanged", "unchanged"]
    (issue,) = server.issues.values()
    assert issue["state"] == "closed" and "No incident is open." in issue["body"]
    assert told(host, over, HELD) == "reopened"
    assert state(server) == [(f"{NAME}: 1 open incident since 2013-09-05", "open")]


def test_what_a_person_closed_stays_closed_until_something_changes(
    host: Host, server: CodeHost
) -> None:
    told(host, DRIFT)
    (issue,) = server.issues.values()
    issue["state"] = "closed"
    assert told(host, DRIFT) == "unchanged"
    assert told(host, replace(DRIFT, last="2013-09-06")) == "reopened"


def test_a_machine_that_knows_nothing_closes_nothing(host: Host, server: CodeHost) -> None:
    told(host, DRIFT)
    assert mirror(host, NAME, AllNights(())) == "unknown"
    assert [each for _, each in state(server)] == ["open"]


def test_other_issues_are_left_alone(host: Host, server: CodeHost) -> None:
    title, body = render_issue("another project", [HELD], known(HELD))
    server.issue(title, body, LABEL)
    server.issue("of a person", "no marker", LABEL)
    server.issue("without the label", render_issue(NAME, [HELD], known(HELD))[1])
    assert told(host) == "unchanged"
    assert {each for _, each in state(server)} == {"open"}


def test_a_pull_request_with_the_label_is_no_issue(hub: GitHub, server: CodeHost) -> None:
    body = render_issue(NAME, [HELD], known(HELD))[1]
    server.issue("a pull request", body, LABEL, pull_request={})
    assert told(hub, HELD) == "opened"


def test_two_calls_at_once_leave_two_until_the_next_one(host: Host, server: CodeHost) -> None:
    server.most = 1  # each on a page of its own
    for _ in range(2):
        server.issue(*render_issue(NAME, [HELD], known(HELD)), LABEL)
    assert told(host, HELD) == "unchanged"
    assert [each for _, each in state(server)] == ["open", "closed"]


@pytest.mark.parametrize("how", [500, ("after", 502), ("after", 500)])
@pytest.mark.parametrize("line", ["POST", "P(ATCH|UT)", "GET"])
def test_each_request_may_fail_and_the_next_call_fixes_it(
    host: Host, server: CodeHost, line: str, how: Any
) -> None:
    """No issue is opened twice."""
    server.fail(line, how, how, how, how)
    for incidents in ((HELD,), (DRIFT, HELD)):
        for _ in range(5):
            try:
                told(host, *incidents)
                break
            except CodeHostFailed as error:
                assert TOKEN not in error.line()
    assert state(server) == [(f"{NAME}: 2 open incidents since 2013-09-02", "open")]


def test_a_label_that_is_dropped_does_not_open_an_issue_each_night(
    hub: GitHub, server: CodeHost
) -> None:
    made = server.issue
    server.issue = lambda title, body, *labels: made(title, body)  # type: ignore[method-assign]
    with pytest.raises(CodeHostFailed, match="may open issues but not label them"):
        told(hub, HELD)
    assert [each for _, each in state(server)] == ["closed"]


@pytest.mark.parametrize(
    "text",
    [
        "-->",
        "<img src=x>",
        "@ada fixes #1",
        "a | b",
        "x\n/close\ny",
        "`x`",
        "\u202e",
        "[a](http://b)",
    ],
)
def test_names_from_data_are_only_read(host: Host, server: CodeHost, text: str) -> None:
    drift = replace(DRIFT, id=text, first=text, last=text, columns=(text,), sentence=text)
    title, body = render_issue(text, [drift], known(drift))
    head, _, shown = body.partition("\n")
    assert head.endswith(" -->") and "-->" not in head[:-3] and "\n" not in title
    assert "\u202e" not in shown
    assert not any(line.startswith("/") for line in shown.splitlines())
    inline = [each for each in MarkdownIt().parse(shown) if each.type == "inline"]
    tokens = [token for each in inline for token in each.children or []]
    assert not {token.type for token in tokens} & {"html_inline", "link_open", "image"}
    assert not any("@ada" in token.content for token in tokens if token.type == "text")
    assert "@ada" not in title and "#1" not in title
    found = [mirror(host, text, known(drift)) for _ in range(2)]
    assert found == ["opened", "unchanged"]


def test_what_is_long_is_cut() -> None:
    nights = tuple(Night(f"n{n:03}", "failed", note="x" * 400) for n in range(200))
    long = replace(HELD, first="n000", last="n199", sentence="y" * 9000)
    title, body = render_issue("p" * 400, [long] * (SHOWN + 5), AllNights(nights))
    assert len(title) <= 200 and body.count("and 186 nights before") == SHOWN


# --------------------------------------------------------------------------- the command


@pytest.fixture
def ci(server: CodeHost, monkeypatch: pytest.MonkeyPatch) -> CodeHost:
    monkeypatch.delenv("GITHUB_EVENT_PATH", raising=False)
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    return server


def test_a_held_night_and_a_drift_are_in_the_issue_and_go(
    monitored: Any, ci: CodeHost, params_text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (monitored.root / "params.yaml").write_text(params_text)
    budget = Budget(nights=1, of=1)  # one quiet night ends an incident
    monitor = monitored.params.monitor.model_copy(update={"budget": budget, "evidently": "never"})
    monitored.params = monitored.params.model_copy(update={"monitor": monitor})
    monitored.score("2013-02-01", "run-1", shift=2.0)
    with pytest.raises(LimitCrossed):
        monitor_nights.run(monitored.root, monitored.params, "2013-02-01", "2013-02-01")
    monitored.log("2013-02-02", "run-2", "held", detail="too many rows")
    found = command.run(monitored.root, monitored.params, keep_issue)
    assert found.issue == "opened" and '"issue"' in to_json(found)
    (issue,) = ci.issues.values()
    assert "3 open incidents since 2013-02-01" in issue["title"]
    assert command.run(monitored.root, monitored.params, keep_issue).issue == "unchanged"
    # Both nights are well now.
    monitored.score("2013-02-02", "run-3")
    monitor_nights.run(monitored.root, monitored.params, "2013-02-02", "2013-02-02")
    assert main(["alert", "--issues", "--root", str(monitored.root)]) == 0
    assert "closed" in capsys.readouterr().out
    assert {each for _, each in state(ci)} == {"closed"}


def test_what_fails_ends_with_61_after_the_files_and_without_the_token(
    monitored: Any, ci: CodeHost, params_text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (monitored.root / "params.yaml").write_text(params_text)
    monitored.log("2013-02-02", "run-2", "failed", detail="disk full")
    ci.refuse("POST", 403)
    assert main(["alert", "--issues", "--root", str(monitored.root)]) == 61
    said = capsys.readouterr()
    assert "permissions: issues: write" in said.err and TOKEN not in said.err + said.out
    assert (monitored.root / "reports/alerts.json").exists()
    ci.heal()
    assert main(["alert", "--issues", "--root", str(monitored.root)]) == 0


def test_outside_of_ci_it_says_what_is_missing(
    monitored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GITHUB_REPOSITORY", "CI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(CodeHostFailed, match="GITHUB_REPOSITORY"):
        command.run(monitored.root, monitored.params, keep_issue)
