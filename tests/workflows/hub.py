"""GitHub as workflows see it: pull requests, checks, approvals and started workflows as well."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.code_host import REPOSITORY, ROUTES, Answer, CodeHost, Request

PEOPLE = {"ada": 1001, "grace": 1002, "linus": 1003}


def person(login: str) -> dict[str, Any]:
    return {"login": login, "id": PEOPLE[login], "type": "User"}


@dataclass
class Hub(CodeHost):
    """What there is beside comments and issues.

    Attributes
    ----------
    approvals
        Of every run.
    readers
        Who may read the repository, and not write to it.
    """

    pulls: dict[int, dict[str, Any]] = field(default_factory=dict)
    approvals: list[dict[str, Any]] = field(default_factory=list)
    reviews: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    readers: set[str] = field(default_factory=set)
    started: list[tuple[str, str]] = field(default_factory=list)

    def pull(self, title: str, branch: str, head: str, author: str = "ada") -> int:
        number = self.issue(title, "", pull_request={})
        self.pulls[number] = {
            "number": number,
            "title": title,
            "body": "",
            "state": "open",
            "user": person(author),
            "commits": [author],
            "head": {"sha": head, "ref": branch, "repo": {"full_name": REPOSITORY}},
            "base": {"ref": "main"},
            "merged_at": None,
            "merge_commit_sha": None,
            "merged_by": None,
        }
        return number

    def merged(self, number: int, commit: str, by: str) -> None:
        self.pulls[number].update(
            state="closed",
            merged_at="2024-03-01T00:00:00Z",
            merge_commit_sha=commit,
            merged_by=person(by),
        )

    def approve(self, login: str) -> None:
        self.approvals.append({"state": "approved", "user": person(login), "comment": ""})

    def review(self, number: int, login: str, state: str = "APPROVED", **more: Any) -> None:
        commit = self.pulls[number]["head"]["sha"]
        given = {"user": person(login), "state": state, "commit_id": commit, **more}
        self.reviews.setdefault(number, []).append(given)


def _repository(host: Any, request: Request, found: Any) -> Answer:
    return 200, {"full_name": REPOSITORY, "default_branch": "main"}, {}


def _of_commit(host: Any, request: Request, found: Any) -> Answer:
    listed = [
        each
        for each in host.pulls.values()
        if found[1] in (each["merge_commit_sha"], each["head"]["sha"])
    ]
    return host.page(request, listed)


def _list(host: Any, request: Request, found: Any) -> Answer:
    head, owner = request.query.get("head"), REPOSITORY.partition("/")[0]
    listed = [
        each
        for each in host.pulls.values()
        if each["state"] == request.query.get("state", "open")
        and head in (None, f"{owner}:{each['head']['ref']}")
    ]
    return host.page(request, listed)


def _open(host: Any, request: Request, found: Any) -> Answer:
    number = host.pull(request.body["title"], request.body["head"], "")
    host.pulls[number]["body"] = request.body["body"]
    return 201, host.pulls[number], {}


def _edit(host: Any, request: Request, found: Any) -> Answer:
    host.pulls[int(found[1])].update(request.body)
    return 200, host.pulls[int(found[1])], {}


def _one(host: Any, request: Request, found: Any) -> Answer:
    pull = host.pulls.get(int(found[1]))
    return (404, {"message": "Not Found"}, {}) if pull is None else (200, pull, {})


def _commits(host: Any, request: Request, found: Any) -> Answer:
    authors = map(person, host.pulls[int(found[1])]["commits"])
    return host.page(request, [{"author": each, "committer": None} for each in authors])


def _reviews(host: Any, request: Request, found: Any) -> Answer:
    return host.page(request, host.reviews.get(int(found[1]), []))


def _permission(host: Any, request: Request, found: Any) -> Answer:
    return 200, {"permission": "read" if found[1] in host.readers else "write"}, {}


def _merge_request(each: dict[str, Any]) -> dict[str, Any]:
    by = each["merged_by"]
    return {
        "iid": each["number"],
        "title": each["title"],
        "description": each["body"],
        "state": "merged" if each["merged_at"] else "opened",
        "author": {"username": each["user"]["login"]},
        "merge_user": by and {"username": by["login"], "id": by["id"]},
        "merge_commit_sha": None,
        "squash_commit_sha": each["merge_commit_sha"],
        "sha": each["head"]["sha"],
        "web_url": f"https://gitlab.example/mr/{each['number']}",
    }


def _merge_requests(host: Any, request: Request, found: Any) -> Answer:
    made = [each for each in host.pulls.values() if found[1] == each["merge_commit_sha"]]
    return host.page(request, list(map(_merge_request, made)))


def _open_requests(host: Any, request: Request, found: Any) -> Answer:
    branch, state = request.query["source_branch"], request.query["state"]
    listed = [_merge_request(x) for x in host.pulls.values() if x["head"]["ref"] == branch]
    return host.page(request, [each for each in listed if each["state"] == state])


def _open_request(host: Any, request: Request, found: Any) -> Answer:
    body = request.body
    assert body["target_branch"] == "main"
    number = host.pull(body["title"], body["source_branch"], "")
    host.pulls[number]["body"] = body["description"]
    return 201, _merge_request(host.pulls[number]), {}


def _edit_request(host: Any, request: Request, found: Any) -> Answer:
    pull = host.pulls[int(found[1])]
    pull.update(title=request.body["title"], body=request.body["description"])
    return 200, _merge_request(pull), {}


def _request(host: Any, request: Request, found: Any) -> Answer:
    return 200, _merge_request(host.pulls[int(found[1])]), {}


def _pipelines(host: Any, request: Request, found: Any) -> Answer:
    """Of a check each; an odd one may say another project or source."""
    head = host.pulls[int(found[1])]["head"]["sha"]
    usual = {"source": "merge_request_event", "project_id": 7}
    listed = [
        {"id": number, "sha": each["head_sha"], **usual, **each.get("pipeline", {})}
        for number, each in enumerate(host.checks)
        if each["head_sha"] == head
    ]
    return host.page(request, listed[::-1])


def _jobs(host: Any, request: Request, found: Any) -> Answer:
    check = host.checks[int(found[1])]
    ended = {"success": "success", "failure": "failed"}[check["conclusion"]]
    jobs = [{"name": "lock", "status": "success"}, {"name": check["name"], "status": ended}]
    return host.page(request, jobs)


def _versions(host: Any, request: Request, found: Any) -> Answer:
    times = ("2024-02-28T10:00:00.000+01:00", "2024-02-28T08:00:00.000Z")
    return host.page(request, [{"created_at": each} for each in times])


def _approved_by(host: Any, request: Request, found: Any) -> Answer:
    given = [
        {"user": {"username": each["user"]["login"]}, "approved_at": each["approved_at"]}
        for each in host.reviews.get(int(found[1]), [])
    ]
    return 200, {"approved_by": given}, {}


def _checks(host: Any, request: Request, found: Any) -> Answer:
    wanted = request.query.get("check_name")
    runs = [
        {"app": {"slug": "github-actions"}, **each}
        for each in host.checks
        if each["head_sha"] == found[1] and wanted in (None, each["name"])
    ]
    return 200, {"total_count": len(runs), "check_runs": runs[-1:]}, {}


def _approvals(host: Any, request: Request, found: Any) -> Answer:
    return 200, host.approvals, {}


def _start(host: Any, request: Request, found: Any) -> Answer:
    host.started.append((found[1], request.body["ref"]))
    return 204, None, {}


_HUB, _LAB = rf"/repos/{REPOSITORY}", r"/api/v4/projects/7"
ROUTES += [
    ("GET", _HUB, _repository),
    ("GET", rf"{_HUB}/commits/([0-9a-f]{{40}})/pulls", _of_commit),
    ("GET", rf"{_HUB}/commits/([0-9a-f]{{40}})/check-runs", _checks),
    ("GET", rf"{_HUB}/pulls", _list),
    ("POST", rf"{_HUB}/pulls", _open),
    ("GET", rf"{_HUB}/pulls/(\d+)", _one),
    ("PATCH", rf"{_HUB}/pulls/(\d+)", _edit),
    ("GET", rf"{_HUB}/pulls/(\d+)/commits", _commits),
    ("GET", rf"{_HUB}/pulls/(\d+)/reviews", _reviews),
    ("GET", rf"{_HUB}/collaborators/([\w-]+)/permission", _permission),
    ("GET", rf"{_LAB}/repository/commits/([0-9a-f]{{40}})/merge_requests", _merge_requests),
    ("GET", _LAB, _repository),
    ("GET", rf"{_LAB}/merge_requests", _open_requests),
    ("POST", rf"{_LAB}/merge_requests", _open_request),
    ("GET", rf"{_LAB}/merge_requests/(\d+)", _request),
    ("PUT", rf"{_LAB}/merge_requests/(\d+)", _edit_request),
    ("GET", rf"{_LAB}/merge_requests/(\d+)/pipelines", _pipelines),
    ("GET", rf"{_LAB}/pipelines/(\d+)/jobs", _jobs),
    ("GET", rf"{_LAB}/merge_requests/(\d+)/versions", _versions),
    ("GET", rf"{_LAB}/merge_requests/(\d+)/approvals", _approved_by),
    ("GET", rf"{_HUB}/actions/runs/\d+/approvals", _approvals),
    ("POST", rf"{_HUB}/actions/workflows/([\w.]+)/dispatches", _start),
]
