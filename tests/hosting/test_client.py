"""The client of a code host: pages, what is sent again, and a token that nobody hears of."""

from __future__ import annotations

from typing import Any

import pytest

from assay.errors import CodeHostFailed
from assay.hosting.client import Client, Gone, MayNotWrite
from assay.hosting.hosts import GitHub
from tests.code_host import REPOSITORY, TOKEN, CodeHost, breaks_off

ISSUES = f"/repos/{REPOSITORY}/issues"
NEW = {"title": "t", "body": "b"}


@pytest.fixture
def client(hub: GitHub) -> Client:
    return hub.client


def test_the_token_is_sent_and_never_shown(client: Client, server: CodeHost) -> None:
    client.write("POST", ISSUES, NEW)
    assert server.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert server.requests[0].headers["content-type"].startswith("application/json")
    assert TOKEN not in repr(client)


@pytest.mark.parametrize("most", [100, 30])
def test_all_pages_of_a_list_are_read(client: Client, server: CodeHost, most: int) -> None:
    """Also of a host that gives fewer items at once than it was asked for."""
    server.most = most
    for number in range(205):
        server.comment(1, f"comment {number}")
    found = list(client.pages(f"{ISSUES}/1/comments"))
    assert [each["body"] for each in found] == [f"comment {number}" for number in range(205)]
    # The next page's address names another host; the token must not go there.
    assert len(server.requests) == -(-205 // most)


def test_pages_that_never_end_do(
    client: Client, server: CodeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.hosting.client.MOST_PAGES", 3)
    link = {
        "Link": f'<{server.url}{ISSUES}?page=1>; rel="prev", <{server.url}/?page=1>; rel="next"'
    }
    monkeypatch.setattr(server, "page", lambda request, items: (200, items, link))
    with pytest.raises(CodeHostFailed, match="over 3 pages"):
        list(client.pages(ISSUES))


def test_what_may_be_asked_twice_is_and_then_it_says_how_to_go_on(
    client: Client, server: CodeHost, waits: list[float]
) -> None:
    server.fail("GET", 503, breaks_off)
    assert list(client.pages(ISSUES)) == []
    assert waits == [1.0, 2.0]
    server.refuse("PATCH", 502)
    with pytest.raises(CodeHostFailed, match=r"PATCH .*issues/3.*it answered 502.*Run the same"):
        client.write("PATCH", f"{ISSUES}/3", NEW)
    assert waits == [1.0, 2.0, 1.0, 2.0, 4.0]


@pytest.mark.parametrize("how", [500, 429, breaks_off])
def test_what_may_have_been_done_is_not_sent_again(
    client: Client, server: CodeHost, waits: list[float], how: Any
) -> None:
    server.fail("POST", how)
    with pytest.raises(CodeHostFailed, match="Run the same command again"):
        client.write("POST", ISSUES, NEW)
    assert waits == [] and len(server.requests) == 1


@pytest.mark.parametrize(("status", "kind"), [(403, MayNotWrite), (404, Gone)])
def test_a_lack_of_permission_is_told_apart(
    client: Client, server: CodeHost, waits: list[float], status: int, kind: type
) -> None:
    server.fail("POST", status)
    with pytest.raises(kind, match=f"it answered {status}"):
        client.write("POST", ISSUES, NEW)
    assert waits == []


def test_a_wrong_token_is_told_at_once_and_without_it(server: CodeHost) -> None:
    with pytest.raises(CodeHostFailed, match="token is not valid") as caught:
        GitHub.connect(server.url, "another-t0ken", REPOSITORY).client.get("/user")
    assert not isinstance(caught.value, MayNotWrite)
    assert "another-t0ken" not in caught.value.line() and len(server.requests) == 1


def test_what_the_server_finds_wrong_is_told_without_our_token(
    client: Client, server: CodeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"message": f"too long, said {TOKEN}"}
    monkeypatch.setattr(server, "answer", lambda request: (422, said, {}))
    with pytest.raises(CodeHostFailed, match=r"422: too long, said \*\*\*") as caught:
        client.write("POST", ISSUES, NEW)
    assert caught.value.exit_code == 61


def test_an_answer_that_is_no_list_and_one_that_is_no_json(
    client: Client, server: CodeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "answer", lambda request: (200, {}, {}))
    with pytest.raises(CodeHostFailed, match="no list"):
        list(client.pages(ISSUES))
    monkeypatch.setattr(server, "answer", lambda request: (200, None, {}))
    with pytest.raises(CodeHostFailed, match="no JSON"):
        client.get(ISSUES)
