"""A code host on loopback that keeps what it is sent, as GitHub's and GitLab's REST APIs do.

Only what Assay and its workflows ask for. Every answer can be made to fail: `CodeHost.fail` for one
request, `CodeHost.refuse` for all requests that match. What happened is in `CodeHost.requests`.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

TOKEN = "s3cr3t-t0ken"
BOT = {"login": "github-actions[bot]", "type": "Bot"}
PERSON = {"login": "mallory", "type": "User"}
REPOSITORY = "acme/late-flights"


@dataclass
class Request:
    """One request; ``body`` is its JSON, None without one."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"


Answer = tuple[int, Any, dict[str, str]]
"""Status, JSON, and more headers."""
Route = Callable[["CodeHost", Request, Any], Answer]


@dataclass
class CodeHost:
    """The state of one repository, and how it is to behave.

    Attributes
    ----------
    me
        Who the token belongs to; None for a workflow's token, which may not ask.
    author
        Who the author of everything that is written is.
    most
        The most items of a page, whatever is asked for.
    """

    url: str = ""
    me: str | None = None
    author: dict[str, str] = field(default_factory=lambda: dict(BOT))
    most: int = 100
    issues: dict[int, dict[str, Any]] = field(default_factory=dict)
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    checks: list[dict[str, Any]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    _failures: list[tuple[re.Pattern[str], list[Any]]] = field(default_factory=list)
    _number: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def environment(self, **more: str) -> dict[str, str]:
        """What a run of GitHub Actions has in its environment."""
        return {
            "GITHUB_API_URL": self.url,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_TOKEN": TOKEN,
            **more,
        }

    def gitlab_environment(self, **more: str) -> dict[str, str]:
        """What a job of GitLab CI has in its environment."""
        return {
            "CI_API_V4_URL": f"{self.url}/api/v4",
            "CI_PROJECT_ID": "7",
            "GITLAB_TOKEN": TOKEN,
            **more,
        }

    def fail(self, line: str, *answers: Any) -> None:
        """Let the next requests whose line (``POST /repos/…``) matches get these answers.

        An answer is a status; a pair of status and headers; or "after" with a status: the request
        is carried out, and then answered with that status; or a function of the handler, for a
        server that hangs or breaks off. Afterwards requests are answered as always.
        """
        self._failures.append((re.compile(line), list(answers)))

    def refuse(self, line: str, status: int, headers: dict[str, str] | None = None) -> None:
        """Let every request whose line matches get this status, for good."""
        self._failures.append((re.compile(line), [(status, headers or {}), ...]))

    def heal(self) -> None:
        """Forget what was to fail."""
        self._failures.clear()

    def lines(self, method: str = "") -> list[str]:
        """The requests so far, those that look left out if a method is named."""
        return [each.line for each in self.requests if not method or each.method == method]

    def on(self, number: int) -> list[dict[str, Any]]:
        """The comments of an issue or pull request."""
        return [each for each in self.comments.values() if each["issue"] == number]

    def comment(self, number: int, body: str, author: dict[str, str] | None = None) -> int:
        """Write a comment, as somebody else would."""
        with self._lock:
            new = self.next()
            self.comments[new] = {
                "id": new,
                "issue": number,
                "body": body,
                "user": author or self.author,
            }
            return new

    def issue(self, title: str, body: str, *labels: str, **more: Any) -> int:
        """Open an issue; ``pull_request={}`` makes it a pull request."""
        with self._lock:
            new = self.next()
            self.issues[new] = {
                "number": new,
                "title": title,
                "body": body,
                "state": "open",
                "labels": [{"name": each} for each in labels],
                "user": self.author,
                **more,
            }
            return new

    def next(self) -> int:
        self._number += 1
        return self._number

    # ------------------------------------------------------------------------- answering

    def answer(self, request: Request) -> Any:
        with self._lock:
            self.requests.append(request)
            given = self._failure(request.line)
            if isinstance(given, tuple) and given[0] == "after":
                self._route(request)
                return given[1], {"message": "too late"}, {}
            if isinstance(given, tuple):
                return given[0], {"message": "as it was told"}, given[1]
            if isinstance(given, int):
                return given, {"message": "as it was told"}, {}
            return self._route(request) if given is None else given

    def _failure(self, line: str) -> Any:
        for pattern, answers in self._failures:
            if answers and pattern.search(line):
                return answers[0] if answers[-1] is ... else answers.pop(0)
        return None

    def _route(self, request: Request) -> Answer:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if TOKEN not in (token, request.headers.get("private-token", "")):
            return 401, {"message": "Bad credentials"}, {}
        for method, pattern, route in ROUTES:
            found = re.fullmatch(pattern, request.path)
            if found and method == request.method:
                return route(self, request, found)
        return 404, {"message": "Not Found"}, {}

    def page(self, request: Request, items: list[Any]) -> Answer:
        """One page of a list, with the address of the next."""
        size = min(int(request.query.get("per_page", "30")), self.most)
        number = int(request.query.get("page", "1"))
        more = {}
        if number * size < len(items):
            query = urlencode({**request.query, "page": str(number + 1)})
            # Some hosts name themselves by another address than they were called by.
            more["Link"] = f'<https://elsewhere.invalid{request.path}?{query}>; rel="next"'
        return 200, items[(number - 1) * size : number * size], more


def _user(host: CodeHost, request: Request, found: Any) -> Answer:
    if host.me is None:
        return 403, {"message": "Resource not accessible by integration"}, {}
    return 200, {"login": host.me, "username": host.me}, {}


def _comments(host: CodeHost, request: Request, found: Any) -> Answer:
    return host.page(request, host.on(int(found[1])))


def _add_comment(host: CodeHost, request: Request, found: Any) -> Answer:
    if len(request.body["body"]) > 65_536:
        return 422, {"message": "Body is too long (maximum is 65536 characters)"}, {}
    return 201, host.comments[host.comment(int(found[1]), request.body["body"])], {}


def _edit_comment(host: CodeHost, request: Request, found: Any) -> Answer:
    comment = host.comments.get(int(found[1]))
    if comment is None:
        return 404, {"message": "Not Found"}, {}
    comment["body"] = request.body["body"]
    return 200, comment, {}


def _delete_comment(host: CodeHost, request: Request, found: Any) -> Answer:
    gone = host.comments.pop(int(found[1]), None)
    return (404, {"message": "Not Found"}, {}) if gone is None else (204, None, {})


def _issues(host: CodeHost, request: Request, found: Any) -> Answer:
    wanted = set(filter(None, request.query.get("labels", "").split(",")))
    state = request.query.get("state", "open")
    listed = [
        each
        for each in host.issues.values()
        if wanted <= {label["name"] for label in each["labels"]} and state in ("all", each["state"])
    ]
    return host.page(request, listed)


def _open_issue(host: CodeHost, request: Request, found: Any) -> Answer:
    body = request.body
    if len(body["title"]) > 256:
        return 422, {"message": "title is too long (maximum is 256 characters)"}, {}
    return 201, host.issues[host.issue(body["title"], body["body"], *body.get("labels", []))], {}


def _edit_issue(host: CodeHost, request: Request, found: Any) -> Answer:
    issue = host.issues.get(int(found[1]))
    if issue is None:
        return 404, {"message": "Not Found"}, {}
    issue.update({name: request.body[name] for name in request.body if name in issue})
    return 200, issue, {}


def _note(comment: dict[str, Any]) -> dict[str, Any]:
    return {**comment, "author": {"username": comment["user"]["login"]}, "system": False}


def _notes(host: CodeHost, request: Request, found: Any) -> Answer:
    return host.page(request, [_note(each) for each in host.on(int(found[1]))])


def _add_note(host: CodeHost, request: Request, found: Any) -> Answer:
    return 201, _note(host.comments[host.comment(int(found[1]), request.body["body"])]), {}


def _edit_note(host: CodeHost, request: Request, found: Any) -> Answer:
    return _edit_comment(host, request, {1: found[2]})


def _delete_note(host: CodeHost, request: Request, found: Any) -> Answer:
    return _delete_comment(host, request, {1: found[2]})


def _gitlab_issue(issue: dict[str, Any]) -> dict[str, Any]:
    state = "opened" if issue["state"] == "open" else "closed"
    return {
        "iid": issue["number"],
        "title": issue["title"],
        "description": issue["body"],
        "state": state,
    }


def _gitlab_issues(host: CodeHost, request: Request, found: Any) -> Answer:
    status, listed, more = _issues(host, request, found)
    return status, [_gitlab_issue(each) for each in listed], more


def _open_gitlab_issue(host: CodeHost, request: Request, found: Any) -> Answer:
    body = request.body
    made = host.issue(body["title"], body["description"], *body["labels"].split(","))
    return 201, _gitlab_issue(host.issues[made]), {}


def _edit_gitlab_issue(host: CodeHost, request: Request, found: Any) -> Answer:
    issue = host.issues.get(int(found[1]))
    if issue is None:
        return 404, {"message": "404 Not found"}, {}
    body = request.body
    issue.update({"title": body["title"], "body": body["description"]})
    if event := body.get("state_event"):
        issue["state"] = "closed" if event == "close" else "open"
    return 200, _gitlab_issue(issue), {}


_HUB, _LAB = rf"/repos/{REPOSITORY}", r"/api/v4/projects/7"
_ON = rf"{_LAB}/merge_requests/(\d+)/notes"
ROUTES: list[tuple[str, str, Route]] = [
    ("GET", r"(/api/v4)?/user", _user),
    ("GET", rf"{_HUB}/issues/(\d+)/comments", _comments),
    ("POST", rf"{_HUB}/issues/(\d+)/comments", _add_comment),
    ("PATCH", rf"{_HUB}/issues/comments/(\d+)", _edit_comment),
    ("DELETE", rf"{_HUB}/issues/comments/(\d+)", _delete_comment),
    ("GET", rf"{_HUB}/issues", _issues),
    ("POST", rf"{_HUB}/issues", _open_issue),
    ("PATCH", rf"{_HUB}/issues/(\d+)", _edit_issue),
    ("GET", _ON, _notes),
    ("POST", _ON, _add_note),
    ("PUT", rf"{_ON}/(\d+)", _edit_note),
    ("DELETE", rf"{_ON}/(\d+)", _delete_note),
    ("GET", rf"{_LAB}/issues", _gitlab_issues),
    ("POST", rf"{_LAB}/issues", _open_gitlab_issue),
    ("PUT", rf"{_LAB}/issues/(\d+)", _edit_gitlab_issue),
]
"""Method, path, and what is done; more may be added (`ROUTES.append`)."""


def hangs(handler: BaseHTTPRequestHandler, host: CodeHost) -> None:
    """Never answers."""
    host.stop.wait(30)


def breaks_off(handler: BaseHTTPRequestHandler, host: CodeHost) -> None:
    """Ends the connection instead of answering."""
    handler.connection.close()


@contextmanager
def serve(host: CodeHost | None = None) -> Iterator[CodeHost]:
    """Run a code host until the block ends."""
    made = host or CodeHost()

    class Handler(BaseHTTPRequestHandler):
        def handle_request(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            sent = self.rfile.read(length)
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = json.loads(sent) if sent else None
            answer = made.answer(Request(self.command, parts.path, query, body, headers))
            if callable(answer):
                answer(self, made)
                return
            status, content, more = answer
            data = b"" if content is None else json.dumps(content).encode()
            self.send_response(status)
            for name, value in {**more, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_request

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.stop.set()
        server.shutdown()
        server.server_close()
        thread.join()
