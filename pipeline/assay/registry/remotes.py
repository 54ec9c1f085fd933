"""DVC's remote: how it is configured, whether it answers, and what is fetched from it or pushed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from assay.errors import BundleMissing, NotARepository, RemoteFailed, StoreError
from assay.errors.base import mask_passwords
from assay.project import layout
from assay.project.params import Params
from assay.registry import git
from assay.registry.git import Tag
from assay.registry.tags import parse_tag

EXTRAS: Mapping[str, str] = {"s3": "s3", "gs": "gs", "azure": "azure", "ssh": "ssh", "sftp": "ssh"}
"""Scheme of a remote's address -> the extra of Assay that brings its client."""

BUCKETS = frozenset({"s3", "gs", "azure"})

SECRETS = frozenset(
    {
        *("secret_access_key", "session_token", "password", "passphrase", "account_key"),
        *("sas_token", "connection_string", "client_secret", "gdrive_client_secret", "token"),
        "oss_key_secret",
    }
)
"""Options of a remote that must not stand in .dvc/config, because git keeps that file."""

CONNECT_SECONDS = 5
ANSWER_SECONDS = 10
"""Limits for one connection to S3; without them boto waits for a minute, five times over."""


@dataclass(frozen=True)
class DvcRemotes:
    """The remotes that are configured.

    Attributes
    ----------
    default
        The name of the one that ``dvc push`` and ``assay`` use; None if none is.
    urls
        Name -> address, passwords masked.
    exposed
        Secrets in the configuration that git keeps: ``NAME.OPTION``.
    missing
        The package that the default remote needs and that is not installed; None if none is.
    """

    default: str | None
    urls: Mapping[str, str]
    exposed: tuple[str, ...] = ()
    missing: str | None = None

    @property
    def scheme(self) -> str:
        """Of the default remote's address: ``s3``; "" for a folder or without one."""
        return scheme_of(self.urls.get(self.default or "", ""))


def scheme_of(url: str) -> str:
    """The scheme of an address, "" for a path."""
    return urlsplit(url).scheme if "://" in url else ""


def read_remotes(root: Path) -> DvcRemotes:
    """The configured remotes; none is asked.

    Raises
    ------
    NotARepository
        DVC is not initialised here, or its configuration cannot be read.
    """
    with _opened(root) as repo:
        configured: Mapping[str, Mapping[str, Any]] = repo.config["remote"]
        default = repo.config["core"].get("remote")
        kept = repo.config.read("repo").get("remote", {})
        urls = {name: mask_passwords(str(each["url"])) for name, each in configured.items()}
        exposed = sorted(
            f"{name}.{option}"
            for name, each in kept.items()
            for option, value in each.items()
            if option in SECRETS or mask_passwords(str(value)) != str(value)
        )
        missing = _missing(scheme_of(urls[default])) if default in urls else None
    return DvcRemotes(default, urls, tuple(exposed), missing)


def _missing(scheme: str) -> str | None:
    """The package that DVC needs for a scheme, if it is not installed."""
    extra = EXTRAS.get(scheme)
    known = extra is None or importlib.util.find_spec(f"dvc_{extra}") is not None
    return None if known else f"dvc-{extra}"


def is_empty(root: Path) -> bool:
    """Whether the default remote holds nothing yet; asks it, so it has to answer.

    Raises
    ------
    RemoteFailed
        It does not answer, refuses the credentials, or has no such bucket.
    """
    with open_to_ask(root) as (repo, name):
        remote = repo.cloud.get_remote(name)
        system, path = remote.fs, remote.path
        if system.protocol in ("http", "https"):
            return not system.exists(path)  # a web server lists nothing
        try:
            return not list(system.ls(path, detail=False))
        except FileNotFoundError:
            if system.protocol in BUCKETS:
                # A bucket knows no folders: nothing below the path is no proof that it is there.
                list(system.ls(path.partition("/")[0], detail=False))
            return True


def missing_objects(root: Path, hashes: Iterable[str]) -> tuple[str, ...]:
    """Those MD5 hashes of which the default remote has no object.

    Raises
    ------
    RemoteFailed
        As `is_empty`.
    """
    with open_to_ask(root) as (repo, name):
        remote = repo.cloud.get_remote(name)
        wanted = sorted(set(hashes))
        there = set(remote.odb.list_oids_exists(wanted))
        return tuple(each for each in wanted if each not in there)


