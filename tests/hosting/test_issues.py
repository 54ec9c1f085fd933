"""One issue for each incident: opened, updated, closed, and fixed after any failure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from markdown_it import MarkdownIt

from assay.cli.__main__ import main
from assay.cli.result import to_json
from assay.errors import CodeHostFailed, LimitCrossed
from assay.hosting.hosts import GitHub, Host
from assay.hosting.issues import LABEL, Marker, is_over, keep_issues, mirror, render_issue
from assay.monitor import monitor_nights
from assay.monitor.incidents import alert as command
from assay.monitor.incidents.alert import IssuesReport
from assay.monitor.nights.night import Incident, Night
from assay.project.params.monitoring import Budget
from tests.code_host import PERSON, TOKEN, CodeHost

DRIFT = Incident(
    "2013-09-02-answers", "drift", "open", "2013-09-02", "2013-09-04", ("probability",),
    "probability: distance 0.21, limit 0.10",
)  # fmt: skip
HELD = Incident(
    "run-2013-09-05", "run", "open", "2013-09-05", "2013-09-05", (),
    "2013-09-05 has nothing published: held: too many rows",
)  # fmt: skip
NIGHTS = [Night("2013-09-05", "held", run_id="r1", note="held: too many rows", held="r1")]


def told(
    host: Host,
    *incidents: Incident,
    nights: Sequence[Night] = NIGHTS,
    until: str | None = "2013-09-05",
) -> IssuesReport:
    return mirror(host, "late-flights", incidents, nights, until)


def state(server: CodeHost) -> list[tuple[str, str]]:
    return [(each["title"], each["state"]) for each in server.issues.values()]


def writes(server: CodeHost) -> list[str]:
    return [each for each in server.lines() if not each.startswith("GET")]


def test_an_issue_for_each_and_nothing_more_while_nothing_changes(
    host: Host, server: CodeHost
) -> None:
    found = told(host, DRIFT, HELD)
    assert found.changes == {DRIFT.id: "opened", HELD.id: "opened"}
    assert state(server) == [
        ("late-flights: drift since 2013-09-02", "open"),
        ("late-flights: nothing published since 2013-09-05", "open"),
    ]
    drift, held = server.issues.values()
    assert drift["labels"] == [{"name": LABEL}]
    assert "- columns: probability" in drift["body"]
    assert "`assay release r1 --because WHY`" in held["body"]
    assert "quarantine show" not in held["body"]
    before = len(writes(server))
    assert told(host, DRIFT, HELD) == IssuesReport({})
    assert len(writes(server)) == before


def test_it_is_updated_when_it_lasts_and_what_people_wrote_stays_until_then(
    host: Host, server: CodeHost
) -> None:
    told(host, DRIFT)
    (issue,) = server.issues.values()
    issue["body"] += "\nAda looks into it."
    assert told(host, DRIFT).changes == {}
    longer = replace(DRIFT, last="2013-09-06", sentence="probability: distance 0.30")
    assert told(host, longer).changes == {DRIFT.id: "updated"}
    assert "distance 0.30" in issue["body"] and "Ada" not in issue["body"]
    assert len(server.issues) == 1


def test_it_is_closed_with_the_reason_when_it_is_over(host: Host, server: CodeHost) -> None:
    told(host, DRIFT, HELD)
    over = replace(DRIFT, state="recovered", sentence="within limits since 2013-09-05")
    published = [Night("2013-09-05", "published")]
    found = told(host, over, nights=published)
    assert found.changes == {DRIFT.id: "closed", HELD.id: "closed"}
    assert [each for _, each in state(server)] == ["closed", "closed"]
    drift, held = (each["body"] for each in server.issues.values())
    assert "It is over." in drift and "within limits since 2013-09-05" in drift
    assert "has been published or taken back" in held
    before = len(writes(server))
    assert told(host, over, nights=published).changes == {}
    assert len(writes(server)) == before


def test_it_is_opened_again_if_it_comes_back(host: Host, server: CodeHost) -> None:
    over = [Night("2013-09-05", "published")]
    told(host, HELD)
    told(host, nights=over)
    assert told(host, HELD).changes == {HELD.id: "reopened"}
    (issue,) = server.issues.values()
    assert issue["state"] == "open" and "It is over" not in issue["body"]
    assert told(host, nights=over).changes == {HELD.id: "closed"}


def test_what_a_person_closed_stays_closed_until_something_changes(
    host: Host, server: CodeHost
) -> None:
    told(host, DRIFT)
    (issue,) = server.issues.values()
    issue["state"] = "closed"
    assert told(host, DRIFT).changes == {}
    assert told(host, replace(DRIFT, last="2013-09-06")).changes == {DRIFT.id: "reopened"}
    assert issue["state"] == "open"


def test_a_snoozed_incident_opens_none_and_closes_none(host: Host, server: CodeHost) -> None:
    snoozed = replace(DRIFT, state="snoozed")
    assert told(host, snoozed).changes == {}
    told(host, DRIFT)
    assert told(host, snoozed).changes == {DRIFT.id: "updated"}
    (issue,) = server.issues.values()
    assert issue["state"] == "open" and "It is snoozed in params.yaml." in issue["body"]


def test_a_machine_that_knows_nothing_closes_nothing(host: Host, server: CodeHost) -> None:
    told(host, DRIFT, HELD)
    found = told(host, nights=[], until=None)
    assert (found.changes, found.unknown) == ({}, (DRIFT.id, HELD.id))
    assert {each for _, each in state(server)} == {"open"}


def test_other_issues_are_left_alone(host: Host, server: CodeHost) -> None:
    body = render_issue("another project", HELD, []).body
    server.issue("of another project", body, LABEL)
    server.issue("of a person", "no marker", LABEL)
    server.issue("without the label", render_issue("late-flights", HELD, []).body)
    told(host, nights=[Night("2013-09-05", "published")])
    assert {each for _, each in state(server)} == {"open"}


def test_a_pull_request_with_the_label_is_no_issue(hub: GitHub, server: CodeHost) -> None:
    body = render_issue("late-flights", HELD, []).body
    server.issue("a pull request", body, LABEL, pull_request={})
    assert told(hub, HELD).changes == {HELD.id: "opened"}


def test_more_issues_than_a_page_holds(host: Host, server: CodeHost) -> None:
    server.most = 10
    many = [
        replace(HELD, id=f"run-2013-{n // 28 + 1:02}-{n % 28 + 1:02}", first=f"{n}", last=f"{n}")
        for n in range(35)
    ]
    told(host, *many)
    assert len(server.issues) == 35
    assert told(host, *many).changes == {}


def test_two_calls_at_once_leave_two_until_the_next_one(host: Host, server: CodeHost) -> None:
    text = render_issue("late-flights", HELD, NIGHTS)
    for _ in range(2):
        server.issue(text.title, text.body, LABEL)
    told(host, HELD)
    assert [each for _, each in state(server)] == ["open", "closed"]


@pytest.mark.parametrize("how", [500, ("after", 502), ("after", 500)])
@pytest.mark.parametrize("line", ["POST", "P(ATCH|UT)", "GET"])
def test_each_request_may_fail_and_the_next_call_fixes_it(
    host: Host, server: CodeHost, line: str, how: Any
) -> None:
    """No issue is opened twice."""
    told(host, HELD)
    over = [Night("2013-09-05", "published")]
    server.fail(line, how, how, how, how)
    for _ in range(5):
        try:
            told(host, DRIFT, nights=over)
            break
        except CodeHostFailed as error:
            assert TOKEN not in error.line()
    assert sorted(state(server)) == [
        ("late-flights: drift since 2013-09-02", "open"),
        ("late-flights: nothing published since 2013-09-05", "closed"),
    ]


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
def test_names_from_data_are_only_read(text: str) -> None:
    drift = replace(DRIFT, id=text, first=text, last=text, columns=(text,), sentence=text)
    found = render_issue(text, drift, [])
    assert Marker.parse(found.body) == found.marker
    assert (found.marker.project, found.marker.id, found.marker.last) == (text, text, text)
    head, _, shown = found.body.partition("\n")
    assert head.endswith(" -->") and "-->" not in head[:-3] and "\n" not in found.title
    assert "\u202e" not in shown
    assert not any(line.startswith("/") for line in shown.splitlines())
    inline = [each for each in MarkdownIt().parse(shown) if each.type == "inline"]
    tokens = [token for each in inline for token in each.children or []]
    assert not {token.type for token in tokens} & {"html_inline", "link_open", "image"}
    assert not any("@ada" in token.content for token in tokens if token.type == "text")
    assert "@ada" not in found.title and "#1" not in found.title


def test_a_long_incident_is_cut() -> None:
    nights = [Night(f"n{n:03}", "failed", note="x" * 400) for n in range(200)]
    long = replace(HELD, first="n000", last="n199", sentence="y" * 9000)
    found = render_issue("p" * 400, long, nights)
    assert len(found.title) <= 200 and len(found.body) < 20_000
    assert "and 186 nights before" in found.body


@pytest.mark.parametrize(
    ("name", "kind", "nights", "until", "over"),
    [
        ("run-b", "run", [], None, False),
        ("run-b", "run", [Night("b", "unfinished")], None, False),
        ("run-b", "run", [Night("b", "published")], None, True),
        ("run-b", "run", [Night("b", "retracted")], None, True),
        ("run-b", "run", [Night("b", "held")], None, True),
        ("b-answers", "drift", [], None, False),
        ("b-answers", "drift", [], "a", False),
        ("b-answers", "drift", [], "b", True),
    ],
)
def test_when_an_incident_in_no_list_is_over(
    name: str, kind: Any, nights: list[Night], until: str | None, over: bool
) -> None:
    marked = Marker("p", name, kind, "b", "b", "0" * 16)
    assert is_over(marked, nights, until) is over


# --------------------------------------------------------------------------- the command


@pytest.fixture
def ci(server: CodeHost, monkeypatch: pytest.MonkeyPatch) -> CodeHost:
    monkeypatch.delenv("GITHUB_EVENT_PATH", raising=False)
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    return server


def test_a_held_night_and_a_drift_become_issues_and_go(
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
    found = command.run(monitored.root, monitored.params, keep_issues)
    assert found.issues is not None
    assert found.issues.changes == {
        "2013-02-01-answers": "opened",
        "2013-02-01-features": "opened",
        "run-2013-02-02": "opened",
    }
    assert '"issues"' in to_json(found)
    assert command.run(monitored.root, monitored.params, keep_issues).issues == IssuesReport({})
    # Both nights are well now.
    monitored.score("2013-02-02", "run-3")
    monitor_nights.run(monitored.root, monitored.params, "2013-02-02", "2013-02-02")
    assert main(["alert", "--issues", "--root", str(monitored.root)]) == 0
    assert "=closed" in capsys.readouterr().out
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


def test_a_person_opens_the_same_issue_by_hand(host: Host, server: CodeHost) -> None:
    """Whoever may set the label is trusted with it; nothing is opened twice."""
    text = render_issue("late-flights", HELD, NIGHTS)
    server.author = PERSON
    server.issue(text.title, text.body, LABEL)
    assert told(host, HELD).changes == {}


def test_outside_of_ci_it_says_what_is_missing(
    monitored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GITHUB_REPOSITORY", "CI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(CodeHostFailed, match="GITHUB_REPOSITORY"):
        command.run(monitored.root, monitored.params, keep_issues)
