"""The client of a code host: pages, retries, deadlines, and a token that nobody hears of."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from assay.errors import CodeHostFailed
from assay.project.code_host.client import Client, Gone, MayBeDone, MayNotWrite
from assay.project.http_exchange import NoAnswer, exchange, validate_api_address
from tests.code_host import REPOSITORY, TOKEN, CodeHost, breaks_off, drips, hangs

ISSUES = f"/repos/{REPOSITORY}/issues"
NEW = {"title": "t", "body": "b"}


def test_the_token_is_sent_and_never_shown(client: Client, server: CodeHost) -> None:
    client.post(ISSUES, NEW)
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
    monkeypatch.setattr("assay.project.code_host.client.MOST_PAGES", 3)
    link = {
        "Link": f'<{server.url}{ISSUES}?page=1>; rel="prev", <{server.url}/?page=1>; rel="next"'
    }
    monkeypatch.setattr(server, "page", lambda request, items: (200, items, link))
    with pytest.raises(CodeHostFailed, match="over 3 pages"):
        list(client.pages(ISSUES))


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_what_may_be_asked_twice_is(
    client: Client, server: CodeHost, waits: list[float], status: int
) -> None:
    server.fail("GET", status, status)
    assert list(client.pages(ISSUES)) == []
    assert waits == [1.0, 2.0]


def test_it_waits_as_long_as_it_is_asked_to_but_not_for_ever(
    client: Client, server: CodeHost, waits: list[float]
) -> None:
    server.fail("GET", (429, {"Retry-After": "7"}), (503, {"Retry-After": "86400"}))
    server.fail("GET", (503, {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}))
    assert list(client.pages(ISSUES)) == []
    assert waits == [7.0, 60.0, 4.0]


@pytest.mark.parametrize("headers", [{"Retry-After": "5"}, {"X-RateLimit-Remaining": "0"}])
def test_a_403_for_asking_too_often_is_no_lack_of_permission(
    client: Client, server: CodeHost, waits: list[float], headers: dict[str, str]
) -> None:
    server.fail("POST", (403, headers))
    assert client.post(ISSUES, NEW)["title"] == "t"
    assert len(waits) == 1


@pytest.mark.parametrize(("status", "kind"), [(403, MayNotWrite), (404, Gone)])
def test_a_lack_of_permission_is_told_apart(
    client: Client, server: CodeHost, waits: list[float], status: int, kind: type
) -> None:
    server.fail("POST", status)
    with pytest.raises(kind, match=f"it answered {status}"):
        client.post(ISSUES, NEW)
    assert waits == []


def test_a_wrong_token_is_told_at_once_and_without_it(server: CodeHost) -> None:
    from assay.project.code_host.github import connect

    with pytest.raises(CodeHostFailed, match="token is not valid") as caught:
        connect(server.url, "another-t0ken").get("/user")
    assert not isinstance(caught.value, MayNotWrite)
    assert "another-t0ken" not in caught.value.line() and len(server.requests) == 1


def test_what_the_server_finds_wrong_is_told_without_our_token(
    client: Client, server: CodeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"message": f"too long, said {TOKEN}"}
    monkeypatch.setattr(server, "answer", lambda request: (422, said, {}))
    with pytest.raises(CodeHostFailed, match=r"422: too long, said \*\*\*") as caught:
        client.post(ISSUES, NEW)
    assert caught.value.exit_code == 61


@pytest.mark.parametrize("how", [500, 503, breaks_off])
def test_what_may_have_been_done_is_not_sent_again(
    client: Client, server: CodeHost, waits: list[float], how: Any
) -> None:
    server.fail("POST", how)
    with pytest.raises(MayBeDone):
        client.post(ISSUES, NEW)
    assert waits == [] and len(server.requests) == 1


def test_it_gives_up_and_says_how_to_go_on(
    client: Client, server: CodeHost, waits: list[float]
) -> None:
    server.refuse("PATCH", 502)
    with pytest.raises(CodeHostFailed, match=r"PATCH .*issues/3.*it answered 502.*Run the same"):
        client.patch(f"{ISSUES}/3", NEW)
    assert waits == [1.0, 2.0, 4.0]


def test_all_requests_together_have_a_budget(server: CodeHost) -> None:
    now = [0.0]

    def wait(seconds: float) -> None:
        now[0] += seconds

    client = Client(
        server.url,
        {"Authorization": f"Bearer {TOKEN}"},
        retries=99,
        budget_s=100,
        sleep=wait,
        clock=lambda: now[0],
    )
    server.refuse("GET", 500)
    with pytest.raises(CodeHostFailed, match="it answered 500"):
        client.get(ISSUES)
    assert now[0] < 100
    now[0] = 101.0
    with pytest.raises(CodeHostFailed, match="no time is left of 100 s"):
        client.get(ISSUES)


@pytest.mark.parametrize("how", [hangs, drips])
def test_a_server_that_hangs_costs_no_more_than_the_time_out(server: CodeHost, how: Any) -> None:
    server.fail("GET", how)
    start = time.monotonic()
    with pytest.raises(NoAnswer, match=r"no answer within 0\.4 s") as caught:
        exchange("GET", f"{server.url}/user", None, {}, 0.4)
    assert time.monotonic() - start < 3
    assert caught.value.sent


def test_a_server_that_is_not_there(broken: Callable[[str], Client]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(CodeHostFailed, match="refused") as caught:
        broken(f"http://127.0.0.1:{port}").post(ISSUES, NEW)
    # Nothing was sent, so even a POST was tried again.
    assert not isinstance(caught.value, MayBeDone)
    assert TOKEN not in caught.value.line()


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_redirect_is_not_followed(client: Client, server: CodeHost, status: int) -> None:
    server.fail("GET", (status, {"Location": "http://127.0.0.1:1/"}))
    with pytest.raises(CodeHostFailed, match="redirects are not followed"):
        client.get(ISSUES)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "url",
    ["", "api.github.com", "ftp://x/", "https://", "https://x:port/", "https://[x/",
     "https://x/ y", "https://x/\r\nA: b", "https://u:s3cr3t@x/", "https://x/?q=1", "https://ö/"],
)  # fmt: skip
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ValueError) as caught:
        validate_api_address(url)
    assert "s3cr3t" not in str(caught.value)


def test_an_answer_that_is_no_list_and_one_that_is_no_json(
    client: Client, server: CodeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "answer", lambda request: (200, {}, {}))
    with pytest.raises(CodeHostFailed, match="no list"):
        list(client.pages(ISSUES))
    monkeypatch.setattr(server, "answer", lambda request: (200, None, {}))
    with pytest.raises(CodeHostFailed, match="no JSON"):
        client.get(ISSUES)
