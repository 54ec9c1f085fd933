"""A JSON client of a code host's REST API: pages, retries, and no text that holds the token."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit

from assay.errors import CodeHostFailed
from assay.project.http_request import Answer, retry, send

PAGE = 100
"""Items asked for at once; the most that GitHub and GitLab give."""
MOST_PAGES = 1000


class MayNotWrite(CodeHostFailed):
    """The token may not do this, or may not even see it: 403 or 404."""


class Gone(MayNotWrite):
    """404: the thing does not exist, or the token may not see it."""


@dataclass(frozen=True)
class Client:
    """Requests to one API.

    Attributes
    ----------
    base
        The address that every path is appended to.
    headers
        Sent with each request; they hold the token.
    timeout_s, retries
        Of one attempt, and how many more there may be. What makes a new thing is sent once.
    """

    base: str
    headers: Mapping[str, str] = field(repr=False)
    timeout_s: float = 20.0
    retries: int = 3

    def get(self, path: str, **query: str) -> Any:
        return _json(self._send("GET", path + _query(query)), path)

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
            items = _json(answer, path)
            if not isinstance(items, list):
                raise CodeHostFailed("it answered no list", where=f"GET {path}")
            yield from items
            following = _next(answer.headers.get("link", ""))
            if following is None:
                return
            # Only the query of the next page is used: another host would be sent the token.
            target = f"{path}?{following}"
        raise CodeHostFailed(f"its list has over {MOST_PAGES} pages", where=f"GET {path}")

    def write(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send a POST, PATCH, PUT or DELETE; what is answered, None if that is nothing."""
        answer = self._send(method, path, body)
        return None if answer.status == 204 else _json(answer, path)

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json", **self.headers}
        if data is not None:
            headers["Content-Type"] = "application/json; charset=utf-8"
        attempt = partial(send, method, self.base + path, data, headers, self.timeout_s)
        # A second POST could make a second thing: the next call looks whether the first did.
        answer = retry(attempt, 0 if method == "POST" else self.retries)
        if answer.ok:
            return answer
        raise self._error(answer, f"{method} {path.partition('?')[0]}")

    def _error(self, answer: Answer, where: str) -> CodeHostFailed:
        why = answer.problem
        if answer.again:
            fix = "Run the same command again: it goes on where this one stopped."
            return CodeHostFailed(why, where=where, fix=fix)
        if answer.status == 401:
            fix = "Give the job another token."
            return CodeHostFailed(f"{why}: the token is not valid", where=where, fix=fix)
        if answer.status in (400, 422):
            why += self._said(answer)
        kinds = {403: MayNotWrite, 404: Gone}
        return kinds.get(answer.status, CodeHostFailed)(why, where=where)

    def _said(self, answer: Answer) -> str:
        """What the server says of a request that it finds wrong, without what we sent in secret."""
        try:
            text = str(json.loads(answer.body)["message"])
        except (ValueError, RecursionError, LookupError, TypeError):
            return ""
        for secret in {word for value in self.headers.values() for word in value.split()}:
            text = text.replace(secret, "***")
        return f": {text[:200]}"


def part_of(item: Any, key: str) -> dict[str, Any]:
    """An object in what was answered; an empty one for null, as of a deleted account.

    Raises
    ------
    CodeHostFailed
        It is something else.
    """
    value = item.get(key) if isinstance(item, dict) else item
    if not isinstance(value, dict | None) or not isinstance(item, dict):
        raise _odd(key, "an object")
    return value or {}


def text_of(item: Any, key: str) -> str:
    """A text of what was answered; "" for null, as of a comment or issue without a body.

    Raises
    ------
    CodeHostFailed
        It is something else.
    """
    value = item.get(key) if isinstance(item, dict) else item
    if value is None:
        return ""
    if not isinstance(value, str) or not isinstance(item, dict):
        raise _odd(key, "a text")
    return value


def number_of(item: Any, key: str) -> int:
    """A number of what was answered.

    Raises
    ------
    CodeHostFailed
        It is none.
    """
    value = item.get(key) if isinstance(item, dict) else None
    if not isinstance(value, int) or isinstance(value, bool):
        raise _odd(key, "a number")
    return value


def _odd(key: str, kind: str) -> CodeHostFailed:
    return CodeHostFailed(
        "the code host's answer has another form",
        where=key,
        expected=kind,
        fix="Is GITHUB_API_URL or CI_API_V4_URL the address of its REST API?",
    )


def _json(answer: Answer, path: str) -> Any:
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        raise CodeHostFailed("it answered no JSON", where=path) from None


def _query(given: Mapping[str, str]) -> str:
    return f"?{urlencode(sorted(given.items()))}" if given else ""


def _next(header: str) -> str | None:
    """The query of the page that a Link header names as the next."""
    for link in header.split(","):
        address, *params = link.split(";")
        if any(each.strip().replace('"', "") == "rel=next" for each in params):
            return urlsplit(address.strip().strip("<>")).query or None
    return None
