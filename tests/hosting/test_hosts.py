"""One comment, whatever fails on the way and whoever else writes there."""

from __future__ import annotations

import pytest

from assay.errors import CodeHostFailed
from assay.hosting.client import MayNotWrite
from assay.hosting.hosts import GitHub, Host, host_of, keep_one_comment
from assay.project.ci_run import read_environment
from tests.code_host import BOT, PERSON, TOKEN, CodeHost

MARK = "<!-- assay:gate:x -->"
BODY = f"{MARK}\n\nPASS"
OTHER = {"login": "renovate[bot]", "type": "Bot"}


def bodies(server: CodeHost) -> list[str]:
    return [each["body"] for each in server.on(4)]


def test_it_is_written_once_and_then_kept_up_to_date(host: Host, server: CodeHost) -> None:
    assert keep_one_comment(host, 4, MARK, BODY) == "written"
    assert keep_one_comment(host, 4, MARK, BODY) == "unchanged"
    assert keep_one_comment(host, 4, MARK, f"{MARK}\n\nFAIL") == "updated"
    assert bodies(server) == [f"{MARK}\n\nFAIL"]


def test_it_is_found_among_more_comments_than_a_page_holds(host: Host, server: CodeHost) -> None:
    for number in range(230):
        server.comment(4, f"talk {number}", PERSON)
    keep_one_comment(host, 4, MARK, BODY)
    for number in range(5):
        server.comment(4, f"more {number}", PERSON)
    assert keep_one_comment(host, 4, MARK, f"{BODY}, again") == "updated"
    assert sum(MARK in body for body in bodies(server)) == 1


def test_two_runs_at_once_leave_two_until_the_next_one(host: Host, server: CodeHost) -> None:
    server.comment(4, f"{MARK}\n\nold")
    server.comment(4, f"{MARK}\n\nold too")
    assert keep_one_comment(host, 4, MARK, BODY) == "updated"
    assert bodies(server) == [BODY]


@pytest.mark.parametrize("line", ["POST", "P(ATCH|UT)", "DELETE", "GET .*(comments|notes)"])
@pytest.mark.parametrize("how", [500, ("after", 502)])
def test_each_request_may_fail_and_running_again_fixes_it(
    host: Host, server: CodeHost, line: str, how: int | tuple[str, int]
) -> None:
    if line != "POST":
        server.comment(4, f"{MARK}\n\nold")
        server.comment(4, f"{MARK}\n\nold too")
    server.fail(line, how, how, how, how, how)
    try:
        keep_one_comment(host, 4, MARK, BODY)
    except CodeHostFailed as error:
        assert TOKEN not in error.line()
    server.heal()
    keep_one_comment(host, 4, MARK, BODY)
    assert bodies(server) == [BODY]


def test_a_comment_that_was_written_without_an_answer_is_not_written_again(
    host: Host, server: CodeHost
) -> None:
    server.fail("POST", ("after", 504))
    keep_one_comment(host, 4, MARK, BODY)
    assert bodies(server) == [BODY] and len(server.lines("POST")) == 1


def test_a_comment_that_somebody_deletes_meanwhile_is_written_anew(
    hub: GitHub, server: CodeHost
) -> None:
    server.comment(4, f"{MARK}\n\nold")
    server.comment(4, f"{MARK}\n\nolder run")
    server.fail("PATCH", 404)
    server.fail("DELETE", ("after", 404))
    keep_one_comment(hub, 4, MARK, BODY)
    assert bodies(server) == [BODY]


def test_a_persons_comment_with_the_mark_is_not_ours(host: Host, server: CodeHost) -> None:
    """He could edit the verdict that was then put there."""
    server.comment(4, f"{MARK}\n\nPASS, believe me", PERSON)
    keep_one_comment(host, 4, MARK, BODY)
    assert bodies(server) == [f"{MARK}\n\nPASS, believe me", BODY]


def test_where_we_may_ask_who_we_are_only_our_own_comments_count(
    hub: GitHub, server: CodeHost
) -> None:
    server.me, server.author = "robot", {"login": "robot", "type": "User"}
    server.comment(4, f"{MARK}\n\nof another app", OTHER)
    server.comment(4, f"{MARK}\n\nold")
    keep_one_comment(hub, 4, MARK, BODY)
    assert bodies(server) == [f"{MARK}\n\nof another app", BODY]


def test_a_quote_of_our_comment_is_not_our_comment(hub: GitHub, server: CodeHost) -> None:
    server.comment(4, f"As it said:\n{BODY}", BOT)
    assert keep_one_comment(hub, 4, MARK, BODY) == "written"


def test_line_ends_as_github_keeps_them_are_no_change(hub: GitHub, server: CodeHost) -> None:
    server.comment(4, BODY.replace("\n", "\r\n"))
    assert keep_one_comment(hub, 4, MARK, f"{BODY}\n") == "unchanged"


@pytest.mark.parametrize("status", [403, 404])
def test_a_token_that_may_not_write(host: Host, server: CodeHost, status: int) -> None:
    server.refuse("POST", status)
    with pytest.raises(MayNotWrite):
        keep_one_comment(host, 4, MARK, BODY)


def test_without_a_token_there_is_nobody_to_talk_to(server: CodeHost) -> None:
    run = read_environment({**server.environment(), "GITHUB_TOKEN": ""})
    assert run is not None
    with pytest.raises(CodeHostFailed, match="GITHUB_TOKEN"):
        host_of(run)
