"""Sends a message to a webhook: one attempt, or several with growing pauses.

The address may hold a secret, so no result names it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from assay.project.http_exchange import Answer, NoAnswer, exchange

LONGEST_WAIT = 30.0
"""The most seconds between two attempts, whatever the server asks for."""


@dataclass(frozen=True, slots=True)
class PostResult:
    """The result of one attempt.

    Attributes
    ----------
    ok
        The server accepted the message.
    again
        A retry may succeed.
    words
        Why it failed, without the URL.
    wait
        Seconds from the server's Retry-After header; None without one.
    """

    ok: bool
    again: bool = False
    words: str = ""
    wait: float | None = None


def post(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> PostResult:
    """Make one attempt. Every failure is returned as a result, within ``timeout`` seconds."""
    try:
        return _result(exchange("POST", url, body, headers, timeout, content=False))
    except NoAnswer as error:
        return PostResult(False, again=error.again, words=str(error))


def _result(answer: Answer) -> PostResult:
    status = answer.status
    if 200 <= status < 300:
        return PostResult(True)
    if 300 <= status < 400:
        return PostResult(False, words=f"it answered {status}: redirects are not followed")
    return PostResult(False, answer.again, f"it answered {status}", answer.wait)


def retry(
    attempt: Callable[[], PostResult], retries: int, sleep: Callable[[float], None] = time.sleep
) -> tuple[PostResult, int]:
    """Try, and retry after 1, 2, 4, … seconds; return the last result and the attempts made."""
    for number in range(retries + 1):
        answer = attempt()
        if answer.ok or not answer.again or number == retries:
            break
        sleep(min(max(2.0**number, answer.wait or 0.0), LONGEST_WAIT))
    return answer, number + 1