def limit_waiting(configured: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The configuration of all remotes, with time limits for those in S3 that have none."""
    limits = {"connect_timeout": CONNECT_SECONDS, "read_timeout": ANSWER_SECONDS}
    return {
        name: {**(limits if scheme_of(str(each.get("url"))) == "s3" else {}), **each}
        for name, each in configured.items()
    }


@contextmanager
def open_to_ask(root: Path) -> Iterator[tuple[Any, str | None]]:
    """DVC's repository, ready to ask the default remote, whose name is None if there is none.

    Raises
    ------
    NotARepository
        As `read_remotes`.
    RemoteFailed
        For whatever the remote's client raises in the block.
    """
    with _opened(root) as repo:
        configured = repo.config["remote"]
        name = repo.config["core"].get("remote")
        known = name if name in configured else None
        where = mask_passwords(str(configured[known]["url"])) if known else ".dvc/config"
        try:
            repo.config["remote"] = limit_waiting(configured)
            yield repo, known
        except Exception as error:  # each remote's client has errors of its own
            raise _refusal(where, error) from None


def _refusal(where: str, error: Exception) -> RemoteFailed:
    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
        if not isinstance(cause, Exception) or cause in chain:
            break
        chain.append(cause)
    message = next((text for each in chain if (text := " ".join(str(each).split()))), "")
    names = {type(each).__name__ for each in chain}
    if names & {"PermissionError", "NoCredentialsError", "AuthError", "PermissionDenied"}:
        what, fix = (
            "the remote refuses these credentials",
            "Give the right ones, in the environment or with dvc remote modify --local",
        )
    elif "FileNotFoundError" in names:
        what, fix = "there is no such bucket or folder", "Make it, or check: dvc remote list"
    else:
        what, fix = "the remote does not answer", "Check its address and the network"
    return RemoteFailed(
        what,
        where=where,
        found=f"{type(error).__name__}: {message[:160]}" if message else type(error).__name__,
        fix=f"{fix}; docs/remotes.md tells where each secret goes.",
    )


@contextmanager
def _opened(root: Path) -> Iterator[Any]:
    from dvc.exceptions import DvcException, NotDvcRepoError
    from dvc.repo import Repo

    try:
        repo = Repo(str(root))
    except NotDvcRepoError:
        raise git.unknown_to_dvc(root) from None
    except DvcException as error:
        raise NotARepository(
            "DVC's configuration cannot be read",
            where=".dvc/config",
            found=" ".join(str(error).split()),
            fix="Fix it: dvc config --list names the same fault.",
        ) from None
    with repo:
        yield repo


def names(root: Path) -> list[str]:
    """Git's remotes, by name.

    Raises
    ------
    NotARepository
        Git cannot say.
    """
    done = git.run(root, "remote")
    if done.returncode:
        raise NotARepository(
            "git does not name its remotes",
            where=str(root),
            found=git.complaint(done),
            fix="git remote says more.",
        )
    return done.stdout.decode(errors="surrogateescape").splitlines()


def remote_name(root: Path) -> str | None:
    """The remote that tags are shared through, None if there is none.

    That is the remote of the current branch, else ``origin``, else the first one.
    """
    names = _lines(root, "remote")
    branch = _lines(root, "symbolic-ref", "--quiet", "--short", "HEAD")
    followed = _lines(root, "config", f"branch.{branch[0]}.remote") if branch else []
    asked = [*followed, "origin", *names]
    return next((name for name in asked if name in names), None)


def remote_url(root: Path, remote: str) -> str:
    """The address of a remote, as configured; it may hold a password."""
    return next(iter(_lines(root, "remote", "get-url", remote)), "")


def local_tags(root: Path, artifact: str) -> dict[str, str]:
    """The tags of an artifact in this clone: name -> object."""
    lines = _lines(root, "for-each-ref", "--format=%(objectname)%09%(refname)", "refs/tags")
    return tags_of(lines, artifact)


def remote_tags(root: Path, remote: str, artifact: str) -> dict[str, str]:
    """The tags of an artifact in a remote: name -> object.

    Raises
    ------
    NotARepository
        The remote does not answer, or refuses.
    """
    done = git.run(root, "ls-remote", "--tags", "--refs", remote)
    if done.returncode:
        raise NotARepository(
            "git's remote does not answer, so nobody knows whether it has newer tags",
            where=f"{remote} ({remote_url(root, remote)})",
            found=git.complaint(done),
            fix=f"Check the address and the credentials: git ls-remote {remote}",
        )
    return tags_of(done.stdout.decode(errors="surrogateescape").splitlines(), artifact)


def _lines(root: Path, *arguments: str) -> list[str]:
    done = git.run(root, *arguments)
    return [] if done.returncode else done.stdout.decode(errors="surrogateescape").splitlines()


def tags_of(lines: Iterable[str], artifact: str) -> dict[str, str]:
    """The tags of an artifact in lines as ``git ls-remote --refs`` writes them: name -> object."""
    tags = {}
    for line in lines:
        thing, _, ref = line.partition("\t")
        name = ref.removeprefix("refs/tags/")
        event = parse_tag(Tag(name, "", "", 0, "", ""))
        if event is not None and event.artifact == artifact:
            tags[name] = thing
    return tags


# ------- ``assay remote pull`` and ``push``: what DVC keeps of a commit, from and to the DVC remote
# ``assay check --bucket`` asks whether what must outlive this machine lies elsewhere.
#
# Unlike ``dvc pull`` and ``dvc push``, they end well in a project without a remote, and say how
# to add one; and what nobody pushed is no error, because ``dvc repro`` can make it.

ADD = "dvc remote add --default NAME URL, commit .dvc/config, dvc push"
"""How a project comes to a remote; docs/remotes.md has the rest."""


@dataclass(frozen=True)
class Transfer:
    """What was moved.

    Parameters
    ----------
    remote
        The name of the default remote; None without one, and then nothing was moved.
    files
        How many files were fetched or pushed; 0 if all were there.
    """

    done: Literal["pulled", "pushed"]
    remote: str | None
    files: int


def pull(root: Path, params: Params, sources: bool = False) -> Transfer:
    """Fetch what the remote has of this commit's results, and check it out.

    Parameters
    ----------
    sources
        Only what no stage makes, such as a table that was added with ``dvc add``.

    Raises
    ------
    RemoteFailed
        The remote cannot be reached or read.
    NotARepository
        DVC does not know this project.
    """
    del params

    def act(repo: Any) -> int:
        wanted = None
        if sources:
            wanted = [each.path_in_repo for each in repo.index.stages if each.is_data_source]
            if not wanted:
                return 0  # without a target, DVC would fetch everything
        return int(repo.pull(wanted, allow_missing=True)["stats"]["fetched"])

    return _transfer(root, "pulled", act)


def push(root: Path, params: Params) -> Transfer:
    """Push this commit's sources and results, for others to fetch; errors as above."""
    del params
    return _transfer(root, "pushed", lambda repo: int(repo.push()))


def _transfer(root: Path, done: Literal["pulled", "pushed"], act: Callable[[Any], int]) -> Transfer:
    with open_to_ask(root) as (repo, remote):
        return Transfer(done, remote, 0 if remote is None else act(repo))


@dataclass(frozen=True)
class Buckets:
    """Where the store and the DVC remote lie."""

    store: str
    remote: str


def check_bucket(root: Path, params: Params) -> Buckets:
    """Where store and DVC remote lie, if that is outside this machine; no network is asked.

    Raises
    ------
    StoreError
        The store is a folder.
    BundleMissing
        The DVC remote is a folder, or there is no remote.
    """
    if not elsewhere(params.store):
        raise StoreError(
            "it is a folder of this machine, and a runner is thrown away with all nights in it",
            where=f"{layout.PARAMS}: store",
            expected="an address such as s3://BUCKET/store",
            found=params.store,
            fix="docs/github.md says how to make a bucket and let the workflow into it.",
        )
    remotes = read_remotes(root)
    remote = remotes.urls.get(remotes.default or "")
    if remote is None or not elsewhere(remote):
        raise BundleMissing(
            "the promoted bundle cannot be had on another machine",
            where=".dvc/config",
            expected="a default DVC remote outside of this machine",
            found=remote or "no default remote",
            fix=f"Add one: {ADD}.",
        )
    return Buckets(params.store, remote)


def elsewhere(address: str) -> bool:
    """Whether an address leads to another machine: it has a scheme, and that is not ``file``."""
    parts = urlsplit(address)
    return "://" in address and parts.scheme not in {"file", ""} and bool(parts.netloc)
