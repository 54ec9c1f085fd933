"""Fetches a version's bundle from git and DVC, never from the work tree, and verifies it."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.errors import (
    AssayError,
    BundleChanged,
    BundleMissing,
    ParamsError,
    PromotionRefused,
    StageInputMissing,
    VersionUnknown,
)
from assay.model.bundle_files import verified_digest
from assay.model.manifest import MANIFEST
from assay.project import digests, layout
from assay.project import params as parameters
from assay.project.document import read_stage_file
from assay.project.params import Params
from assay.project.processes import delete_abandoned
from assay.registry import dvc_pipeline, git
from assay.registry.dvc_pipeline import Pipeline
from assay.registry.remotes import limit_waiting
from assay.registry.versions import UNKNOWN, Version

BUNDLES = f"{layout.WORK}/bundles"
"""The folder of fetched bundles, relative to the project's root."""

UNFINISHED = ".fetch-"
"""How the names of folders begin whose bundle is not whole yet."""


def fetch_bundle(root: Path, version: Version, into: Path) -> Path:
    """The folder of a version's bundle, fetched at most once and verified on every use.

    Parameters
    ----------
    into
        Folder of fetched bundles, normally ``root/.assay/bundles``; this one becomes its child
        ``<hex of the digest>``. A damaged copy there is fetched again.

    Raises
    ------
    BundleChanged
        The bundle at the version's commit is not the registered one, or no digest was registered.
    """
    if version.bundle == UNKNOWN:
        raise BundleChanged(
            f"the tags of {version.version} do not say which bundle it is",
            where=version.name,
            expected="a line 'Bundle: sha256:…'",
            fix=f"Check {version.version} out and run assay promote.",
        )
    kept = into / version.bundle.removeprefix("sha256:")
    if _is(kept, version.bundle):
        return kept
    shutil.rmtree(kept, ignore_errors=True)
    name, wanted = _plain(version.name), version.bundle
    try:
        return fetch_bundle_at(root, name, version.commit, into, wanted=wanted)[0]
    except AnotherBundle as error:
        raise BundleChanged(
            "what git and DVC hold at this version's commit is another bundle",
            where=f"{version.name}@{version.version} ({version.commit[:10]})",
            expected=_short(wanted),
            found=_short(error.found or ""),
            fix="A tag or the history was rewritten; assay rollback to a version that is whole.",
        ) from None


class AnotherBundle(BundleChanged):
    """The bundle has another digest than it was to have."""


def fetch_bundle_at(
    root: Path, name: str, rev: str, into: Path, wanted: str | None = None
) -> tuple[Path, str]:
    """The bundle at a revision, stored as ``into/<hex>``, and its digest.

    Parameters
    ----------
    wanted
        The digest that it is to have: any other is refused before anything of it is parsed.
    """
    _make_scratch(into)
    with tempfile.TemporaryDirectory(dir=into, prefix=UNFINISHED) as scratch:
        fetched = Path(scratch) / "bundle"
        with _at(root, rev) as project:
            path = project.artifact(name)
            _download(project, path, fetched)
            try:
                if wanted is not None:
                    _refuse_another(fetched, wanted)
                digest = verified_digest(fetched)
            except AssayError as error:
                raise _diagnosis(project, path, fetched, error) from None
        kept = into / digest.removeprefix("sha256:")
        if not _is(kept, digest):
            shutil.rmtree(kept, ignore_errors=True)
            try:
                fetched.rename(kept)
            except OSError:
                # Another process stored the same bundle first.
                verified_digest(kept)
    return kept, digest


def bundle_path_at(root: Path, name: str, rev: str) -> str:
    """The bundle's path according to dvc.yaml at a revision."""
    with _at(root, rev) as project:
        return project.artifact(name)


