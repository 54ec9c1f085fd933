"""One HTTP request by the standard library, and further attempts with growing pauses.

An address may hold a secret, so no text names it. Redirects are not followed: a secret would go to
a host that nobody configured.
"""

from __future__ import annotations

import http.client
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import sleep
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

LARGEST = 64_000_000
"""The most bytes of an answer's body that are read."""
LONGEST_WAIT = 30.0
"""The most seconds between two attempts, whatever the server asks for."""
AGAIN = frozenset({0, 408, 425, 429, 500, 502, 503, 504})
"""Statuses after which another attempt may succeed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request.

    Attributes
    ----------
    status
        0 if there is no whole answer.
    headers
        Their names in lower case.
    problem
        Why it was not done; "" after a status of 200 to 299.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    problem: str = ""

    @property
    def ok(self) -> bool:
        return not self.problem

    @property
    def limited(self) -> bool:
        """Whether too much was asked; GitHub answers 403 then, as to who may not ask at all."""
        headers = self.headers
        asked = "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"
        return self.status == 429 or (self.status == 403 and asked)

    @property
    def again(self) -> bool:
        """Whether another attempt may succeed."""
        return self.status in AGAIN or self.limited

    @property
    def wait(self) -> float:
        """Seconds to wait for before another attempt, from Retry-After; 0 if it names none."""
        asked = self.headers.get("retry-after", "").strip()
        return float(asked) if asked.isascii() and asked.isdigit() else 0.0


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))


def send(
    method: str, url: str, body: bytes | None, headers: Mapping[str, str], timeout: float
) -> Answer:
    """Send one request. Every failure is an answer, too.

    Parameters
    ----------
    timeout
        Seconds for the connection, and for each read.
    """
    given = {"User-Agent": "assay", **headers}
    try:
        request = urllib.request.Request(url, body, given, method=method)
        try:
            answer = _OPENER.open(request, timeout=timeout)
        except HTTPError as error:
            answer = error
        with answer:
            answered = {name.lower(): value for name, value in answer.headers.items()}
            read = Answer(answer.status, answered, answer.read(LARGEST))
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Answer(0, problem=_why(error, timeout))
    if 200 <= read.status < 300:
        return read
    why = f"it answered {read.status}"
    if 300 <= read.status < 400:
        why += ": redirects are not followed"
    elif read.limited:
        why += ": too many requests"
    return Answer(read.status, read.headers, read.body, why)


def _why(error: Exception, timeout: float) -> str:
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError):
        return f"no answer within {timeout:g} s"
    # The text of another error may quote a header: only the operating system's words are shown.
    words = getattr(reason, "strerror", None) or "it broke the connection off"
    return f"{type(reason).__name__}: {words}"


def retry(attempt: Callable[[], Answer], retries: int) -> Answer:
    """Try, and try again after 1, 2, 4, … seconds, or when the server asks to; the last answer."""
    for number in range(retries):
        answer = attempt()
        if not answer.again:
            return answer
        sleep(min(max(2.0**number, answer.wait), LONGEST_WAIT))
    return attempt()


def validate_url(url: str) -> str:
    """Return ``url`` if it is an address that can be asked.

    Raises
    ------
    ValueError
        It is not; the text does not hold it, because it may be a secret.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("not an address") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("not an address that starts with https:// or http://")
    if any(not "!" <= letter <= "~" for letter in url):
        raise ValueError("it holds a space, a line's end or a letter that no address has")
    return url


def validate_api_address(url: str) -> str:
    """Return ``url`` without its last slash if it is a base address of an API.

    Raises
    ------
    ValueError
        It is not; the text does not hold it.
    """
    parts = urlsplit(validate_url(url))
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("it holds a user, a query or a fragment")
    return url.rstrip("/")
