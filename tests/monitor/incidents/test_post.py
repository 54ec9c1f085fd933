"""Sending a message to a server that is slow, odd or not there."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from assay.monitor.incidents.post import PostResult, post, retry
from assay.project.http_exchange import validate_url


def send(url: str, timeout: float = 5.0) -> PostResult:
    return post(url, b'{"a": 1}', {"Content-Type": "application/json", "X-Key": "k"}, timeout)


@pytest.mark.parametrize("status", [200, 201, 204])
def test_it_arrives(status: int, hook: Any) -> None:
    hook.answers = [status]
    assert send(hook.url) == PostResult(True)
    assert hook.bodies == [{"a": 1}]
    assert hook.headers[0]["X-Key"] == "k"
    assert hook.paths[0].startswith("/services/") and "?key=" in hook.paths[0]


@pytest.mark.parametrize(
    ("status", "again"),
    [(400, False), (403, False), (404, False), (408, True), (429, True), (500, True), (503, True)],
)
def test_a_refusal_says_whether_to_try_again(status: int, again: bool, hook: Any) -> None:
    hook.answers = [status]
    assert send(hook.url) == PostResult(False, again, f"it answered {status}")


def test_a_redirect_is_not_followed(hook: Any) -> None:
    hook.answers = [(302, {"Location": hook.url})]
    answer = send(hook.url)
    assert not answer.ok and not answer.again and "not followed" in answer.words
    assert len(hook.bodies) == 1


def test_how_long_to_wait_is_read(hook: Any) -> None:
    hook.answers = [(429, {"Retry-After": "7"}), (503, {"Retry-After": "Fri, 31 Dec 1999"})]
    assert send(hook.url).wait == 7.0
    assert send(hook.url).wait is None


@pytest.mark.parametrize("how", ["hangs", "drips"])
def test_a_server_that_hangs_costs_no_more_than_the_time_out(
    how: str, hook: Any, behaviour: dict[str, Callable[..., None]]
) -> None:
    hook.answers = [behaviour[how]]
    start = time.monotonic()
    answer = send(hook.url, 0.4)
    assert time.monotonic() - start < 3
    assert answer == PostResult(False, True, "no answer within 0.4 s")


@pytest.mark.parametrize("how", ["breaks off", "babbles"])
def test_a_server_that_speaks_no_http(
    how: str, hook: Any, behaviour: dict[str, Callable[..., None]]
) -> None:
    hook.answers = [behaviour[how]]
    answer = send(hook.url)
    assert not answer.ok and answer.again and answer.words


def test_a_server_that_is_not_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    answer = send(f"http://127.0.0.1:{port}/s3cr3t")
    assert not answer.ok and answer.again
    assert "refused" in answer.words.lower() and "s3cr3t" not in answer.words


def test_plain_http_where_tls_is_expected(hook: Any) -> None:
    answer = send(hook.url.replace("http://", "https://"))
    assert not answer.ok and "SSLError" in answer.words


@pytest.mark.parametrize(
    "url",
    ["hooks.example.com/s3cr3t", "ftp://x/s3cr3t", "https:///s3cr3t", "https://x:port/s3cr3t",
     "https://x/s3cr3t y", "https://x/s3cr3t\n", "https://[x/s3cr3t", "https://x/ö-s3cr3t"],
)  # fmt: skip
def test_a_bad_address_is_told_without_it(url: str) -> None:
    with pytest.raises(ValueError) as caught:
        validate_url(url)
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__cause__ is None


def tried(answers: list[PostResult], retries: int) -> tuple[PostResult, int, list[float]]:
    waits: list[float] = []
    left = iter(answers)
    answer, times = retry(lambda: next(left), retries, waits.append)
    return answer, times, waits


def test_it_backs_off() -> None:
    down = PostResult(False, again=True)
    answer, times, waits = tried([down] * 9, 7)
    assert (answer, times) == (down, 8)
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    assert tried([down, PostResult(True)], 3) == (PostResult(True), 2, [1])
    assert tried([down], 0) == (down, 1, [])
    busy = PostResult(False, again=True, wait=9.0)
    assert tried([busy, PostResult(True)], 3)[2] == [9.0]
    assert tried([PostResult(False, again=True, wait=9e9), PostResult(True)], 3)[2] == [30]


def test_what_can_never_arrive_is_not_tried_again() -> None:
    assert tried([PostResult(False)], 5) == (PostResult(False), 1, [])
