"""One request to a server that is slow, odd or not there, and the attempts after it."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from assay.project.http_request import Answer, retry, send, validate_api_address, validate_url
from tests.code_host import CodeHost, breaks_off, hangs, serve


def ask(host: CodeHost, how: Any, timeout: float = 5.0) -> Answer:
    host.fail("GET", how)
    return send("GET", f"{host.url}/s3cr3t?key=s3cr3t", None, {}, timeout)


@pytest.mark.parametrize(
    ("status", "again"),
    [(400, False), (403, False), (404, False), (408, True), (429, True), (500, True), (503, True)],
)
def test_a_refusal_says_whether_to_try_again(status: int, again: bool) -> None:
    with serve() as host:
        found = ask(host, status)
    assert (found.status, found.ok, found.again) == (status, False, again)
    assert found.problem.startswith(f"it answered {status}")


@pytest.mark.parametrize("headers", [{"Retry-After": "5"}, {"X-RateLimit-Remaining": "0"}])
def test_a_403_for_asking_too_often_is_no_lack_of_permission(headers: dict[str, str]) -> None:
    with serve() as host:
        assert ask(host, (403, headers)).again


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_redirect_is_not_followed(status: int) -> None:
    with serve() as host:
        found = ask(host, (status, {"Location": host.url}))
        assert len(host.requests) == 1
    assert "redirects are not followed" in found.problem and not found.again


@pytest.mark.parametrize("how", [hangs, breaks_off])
def test_a_server_that_hangs_or_breaks_off_is_told_without_its_address(how: Any) -> None:
    with serve() as host:
        found = ask(host, how, timeout=0.4)
    assert (found.status, found.again) == (0, True)
    assert "s3cr3t" not in found.problem
    assert found.problem == "no answer within 0.4 s" or how is breaks_off


def test_a_server_that_is_not_there_and_one_without_tls() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    found = send("GET", f"http://127.0.0.1:{port}/s3cr3t", None, {}, 5)
    assert "refused" in found.problem and "s3cr3t" not in found.problem
    with serve() as host:
        found = send("GET", host.url.replace("http://", "https://"), None, {}, 5)
    assert "SSLError" in found.problem and found.again


def test_it_backs_off_and_waits_as_long_as_it_is_asked_to(waits: list[float]) -> None:
    down = Answer(503, problem="down")
    busy = [Answer(429, {"retry-after": text}, problem="busy") for text in ("9", "9000000", "Fri")]
    for answers, retries, expected in (
        ([down] * 9, 7, [1, 2, 4, 8, 16, 30, 30]),
        ([down, Answer(200)], 3, [1]),
        ([down], 0, []),
        ([*busy, Answer(200)], 3, [9, 30, 4]),
        ([Answer(400, problem="never")], 5, []),
    ):
        waits.clear()
        left = iter(answers)
        assert retry(lambda left=left: next(left), retries) == answers[-1]  # type: ignore[misc]
        assert waits == expected


@pytest.mark.parametrize(
    "url",
    ["", "hooks.example.com/s3cr3t", "ftp://x/s3cr3t", "https:///s3cr3t", "https://x:port/s3cr3t",
     "https://x/s3cr3t y", "https://x/s3cr3t\r\nA: b", "https://[x/s3cr3t", "https://x/ö-s3cr3t"],
)  # fmt: skip
def test_a_bad_address_is_told_without_it(url: str) -> None:
    with pytest.raises(ValueError) as caught:
        validate_url(url)
    assert "s3cr3t" not in str(caught.value) and caught.value.__cause__ is None


@pytest.mark.parametrize("url", ["https://u:s3cr3t@x/", "https://x/?q=s3cr3t", "https://x/#s3cr3t"])
def test_an_api_has_no_user_and_no_query(url: str) -> None:
    with pytest.raises(ValueError) as caught:
        validate_api_address(url)
    assert "s3cr3t" not in str(caught.value)
