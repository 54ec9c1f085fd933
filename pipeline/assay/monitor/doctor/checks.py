"""The checks: each gathers facts from one place and lets a pure function judge them.

They run in threads of one command (`assay.monitor.doctor.command`) and share what is read of the
project. Heavy modules are imported only by the check that needs them.
"""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from assay.errors import (
    AssayError,
    BundleError,
    NoChampion,
    NotARepository,
    ParamsError,
    PromotionRefused,
    RemoteFailed,
)
from assay.monitor.doctor import judge_git, judge_machine, judge_remote
from assay.monitor.doctor.clock import http_reading, service_of
from assay.monitor.doctor.finding import Finding, of_error, ok, skipped, warning
from assay.monitor.doctor.judge_machine import ClockReading, Disk
from assay.project import layout
from assay.project import params as parameters
from assay.project.params import Params
from assay.project.text import counted
from assay.registry import git
from assay.registry.remotes import git_remote
from assay.registry.state import RegistryState, Version
from assay.registry.versions import artifact_name, read_state, select_champion

if TYPE_CHECKING:
    from assay.registry.remotes.dvc_remote import DvcRemotes
    from assay.store.check import StoreProbe


class Skip(Exception):
    """The check cannot be made; its text says why."""


@dataclass(frozen=True)
class Project:
    """What the checks look at, read when it is first needed."""

    root: Path

    @cached_property
    def params(self) -> Params:
        try:
            return parameters.load(self.root)
        except ParamsError:
            raise Skip("params.yaml cannot be read: see the check params") from None

    @cached_property
    def state(self) -> RegistryState:
        if not git.is_in_work_tree(self.root):
            raise Skip("this is no git work tree: see the check git")
        return read_state(self.root, self.params.name)

    @cached_property
    def remotes(self) -> DvcRemotes:
        from assay.registry.remotes.dvc_remote import read_remotes

        return read_remotes(self.root)

    @property
    def remote_can_be_asked(self) -> bool:
        try:
            remotes = self.remotes
        except NotARepository:
            raise Skip("DVC cannot be used here: see the check dvc") from None
        return remotes.default in remotes.urls and remotes.missing is None

    def champion(self) -> Version:
        """The version in use; without one the check is left out. Errors as `select_champion`."""
        stage = self.params.registry.stage
        if stage not in self.state.holders:
            raise Skip(f"no version holds the stage {stage} yet: assay promote")
        return select_champion(self.state, self.params.name, stage)

    def probe_store(self) -> StoreProbe:
        from assay.store import open_store
        from assay.store.check import probe

        return probe(open_store(self.root, self.params))


def check_params(project: Project) -> Finding:
    found = parameters.load(project.root)
    return ok("params", f"{layout.PARAMS} of {found.name} is valid")


def check_git(project: Project) -> Finding:
    head = git.head(project.root)
    try:
        identity = git.identity(project.root)
    except PromotionRefused:
        identity = None
    return judge_git.judge_git(head, identity)


def check_tags(project: Project) -> Finding:
    artifact = artifact_name(project.root, project.params.name)
    remote = git_remote.remote_name(project.root)
    here = git_remote.local_tags(project.root, artifact)
    there = git_remote.remote_tags(project.root, remote, artifact) if remote else {}
    return judge_git.judge_tags(remote, here, there)


def check_history(project: Project) -> Finding:
    state = project.state
    gone = git_remote.missing_commits(project.root, [each.commit for each in state.versions])
    commits = [
        judge_git.VersionCommit(each.version, each.commit, each.commit not in gone)
        for each in state.versions
    ]
    holder = state.holders.get(project.params.registry.stage)
    return judge_git.judge_history(git_remote.is_shallow(project.root), commits, holder)


def check_dvc(project: Project) -> Finding:
    return judge_remote.judge_dvc(project.remotes)


def check_remote(project: Project) -> Finding:
    from assay.registry.remotes.dvc_remote import is_empty

    if not project.remote_can_be_asked:
        raise Skip("there is no remote that could be asked: see the check dvc")
    return judge_remote.judge_remote(project.remotes, is_empty(project.root))


