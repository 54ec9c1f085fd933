"""What the doctor checks: git and its tags, DVC and its remote, the bundle, and the machine.

Each check gathers facts from one place and lets a pure function judge them.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from assay.errors import BundleError, NoChampion, PromotionRefused, RemoteFailed
from assay.ops.doctor.finding import Answer, Project, Skip, failed, ok, warning
from assay.project import layout
from assay.project.params.access import ACTS, Access
from assay.project.text import counted, first_few
from assay.registry import git, remotes
from assay.registry.remotes import EXTRAS, DvcRemotes, scheme_of
from assay.registry.versions import artifact_name

GUIDE = "see docs/remotes.md"


def check_git(project: Project) -> Answer:
    head = git.head(project.root)
    try:
        identity = git.identity(project.root)
    except PromotionRefused:
        identity = None
    return judge_git(head, identity)


def judge_git(head: str, identity: tuple[str, str] | None) -> Answer:
    """The repository, and who would sign a tag."""
    if identity is None:
        return warning(
            f"commit {head[:10]}; git does not know who you are, which only a promotion needs",
            "git config user.name 'Your Name' && git config user.email you@example.com",
        )
    name, address = identity
    return ok(f"commit {head[:10]}; tags are written by {name} <{address}>")


def check_access(project: Project) -> Answer:
    from assay.registry import access, allowed

    policy = access.read_policy(project.root)
    if policy.access.require_signature:
        stage = project.params.registry.stage
        allowed.require_allowed(project.root, project.state, project.champion(), stage)
    place = policy.place
    if policy.ref is not None:
        place += f" ({git.short_commit(project.root, policy.ref)})"
    return judge_access(policy.access, policy.access != project.params.access, place)


def judge_access(decides: Access, differs: bool, place: str) -> Answer:
    """Who may do what, as the default branch says, and whether the work tree says otherwise."""
    if differs:
        return warning(
            f"access in {layout.PARAMS} here is not that of {place}, which decides",
            "commit it, and bring it to the default branch; git fetch",
        )
    acts = [act for act in ACTS if decides.listed(act)]
    who = f"{', '.join(acts)}: who may is said" if acts else "everybody may do all, as is said"
    who += f" in {place}"
    if decides.require_signature:
        return ok(f"{who}; the version in use is signed")
    claimed = f"{who}; names are only claimed"
    if not acts:
        return ok(f"{claimed} (docs/access.md)")
    return warning(claimed, "access.require_signature: true (docs/access.md)")


def check_tags(project: Project) -> Answer:
    artifact = artifact_name(project.root, project.params.name)
    remote = remotes.remote_name(project.root)
    here = remotes.local_tags(project.root, artifact)
    there = remotes.remote_tags(project.root, remote, artifact) if remote else {}
    return judge_tags(remote, here, there)


def judge_tags(remote: str | None, here: Mapping[str, str], there: Mapping[str, str]) -> Answer:
    """The artifact's tags in this clone and in the remote: name -> object."""
    if remote is None:
        return warning(
            f"{_count(here)}; git has no remote, so nobody else can know them",
            "git remote add origin URL && git push --follow-tags --set-upstream origin HEAD",
        )
    shown = shlex.quote(remote)
    moved = sorted(name for name in there if name in here and here[name] != there[name])
    if moved:
        return failed(
            f"{remote} has another object under the same name: {first_few(moved)}",
            f"find out who moved it, then take theirs: git fetch --tags --force {shown}",
        )
    missing = sorted(there.keys() - here.keys())
    if missing:
        return failed(
            f"{remote} has {_count(missing)} that this clone lacks, so another version may hold "
            f"the stage: {first_few(missing)}",
            f"git fetch --tags {shown}",
        )
    extra = sorted(here.keys() - there.keys())
    if extra:
        return warning(
            f"{_count(extra)} not pushed to {remote}: {first_few(extra)}",
            f"git push {shown} {shlex.join(extra)}",
        )
    return ok(f"{_count(here)}, the same as in {remote}")


def check_dvc(project: Project) -> Answer:
    return judge_dvc(project.remotes)


