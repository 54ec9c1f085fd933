"""One issue for each incident: opened, updated, closed, and fixed after any failure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from markdown_it import MarkdownIt

from assay.cli.__main__ import main
from assay.cli.document import to_json
from assay.errors import CodeHostFailed, LimitCrossed
from assay.monitor import monitor_nights
from assay.monitor.incidents import alert as command
from assay.monitor.incidents.issue_text import (
    LABEL,
    MarkedIncident,
    over_text,
    parse_marker,
    render_issue,
)
from assay.monitor.incidents.issues import IssuesReport, is_over, mirror
from assay.monitor.nights.night import Incident, Night
from assay.project.code_host import gitlab
from assay.project.code_host.github import GitHub, connect
from assay.project.code_host.gitlab import GitLab
from assay.project.code_host.hosts import Host
from assay.project.params.monitoring import Budget
from tests.code_host import PERSON, REPOSITORY, TOKEN, CodeHost, serve

DRIFT = Incident(
    "2013-09-02-answers", "drift", "open", "2013-09-02", "2013-09-04", ("probability",),
    "probability: distance 0.21, limit 0.10",
)  # fmt: skip
HELD = Incident(
    "run-2013-09-05", "run", "open", "2013-09-05", "2013-09-05", (),
    "2013-09-05 has nothing published: held: too many rows",
)  # fmt: skip
NIGHTS = [Night("2013-09-05", "held", run_id="r1", note="held: too many rows", held="r1")]


@pytest.fixture
def server() -> Iterator[CodeHost]:
    with serve() as host:
        yield host


@pytest.fixture(params=["github", "gitlab"])
def host(request: pytest.FixtureRequest, server: CodeHost) -> Host:
    client = (
        connect(server.url, TOKEN)
        if request.param == "github"
        else gitlab.connect(f"{server.url}/api/v4", TOKEN)
    )
    client.sleep = lambda _: None
    if request.param == "github":
        return GitHub(client, REPOSITORY)
    server.author = {"login": "project_7_bot_1f", "type": ""}
    return GitLab(client, "7")


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


def test_it_is_closed_with_a_comment_when_it_is_over(host: Host, server: CodeHost) -> None:
    told(host, DRIFT, HELD)
    over = replace(DRIFT, state="recovered", sentence="within limits since 2013-09-05")
    published = [Night("2013-09-05", "published")]
    found = told(host, over, nights=published)
    assert found.changes == {DRIFT.id: "closed", HELD.id: "closed"}
    assert [each for _, each in state(server)] == ["closed", "closed"]
    said = [each["body"] for each in server.comments.values()]
    assert any("It is over: within limits since 2013-09-05" in each for each in said)
    assert any("has been published or taken back" in each for each in said)
    before = len(writes(server))
    assert told(host, over, nights=published).changes == {}
    assert len(writes(server)) == before


def test_it_is_opened_again_with_a_comment(host: Host, server: CodeHost) -> None:
    told(host, HELD)
    told(host, nights=[Night("2013-09-05", "published")])
    assert told(host, HELD).changes == {HELD.id: "reopened"}
    told(host, nights=[Night("2013-09-05", "published")])
    words = [each["body"].split("\n\n")[1].split(":")[0] for each in server.comments.values()]
    assert [each.strip(".\n") for each in words] == [
        "It is over", "It is open again", "It is over",
    ]  # fmt: skip
    assert state(server) == [("late-flights: nothing published since 2013-09-05", "closed")]


def test_what_a_person_closed_stays_closed_until_something_changes(
    host: Host, server: CodeHost
) -> None:
    told(host, DRIFT)
    (issue,) = server.issues.values()
    issue["state"] = "closed"
    assert told(host, DRIFT).changes == {}
    assert told(host, replace(DRIFT, last="2013-09-06")).changes == {DRIFT.id: "reopened"}
    assert issue["state"] == "open"


@pytest.mark.parametrize("line", ["P(ATCH|UT)", "POST"])
def test_opening_again_may_fail_half_way(host: Host, server: CodeHost, line: str) -> None:
    told(host, HELD)
    told(host, nights=[Night("2013-09-05", "published")])
    server.fail(line, 422)
    with pytest.raises(CodeHostFailed):
        told(host, HELD)
    told(host, HELD)
    assert state(server) == [("late-flights: nothing published since 2013-09-05", "open")]
    assert sum("open again" in each["body"] for each in server.comments.values()) == 1


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


def test_a_pull_request_with_the_label_is_no_issue(server: CodeHost) -> None:
    body = render_issue("late-flights", HELD, []).body
    server.issue("a pull request", body, LABEL, pull_request={})
    hub = GitHub(connect(server.url, TOKEN), REPOSITORY)
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
    (said,) = server.comments.values()
    assert "The same as #1." in said["body"]


@pytest.mark.parametrize("how", [500, ("after", 502), ("after", 500)])
@pytest.mark.parametrize("line", ["POST .*issues$", "POST .*(comments|notes)", "P(ATCH|UT)", "GET"])
def test_each_request_may_fail_and_the_next_call_fixes_it(
    host: Host, server: CodeHost, line: str, how: Any
) -> None:
    """No issue is opened twice, and no comment is said twice."""
    told(host, HELD)
    over = [Night("2013-09-05", "published")]
    server.fail(line, how, how, how, how)
    for _ in range(4):
        try:
            told(host, DRIFT, nights=over)
            break
        except CodeHostFailed as error:
            assert TOKEN not in error.line()
    assert sorted(state(server)) == [
        ("late-flights: drift since 2013-09-02", "open"),
        ("late-flights: nothing published since 2013-09-05", "closed"),
    ]
    assert sum("It is over" in each["body"] for each in server.comments.values()) == 1


def test_one_issue_that_is_refused_does_not_stop_the_others(host: Host, server: CodeHost) -> None:
    server.fail("POST", 422)
    with pytest.raises(CodeHostFailed, match="1 issues were not written"):
        told(host, DRIFT, HELD)
    assert state(server) == [("late-flights: nothing published since 2013-09-05", "open")]


def test_a_label_that_is_dropped_does_not_open_an_issue_each_night(server: CodeHost) -> None:
    made = server.issue
    server.issue = lambda title, body, *labels: made(title, body)  # type: ignore[method-assign]
    hub = GitHub(connect(server.url, TOKEN), REPOSITORY)
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
    marked = parse_marker(found.body)
    assert marked is not None and (marked.project, marked.id, marked.last) == (text, text, text)
    head, _, rest = found.body.partition("\n")
    assert head.endswith(" -->") and "-->" not in head[:-3] and "\n" not in found.title
    for shown in (rest, over_text(text).partition("\n")[2]):
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
    marked = MarkedIncident("p", name, kind, "b", "b", "0" * 16)
    assert is_over(marked, nights, until) is over


# --------------------------------------------------------------------------- the command


@pytest.fixture
def ci(server: CodeHost, monkeypatch: pytest.MonkeyPatch) -> CodeHost:
    monkeypatch.delenv("GITHUB_EVENT_PATH", raising=False)
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    return server


def test_a_held_night_and_a_drift_become_issues_and_go(
    project: Any, ci: CodeHost, params_text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (project.root / "params.yaml").write_text(params_text)
    budget = Budget(nights=1, of=1)  # one quiet night ends an incident
    monitor = project.params.monitor.model_copy(update={"budget": budget, "evidently": "never"})
    project.params = project.params.model_copy(update={"monitor": monitor})
    project.score("2013-02-01", "run-1", shift=2.0)
    with pytest.raises(LimitCrossed):
        monitor_nights.run(project.root, project.params, "2013-02-01", "2013-02-01")
    project.log("2013-02-02", "run-2", "held", detail="too many rows")
    found = command.run(project.root, project.params, issues=True)
    assert found.issues is not None
    assert found.issues.changes == {
        "2013-02-01-answers": "opened",
        "2013-02-01-features": "opened",
        "run-2013-02-02": "opened",
    }
    assert '"issues"' in to_json(found)
    assert command.run(project.root, project.params, issues=True).issues == IssuesReport({})
    # Both nights are well now.
    project.score("2013-02-02", "run-3")
    monitor_nights.run(project.root, project.params, "2013-02-02", "2013-02-02")
    assert main(["alert", "--issues", "--root", str(project.root)]) == 0
    assert "issues: 3 closed" in capsys.readouterr().out
    assert {each for _, each in state(ci)} == {"closed"}


def test_what_fails_ends_with_61_after_the_files_and_without_the_token(
    project: Any, ci: CodeHost, params_text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (project.root / "params.yaml").write_text(params_text)
    project.log("2013-02-02", "run-2", "failed", detail="disk full")
    ci.refuse("POST", 403)
    assert main(["alert", "--issues", "--root", str(project.root)]) == 61
    said = capsys.readouterr()
    assert "permissions: issues: write" in said.err and TOKEN not in said.err + said.out
    assert (project.root / "reports/alerts.json").exists()
    ci.heal()
    assert main(["alert", "--issues", "--root", str(project.root)]) == 0


def test_a_person_opens_the_same_issue_by_hand(host: Host, server: CodeHost) -> None:
    """Whoever may set the label is trusted with it; nothing is opened twice."""
    text = render_issue("late-flights", HELD, NIGHTS)
    server.author = PERSON
    server.issue(text.title, text.body, LABEL)
    assert told(host, HELD).changes == {}


def test_outside_of_ci_it_says_what_is_missing(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GITHUB_REPOSITORY", "CI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(CodeHostFailed, match="GITHUB_REPOSITORY"):
        command.run(project.root, project.params, issues=True)
