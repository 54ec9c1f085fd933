"""Who may do what: one question for every act that changes what readers see.

What params.yaml of the default branch says decides, as far as this clone knows the branch: to
change it takes a commit there, which a review sees, and not an edit on the way to the act. A name
is what git's configuration says; only a signature proves it (`assay.registry.signatures`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from assay.errors import NotAllowed, NotARepository, ParamsError, UsageError
from assay.project import layout
from assay.project import params as parameters
from assay.project.params.access import Access, Act
from assay.registry import git, remotes

BRANCHES = ("HEAD", "main", "master")
"""Of a remote, in this order; its HEAD is its default branch."""


@dataclass(frozen=True)
class Policy:
    """What ``access`` says, and where: a ``ref`` of git's, None for the work tree.

    Without git, or before params.yaml is committed, there is nothing else than the work tree.
    """

    access: Access
    ref: str | None

    @property
    def place(self) -> str:
        """The file that decides, in words."""
        of = "" if self.ref is None else f" of {self.ref.removeprefix('refs/remotes/')}"
        return f"{layout.PARAMS}{of}"

    def read(self, root: Path, file: str) -> bytes:
        """A file that it names, from where it stands; raises AssayError or OSError."""
        if self.ref is None:
            return (root / file).read_bytes()
        return git.show(root, self.ref, file).encode()


def read_policy(root: Path) -> Policy:
    """The policy that decides here.

    Raises
    ------
    ParamsError
        The file that decides is not valid.
    NotARepository
        There is a repository, but git cannot read in it what decides.
    """
    if not git.is_in_work_tree(root):
        return _work_tree(root)
    for ref in _deciding(root):
        if not git.has_file(root, ref, layout.PARAMS):
            continue
        policy = Policy(Access(), ref)
        try:
            params = parameters.parse(git.show(root, ref, layout.PARAMS), layout.PARAMS)
            return Policy(params.access, ref)
        except ParamsError as error:
            lines = [f"{policy.place}{line.removeprefix(layout.PARAMS)}" for line in error.lines()]
            raise ParamsError(lines) from None
        except UnicodeDecodeError as error:
            raise ParamsError([f"{policy.place}: cannot be read as UTF-8 text ({error})"]) from None
    return _work_tree(root)


def _work_tree(root: Path) -> Policy:
    """For acts on a store alone, where a program may have its parameters from elsewhere too."""
    if not (root / layout.PARAMS).exists():
        return Policy(Access(), None)
    return Policy(parameters.load(root).access, None)


def _deciding(root: Path) -> Iterator[str]:
    yield from _default_branch(root)
    if git.has_commit(root):  # asked only where no default branch has the file
        yield "HEAD"


def _default_branch(root: Path) -> list[str]:
    """What this clone knows of it, the remote's HEAD by the name of the branch that it is.

    Not the remote of the checked-out branch: whoever is at work here would choose who decides.
    """
    names = remotes.names(root)
    if not names:
        return []
    if "origin" not in names and len(names) > 1:
        raise NotARepository(
            "nobody knows which of git's remotes says who may",
            where=str(root),
            expected="one that is called origin, or no other",
            found=", ".join(names),
            fix="git remote rename NAME origin",
        )
    remote = "origin" if "origin" in names else names[0]
    wanted = [f"refs/remotes/{remote}/{name}" for name in BRANCHES]
    done = git.run(root, "for-each-ref", "--format=%(refname) %(symref)", *wanted)
    if done.returncode or b"broken ref" in done.stderr:
        raise NotARepository(
            "git cannot read the branch that says who may",
            where=str(root),
            found=git.complaint(done),
            fix=f"Get it again: git fetch {remote}",
        )
    lines = (line.split() for line in done.stdout.decode(errors="surrogateescape").splitlines())
    known = {name: (*leads_to, name)[0] for name, *leads_to in lines}
    return [known[name] for name in wanted if name in known]


def require(root: Path, act: Act) -> str:
    """Who is at work here, as git is told, if they may.

    Raises
    ------
    NotAllowed
        They may not.
    """
    person, policy = git.user_name(root), read_policy(root)
    if not policy.access.allows(act, person):
        raise refusal(policy, act, person)
    return person


def require_with_reason(root: Path, act: Act, because: str) -> str:
    """As `require`, for an act on the store, which needs a reason, but no git.

    Raises
    ------
    UsageError
        ``because`` is blank.
    NotAllowed
        They may not.
    """
    if not because.strip():
        raise UsageError("a reason is needed", fix="Add --because WHY, for the history.")
    return require(root, act)


def refusal(policy: Policy, act: Act, person: str, words: str | None = None) -> NotAllowed:
    """That a person may not, and who may; ``words`` for the act, if they are not its name."""
    return NotAllowed(
        f"{person} may not {words or act}",
        where=f"{policy.place}: access.{act if getattr(policy.access, act) else 'default'}",
        expected=expected(policy, act),
        fix="One of them types the same command. Who may is changed by a commit on that branch."
        if policy.ref and policy.ref != "HEAD"
        else "One of them types the same command. Who may is changed by a commit.",
    )


def expected(policy: Policy, act: Act) -> str:
    """Who may, in words, with the people of each group."""
    groups, listed = policy.access.groups, policy.access.listed(act)
    if listed is None:
        return "a key of allowed_signers"
    texts = [f"{each} ({', '.join(groups[each])})" if each in groups else each for each in listed]
    return f"one of {', '.join(texts)}"