def judge_dvc(remotes: DvcRemotes) -> Answer:
    """The configuration of DVC's remotes; none was asked."""
    if not remotes.urls:
        return warning(
            "no remote, so this machine alone has the bundles",
            f"dvc remote add --default NAME URL && dvc push ({GUIDE})",
        )
    if remotes.default is None:
        return failed(
            f"none of the remotes is the default: {first_few(sorted(remotes.urls))}",
            f"dvc remote default {min(remotes.urls)}",
        )
    if remotes.default not in remotes.urls:
        return failed(
            f"the default remote {remotes.default} is not among those that are configured",
            f"dvc remote add {remotes.default} URL",
        )
    if remotes.missing is not None:
        extra = EXTRAS[remotes.scheme]
        return failed(
            f"{remotes.urls[remotes.default]} needs {remotes.missing}, which is not installed",
            f"make setup EXTRAS={extra}, or pip install 'assay[{extra}]'",
        )
    if remotes.exposed:
        name, _, option = remotes.exposed[0].partition(".")
        return warning(
            f"a secret stands in .dvc/config, which git keeps: {first_few(remotes.exposed)}",
            f"dvc remote modify --unset {name} {option}, then dvc remote modify --local {name} "
            f"{option} VALUE; and replace the secret, for git keeps the old one",
        )
    return ok(f"remote {remotes.default}: {remotes.urls[remotes.default]}")


def check_remote(project: Project) -> Answer:
    from assay.registry.remotes import is_empty

    if not project.remote_can_be_asked:
        raise Skip("there is no remote that could be asked: see the check dvc")
    return judge_remote(project.remotes, is_empty(project.root))


def judge_remote(remotes: DvcRemotes, empty: bool) -> Answer:
    """The default remote, after it answered."""
    url = remotes.urls[remotes.default or ""]
    if empty:
        return warning(f"{url} answers and holds nothing yet", "dvc push")
    how = "answers and accepts the credentials" if scheme_of(url) else "can be read"
    return ok(f"{url} {how}")


def check_bundle(project: Project) -> Answer:
    from assay.registry.fetch import BUNDLES, fetch_bundle, file_hashes_at
    from assay.registry.remotes import missing_objects

    version = project.champion()
    fetch_bundle(project.root, version, project.root / BUNDLES)
    hashes = file_hashes_at(project.root, project.params.name, version.commit)
    absent = None
    if project.remote_can_be_asked:
        try:
            lost = set(missing_objects(project.root, hashes.values()))
        except RemoteFailed as error:
            state = f"{version.version} is here; whether the remote has it is not known"
            return warning(f"{state}: {error.what}", "see the check remote")
        absent = sorted(name for name, md5 in hashes.items() if md5 in lost)
    return judge_bundle(version.version, version.bundle, len(hashes), absent)


def judge_bundle(version: str, digest: str, files: int, absent: Sequence[str] | None) -> Answer:
    """The promoted bundle, after it was fetched and its digest was checked.

    Parameters
    ----------
    absent
        Files of it that the remote does not have; None if there is no remote that could be asked.
    """
    here = f"{version} is here, {digest[:19]}"
    if absent is None:
        return ok(here)
    if absent:
        return warning(
            f"{here}, but the remote lacks {len(absent)} of its {counted(files, 'file')}, so no "
            f"other machine can score with it: {first_few(absent)}",
            "dvc push --all-tags",
        )
    return ok(f"{here} and in the remote")


def _count(names: Sequence[str] | Mapping[str, str]) -> str:
    return counted(len(names), "tag")


# ------------------------------------- checks of the machine: packages, Java, Spark, store and disk
# Each check gathers facts from one place and lets a pure function judge them. Heavy modules are
# imported only by the check that needs them.

GIGABYTE = 10**9
LEAST_ROOM = 1 * GIGABYTE
LOW_ROOM = 5 * GIGABYTE
"""Free bytes below which a disk check fails, and below which it warns."""


def check_packages(project: Project) -> Answer:
    try:
        return judge_packages(*_made_with(project))
    except (NoChampion, BundleError) as reason:
        raise Skip(f"there is nothing to compare with: {reason.what}") from None


def _made_with(project: Project) -> tuple[str, Mapping[str, str], Mapping[str, str]]:
    """The version in use, the packages of its bundle, and those installed."""
    from assay.model.manifest import MANIFEST
    from assay.registry.fetch import BUNDLES, fetch_bundle

    version = project.champion()
    folder = fetch_bundle(project.root, version, project.root / BUNDLES)
    # Not parse_manifest: it refuses what this check is to explain.
    tree = json.loads((folder / MANIFEST).read_bytes())
    made = {str(name): str(told) for name, told in tree["versions"].items()}
    return version.version, made, dict(_installed(made))


