"""Queries to git, through its command line."""

from __future__ import annotations

import getpass
import logging
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from assay.errors import AssayError, NotARepository, PromotionRefused, VersionUnknown

_TAG_FIELDS = (
    "%(refname:strip=2)",
    "%(objecttype)",
    "%(*objecttype)",
    "%(*objectname)",
    "%(taggername) %(taggeremail)",
    "%(taggerdate:unix)",
    "%(contents:subject)",
    "%(contents:body)",
    "%(objectname)",
    "%(tag)",
    "%(contents:signature)",
)

ELSEWHERE = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_CEILING_DIRECTORIES"),
    *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_CONFIG"),
    *("GIT_SHALLOW_FILE", "GIT_GRAFT_FILE", "GIT_REPLACE_REF_BASE", "GIT_IMPLICIT_WORK_TREE"),
    *("GIT_PREFIX", "GIT_REFERENCE_BACKEND"),
)
"""Environment variables that point git to another repository than the one around the project, or
to a part of another. They are left out: GTO and DVC do not heed them, and a git hook sets them to
its own. GIT_CONFIG_COUNT, GIT_CONFIG_GLOBAL and the like stay: they are how a job gives git a
password."""

_IMPATIENT = ("-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=60")
"""A server that sends less than 1,000 bytes a second for a minute is given up on."""

NOTHING: Mapping[str, str] = MappingProxyType({})

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tag:
    """An annotated tag on a commit. ``time`` is in seconds since 1970, as git stores it.

    ``object`` is its hash, and ``own_name`` what it calls itself: anybody can point git's name of a
    tag to another tag. ``signed`` says that it has a signature, whether good or not.
    """

    name: str
    commit: str
    by: str
    time: int
    subject: str
    body: str
    object: str = ""
    own_name: str = ""
    signed: bool = False

    @property
    def at(self) -> str:
        return datetime.fromtimestamp(self.time, UTC).isoformat()


