"""A JSON client of a code host's REST API: pages, retries, one budget of time, no secret told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from assay.errors import CodeHostFailed
from assay.project.http_exchange import Answer, NoAnswer, exchange

PAGE = 100
"""Items asked for at once; the most that GitHub and GitLab give."""
MOST_PAGES = 1000
REPEATABLE = frozenset({"GET", "PUT", "PATCH", "DELETE"})
"""Methods that may be sent twice: the second changes nothing more."""
LONGEST_WAIT = 60.0
"""The most seconds between two attempts, whatever the server asks for."""


class Refused(CodeHostFailed):
    """The server finds the request wrong: 400, 410, 422 and the like."""


class MayNotWrite(CodeHostFailed):
    """The token may not do this, or may not even see it: 403 or 404."""


class Gone(MayNotWrite):
    """404: the thing does not exist, or the token may not see it."""


class MayBeDone(CodeHostFailed):
    """A request that must not be sent twice got no answer that says whether it was carried out."""


@dataclass
class Client:
    """Requests to one API.

    Attributes
    ----------
    base
        The address that every path is appended to.
    headers
        Sent with each request; they hold the token.
    timeout_s, retries
        Of one attempt, and how many more there may be.
    budget_s
        Seconds for all requests of this client together.
    """

    base: str
    headers: Mapping[str, str] = field(repr=False)
    timeout_s: float = 20.0
    retries: int = 3
    budget_s: float = 300.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._end = self.clock() + self.budget_s

    def get(self, path: str, **query: str) -> Any:
        return self._value(self._send("GET", path + _query(query)))

    def pages(self, path: str, **query: str) -> Iterator[Any]:
        """Every item of a list, over all its pages.

        Raises
        ------
        CodeHostFailed
            An answer is no list, or the pages do not end.
        """
        target = path + _query({**query, "per_page": str(PAGE)})
        for _ in range(MOST_PAGES):
            answer = self._send("GET", target)
            items = self._value(answer)
            if not isinstance(items, list):
                raise CodeHostFailed("it answered no list", where=f"GET {path}")
            yield from items
            following = _next(answer.headers.get("link", ""))
            if following is None:
                return
            # Only the query of the next page is used: another host would be sent the token.
            target = f"{path}?{following}"
        raise CodeHostFailed(f"its list has over {MOST_PAGES} pages", where=f"GET {path}")

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._value(self._send("POST", path, body))

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._value(self._send("PATCH", path, body))

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._value(self._send("PUT", path, body))

    def delete(self, path: str) -> None:
        self._send("DELETE", path)

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        where = f"{method} {path.partition('?')[0]}"
        data = None if body is None else json.dumps(body).encode()
        headers = {"User-Agent": "assay", "Accept": "application/json", **self.headers}
        if data is not None:
            headers["Content-Type"] = "application/json; charset=utf-8"
        number = 0
        while True:
            left = self._end - self.clock()
            if left <= 0:
                raise CodeHostFailed(f"no time is left of {self.budget_s:g} s", where=where)
            wait: float | None = None
            try:
                answer = exchange(
                    method, self.base + path, data, headers, min(self.timeout_s, left)
                )
            except NoAnswer as error:
                words, again, done = str(error), error.again, error.sent
            else:
                if 200 <= answer.status < 300:
                    return answer
                words, again, wait = _refusal(answer)
                done = again and answer.status >= 500
                if not again:
                    raise _error(answer.status, words + self._said(answer), where)
            if done and method not in REPEATABLE:
                raise MayBeDone(words, where=where, fix=_LATER)
            if number == self.retries or not again:
                raise CodeHostFailed(words, where=where, fix=_LATER)
            pause = min(max(2.0**number, wait or 0.0), LONGEST_WAIT)
            if self.clock() + pause >= self._end:
                raise CodeHostFailed(words, where=where, fix=_LATER)
            self.sleep(pause)
            number += 1

    def _said(self, answer: Answer) -> str:
        """What the server says of a request that it finds wrong, without what we sent in secret."""
        if answer.status not in (400, 422):
            return ""
        try:
            said = json.loads(answer.body)["message"]
        except (ValueError, RecursionError, LookupError, TypeError):
            return ""
        text = str(said)
        for secret in {word for value in self.headers.values() for word in value.split()}:
            text = text.replace(secret, "***")
        return f": {text[:200]}"

    def _value(self, answer: Answer) -> Any:
        if answer.status == 204:  # done, and there is nothing to say
            return None
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError):
            raise CodeHostFailed("it answered no JSON", where=urlsplit(self.base).netloc) from None


_LATER = "Run the same command again: it goes on where this one stopped."


def _query(given: Mapping[str, str]) -> str:
    return f"?{urlencode(sorted(given.items()))}" if given else ""


def _next(header: str) -> str | None:
    """The query of the page that a Link header names as the next."""
    for link in header.split(","):
        address, *params = link.split(";")
        if any(each.strip().replace('"', "") == "rel=next" for each in params):
            return urlsplit(address.strip().strip("<>")).query or None
    return None


def _refusal(answer: Answer) -> tuple[str, bool, float | None]:
    """Why, whether to try again, and after how many seconds if the server says so."""
    headers = answer.headers
    # GitHub answers 403 also to who asks too often.
    limited = answer.status == 403 and (
        "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"
    )
    words = f"it answered {answer.status}"
    if 300 <= answer.status < 400:
        words += ": redirects are not followed"
    elif limited or answer.status == 429:
        words += ": too many requests"
    return words, limited or answer.again, answer.wait


def _error(status: int, words: str, where: str) -> CodeHostFailed:
    if status == 401:
        return CodeHostFailed(
            f"{words}: the token is not valid", where=where, fix="Give the job another token."
        )
    kinds = {403: MayNotWrite, 404: Gone}
    return kinds.get(status, Refused)(words, where=where)