def _installed(names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in names:
        if name == "python":
            yield name, platform.python_version()
            continue
        with suppress(importlib.metadata.PackageNotFoundError):
            yield name, importlib.metadata.version(name)


def judge_packages(version: str, made: Mapping[str, str], here: Mapping[str, str]) -> Answer:
    """The packages that the promoted bundle was made with, beside those installed.

    Parameters
    ----------
    made, here
        Package -> version; a package that is not installed is missing in ``here``.
    """
    strict = sorted(_differing(made, here, {"scikit-learn": 2}, 1))
    loose = sorted(_differing(made, here, {"python": 2}, 3))
    if strict:
        pip = " ".join(f"{name}=={made[name]}" for name in strict if name != "python")
        return failed(
            f"{version} was made with {_pairs(strict, made, here)}, and may score differently",
            f"pip install {pip}" if pip else f"install Python {made['python']}",
        )
    if loose:
        return warning(
            f"{version} was made with {_pairs(loose, made, here)}",
            "make setup, for the pinned versions; or train and promote again with these",
        )
    return ok(f"the versions that {version} was made with")


def _differing(
    made: Mapping[str, str], here: Mapping[str, str], parts: Mapping[str, int], usual: int
) -> Iterator[str]:
    """Packages whose first parts of the version differ; of 0.x one part more counts."""
    for name, version in made.items():
        count = parts.get(name, usual + (version.startswith("0.") and usual < 3))
        if version.split(".")[:count] != here.get(name, "none").split(".")[:count]:
            yield name


def _pairs(names: Iterable[str], made: Mapping[str, str], here: Mapping[str, str]) -> str:
    return first_few([f"{name} {made[name]}, here {here.get(name, 'none')}" for name in names])


def check_java(project: Project) -> Answer:
    from assay.score.spark import java as versions
    from assay.score.spark.java import find_java

    place, java = find_java()
    spark = versions.installed()
    state = f"Java {java.version} in {place}" + (f", Spark {spark}" if spark else "")
    why = spark and versions.objection(spark, java.version)
    if not why:
        return ok(state)
    return warning(f"{state}; {why}", "docs/cluster.md has the versions that go together")


def check_spark(project: Project) -> Answer:
    from assay.score.spark.session import session

    started = time.monotonic()
    spark = session(project.params, project.root)
    try:
        rows = spark.range(1000).count()
    finally:
        spark.stop()
    took = time.monotonic() - started
    words = f"Spark {spark.version} on {project.params.spark.master} counted {counted(rows, 'row')}"
    return ok(f"{words} after {took:.0f} s")


def check_store(project: Project) -> Answer:
    nights = counted(project.probe_store(), "published night")
    return ok(f"{project.params.store} can be read and written; {nights}")


@dataclass(frozen=True)
class Disk:
    """The room on one disk; ``uses`` are what Assay keeps there."""

    uses: tuple[str, ...]
    free: int
    total: int


def check_disk(project: Project) -> Answer:
    places = {"the project": project.root, "temporary files": Path(tempfile.gettempdir())}
    with suppress(Skip):
        if "://" not in project.params.store:  # otherwise on no disk of this machine
            places["the store"] = project.root / project.params.store
    disks: dict[int, Disk] = {}
    for use, place in places.items():
        there = next(each for each in (place, *place.resolve().parents) if each.exists())
        device = there.stat().st_dev
        uses = (*disks[device].uses, use) if device in disks else (use,)
        room = shutil.disk_usage(there)
        disks[device] = Disk(uses, room.free, room.total)
    return judge_disk(list(disks.values()))


def judge_disk(disks: Sequence[Disk]) -> Answer:
    """The room on each disk, the fullest decides."""
    fullest = min(disks, key=lambda disk: disk.free)
    words = "; ".join(
        f"{disk.free / GIGABYTE:,.1f} of {disk.total / GIGABYTE:,.0f} GB free for "
        f"{' and '.join(disk.uses)}"
        for disk in disks
    )
    fix = f"make room for {' and '.join(fullest.uses)}: dvc gc --workspace --all-tags, assay vacuum"
    if fullest.free < LEAST_ROOM:
        return failed(words, fix)
    if fullest.free < LOW_ROOM:
        return warning(words, fix)
    return ok(words)