def run(
    root: Path, *arguments: str, more: Mapping[str, str] = NOTHING, seconds: float | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run git in a folder, whatever its exit code; it asks for no password.

    Parameters
    ----------
    more
        Further environment variables.
    seconds
        The most that it may take.

    Raises
    ------
    NotARepository
        Git is not installed, or there is no such folder.
    subprocess.TimeoutExpired
        It took longer.
    """
    return run_program(root, "git", *arguments, more=more, seconds=seconds)


def run_program(
    root: Path,
    program: str,
    *arguments: str,
    more: Mapping[str, str] = NOTHING,
    seconds: float | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """As `run`, of git or a program that it calls."""
    env = {**environment(), **more}
    try:
        return subprocess.run(
            [program, *arguments], cwd=root, env=env, capture_output=True, timeout=seconds
        )
    except FileNotFoundError:
        if not root.is_dir():
            raise NotARepository("no such folder", where=str(root)) from None
        raise NotARepository(f"{program} is not installed", fix=f"Install {program}.") from None


def environment() -> dict[str, str]:
    """The environment of every git that Assay starts."""
    # No optional locks: reading must not interfere with a git command of the user. No replace
    # objects: a local replacement of a commit is not that commit.
    return {
        **{name: value for name, value in os.environ.items() if name not in ELSEWHERE},
        "LC_ALL": "C",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }


def complaint(done: subprocess.CompletedProcess[bytes]) -> str:
    """What a git that failed said, on one line."""
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[0].removeprefix("fatal: ") if lines else f"exit code {done.returncode}"


def _ask(root: Path, *arguments: str) -> str:
    done = run(root, *arguments)
    if done.returncode:
        _refuse_outside(root)
        raise NotARepository(f"git {arguments[0]} failed", where=str(root), found=complaint(done))
    return done.stdout.decode(errors="surrogateescape")


def _refuse_outside(root: Path) -> None:
    done = run(root, "rev-parse", "--is-inside-work-tree")
    if done.returncode or done.stdout.strip() != b"true":
        raise NotARepository(
            "versions are git tags, and this is not a git work tree",
            where=str(root),
            found=complaint(done) if done.returncode else "a bare repository",
            fix="Make one: git init && dvc init, then commit.",
        )


_inside: set[Path] = set()
"""Folders that git said to be in a work tree: one answer is enough, as what follows would fail."""
_places: dict[Path, tuple[Path, tuple[Path, str]]] = {}
"""Folder -> the nearest one with a ``.git``, and what git said of both: see `root_and_prefix`."""


def _require_inside(root: Path) -> None:
    """As `_refuse_outside`, before a command that would not see a bare repository itself."""
    place = root.absolute()
    if place not in _inside:
        _refuse_outside(root)
        _inside.add(place)


def _nearest(root: Path) -> Path | None:
    """The folder with the ``.git`` that git finds from here, if there is one."""
    above = (root.resolve(), *root.resolve().parents)
    return next((each for each in above if os.path.lexists(each / ".git")), None)


def is_in_work_tree(root: Path) -> bool:
    """Whether a folder is in a git work tree.

    Raises
    ------
    NotARepository
        There is a ``.git``, but git does not read it, or reads one of a folder further up.
    """
    nearest = _nearest(root)
    done = run(root, "rev-parse", "--show-toplevel")
    if nearest is None:
        return not done.returncode
    top = Path(os.fsdecode(done.stdout.removesuffix(b"\n")))
    if done.returncode or top.resolve() != nearest:
        raise NotARepository(
            "git cannot read the repository that is here",
            where=str(nearest / ".git"),
            found=complaint(done) if done.returncode else f"git takes {top} for it",
            fix="git status says more; clone it anew if it is damaged.",
        )
    return True


def has_file(root: Path, ref: str, path: str) -> bool:
    """Whether a commit has a file, ``path`` relative to ``root``.

    Raises
    ------
    NotARepository
        Git cannot read the commit.
    """
    return bool(_ask(root, "ls-tree", "--name-only", ref, "--", path))


def has_commit(root: Path) -> bool:
    """Whether a commit is checked out; False only in a repository without any.

    Raises
    ------
    NotARepository
        There are commits or tags, but HEAD leads to none that git can read.
    """
    done = run(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if done.returncode:
        others = run(root, "for-each-ref", "--count=1", "--format=%(refname)")
        if others.returncode or others.stdout or b"broken ref" in others.stderr:
            raise NotARepository(
                "git cannot read the commit that is checked out",
                where=f"{root}: HEAD",
                found=complaint(others) if others.stderr else "no commit",
                fix="git status says more; check out a branch, or clone anew.",
            )
    return not done.returncode


def is_shallow(root: Path) -> bool:
    """Whether the clone has only a part of the history."""
    return run(root, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true"


def root_and_prefix(root: Path) -> tuple[Path, str]:
    """Root of the repository, and the project's folder in it ("" or ``a/b``).

    Git is asked once for each folder, unless another repository has come nearer since.
    """
    place, nearest = root.absolute(), _nearest(root)
    known, answer = _places.get(place, (None, None))
    if answer is None or known != nearest:
        answers = _ask(root, "rev-parse", "--show-toplevel", "--show-prefix").split("\n")
        answer = Path(answers[0]), answers[1].rstrip("/")
        if nearest is not None:
            _places[place] = nearest, answer
    return answer


def unknown_to_dvc(root: Path) -> NotARepository:
    """The error that DVC does not know the project; below a repository's root it asks for more."""
    try:
        below = " --subdir" if root_and_prefix(root)[1] else ""
    except NotARepository:
        below = ""
    return NotARepository(
        "DVC does not know this project",
        where=str(root),
        fix=f"Run dvc init{below} and commit.",
    )


def common_dir(root: Path) -> Path:
    """The folder of git's refs, including those that a linked work tree shares."""
    answer = _ask(root, "rev-parse", "--path-format=absolute", "--git-common-dir")
    return Path(answer.rstrip("\n"))


def head(root: Path) -> str:
    """Hash of the checked-out commit.

    Raises
    ------
    NotARepository
        There is no commit yet.
    """
    _require_inside(root)
    done = run(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if done.returncode:
        _refuse_outside(root)
        raise NotARepository(
            "there is no commit yet", where=str(root), fix="Commit the project first."
        )
    return done.stdout.decode().strip()


def short_commit(root: Path, ref: str) -> str:
    """The first ten digits of the commit that a ref leads to; raises NotARepository."""
    return _ask(root, "rev-parse", "--verify", f"{ref}^{{commit}}")[:10]


def head_time(root: Path) -> int:
    """Commit time of the checked-out commit, in seconds since 1970."""
    return int(_ask(root, "log", "-1", "--format=%ct", head(root)))


def uncommitted_files(root: Path) -> tuple[str, ...]:
    """Changed, staged and untracked files of the whole repository, without ignored ones.

    The whole repository, because code outside the project's folder may have influenced the bundle.
    """
    whole = ("--untracked-files=all", "--ignore-submodules=none")
    text = _ask(root, "-c", "core.fsmonitor=false", "status", "--porcelain", "-z", *whole)
    fields = iter(text.split("\0"))
    paths = []
    for field in fields:
        if field:
            paths.append(field[3:])
            if "R" in field[:2] or "C" in field[:2]:
                next(fields, None)  # the old name of a moved file
    return tuple(sorted(paths))


def tracked_files(root: Path, pattern: str) -> tuple[str, ...]:
    """Files below ``root`` that git tracks and ``pattern`` matches, relative to ``root``."""
    _require_inside(root)
    listed = _ask(root, "ls-files", "-z", "--", pattern).split("\0")
    return tuple(dict.fromkeys(filter(None, listed)))  # a file in conflict is listed three times


def tracked_symlinks(root: Path) -> tuple[str, ...]:
    """Symbolic links in the whole repository that git tracks, relative to ``root``."""
    _require_inside(root)
    entries = _ask(root, "ls-files", "--stage", "-z", "--", ":/").split("\0")
    paths = (entry.partition("\t")[2] for entry in entries if entry.startswith("120000 "))
    return tuple(dict.fromkeys(paths))


LOOK_AGAIN = (
    "git update-index --no-assume-unchanged FILE && git update-index --no-skip-worktree FILE"
)
"""Takes both marks away; with both options in one command git heeds only the first."""


def assume_unchanged_files(root: Path) -> tuple[str, ...]:
    """Files marked assume-unchanged or skip-worktree, relative to the repository's root.

    These marks hide that a file differs from the commit.
    """
    above, _ = root_and_prefix(root)
    entries = filter(None, _ask(above, "ls-files", "-v", "-z").split("\0"))
    return tuple(sorted(each[2:] for each in entries if each[0].islower() or each[0] == "S"))


def export(root: Path, commit: str, into: Path) -> None:
    """Write every file of a commit's tree into an empty folder, byte for byte.

    Filters, attributes and line endings are not applied. The folder becomes a git work tree with
    these files in its index, so that it can be queried like a project.

    Raises
    ------
    NotARepository
        Git cannot read a file of the commit.
    """
    above, _ = root_and_prefix(root)
    listed = _ask(above, "ls-tree", "-r", "-z", "--full-tree", commit)
    entries = [line.partition("\t") for line in listed.split("\0") if line]
    files = [(head.split(), path) for head, _, path in entries if " blob " in head]
    objects = _ask(above, "rev-parse", "--path-format=absolute", "--git-path", "objects")
    _ask(into, "init", "--quiet", "--template=")
    shared = into / ".git" / "objects" / "info" / "alternates"
    shared.parent.mkdir(parents=True, exist_ok=True)
    shared.write_text(objects, encoding="utf-8", errors="surrogateescape")
    _ask(into, "read-tree", commit)
    contents = read_objects(above, [head[2] for head, _ in files])
    for ((mode, _, name), path), data in zip(files, contents, strict=True):
        if data is None:
            raise NotARepository(
                "git cannot read a file of the commit",
                where=f"{path} at {commit[:10]}",
                found=f"no object {name[:10]}",
                fix="In a partial clone get it first: git fetch --refetch.",
            )
        _place(into / path, mode, data)


def read_objects(root: Path, names: Sequence[str]) -> Iterator[bytes | None]:
    """The contents of git's objects by hash, one after the other; None for one that it lacks."""
    with tempfile.TemporaryFile() as wanted:
        wanted.write("".join(f"{name}\n" for name in names).encode())
        wanted.seek(0)
        with subprocess.Popen(
            ["git", "cat-file", "--batch"],
            cwd=root,
            env=environment(),
            stdin=wanted,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as batch:
            assert batch.stdout is not None
            for _ in names:
                answer = batch.stdout.readline().split()
                yield batch.stdout.read(int(answer[2]) + 1)[:-1] if len(answer) == 3 else None


def _place(target: Path, mode: str, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if mode == "120000":
        target.symlink_to(os.fsdecode(data))
        return
    target.write_bytes(data)
    if mode == "100755":
        target.chmod(0o755)


def changed_files(root: Path, commit: str) -> tuple[str, ...]:
    """Files below ``root`` that differ from a commit's, or are in none, relative to ``root``."""
    listed = (
        _ask(root, "diff", "--relative", "--name-only", "--no-renames", "-z", commit, "--", "."),
        _ask(root, "ls-files", "--others", "--exclude-standard", "-z"),
    )
    return tuple(sorted({path for text in listed for path in text.split("\0") if path}))


def committed_files(root: Path, commit: str, ending: str) -> tuple[str, ...]:
    """Files below ``root`` in a commit's tree with this ending, relative to ``root``."""
    names = _ask(root, "ls-tree", "-r", "-z", "--name-only", commit).split("\0")
    return tuple(name for name in names if name.endswith(ending))


def would_add(root: Path, path: Path) -> bool:
    """Whether git would add a file at ``path``: it is in the work tree, and not ignored.

    False outside a repository.
    """
    try:
        return run(root, "check-ignore", "--quiet", "--", str(path)).returncode == 1
    except NotARepository:
        return False


def show(root: Path, rev: str, path: str) -> str:
    """Text of a file in git at a revision.

    Raises
    ------
    VersionUnknown
        The revision is not in this clone, or git holds no such file there.
    """
    done = run(root, "show", f"{rev}:./{path}")
    if done.returncode:
        _refuse_outside(root)
        raise VersionUnknown(
            "git holds no such file at that commit",
            where=f"{path} at {rev[:10]}",
            found=complaint(done),
            fix="In a shallow clone, get the whole history: git fetch --unshallow --tags.",
        )
    return done.stdout.decode()


def tags(root: Path) -> tuple[Tag, ...]:
    """Every annotated tag that points to a commit; lightweight tags have no message to read."""
    _require_inside(root)
    # NUL cannot occur in a tag's message, so it can separate the fields.
    layout = "%00".join(_TAG_FIELDS) + "%00"
    fields = _ask(root, "for-each-ref", f"--format={layout}", "refs/tags").split("\0")
    width = len(_TAG_FIELDS)
    complete = []
    for start in range(0, len(fields) - 1, width):
        name, kind, target, commit, by, time, subject, body, *more = fields[start : start + width]
        if kind == "tag" and target == "commit" and time:
            tag = Tag(name.lstrip("\n"), commit, by.strip(), int(time), subject, body)
            complete.append(replace(tag, object=more[0], own_name=more[1], signed=bool(more[2])))
    return tuple(complete)


def identity(root: Path) -> tuple[str, str]:
    """Name and email address that git signs tags with.

    Raises
    ------
    PromotionRefused
        None is configured; git would derive one from the machine's name.
    """
    done = run(root, "-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT")
    name, _, rest = done.stdout.decode(errors="replace").partition(" <")
    if done.returncode or not name.strip():
        raise PromotionRefused(
            "git does not know who you are, and a tag must say who made it",
            fix="Tell it: git config user.name 'Your Name'"
            " && git config user.email you@example.com.",
        )
    return name.strip(), rest.partition(">")[0]


def update_or_clone(root: Path, url: str, branch: str | None) -> None:
    """Fast-forward the clone at ``root`` with all tags, or clone ``url`` if there is none.

    A clone that cannot be updated is used as it is, with a warning: last night's version is a
    better answer than none.

    Parameters
    ----------
    url
        Empty if ``root`` has to be a clone already.
    branch
        The branch to clone; by default the one that the repository names.

    Raises
    ------
    NotARepository
        ``root`` is no clone and none can be made.
    """
    if (root / ".git").exists():
        done = run(root, *_IMPATIENT, "pull", "--quiet", "--ff-only", "--tags")
        if done.returncode:
            _log.warning("cannot be updated, and is used as it is: %s", complaint(done))
        return
    if not url:
        _refuse_outside(root)
        return  # the project is a folder of a larger repository, which is its owner's to update
    wanted = () if branch is None else ("--branch", branch)
    root.parent.mkdir(parents=True, exist_ok=True)
    done = run(root.parent, *_IMPATIENT, "clone", "--quiet", *wanted, "--", url, str(root))
    if done.returncode:
        raise NotARepository(
            "cannot be cloned",
            where=url,
            found=complaint(done),
            fix="Check the address, the branch, and the credentials that git has here.",
        )


def user_name(root: Path) -> str:
    """The name that git signs with, else the login name."""
    try:
        name, address = identity(root)
        return f"{name} <{address}>" if address else name
    except AssayError:
        pass
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"  # in a container, the user id may have no name