def file_hashes_at(root: Path, name: str, rev: str) -> dict[str, str]:
    """DVC's MD5 hash of each file of the bundle at a revision, by its path in the bundle.

    Raises
    ------
    BundleMissing
        Neither DVC's cache nor a remote says which files it has.
    """
    with _at(root, rev) as project:
        path = project.artifact(name)
        system, folder = project.repo.dvcfs, project.inside(path)
        try:
            infos = {each: system.info(each) for each in system.find(folder)}
        except Exception as error:  # as in _download
            raise BundleMissing(
                "neither DVC's cache nor a remote has its list of files",
                where=f"{path} at {rev[:10]}",
                found=_message(error),
                fix="Where it was made: dvc push.",
            ) from None
        hashes = {each: (info.get("dvc_info") or {}).get("md5") for each, info in infos.items()}
        return {each.removeprefix(f"{folder}/"): md5 for each, md5 in hashes.items() if md5}


def read_verdict(root: Path, version: Version) -> str | None:
    """verdict.json at a version's commit; None if it cannot be fetched or is not text."""
    try:
        return read_file_at(root, version.commit, layout.VERDICT)
    except (AssayError, UnicodeDecodeError):
        return None


def version_code_reader(root: Path, version: Version) -> Callable[[str], str | None]:
    """Reads the project's own Python files from git as of a version's commit."""
    known = frozenset(git.committed_files(root, version.commit, ".py"))

    def read(path: str) -> str | None:
        return git.show(root, version.commit, path) if path in known else None

    return read


def read_file_at(root: Path, rev: str, path: str) -> str:
    """Text of a file of the project as of a revision.

    Git is asked first, because that does not import DVC.

    Raises
    ------
    VersionUnknown
        Git holds no such file there, and DVC tracks none.
    BundleChanged
        DVC's copy differs from the hash in the commit.
    """
    try:
        return git.show(root, rev, path)
    except VersionUnknown as error:
        absent = error
    with tempfile.TemporaryDirectory() as scratch, _at(root, rev) as project:
        if not project.has(path):
            raise absent
        target = Path(scratch) / "file"
        _download(project, path, target)
        info = project.repo.dvcfs.info(project.inside(path)).get("dvc_info") or {}
        if info.get("md5") not in (None, _md5(target)):
            raise BundleChanged(
                "DVC's copy is not the one that the commit names",
                where=f"{path} at {rev[:10]}",
                expected=f"md5 {info['md5']}",
                found=f"md5 {_md5(target)}",
                fix="Delete it from DVC's cache and get it again: dvc fetch.",
            )
        return target.read_text(encoding="utf-8")


@dataclass(frozen=True)
class _Project:
    """The project at one revision, through DVC."""

    repo: Any
    folder: str
    rev: str

    def inside(self, path: str) -> str:
        return "/" + "/".join(part for part in (self.folder, path) if part)

    def has(self, path: str) -> bool:
        return bool(self.repo.dvcfs.exists(self.inside(path)))

    def artifact(self, name: str) -> str:
        """The bundle's path according to dvc.yaml, relative to the project's root."""
        from dvc.exceptions import DvcException
        from dvc.repo import Repo

        full = f"{self.folder}:{name}" if self.folder else name
        try:
            if self.repo.dvc_dir and not self.folder:
                path = Path(self.repo.artifacts.get_path(full)).as_posix()
            else:
                with Repo(self.inside(""), fs=self.repo.fs, scm=self.repo.scm) as here:
                    path = Path(here.artifacts.get_path(full)).as_posix()
        except DvcException as error:
            raise PromotionRefused(
                f"dvc.yaml declares no artifact '{name}'",
                where=f"dvc.yaml at {self.rev[:10]}",
                expected=f"artifacts: {{{name}: {{path: models/bundle, type: model}}}}",
                found=_message(error),
                fix="Declare it and commit.",
            ) from None
        return path.removeprefix(f"{self.folder}/") if self.folder else path


_SHARED: ContextVar[tuple[Path, str, ExitStack, list[_Project]] | None] = ContextVar(
    "shared", default=None
)
"""Root, revision, what to close at the end, and the project once it was opened."""