def check_bundle(project: Project) -> Finding:
    from assay.registry.fetch import BUNDLES, fetch_bundle, file_hashes_at
    from assay.registry.remotes.dvc_remote import missing_objects

    version = project.champion()
    fetch_bundle(project.root, version, project.root / BUNDLES)
    hashes = file_hashes_at(project.root, project.params.name, version.commit)
    absent = None
    if project.remote_can_be_asked:
        try:
            lost = set(missing_objects(project.root, hashes.values()))
        except RemoteFailed as error:
            found = f"{version.version} is here; whether the remote has it is not known"
            return warning("bundle", f"{found}: {error.what}", "see the check remote")
        absent = sorted(name for name, md5 in hashes.items() if md5 in lost)
    return judge_remote.judge_bundle(version.version, version.bundle, len(hashes), absent)


def check_packages(project: Project) -> Finding:
    from assay.project import stage_code
    from assay.project.params import yaml_text

    lock: object = None
    with suppress(OSError, UnicodeDecodeError, yaml_text.YamlError):
        lock = yaml_text.load((project.root / layout.DVC_LOCK).read_text(encoding="utf-8"))
    recorded = judge_machine.recorded_digests(lock, layout.CODE)
    code = judge_machine.judge_code(recorded, stage_code.stage_digests())
    try:
        made = _made_with(project)
    except (Skip, NoChampion, BundleError) as reason:
        why = reason.what if isinstance(reason, AssayError) else str(reason)
        if code is not None:
            return code
        if recorded:
            return ok("packages", f"dvc.lock is of this Assay; there is no bundle to ask: {why}")
        return skipped("packages", f"there is nothing to compare with: {why}")
    found = judge_machine.judge_packages(*made)
    # What was made by another Assay matters at the next promotion, other packages tonight.
    return code if code is not None and found.status == "ok" else found


def _made_with(project: Project) -> tuple[str, Mapping[str, str], Mapping[str, str]]:
    """The version in use, the packages of its bundle, and those installed."""
    import json

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


def check_java(project: Project) -> Finding:
    from assay.score.spark.java import find_java

    place, java = find_java()
    return ok("java", f"Java {java.version} in {place}")


def check_spark(project: Project) -> Finding:
    from assay.score.spark.session import session

    started = time.monotonic()
    spark = session(project.params, project.root)
    try:
        rows = spark.range(1000).count()
    finally:
        spark.stop()
    took = time.monotonic() - started
    words = f"Spark {spark.version} on {project.params.spark.master} counted {counted(rows, 'row')}"
    return ok("spark", f"{words} after {took:.0f} s")


def check_store(project: Project) -> Finding:
    return judge_machine.judge_store(project.params.store, project.probe_store().nights)


def check_disk(project: Project) -> Finding:
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
    return judge_machine.judge_disk(list(disks.values()))


def check_clock(project: Project) -> Finding:
    """The clock of the services that the project talks to; without any, that of the store."""
    urls = [project.params.store]
    with suppress(AssayError):
        urls += [project.remotes.urls.get(project.remotes.default or "", "")]
    if (remote := git_remote.remote_name(project.root)) is not None:
        urls.append(git_remote.remote_url(project.root, remote))
    services = dict.fromkeys(each for url in urls if (each := service_of(url)) is not None)
    readings = [found for each in services if (found := http_reading(each)) is not None]
    if not readings:
        readings = [ClockReading("the store's files", project.probe_store().skew)]
    return judge_machine.judge_clock(readings)


CHECKS: Mapping[str, Callable[[Project], Finding]] = MappingProxyType(
    {
        "params": check_params,
        "git": check_git,
        "tags": check_tags,
        "history": check_history,
        "dvc": check_dvc,
        "remote": check_remote,
        "bundle": check_bundle,
        "packages": check_packages,
        "java": check_java,
        "spark": check_spark,
        "store": check_store,
        "disk": check_disk,
        "clock": check_clock,
    }
)
"""Name -> check, in the order in which they are shown."""


def check(name: str, project: Project) -> Finding:
    """Run one check. An error for people becomes its finding, any other error is raised."""
    try:
        return CHECKS[name](project)
    except Skip as reason:
        return skipped(name, str(reason))
    except AssayError as error:
        return of_error(name, error)
