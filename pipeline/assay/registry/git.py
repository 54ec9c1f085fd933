"""The few questions asked of git, through its command line."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from assay.errors import NotARepository, PromotionRefused, VersionUnknown

_TAG_FIELDS = (
    "%(refname:strip=2)",
    "%(objecttype)",
    "%(*objecttype)",
    "%(*objectname)",
    "%(taggername) %(taggeremail)",
    "%(taggerdate:unix)",
    "%(contents:subject)",
    "%(contents:body)",
)

ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
"""By these git is told of another repository than the one that the project lies in."""


@dataclass(frozen=True)
class Tag:
    """An annotated tag on a commit. ``time`` is in seconds since 1970, as git keeps it."""

    name: str
    commit: str
    by: str
    time: int
    subject: str
    body: str

    @property
    def at(self) -> str:
        return datetime.fromtimestamp(self.time, UTC).isoformat()


def _git(
    root: Path, *arguments: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=root,
            env=_environment() if env is None else env,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        if not root.is_dir():
            raise NotARepository("no such folder", where=str(root)) from None
        raise NotARepository("git is not installed", mend="Install git.") from None


def _environment() -> dict[str, str]:
    # Optional locks off: reading must not fight with a person's own git command. Replaced
    # objects off: what somebody put in a commit's place in this clone is not that commit.
    return {
        **{name: value for name, value in os.environ.items() if name not in ELSEWHERE},
        "LC_ALL": "C",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
    }


def _complaint(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[0].removeprefix("fatal: ") if lines else f"exit code {done.returncode}"


def _ask(root: Path, *arguments: str) -> str:
    done = _git(root, *arguments)
    if done.returncode:
        _refuse_outside(root)
        raise NotARepository(f"git {arguments[0]} failed", where=str(root), found=_complaint(done))
    return done.stdout.decode(errors="surrogateescape")


def _refuse_outside(root: Path) -> None:
    _refuse_elsewhere(root)
    done = _git(root, "rev-parse", "--is-inside-work-tree")
    if done.returncode or done.stdout.strip() != b"true":
        raise NotARepository(
            "versions are git tags, and this is not a git work tree",
            where=str(root),
            found=_complaint(done) if done.returncode else "a bare repository",
            mend="Make one: git init && dvc init, then commit.",
        )


def _refuse_elsewhere(root: Path) -> None:
    """A hook is told of its own repository, which is no other; GTO and DVC do not listen to it."""
    said = {name: os.environ[name] for name in ELSEWHERE if name in os.environ}
    if not said:
        return
    here = _places(root, _environment())
    there = _places(root, {**_environment(), **said})
    if here and here != there:
        raise NotARepository(
            f"{' and '.join(said)} in the environment {'point' if len(said) > 1 else 'points'} "
            "git to another repository than the project's",
            where=str(root),
            found=", ".join(f"{name}={value}" for name, value in said.items()),
            mend=f"Run it without: unset {' '.join(said)}",
        )


def _places(root: Path, env: dict[str, str]) -> tuple[str, ...]:
    """Git's folder, the work tree, and the folder of the index; none if there is no work tree.

    The folder only: for the time of a commit its hooks have an index of their own beside git's.
    """
    asked = ("--git-dir", "--show-toplevel", "--git-path", "index")
    done = _git(root, "rev-parse", "--path-format=absolute", *asked, env=env)
    if done.returncode:
        return ()
    folder, top, index = done.stdout.decode(errors="surrogateescape").split("\n")[:3]
    return tuple(os.path.realpath(path) for path in (folder, top, Path(index).parent))


def is_inside(root: Path) -> bool:
    """Whether a folder lies in a git work tree."""
    done = _git(root, "rev-parse", "--is-inside-work-tree")
    return not done.returncode and done.stdout.strip() == b"true"


def top(root: Path) -> tuple[Path, str]:
    """Root of the repository, and the project's folder in it ("" or ``a/b``).

    Raises
    ------
    NotARepository
    """
    _refuse_outside(root)
    found = _ask(root, "rev-parse", "--show-toplevel", "--show-prefix").split("\n")
    return Path(found[0]), found[1].rstrip("/")


def common_folder(root: Path) -> Path:
    """Where git keeps the refs, also those that a work tree shares with others.

    Raises
    ------
    NotARepository
    """
    told = _ask(root, "rev-parse", "--path-format=absolute", "--git-common-dir")
    return Path(told.rstrip("\n"))


def head(root: Path) -> str:
    """Hash of the commit that is checked out.

    Raises
    ------
    NotARepository
        Not a git work tree, or one without a commit.
    """
    _refuse_outside(root)
    done = _git(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if done.returncode:
        raise NotARepository(
            "there is no commit yet", where=str(root), mend="Commit the project first."
        )
    return done.stdout.decode().strip()


def head_time(root: Path) -> int:
    """When the commit that is checked out was made, in seconds since 1970.

    Raises
    ------
    NotARepository
    """
    return int(_ask(root, "log", "-1", "--format=%ct", head(root)))


def may_lack_tags(root: Path) -> bool:
    """Whether it is a shallow clone of something: its tags may have been left behind.

    Raises
    ------
    NotARepository
    """
    shallow = _ask(root, "rev-parse", "--is-shallow-repository").strip() == "true"
    return shallow and bool(_ask(root, "remote").strip())


def unclean(root: Path) -> tuple[str, ...]:
    """Changed, staged and untracked files of the whole repository, ignored ones left out.

    The whole repository, not only the project's folder: code beside it may have shaped
    the bundle.
    """
    whole = ("--untracked-files=all", "--ignore-submodules=none")
    text = _ask(root, "-c", "core.fsmonitor=false", "status", "--porcelain", "-z", *whole)
    fields = iter(text.split("\0"))
    paths = []
    for field in fields:
        if field:
            paths.append(field[3:])
            if "R" in field[:2] or "C" in field[:2]:
                next(fields, None)  # where it was moved from
    return tuple(sorted(paths))


def tracked(root: Path, pattern: str) -> tuple[str, ...]:
    """Files below ``root`` that git tracks and ``pattern`` matches, relative to it.

    Raises
    ------
    NotARepository
    """
    _refuse_outside(root)
    listed = _ask(root, "ls-files", "-z", "--", pattern).split("\0")
    return tuple(dict.fromkeys(filter(None, listed)))  # a file in conflict is listed thrice


def links(root: Path) -> tuple[str, ...]:
    """Symbolic links of the whole repository that git tracks, relative to ``root``.

    Raises
    ------
    NotARepository
    """
    _refuse_outside(root)
    entries = _ask(root, "ls-files", "--stage", "-z", "--", ":/").split("\0")
    found = (entry.partition("\t")[2] for entry in entries if entry.startswith("120000 "))
    return tuple(dict.fromkeys(found))


def flagged(root: Path) -> tuple[str, ...]:
    """Files of the whole repository that git was told not to look at, relative to its top.

    ``git update-index --assume-unchanged`` and ``--skip-worktree`` hide that a file differs
    from the commit.
    """
    above, _ = top(root)
    entries = filter(None, _ask(above, "ls-files", "-v", "-z").split("\0"))
    return tuple(sorted(each[2:] for each in entries if each[0].islower() or each[0] == "S"))


def export(root: Path, commit: str, into: Path) -> None:
    """Write every file of a commit's tree into an empty folder, byte for byte.

    Neither filters, attributes nor line endings are applied, and the folder is a git work tree
    of its own with these files in its index, so that the commit can be asked like a project.

    Raises
    ------
    NotARepository
        Git cannot read the commit.
    """
    above, _ = top(root)
    listed = _ask(above, "ls-tree", "-r", "-z", "--full-tree", commit)
    entries = [line.partition("\t") for line in listed.split("\0") if line]
    files = [(head.split(), path) for head, _, path in entries if " blob " in head]
    objects = _ask(above, "rev-parse", "--path-format=absolute", "--git-path", "objects")
    _ask(into, "init", "--quiet", "--template=")
    shared = into / ".git" / "objects" / "info" / "alternates"
    shared.parent.mkdir(parents=True, exist_ok=True)
    shared.write_text(objects, encoding="utf-8", errors="surrogateescape")
    _ask(into, "read-tree", commit)
    names = "".join(f"{head[2]}\n" for head, _ in files).encode()
    with tempfile.TemporaryFile() as wanted:
        wanted.write(names)
        wanted.seek(0)
        with subprocess.Popen(
            ["git", "cat-file", "--batch"],
            cwd=above,
            env=_environment(),
            stdin=wanted,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as batch:
            assert batch.stdout is not None
            for (mode, _, name), path in files:
                said = batch.stdout.readline().split()
                if len(said) != 3:
                    raise NotARepository(
                        "git cannot read a file of the commit",
                        where=f"{path} at {commit[:10]}",
                        found=f"no object {name[:10]}",
                        mend="In a partial clone get it first: git fetch --refetch.",
                    )
                data = batch.stdout.read(int(said[2]) + 1)[:-1]
                _place(into / path, mode, data)


def _place(target: Path, mode: str, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if mode == "120000":
        target.symlink_to(os.fsdecode(data))
        return
    target.write_bytes(data)
    if mode == "100755":
        target.chmod(0o755)


def listed(root: Path, commit: str, ending: str) -> tuple[str, ...]:
    """Files below ``root`` in a commit's tree whose names end so, relative to it.

    Raises
    ------
    NotARepository
        The commit is not in this clone.
    """
    names = _ask(root, "ls-tree", "-r", "-z", "--name-only", commit).split("\0")
    return tuple(name for name in names if name.endswith(ending))


def is_tracked_and_committed(root: Path, path: str) -> bool:
    """Whether the file is in the last commit and has the same bytes in the work tree."""
    if not (root / path).is_file():
        return False
    if _git(root, "cat-file", "-e", f"HEAD:./{path}").returncode:
        return False
    return _git(root, "diff", "--quiet", "HEAD", "--", path).returncode == 0


def would_list(root: Path, path: Path) -> bool:
    """Whether git would add a file that lies at ``path``: it is in the work tree, and not ignored.

    Outside a repository nothing is added to anything.
    """
    try:
        if _git(root, "rev-parse", "--is-inside-work-tree").stdout.strip() != b"true":
            return False
        return _git(root, "check-ignore", "--quiet", "--", str(path)).returncode == 1
    except NotARepository:
        return False


def show(root: Path, rev: str, path: str) -> str:
    """Text of a file as git holds it at a revision.

    Raises
    ------
    VersionUnknown
        The revision is not in this clone, or git holds no such file there.
    """
    done = _git(root, "show", f"{rev}:./{path}")
    if done.returncode:
        _refuse_outside(root)
        raise VersionUnknown(
            "git holds no such file at that commit",
            where=f"{path} at {rev[:10]}",
            found=_complaint(done),
            mend="In a shallow clone, get the whole history: git fetch --unshallow --tags.",
        )
    return done.stdout.decode()


def tags(root: Path) -> tuple[Tag, ...]:
    """Every annotated tag that points to a commit; light ones say nothing and are left out."""
    _refuse_outside(root)
    # NUL cannot occur in a tag's message, so it can end each field.
    layout = "%00".join(_TAG_FIELDS) + "%00"
    fields = _ask(root, "for-each-ref", f"--format={layout}", "refs/tags").split("\0")
    width = len(_TAG_FIELDS)
    found = []
    for start in range(0, len(fields) - 1, width):
        name, kind, target, commit, by, time, subject, body = fields[start : start + width]
        if kind == "tag" and target == "commit" and time:
            found.append(Tag(name.lstrip("\n"), commit, by.strip(), int(time), subject, body))
    return tuple(found)


def tag_names(root: Path) -> tuple[str, ...]:
    """What every tag is called, whatever it is."""
    names = _ask(root, "for-each-ref", "--format=%(refname:strip=2)", "refs/tags").split("\n")
    return tuple(filter(None, names))


def identity(root: Path) -> tuple[str, str]:
    """Name and address that git signs tags with.

    Raises
    ------
    PromotionRefused
        None was set; git would make one up from the machine's name.
    """
    done = _git(root, "-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT")
    name, _, rest = done.stdout.decode(errors="replace").partition(" <")
    if done.returncode or not name.strip():
        raise PromotionRefused(
            "git does not know who you are, and a tag must say who made it",
            mend="Tell it: git config user.name 'Your Name'"
            " && git config user.email you@example.com.",
        )
    return name.strip(), rest.partition(">")[0]