@contextmanager
def _opened_once(root: Path, rev: str) -> Iterator[None]:
    """Let all reads of one revision within the block share what DVC parsed for the first.

    To open a revision is most of what a read takes. Without a read nothing is opened.
    """
    with ExitStack() as at_the_end:
        token = _SHARED.set((root, rev, at_the_end, []))
        at_the_end.callback(_SHARED.reset, token)
        yield


@contextmanager
def _at(root: Path, rev: str) -> Iterator[_Project]:
    shared = _SHARED.get()
    if shared is None or shared[:2] != (root, rev):
        with _open(root, rev) as project:
            yield project
        return
    _, _, at_the_end, opened = shared
    if not opened:
        opened.append(at_the_end.enter_context(_open(root, rev)))
    yield opened[0]


@contextmanager
def _open(root: Path, rev: str) -> Iterator[_Project]:
    from dvc.config import Config
    from dvc.exceptions import DvcException, NotDvcRepoError
    from dvc.repo import Repo

    top, folder = git.root_and_prefix(root)
    try:
        # Use the remotes configured today: a bundle may be older than its remote.
        today = Config(Repo.find_dvc_dir(str(root)))
        remotes = limit_waiting(today["remote"])
        config = {"remote": remotes, "core": dict(today["core"])}
        # Not by Repo.open, which opens today's once more for what is given here.
        opened = Repo(str(top), rev=rev, subrepos=True, uninitialized=True, config=config)
    except NotDvcRepoError:
        raise git.unknown_to_dvc(root) from None
    except (DvcException, OSError) as error:
        raise BundleMissing(
            "DVC cannot open the project at that commit",
            where=f"{root} at {rev[:10]}",
            found=_message(error),
            fix="In a shallow clone: git fetch --unshallow --tags.",
        ) from None
    with opened as repo:
        yield _Project(repo, folder, rev)


def _download(project: _Project, path: str, target: Path) -> None:
    # Remotes raise whatever their client libraries raise, so every exception is caught.
    try:
        project.repo.dvcfs.get(project.inside(path), str(target), recursive=True)
    except Exception as error:
        raise BundleMissing(
            "neither DVC's cache nor a remote gave it",
            where=f"{path} at {project.rev[:10]}",
            found=_message(error),
            fix="Where it was made: dvc push. Here: dvc fetch --all-tags, with a remote set up"
            " (dvc remote add).",
        ) from None
    if not target.exists():
        raise BundleMissing(
            "DVC tracks nothing there",
            where=f"{path} at {project.rev[:10]}",
            fix="Make it the output of a stage in dvc.yaml, run dvc repro and commit dvc.lock.",
        )


def _diagnosis(project: _Project, path: str, fetched: Path, error: AssayError) -> AssayError:
    """The error that names DVC's damaged copy; if none is damaged, the fault was committed."""
    for file in sorted(each for each in fetched.rglob("*") if each.is_file()):
        inner = f"{path}/{file.relative_to(fetched).as_posix()}"
        try:
            info = project.repo.dvcfs.info(project.inside(inner)).get("dvc_info") or {}
        except FileNotFoundError:
            # A temporary file that DVC left behind in place of the real one, without an error.
            return BundleMissing(
                "DVC did not write it whole",
                where=f"{path} at {project.rev[:10]}",
                found=file.name,
                fix="Check the disk and its room, then run the same command again.",
            )
        expected = info.get("md5")
        found = _md5(file)
        if expected is None or expected == found:
            continue
        place = _cache_place(project, inner, expected)
        return BundleChanged(
            "DVC's copy is damaged: its bytes are not those that were committed",
            where=f"{place or 'the DVC remote'} ({inner})",
            expected=f"md5 {expected}",
            found=f"md5 {found}",
            fix=f"Delete it and get it again: rm -f '{place}' && dvc fetch --all-tags."
            if place
            else "Where it was made: dvc push again, after deleting it from the remote.",
        )
    where = f"{path} at {project.rev[:10]}"
    if isinstance(error, AnotherBundle):
        return error
    if isinstance(error, BundleMissing):
        return BundleMissing("there is no bundle in it", where=where, found=error.what)
    return BundleChanged(
        "it was already broken when it was committed",
        where=where,
        found=f"{error.where}: {error.what}",
        fix="Make it again: dvc repro --force, then commit.",
    )


