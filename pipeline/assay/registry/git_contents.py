"""What git must not hold: data, models and the store; symbolic links where evidence is read.

Committed rows stay in the history for good. Of a symbolic link git holds only the link: its target
can change without a commit, and differs from clone to clone.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from assay.errors import TrackedByGit
from assay.project import digests, layout, source_code
from assay.project.params import Params
from assay.project.params.inputs import NIGHT_IN_PATH
from assay.project.text import counted, first_few
from assay.registry import git
from assay.registry.dvc_pipeline import Pipeline

NEVER = (
    layout.RAW,
    layout.CHECKED,
    layout.PREPARED,
    layout.CANDIDATES,
    layout.BUNDLE,
    layout.CHAMPION,
    layout.CONTRACT_REPORT,
    layout.WORK,
)
"""Kept by DVC, or not at all. A commit that contains one of these contains rows or a model."""

_SHOWN = 5


def untracked_paths(params: Params, outputs: Iterable[str] = ()) -> tuple[str, ...]:
    """Paths in the project that git must not track, without those inside another.

    Parameters
    ----------
    outputs
        Further paths that DVC keeps, relative to the project.
    """
    places = [*NEVER, params.store, *outputs]
    inside = {PurePosixPath(place) for place in places if _is_inside(place)}
    return tuple(sorted(str(each) for each in inside if not inside & set(each.parents)))


def find_tracked_data(root: Path, params: Params, outputs: Iterable[str] = ()) -> Mapping[str, int]:
    """The folders and files among these that git tracks -> the number of tracked files.

    Each is a path as git and .gitignore take it: ``*`` is any night.
    """
    asked = {place: f":(literal){place}" for place in untracked_paths(params, outputs)}
    rows = getattr(params.score.input, "path", None)
    if isinstance(rows, str) and _is_inside(rows) and rows not in asked:
        # Only its nights: a contract may be in the same folder.
        path = rows.rstrip("/")
        if NIGHT_IN_PATH in path:
            nights = path.replace(NIGHT_IN_PATH, "*")
            asked[nights] = f":(glob){nights}"
        else:
            nights = f"{path}/{params.ingest.partition_by}=*"
            asked[nights] = f":(glob){nights}/**"
    counts = {place: len(git.tracked_files(root, pattern)) for place, pattern in asked.items()}
    return {place: count for place, count in counts.items() if count}


def describe_tracked_data(tracked: Mapping[str, int]) -> tuple[str, ...]:
    """What `find_tracked_data` found, as text: ``data/raw (181 files)``."""
    return tuple(
        place if count == 1 else f"{place} ({counted(count, 'file')})"
        for place, count in tracked.items()
    )


def tracked_data_error(tracked: Mapping[str, int]) -> TrackedByGit:
    """The error that lists them and how to fix it."""
    return TrackedByGit(
        "git tracks what only DVC or the store may keep",
        expected="data, models and the store in .gitignore, before anything is committed",
        found=first_few(describe_tracked_data(tracked), _SHOWN),
        fix=f"git rm -r --cached --quiet {shlex.join(tracked)}; add the same paths to "
        ".gitignore, and commit. What was pushed already stays in the history.",
    )


def check_tracked_data(root: Path, params: Params) -> None:
    """Refuse a project whose git tracks any of these; outside git nothing is tracked."""
    if git.is_in_work_tree(root):
        tracked = find_tracked_data(root, params)
        if tracked:
            raise tracked_data_error(tracked)


def _is_inside(place: str) -> bool:
    path = PurePosixPath(place)
    local = "://" not in place and not path.is_absolute()
    return local and ".." not in path.parts and bool(path.parts)


LINK = "evidence has to lie in the commit, and a symbolic link leads out of it"
LINK_FIX = "Put the file itself in its place, and commit it."

_ALWAYS = (
    ".dvc",
    layout.PARAMS,
    layout.DVC_YAML,
    layout.DVC_LOCK,
    layout.CONTRACT_REPORT,
    layout.LEAKAGE,
    layout.EVALUATION,
    layout.COMPARISON,
    layout.REHEARSAL,
    layout.GATE_REPORT,
)


def find_symlinks(root: Path, params: Params, pipeline: Pipeline | None) -> tuple[str, ...]:
    """Symbolic links that git tracks at, above or below a path that evidence is read from.

    Parameters
    ----------
    root
        Of the project; the result is relative to it.
    pipeline
        Its inputs and outputs count too; None if it cannot be read.
    """
    paths = git.tracked_symlinks(root)
    if not paths:
        return ()
    tests = digests.model_tests(root, params.gate.tests)
    code = digests.project_imports(source_code.file_reader(root), params, tests)
    read = {PurePosixPath(path) for path in (*_ALWAYS, params.gate.tests, *code)}
    if pipeline is not None:
        files = (file for stage in pipeline.stages for file in (*stage.inputs, *stage.outputs))
        folder = pipeline.folder or "."
        read |= {PurePosixPath(posixpath.relpath(file.path, folder)) for file in files}
    above = {parent for path in read for parent in path.parents}
    links = (PurePosixPath(link) for link in paths)
    return tuple(str(link) for link in links if link in read | above or read & {*link.parents})
