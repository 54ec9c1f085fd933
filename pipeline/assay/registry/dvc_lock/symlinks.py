"""Rejects symbolic links on paths of evidence: git holds only the link, not its target.

The target can change without a commit, and differs from clone to clone.
"""

from __future__ import annotations

import posixpath
from pathlib import Path, PurePosixPath

from assay.project import digests, layout, source_code
from assay.project.params import Params
from assay.registry import git
from assay.registry.dvc_lock.compare import Pipeline

WHAT = "evidence has to lie in the commit, and a symbolic link leads out of it"
MEND = "Put the file itself in its place, and commit it."

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
    found = git.tracked_symlinks(root)
    if not found:
        return ()
    tests = digests.model_tests(root, params.gate.tests)
    code = digests.project_imports(source_code.file_reader(root), params, tests)
    read = {PurePosixPath(path) for path in (*_ALWAYS, params.gate.tests, *code)}
    if pipeline is not None:
        files = (file for stage in pipeline.stages for file in (*stage.inputs, *stage.outputs))
        folder = pipeline.folder or "."
        read |= {PurePosixPath(posixpath.relpath(file.path, folder)) for file in files}
    above = {parent for path in read for parent in path.parents}
    links = (PurePosixPath(link) for link in found)
    return tuple(str(link) for link in links if link in read | above or read & {*link.parents})