def _cache_place(project: _Project, inner: str, md5: str) -> Path | None:
    owner = project.repo.dvcfs.info(project.inside(inner)).get("repo") or project.repo
    with suppress(AttributeError):
        place = Path(owner.cache.local.oid_to_path(md5))
        if place.is_file() and _md5(place) != md5:
            return place
    return None


def _md5(path: Path) -> str:
    # DVC's file address, not a security check: that is the bundle's SHA-256.
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _make_scratch(into: Path) -> None:
    into.mkdir(parents=True, exist_ok=True)
    delete_abandoned(into, f"{UNFINISHED}*")
    ignore = into / ".gitignore"
    if not ignore.exists():
        # Fetched files must not make the work tree unclean.
        ignore.write_text("*\n", encoding="utf-8")


def _is(folder: Path, digest: str) -> bool:
    try:
        _refuse_another(folder, digest)
        return verified_digest(folder) == digest
    except (BundleMissing, BundleChanged):
        return False


def _refuse_another(folder: Path, wanted: str) -> None:
    """Raise AnotherBundle by the bytes of the manifest alone, which nothing has parsed yet."""
    if (folder / MANIFEST).is_file():
        found = digests.digest_file(folder / MANIFEST)
        if found != wanted:
            raise AnotherBundle("this is another bundle", expected=wanted, found=found)


def _plain(name: str) -> str:
    """The artifact's name without the project's folder."""
    return name.rpartition(":")[2]


def _short(digest: str) -> str:
    return digest[:19]


def _message(error: Exception) -> str:
    first = str(error).strip().splitlines()
    return f"{type(error).__name__}: {first[0]}" if first else type(error).__name__


# --------------------------------------------------------------------------------------------------
# exports a commit as a project of its own, so that evidence is never read from the work tree


@contextmanager
def export_commit(root: Path, commit: str) -> Iterator[Path]:
    """The project's folder in an export of everything that git holds at a commit, byte for byte.

    What is read within the block of what DVC keeps of the same commit is opened once.
    """
    _, folder = git.root_and_prefix(root)
    with tempfile.TemporaryDirectory(prefix="assay-commit-") as scratch:
        whole = Path(scratch).resolve() / "tree"
        whole.mkdir()
        git.export(root, commit, whole)
        (whole / folder).mkdir(parents=True, exist_ok=True)
        with _opened_once(root, commit):
            yield whole / folder


def read_params(there: Path) -> Params:
    """params.yaml of the commit.

    Raises
    ------
    PromotionRefused
        It is not in the commit, or is invalid.
    """
    if not (there / layout.PARAMS).is_file():
        raise PromotionRefused(
            "it is not in the commit",
            where=layout.PARAMS,
            expected="the policy that the verdict is about",
            fix=f"git add {layout.PARAMS} and commit.",
        )
    try:
        return parameters.load(there)
    except ParamsError as error:
        raise PromotionRefused(
            "the commit's own makes no sense", where=layout.PARAMS, found="; ".join(error.lines())
        ) from None


def stage_output_reader(root: Path, there: Path, commit: str) -> Callable[[str, str], str]:
    """Reads a stage's output as of the commit, by its path and the stage that writes it.

    From git, else by its hash from DVC, which keeps the report on the contract.
    """

    def text(name: str, stage: str) -> str:
        try:
            return read_stage_file(there, name, stage)
        except StageInputMissing:
            return read_file_at(root, commit, name)

    return text


def try_read_pipeline(there: Path) -> tuple[Pipeline | None, str | None]:
    """dvc.yaml and dvc.lock at the commit, or the reason why they cannot be compared."""
    with tempfile.TemporaryDirectory(prefix="assay-dvc-") as scratch:
        try:
            return dvc_pipeline.read_pipeline(there, Path(scratch)).without_frozen(), None
        except AssayError as error:
            return None, error.line()
