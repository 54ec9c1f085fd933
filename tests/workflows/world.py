"""A team's world on one machine: a repository and its host, a bucket, a laptop, runners."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from deltalake import DeltaTable

from tests import projects, s3
from tests.code_host import REPOSITORY, TOKEN, serve
from tests.workflows import act, parcels
from tests.workflows.hub import Hub

OVERLAY = Path(__file__).with_name("project")
BUCKET = "team"
TABLE = "data/parcels.csv"
Method = Literal["merge", "squash", "rebase"]


class World:
    """Everything below ``folder``; `hub` is the code host, ``endpoint`` the bucket's."""

    def __init__(self, folder: Path, hub: Hub, endpoint: str, tools: Path) -> None:
        self.folder, self.hub, self.endpoint, self.tools = folder, hub, endpoint, tools
        self.origin, self.laptop = folder / "origin.git", folder / "laptop"
        self.kept = folder / "artifacts"
        self._runs = 0
        (folder / "home").mkdir(parents=True)

    # ------------------------------------------------------------------ what a person does

    def start(self, *, bucket: bool = True) -> None:
        """An empty repository, and a project for a table in it, as docs/github.md says.

        Nothing is trained yet.
        """
        self._clone()
        parcels.write(self.folder / "parcels.csv", "2024-02-29")
        self.call("assay", "init", ".", "--data", "../parcels.csv", "--target", "late")
        if bucket:
            self.edit("params.yaml", "store: store", f"store: s3://{BUCKET}/store")
            self.call("dvc", "remote", "add", "--default", "team", f"s3://{BUCKET}/dvc")
            self.call("dvc", "push")
        self.commit("Start")
        self.call("git", "push", "--quiet", "origin", "main")

    def start_assay(self) -> None:
        """The repository of Assay itself, as far as ci.yml and release.yml need it."""
        self._clone()
        shutil.copytree(OVERLAY, self.laptop, dirs_exist_ok=True)
        shutil.copytree(act.ROOT / ".github", self.laptop / ".github")
        targets = re.findall(r"^([a-z-]+):.*## ", (act.ROOT / "Makefile").read_text(), re.MULTILINE)
        makefile = self.laptop / "Makefile"
        text = makefile.read_text()
        more = [f"{name}: ;\n" for name in targets if f"\n{name}:" not in text]
        makefile.write_text(text + "".join(more))
        self.commit("Start")
        self.call("git", "push", "--quiet", "origin", "main")

    def _clone(self) -> None:
        subprocess.run(["git", "init", "--quiet", "--bare", "-b", "main", self.origin], check=True)
        subprocess.run(
            ["git", "clone", "--quiet", self.origin, self.laptop], check=True, capture_output=True
        )

    def call(self, *command: str, code: int = 0) -> str:
        """A command on the laptop; what it printed."""
        with _environment(self.environment()):
            return projects.call(self.laptop, *command, code=code, tools=self.tools)

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text that a file of the laptop has once."""
        text = (self.laptop / path).read_text()
        assert text.count(old) == 1, (path, old)
        (self.laptop / path).write_text(text.replace(old, new))

    def rows_arrive(self, today: str) -> None:
        """Put the table with the rows up to a day in the place of the one before, on main."""
        self.call("git", "fetch", "--quiet", "origin")
        self.call("git", "checkout", "--quiet", "-B", "main", "origin/main")
        parcels.write(self.laptop / TABLE, today)
        self.call("dvc", "add", "--quiet", TABLE)
        if self.call("dvc", "remote", "list"):
            self.call("dvc", "push", f"{TABLE}.dvc")
        self.commit(f"Rows of {today}")
        self.call("git", "push", "--quiet", "origin", "main")

    def commit(self, message: str) -> str:
        self.call("git", "add", "--all")
        self.call("git", "commit", "--quiet", "--allow-empty", "--message", message)
        return self.call("git", "rev-parse", "HEAD").strip()

    def branch(self, name: str) -> None:
        self.call("git", "checkout", "--quiet", "-B", name, "main")

    def open_pull(self, title: str) -> int:
        """Push the laptop's branch and open a pull request of it."""
        name = self.call("git", "branch", "--show-current").strip()
        head = self.call("git", "rev-parse", "HEAD").strip()
        number = self.hub.pull(title, name, head)
        self.push(number)
        return number

    def push(self, number: int) -> None:
        """Push more commits to a pull request."""
        pull = self.hub.pulls[number]
        pull["head"]["sha"] = self.call("git", "rev-parse", "HEAD").strip()
        branch = pull["head"]["ref"]
        for ref in (f"refs/heads/{branch}", f"refs/pull/{number}/head"):
            self.call("git", "push", "--quiet", "--force", "origin", f"HEAD:{ref}")

    def fetch_proposal(self, number: int) -> None:
        """What the host does by itself: the pull request's newest commit is its branch's."""
        pull = self.hub.pulls[number]
        self.call("git", "fetch", "--quiet", "origin")
        self.call("git", "checkout", "--quiet", "--detach", f"origin/{pull['head']['ref']}")
        self.push(number)

    def merge(self, number: int, method: Method, by: str = "grace") -> str:
        """Merge a pull request as the host's button does; the new commit of main."""
        head, title = self.hub.pulls[number]["head"]["sha"], self.hub.pulls[number]["title"]
        self.call("git", "fetch", "--quiet", "origin")
        self.call("git", "checkout", "--quiet", "-B", "main", "origin/main")
        if method == "merge":
            self.call("git", "merge", "--quiet", "--no-ff", "--message", title, head)
        elif method == "squash":
            self.call("git", "merge", "--quiet", "--squash", head)
            self.call("git", "commit", "--quiet", "--message", title)
        else:
            # The host writes new commits, also where the old ones would do.
            self.call("git", "cherry-pick", "--allow-empty", f"main..{head}")
            self.call("git", "commit", "--quiet", "--amend", "--message", f"{title} (rebased)")
        self.call("git", "push", "--quiet", "origin", "main")
        commit = self.call("git", "rev-parse", "HEAD").strip()
        self.hub.merged(number, commit, by)
        return commit

    def keep_candidate(self, name: str) -> None:
        """Leave one candidate in params.yaml."""
        before, mark, after = (self.laptop / "params.yaml").read_text().partition("  candidates:")
        block, end, rest = after.partition("\n\n")
        kept = re.search(rf"^    {name}:.*(?:\n      .*)+", block, re.MULTILINE)
        assert kept, block
        (self.laptop / "params.yaml").write_text(f"{before}{mark}\n{kept[0]}{end}{rest}")

    # ---------------------------------------------------------------------- what CI does

    def gate(self, number: int, *, fork: bool = False, job: str | None = None) -> act.Run:
        """Run gate.yml on a pull request, and keep the check as the host does."""
        pull = self.hub.pulls[number]
        head = pull["head"]["sha"]
        payload = {
            "number": number,
            "pull_request": {
                **pull,
                "head": {
                    **pull["head"],
                    "repo": {"full_name": "stranger/fork" if fork else REPOSITORY},
                },
            },
        }
        ref = f"refs/pull/{number}/merge"
        done = self.run("gate", "pull_request", head, payload, job=job, ref=ref)
        ended = "success" if done.code == 0 else "failure"
        self.hub.checks.append({"name": "gate", "head_sha": head, "conclusion": ended})
        return done

    def gate_again(self, number: int) -> act.Run:
        """Run gate.yml as retrain.yml starts it: on the branch, for no pull request."""
        head = self.hub.pulls[number]["head"]["sha"]
        done = self.run("gate", "workflow_dispatch", head, {}, ref="refs/heads/assay/retrain")
        ended = "success" if done.code == 0 else "failure"
        self.hub.checks.append({"name": "gate", "head_sha": head, "conclusion": ended})
        return done

    def queue(self, number: int) -> act.Run:
        """Run gate.yml on what main would be after a merge queue merged a pull request."""
        head = self.hub.pulls[number]["head"]["sha"]
        ref = f"refs/heads/gh-readonly-queue/main/pr-{number}-{head}"
        return self.run("gate", "merge_group", head, {"merge_group": {"head_ref": ref}}, ref=ref)

    def promote(self, commit: str, approved_by: str | None = "linus") -> act.Run:
        self._approve(approved_by)
        return self.run("promote", "push", commit, {"ref": "refs/heads/main", "after": commit})

    def rollback(self, because: str, version: str = "") -> act.Run:
        self._approve("linus")
        inputs = {"version": version, "because": because}
        return self.run("promote", "workflow_dispatch", "main", {}, inputs=inputs)

    def night(self, today: str, first: str = "", last: str = "") -> act.Run:
        """Run nightly.yml in the morning after ``today``, by schedule unless a night is named."""
        self.rows_arrive(today)
        if first:
            inputs = {"from": first, "to": last}
            return self.run("nightly", "workflow_dispatch", "main", {}, inputs=inputs)
        return self.run("nightly", "schedule", "main", {"schedule": "17 5 * * *"})

    def retrain(self, event: str = "schedule") -> act.Run:
        return self.run("retrain", event, "main", {})

    def run(
        self,
        workflow: str,
        event: str,
        at: str,
        payload: Mapping[str, Any],
        *,
        inputs: Mapping[str, str] | None = None,
        job: str | None = None,
        ref: str = "refs/heads/main",
        env: Mapping[str, str] | None = None,
    ) -> act.Run:
        """Run a workflow on a new runner, which knows what the origin has and nothing else."""
        self._runs += 1
        runner = self.folder / "runners" / str(self._runs)
        subprocess.run(["git", "clone", "--quiet", self.origin, runner / "work"], check=True)
        subprocess.run(
            ["git", "fetch", "--quiet", "origin", "+refs/*:refs/remotes/all/*"],
            cwd=runner / "work",
            check=True,
        )
        subprocess.run(
            ["git", "checkout", "--quiet", *(["--detach"] if at != "main" else []), at],
            cwd=runner / "work",
            check=True,
        )
        repository = {"full_name": REPOSITORY, "default_branch": "main"}
        done = act.run(
            runner / "work",
            workflow,
            event,
            {"ref": ref, "repository": repository, **payload},
            scratch=runner / "act",
            env={**self.environment(), **self.hub_environment(), **(env or {})},
            token=TOKEN,
            inputs=inputs,
            variables={"NIGHTLY": "on", "AWS_READ_ROLE": "reader", "AWS_ROLE": "writer"},
            job=job,
        )
        (runner / "log.txt").write_text(done.output)
        return done

    # ------------------------------------------------------------------------- what is there

    def environment(self) -> dict[str, str]:
        """What laptop and runners have in common."""
        return {
            **s3.KEYS,
            "AWS_ENDPOINT_URL": self.endpoint,
            "ASSAY_PYTHON": sys.executable,
            "ASSAY_TREE": str(act.ROOT),
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(self.folder / "site"),
            "GIT_CONFIG_GLOBAL": str(self.folder / "home" / "gitconfig"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "HOME": str(self.folder / "home"),
            "KEPT": str(self.kept),
            # Whatever pip still had to download would fail.
            "PIP_FIND_LINKS": "",
            "PIP_NO_INDEX": "1",
            "PYTHON_FOLDER": str(self.tools.parents[1] / "python"),
        }

    def hub_environment(self) -> dict[str, str]:
        return {
            "GITHUB_API_URL": self.hub.url,
            "GITHUB_REPOSITORY": REPOSITORY,
        }

    def comments(self, number: int) -> list[str]:
        return [str(each["body"]) for each in self.hub.on(number)]

    def issues(self, state: str = "open") -> list[str]:
        """The titles of the issues in this state."""
        return [
            str(each["title"])
            for each in self.hub.issues.values()
            if "pull_request" not in each and each["state"] == state
        ]

    def proposal(self) -> int:
        """The number of the pull request that retrain.yml opened."""
        (number,) = (
            each["number"]
            for each in self.hub.pulls.values()
            if (each["state"], each["head"]["ref"]) == ("open", "assay/retrain")
        )
        return int(number)

    def published(self) -> list[str]:
        """The nights that anybody can read in the bucket."""
        return [*self.runs()]

    def runs(self) -> dict[str, str]:
        """The run of each of these nights."""
        options = {**s3.KEYS, "AWS_ENDPOINT_URL": self.endpoint, "AWS_ALLOW_HTTP": "true"}
        table = DeltaTable(f"s3://{BUCKET}/store/predictions", storage_options=options)
        rows = table.to_pyarrow_table(columns=["night", "run_id"])
        found = rows.group_by(["night", "run_id"]).aggregate([]).sort_by("night").to_pylist()
        assert len({row["night"] for row in found}) == len(found), found
        return {str(row["night"]): row["run_id"] for row in found}

    def tags(self) -> list[str]:
        """The tags that the origin has."""
        listed = subprocess.run(
            ["git", "tag", "--list"], cwd=self.origin, capture_output=True, text=True, check=True
        )
        return listed.stdout.split()

    def tag(self, name: str) -> str:
        """A tag of the origin: who made it, and its message."""
        shown = subprocess.run(
            ["git", "cat-file", "tag", name],
            cwd=self.origin,
            capture_output=True,
            text=True,
            check=True,
        )
        return shown.stdout

    def _approve(self, login: str | None) -> None:
        self.hub.approvals.clear()
        if login is not None:
            self.hub.approve(login)


@contextmanager
def world(folder: Path, endpoint: str, tools: Path) -> Iterator[World]:
    """A world whose bucket is at a server of `tests.s3`, and empty.

    ``tools`` are what `tests.workflows.wheel` installed.
    """
    with serve(Hub()) as host:
        assert isinstance(host, Hub)
        yield World(folder, host, endpoint, tools)


@contextmanager
def _environment(given: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(given)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
